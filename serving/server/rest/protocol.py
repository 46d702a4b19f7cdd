"""HTTP/1.1 connections: requests out of bytes and answers into bytes, within limits that no client can stretch.

One object a connection, all of them on the event loop's thread. A server of ASGI applications would do the same for two and a half
times the processor time a request (benchmarks/README.md), and none of them ends a connection whose headers never come.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import httptools

log = logging.getLogger("serving")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
LINES[499] = b"HTTP/1.1 499 Client Closed Request\r\n"
WANTED = {b"content-length", b"content-encoding", b"expect", b"origin", b"authorization", b"x-request-id"}
LINGER_SECONDS = 2.0  # for a client that sends on although it has its answer
CHECK_SECONDS = 1.0  # how often connections are looked over for ones that are too slow
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection may take.

    Attributes:
        body_bytes: largest body; one that is announced or turns out to be larger is answered with 413.
        header_bytes: longest request line and headers together; longer ones are answered with 431.
        header_seconds: from a request's first byte to the end of its headers.
        body_seconds: from there to the end of its body.
        idle_seconds: without any request.
        write_seconds: without the client taking any of its answer.
        in_flight: requests of all connections that may be worked on or received at a time; more are answered with 503.
    """

    body_bytes: int = 256 * 2**20
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
        headers: of those in `WANTED` that were sent, in small letters.
        refusal: the status that the connection's limits demand instead of an answer; 0 if none.
        size: bytes of the body.
    """

    __slots__ = ("connection", "headers", "keep_alive", "method", "parts", "refusal", "size", "started", "target")

    def __init__(self, connection: Connection, method: str, target: str, headers: dict[bytes, bytes]) -> None:
        self.connection, self.method, self.target, self.headers = connection, method, target, headers
        self.parts: list[bytes] = []
        self.size = 0
        self.keep_alive, self.refusal = True, 0
        self.started = time.perf_counter()

    def body(self) -> bytes:
        """Return the body; putting a large one together takes its time."""
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)

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
        pending: requests whose headers have come and that are not answered yet.
    """

    handle: Callable[[Request], None]
    refuse: Callable[[Request, int], None]
    limits: ConnectionLimits
    connections: set[Connection]
    pending: int = 0
    stopping: bool = False
    date: bytes = b""
    date_of: int = 0

    def date_line(self) -> bytes:
        now = int(time.time())
        if now != self.date_of:
            self.date_of, self.date = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self.date


