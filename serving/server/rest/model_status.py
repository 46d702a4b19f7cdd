"""Status and metadata: what a client learns about a model without running it."""

from __future__ import annotations

import json
from typing import Any

from serving.server.models.manager import Manager
from serving.server.rest.routes import Route


def status(manager: Manager, route: Route) -> bytes:
    """Answer a status request; a label is not resolved and lists all versions."""
    versions = [
        {
            "version": str(version.number),
            "state": version.state,
            "status": {"error_code": version.error_code, "error_message": version.error_message},
        }
        for version in manager.status(route.model, route.version)
    ]
    return write({"model_version_status": versions})


def metadata(manager: Manager, route: Route) -> bytes:
    """Answer a metadata request: the signatures of a version."""
    from google.protobuf import json_format

    with manager.lend(route.model, route.version, route.label) as lent:
        signatures = {
            name: in_order(
                json_format.MessageToDict(
                    definition, including_default_value_fields=True, preserving_proto_field_name=True
                )
            )
            for name, definition in lent.servable.meta_graph.signature_def.items()
        }
    spec = write({"name": route.model, "signature_name": "", "version": str(lent.version)})
    return b'{\n"model_spec":%s,\n"metadata": {"signature_def": %s}\n}\n' % (
        spec,
        write({"signature_def": signatures}),
    )


def in_order(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a signature with its parts in the order in which TensorFlow Serving writes them."""
    for tensors in (definition["inputs"], definition["outputs"]):
        for name, info in tensors.items():
            tensors[name] = {key: info[key] for key in ("dtype", "tensor_shape")} | info
    return {key: definition[key] for key in ("inputs", "outputs", "method_name")} | definition


def write(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
