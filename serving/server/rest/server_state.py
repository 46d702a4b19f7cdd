"""Server state: what all connections of a server share, and the requests that are on their way through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

from serving.server.rest.limits import ConnectionLimits

Headers = tuple[tuple[str, str], ...]


class Connection(Protocol):
    """What a request and its server ask of the connection that it came on; see `protocol`.

    Attributes:
        peer: address and port of the client; empty where there is none.
    """

    peer: str

    def respond(self, request: Request, status: int, body: bytes, media_type: str, headers: Headers) -> None:
        """Send the answer to the current request."""

    def abandon(self, request: Request) -> None:
        """End the connection without the answer to a request."""

    def check(self, now: float) -> None:
        """End the connection if its client is too slow, at `now` on `time.monotonic()`."""


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
        "connection",
        "content",
        "counted",
        "headers",
        "is_old",
        "keep_alive",
        "method",
        "refusal",
        "size",
        "started",
        "target",
    )

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
class ServerState:
    """What all connections of a server share.

    Attributes:
        handle: begins to answer a request.
        refuse: answers a request that a limit is_unauthorized, given its status.
        is_unauthorized: says from its headers whether a request may not be made, so that its body need not be taken.
        pending: requests whose headers have come and that are not answered yet.
        held: bytes of their bodies.
    """

    handle: Callable[[Request], None]
    refuse: Callable[[Request, int], None]
    is_unauthorized: Callable[[Request], bool]
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