class Connection(asyncio.Protocol):
    """One client's connection; requests that are sent without waiting for answers are answered in turn."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.transport: Any = None
        self.peer = ""
        self.parser: Any = None
        self.current: Request | None = None  # the one being answered
        self.queue: deque[Request] = deque()
        self.incoming: Request | None = None  # its headers have come, its body has not
        self.url, self.headers, self.header_size = b"", {}, 0  # type: tuple[bytes, dict[bytes, bytes], int]
        self.phase, self.since = "idle", time.monotonic()
        self.blocked_since = 0.0
        self.closing = self.unread = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
        self.parser = httptools.HttpRequestParser(self)
        self.site.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self.site.connections.discard(self)
        self.site.pending -= len(self.queue) + (self.incoming is not None)
        self.queue.clear()
        self.incoming = None
        self.closing = True
        self.parser = None

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        if self.phase == "idle":
            self.enter("headers")
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.fail(400)
        except httptools.HttpParserError:
            if not self.closing:
                self.fail(400)

    def enter(self, phase: str) -> None:
        self.phase, self.since = phase, time.monotonic()

    # what the parser finds, in this order

    def on_message_begin(self) -> None:
        self.url, self.headers, self.header_size = b"", {}, 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        self.count_header(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count_header(len(name) + len(value))
        name = name.lower()
        if name in WANTED:
            self.headers[name] = value

    def count_header(self, size: int) -> None:
        self.header_size += size
        if self.header_size > self.site.limits.header_bytes:
            self.fail(431)
            raise ValueError("headers too long")  # ends the parser's work

    def on_headers_complete(self) -> None:
        limits = self.site.limits
        method, target = self.parser.get_method().decode("latin-1"), self.url.decode("utf-8", "replace")
        request = self.incoming = Request(self, method, target, self.headers)
        request.keep_alive = self.parser.should_keep_alive() and not self.site.stopping
        self.site.pending += 1
        self.enter("body")
        length = self.headers.get(b"content-length", b"0")
        if self.site.pending > limits.in_flight:
            request.refusal = 503
        elif length.isdigit() and int(length) > limits.body_bytes:
            self.refuse_body(request)
        elif self.headers.get(b"expect", b"").lower() == b"100-continue" and self.current is None:
            self.transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        request = self.incoming
        if request is None:
            return
        request.size += len(body)
        if request.size > self.site.limits.body_bytes:
            self.refuse_body(request)
        elif not request.refusal:
            request.parts.append(body)

    def refuse_body(self, request: Request) -> None:
        """Answer without reading what is still to come; the connection cannot go on behind it."""
        request.refusal, request.keep_alive = 413, False
        request.parts.clear()
        self.incoming = None
        self.closing = self.unread = True
        self.accept(request)

    def on_message_complete(self) -> None:
        request = self.incoming
        if request is None:
            return
        self.incoming = None
        self.enter("answer")
        self.accept(request)

    def accept(self, request: Request) -> None:
        """Begin to answer, or queue behind the request that is being answered."""
        if self.current is None:
            self.current = request
            self.begin(request)
        else:
            self.queue.append(request)
            self.transport.pause_reading()

    def begin(self, request: Request) -> None:
        try:
            if request.refusal:
                self.site.refuse(request, request.refusal)
            else:
                self.site.handle(request)
        except Exception:  # a defect of ours must not leave the client waiting
            log.exception("%s %s failed", request.method, request.target)
            if self.current is request:
                self.site.refuse(request, 500)

    def respond(self, request: Request, status: int, body: bytes, media_type: str, headers: Headers) -> None:
        """Send the answer to the current request, and go on to the next."""
        self.site.pending -= 1
        self.current = None
        if self.transport.is_closing():
            return
        if self.site.stopping:
            request.keep_alive = False
        more = b"" if request.keep_alive else b"Connection: close\r\n"
        for name, value in headers:
            more += f"{name}: {value}\r\n".encode("latin-1")
        self.transport.write(
            b"%sContent-Type: %s\r\n%sContent-Length: %d\r\n%s\r\n%s"
            % (
                LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status,
                media_type.encode("latin-1"),
                self.site.date_line(),
                len(body),
                more,
                b"" if request.method == "HEAD" else body,
            )
        )
        if not request.keep_alive:
            self.end()
        elif self.queue:
            self.current = self.queue.popleft()
            self.begin(self.current)
        elif self.incoming is None:
            self.enter("idle")
            self.transport.resume_reading()

    def fail(self, status: int) -> None:
        """Answer bytes that are no acceptable request; nothing after them can be understood."""
        request = Request(self, "GET", self.url.decode("utf-8", "replace"), {})
        request.keep_alive, request.refusal = False, status
        if self.incoming is not None:
            self.incoming = None
        else:
            self.site.pending += 1
        self.closing = True
        self.accept(request)

    def end(self) -> None:
        """Close once what was written has gone out."""
        self.closing = True
        self.site.pending -= len(self.queue)
        self.queue.clear()
        if self.unread and self.transport.can_write_eof():
            # closed at once, what the client is still sending would come back as a reset and wipe out the answer
            self.transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        self.blocked_since = time.monotonic()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.blocked_since = 0.0
        if not self.queue:
            self.transport.resume_reading()

    def check(self, now: float) -> None:
        """End the connection if its client is too slow."""
        limits = self.site.limits
        if self.blocked_since and now - self.blocked_since > limits.write_seconds:
            self.transport.abort()
        elif self.closing or self.current is not None:
            return
        elif self.phase == "idle" and (self.site.stopping or now - self.since > limits.idle_seconds):
            self.end()
        elif (self.phase == "headers" and now - self.since > limits.header_seconds) or (
            self.phase == "body" and now - self.since > limits.body_seconds
        ):
            self.fail(408)


async def look_over(site: Site) -> None:
    """End connections that are too slow, for as long as the server runs."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        now = time.monotonic()
        for connection in list(site.connections):
            connection.check(now)
