"""ModelService: the states of models' versions, and new configurations for the running server."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Executor
from typing import Any

from tensorflow.core.protobuf import error_codes_pb2
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from pipeline.errors import UserError
from serving.model_config import models_of
from serving.server.core import Core
from serving.server.errors import invalid
from serving.server.grpc_api.requests import parse
from serving.server.metrics import metric_name
from serving.server.result_protos import serialize

log = logging.getLogger("serving")
KNOWN_CODES = set(error_codes_pb2.Code.keys())


class ModelService:
    """The methods of tensorflow.serving.ModelService."""

    name = "tensorflow.serving.ModelService"

    def __init__(self, core: Core, status_threads: Executor, reload_threads: Executor) -> None:
        self.core, self.status_threads, self.reload_threads = core, status_threads, reload_threads

    def methods(self) -> dict[str, Any]:
        """Return the methods by their names in gRPC."""
        return {"GetModelStatus": self.status, "HandleReloadConfigRequest": self.reload}

    async def status(self, body: bytes, context: Any) -> bytes:
        """Answer GetModelStatus."""
        return await asyncio.get_running_loop().run_in_executor(self.status_threads, list_versions, self.core, body)

    async def reload(self, body: bytes, context: Any) -> bytes:
        """Answer HandleReloadConfigRequest when new models can be asked; one that waits holds up no later one."""
        remaining = context.time_remaining()
        deadline = None if remaining is None else time.monotonic() + remaining
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.reload_threads, reload_models, self.core, body, deadline)


def list_versions(core: Core, body: bytes) -> bytes:
    """Return the answer of GetModelStatus; a label is not resolved, so all versions are listed."""
    request = parse(get_model_status_pb2.GetModelStatusRequest, body)
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    response = get_model_status_pb2.GetModelStatusResponse()
    for version in core.manager.status(spec.name, spec.version.value if spec.HasField("version") else None):
        entry = response.model_version_status.add(
            version=version.number, state=get_model_status_pb2.ModelVersionStatus.State.Value(version.state)
        )
        fill_status(entry.status, version.error_code, version.error_message)
    return serialize(response)


def reload_models(core: Core, body: bytes, deadline: float | None = None) -> bytes:
    """Return the answer of HandleReloadConfigRequest: how it went, and by how much the named counters grew."""
    request = parse(model_management_pb2.ReloadConfigRequest, body)
    if request.config.WhichOneof("config") != "model_config_list":
        raise invalid("Only a model_config_list can be reloaded.")
    before = {name: core.metrics.value(metric_name(name)) for name in request.metric_names}
    try:
        configs = models_of(request.config, "HandleReloadConfigRequest")
    except UserError as error:
        raise invalid(error.what) from None
    core.manager.reload(configs, deadline)
    response = model_management_pb2.ReloadConfigResponse()
    fill_status(response.status, "OK", "")
    for name, value in before.items():
        response.metric.add(name=name, int64_value_increase=int(core.metrics.value(metric_name(name)) - value))
    return serialize(response)


def fill_status(status: Any, code: str, message: str) -> None:
    """Fill in a StatusProto."""
    status.error_code = error_codes_pb2.Code.Value(code if code in KNOWN_CODES else "UNKNOWN")
    status.error_message = message
