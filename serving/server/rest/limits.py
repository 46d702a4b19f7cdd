"""Limits: what one client, one connection, and all of them together may take of the REST API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TextIO


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection, and all of them together, may take.

    Attributes:
        body_bytes: largest body; one that is announced or turns out to be larger is answered with 413.
        held_bytes: all bodies together that have come and are not answered yet; more are answered with 503.
        header_bytes: longest request line and headers together; longer ones are answered with 431.
        header_seconds: from a request's first byte to the end of its headers.
        body_seconds: from there to the end of its body.
        idle_seconds: without any request.
        write_seconds: without the client taking any of its answer.
        in_flight: requests of all connections that may be worked on or received at a time; more are answered with 503.
    """

    body_bytes: int = 256 * 2**20
    held_bytes: int = 2 * 2**30
    header_bytes: int = 64 * 2**10
    header_seconds: float = 10.0
    body_seconds: float = 60.0
    idle_seconds: float = 75.0
    write_seconds: float = 60.0
    in_flight: int = 1024


@dataclass(frozen=True)
class Limits:
    """What a client may ask of the server.

    Attributes:
        threads: large bodies and requests without batching that are worked on at a time.
        inflated_bytes: largest body after a gzip encoding was taken off.
        cors: let scripts of other web pages ask.
        bearer_token: what an `Authorization` header must hold; None asks for none.
        access_log: gets a line of JSON for each answer.
        metrics_path: where metrics are told; None tells them nowhere.
    """

    threads: int
    connection: ConnectionLimits = field(default_factory=ConnectionLimits)
    inflated_bytes: int = 100 * 2**20
    cors: bool = False
    bearer_token: str | None = None
    access_log: TextIO | None = None
    metrics_path: str | None = None
