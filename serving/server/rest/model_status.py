"""Status and metadata: what a client learns about a model without running it."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format

from serving.server.rest.request_context import RequestContext
from serving.server.rest.response_queue import Response


def answer_status(context: RequestContext) -> Response:
    """Answer a status request; a label is not resolved and lists all versions."""
    target = context.target
    versions = [
        {
            "version": str(version.number),
            "state": version.state,
            "status": {"error_code": version.error_code, "error_message": version.error_message},
        }
        for version in context.core.manager.status(target.model, target.version)
    ]
    return Response(200, write({"model_version_status": versions}))


def answer_metadata(context: RequestContext) -> Response:
    """Answer a metadata request: the signatures of a version."""
    target = context.target
    with context.core.manager.lend(target.model, target.version, target.label) as handle:
        signatures = {
            name: in_order(
                json_format.MessageToDict(
                    definition, including_default_value_fields=True, preserving_proto_field_name=True
                )
            )
            for name, definition in handle.servable.meta_graph.signature_def.items()
        }
    spec = write({"name": target.model, "signature_name": "", "version": str(handle.version)})
    signature_map = write({"signature_def": signatures})
    return Response(200, b'{\n"model_spec":%s,\n"metadata": {"signature_def": %s}\n}\n' % (spec, signature_map))


def in_order(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a signature with its parts in the order in which TensorFlow Serving writes them."""
    for tensors in (definition["inputs"], definition["outputs"]):
        for name, info in tensors.items():
            tensors[name] = {key: info[key] for key in ("dtype", "tensor_shape")} | info
    return {key: definition[key] for key in ("inputs", "outputs", "method_name")} | definition


def write(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
