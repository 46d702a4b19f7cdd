"""Site: what all connections of a server share, its limits, and the requests that are on their way through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.server.rest.protocol import Connection

Headers = tuple[tuple[str, str], ...]


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


class Request:
    """A request, whole; `respond` must be called once, on the event loop's thread.

    Attributes:
        target: path and query as they were sent, still percent-encoded.
        headers: of those that are `protocol.WANTED` and were sent, in small letters.
        refusal: the status that a limit demands instead of an answer; 0 if none.
        size: bytes of the body that were kept.
        counted: among the requests in flight.
        is_old: of HTTP/1.0, in which a connection that stays open says so.
    """

    __slots__ = (
        "connection", "content", "counted", "headers", "is_old", "keep_alive", "method", "refusal", "size", "started", "target",
    )  # fmt: skip

    def __init__(self, connection: Connection, method: str, target: str, headers: dict[bytes, bytes]) -> None:
        self.connection, self.method, self.target, self.headers = connection, method, target, headers
        self.content: bytes | bytearray = b""
        self.size = 0
        self.keep_alive, self.refusal, self.counted, self.is_old = True, 0, True, False
        self.started = time.perf_counter()

    def add(self, part: bytes) -> None:
        """Keep a part of the body."""
        if not self.size:
            self.content = part
        elif isinstance(self.content, bytes):
            self.content = bytearray(self.content)
            self.content += part
        else:
            self.content += part
        self.size += len(part)

    def body(self) -> bytes:
        """Return the body; of a large one this is a copy, which takes its time."""
        return bytes(self.content)

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    def respond(self, status: int, body: bytes, media_type: str = "application/json", headers: Headers = ()) -> None:
        self.connection.respond(self, status, body, media_type, headers)


@dataclass
class Site:
    """What all connections of a server share.

    Attributes:
        handle: begins to answer a request.
        refuse: answers a request that a limit forbids, given its status.
        forbids: says from its headers whether a request may not be made, so that its body need not be taken.
        pending: requests whose headers have come and that are not answered yet.
        held: bytes of their bodies.
    """

    handle: Callable[[Request], None]
    refuse: Callable[[Request, int], None]
    forbids: Callable[[Request], bool]
    limits: ConnectionLimits
    connections: set[Connection]
    pending: int = 0
    held: int = 0
    stopping: bool = False
    date: bytes = b""
    date_of: int = 0

    def date_line(self) -> bytes:
        now = int(time.time())
        if now != self.date_of:
            self.date_of, self.date = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self.date

    def settle(self, request: Request) -> None:
        """Count a request no more."""
        if request.counted:
            request.counted = False
            self.pending -= 1
            self.held -= request.size
