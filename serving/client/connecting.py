"""A client for an address: REST for http://, gRPC for grpc://."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.client.grpc_client import GrpcClient
from serving.client.model_client import ModelClient
from serving.client.rest_client import Client


def connect(
    url: str, timeout: float = 60.0, retries: int = 4, token: str = "", ca_file: Path | None = None, **more: Any
) -> ModelClient:
    """Return a client.

    Args:
        url: `http://HOST:PORT`, `https://...`, `grpc://HOST:PORT`, or `grpcs://...` for gRPC over TLS.
        timeout: seconds to wait for one answer.
        retries: how often a request is repeated while the server is overloaded.
        token: bearer token, where the server wants one.
        ca_file: PEM certificates by which a TLS server is trusted; the system's by default.
        more: what only the one client takes.

    Raises:
        UserError: the address is none.
    """
    kind = GrpcClient if url.startswith(("grpc://", "grpcs://")) else Client
    return kind(url, timeout, retries, token=token, ca_file=ca_file, **more)
