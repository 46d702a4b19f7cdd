"""What all requests over gRPC have in common: a message, and the ModelSpec that names a version."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from serving.server.core import Core
from serving.server.errors import RequestError, invalid
from serving.server.models.versions import ServableHandle


def parse(message: Any, body: bytes) -> Any:
    """Return a request's message.

    Raises:
        RequestError: the bytes are none.
    """
    try:
        return message.FromString(body)
    except DecodeError as error:
        raise RequestError("INTERNAL", f"The request cannot be read: {error}") from None


def lend(core: Core, request: Any) -> ServableHandle:
    """Return the version that a request's ModelSpec names."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    version = spec.version.value if choice == "version" else None
    return core.manager.lend(spec.name, version, spec.version_label if choice == "version_label" else None)
