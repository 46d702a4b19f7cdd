"""HTTP/1.1 connections: requests out of bytes and answers into bytes, within limits that no client can stretch.

One object a connection, all of them on the event loop's thread. uvicorn takes twice the processor time for a request
(benchmarks/serving_http.py), and does not end a connection whose headers never come.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from http import HTTPStatus
from typing import Any

import httptools

from serving.server.rest.server_state import Headers, Request, ServerState

log = logging.getLogger("serving")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
LINES[499] = b"HTTP/1.1 499 Client Closed Request\r\n"
WANTED = {
    b"content-length",
    b"transfer-encoding",
    b"content-encoding",
    b"expect",
    b"origin",
    b"authorization",
    b"x-request-id",
    b"x-labline-unlogged",
}
FED_AT_ONCE = 32 * 2**10  # so that not too many requests are read before the first is answered
SMALL_BODY = 64 * 2**10  # is read even if its request is refused, so that the connection can go on
LINGER_SECONDS = 2.0  # for a client that sends on although it has its answer
ADDRESS = re.compile(rb"(?i)^https?://[^/?#]*")
CHECK_SECONDS = 1.0  # how often connections are looked over for ones that are too slow


class Connection(asyncio.Protocol):
    """One client's connection; requests that are sent without waiting for answers are answered in turn."""

    def __init__(self, state: ServerState) -> None:
        self.state = state
        self.transport: asyncio.Transport  # from `connection_made` on
        self.peer = ""
        self.parser: Any = None
        self.current: Request | None = None  # the one being answered
        self.queue: deque[Request] = deque()
        self.incoming: Request | None = None  # its headers have come, its body has not
        self.unfed = b""  # what came behind requests that wait
        self.url, self.headers, self.header_size = b"", {}, 0  # type: tuple[bytes, dict[bytes, bytes], int]
        self.phase, self.since = "idle", time.monotonic()
        self.blocked_since, self.unsent = 0.0, 0
        self.closing = self.unread = self.advancing = self.feeding = self.half_closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        address = transport.get_extra_info("peername")
        self.peer = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else ""
        self.parser = httptools.HttpRequestParser(self)
        self.state.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget what was not begun; the request that is being answered counts until the model is through with it."""
        self.state.connections.discard(self)
        self.closing = True
        self.drop_waiting()
        self.parser = None

    def drop_waiting(self) -> None:
        for request in [*self.queue, *([self.incoming] if self.incoming else [])]:
            self.state.settle(request)
        self.queue.clear()
        self.incoming, self.unfed = None, b""

    def data_received(self, data: bytes) -> None:
        self.unfed += data
        self.feed()

    def eof_received(self) -> bool:
        """Stay open for what has come whole: a client that sends no more may still be reading, as behind `nc -N`."""
        self.half_closed = True
        return not self.is_through() and self.transport.get_extra_info("sslcontext") is None

    def is_through(self) -> bool:
        """Say whether every request that has come whole is answered."""
        return self.current is None and not self.queue and not self.unfed

    def feed(self) -> None:
        """Give the parser what has come, up to the first request that has to wait."""
        if self.feeding:
            return  # called from within: the loop below goes on
        self.feeding = True
        try:
            self.feed_parts()
        finally:
            self.feeding = False
        if self.closing:
            self.unfed = b""

    def feed_parts(self) -> None:
        while self.unfed and not self.queue and not self.closing:
            part, self.unfed = self.unfed[:FED_AT_ONCE], self.unfed[FED_AT_ONCE:]
            if self.phase == "idle":
                self.enter("headers")
            try:
                self.parser.feed_data(part)
            except httptools.HttpParserUpgrade as upgrade:
                self.go_on_without_upgrade(part[upgrade.args[0] :])
            except httptools.HttpParserError:
                if not self.closing:
                    self.fail(400)

    def go_on_without_upgrade(self, rest: bytes) -> None:
        """Read a request anew that offered another protocol, as if it had not: the parser leaves its body unread."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.fail(400)
            return
        lines = b"".join(b"%s: %s\r\n" % item for item in self.headers.items())
        self.unfed = b"%s %s HTTP/1.1\r\n%s\r\n" % (method, self.url, lines) + rest + self.unfed
        self.parser = httptools.HttpRequestParser(self)

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
        if self.header_size > self.state.limits.header_bytes:
            self.fail(431)
            raise ValueError("headers too long")  # ends the parser's work

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        limits = self.state.limits
        method, target = self.parser.get_method().decode("latin-1"), path_of(self.url)
        request = self.incoming = Request(self, method, target, self.headers)
        request.keep_alive = self.parser.should_keep_alive()
        request.is_old = self.parser.get_http_version() == "1.0"
        self.state.pending += 1
        self.enter("body")
        length = self.headers.get(b"content-length", b"")
        size = int(length) if length.isdigit() else SMALL_BODY + 1 if b"transfer-encoding" in self.headers else 0
        if self.state.pending > limits.in_flight:
            request.refusal = 503
        elif size > limits.body_bytes and length:
            self.refuse_body(request, 413)
        elif size > SMALL_BODY and self.state.is_unauthorized(request):
            self.refuse_body(request, 401)
        elif self.headers.get(b"expect", b"").lower() == b"100-continue" and self.current is None:
            self.transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        request = self.incoming
        if request is None or request.refusal:
            return
        if request.size + len(body) > self.state.limits.body_bytes:
            self.refuse_body(request, 413)
        elif self.state.held + len(body) > self.state.limits.held_bytes:
            self.refuse_body(request, 503)
        else:
            request.add(body)
            self.state.held += len(body)

    def refuse_body(self, request: Request, status: int) -> None:
        """Answer without reading what is still to come; the connection cannot go on behind it."""
        request.refusal, request.keep_alive = status, False
        request.content = b""
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
        self.queue.append(request)
        self.advance()

    def advance(self) -> None:
        """Begin to answer what waits, one after the other, as long as the client takes its answers."""
        if self.advancing:
            return  # called from within: the loop below goes on
        self.advancing = True
        try:
            while self.current is None and self.queue and not self.blocked_since:
                self.current = self.queue.popleft()
                self.begin(self.current)
        finally:
            self.advancing = False
        if self.transport.is_closing():
            return
        if self.queue or self.blocked_since:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
            if self.current is None and self.incoming is None and self.phase == "answer":
                self.enter("idle")

    def begin(self, request: Request) -> None:
        try:
            if request.refusal:
                self.state.refuse(request, request.refusal)
            else:
                self.state.handle(request)
        except Exception:  # a defect of ours must not leave the client waiting
            log.exception("%s %s failed", request.method, request.target)
            self.abandon(request)

    def abandon(self, request: Request) -> None:
        """End the connection without the answer to a request."""
        self.state.settle(request)
        self.current = None
        self.transport.abort()

    def respond(self, request: Request, status: int, body: bytes, media_type: str, headers: Headers) -> None:
        """Send the answer to the current request, and go on to the next."""
        self.state.settle(request)
        self.current = None
        if self.transport.is_closing():
            return
        if self.state.stopping:
            request.keep_alive = False
        kept = b"Connection: keep-alive\r\n" if request.is_old else b""  # an old client waits to be told
        more = kept if request.keep_alive else b"Connection: close\r\n"
        for name, value in headers:
            more += f"{name}: {value}\r\n".encode("latin-1")
        line = LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status
        content = b"" if request.method == "HEAD" else body
        kind, date = media_type.encode("latin-1"), self.state.date_line()
        self.transport.write(
            b"%sContent-Type: %s\r\n%sContent-Length: %d\r\n%s\r\n%s" % (line, kind, date, len(body), more, content)
        )
        if not request.keep_alive:
            self.end()
            return
        self.go_on()

    def go_on(self) -> None:
        """Take up what has come meanwhile; a client that sends no more has no further answers to come."""
        self.advance()
        self.feed()
        if self.half_closed and self.is_through() and not self.blocked_since:
            self.end()

    def fail(self, status: int) -> None:
        """Answer bytes that are no acceptable request; nothing after them can be understood."""
        request = self.incoming or Request(self, "GET", path_of(self.url), {})
        if self.incoming is None:
            self.state.pending += 1
        request.keep_alive, request.refusal = False, status
        self.incoming = None
        self.closing = True
        self.accept(request)

    def end(self) -> None:
        """Close once what was written has gone out."""
        self.closing = True
        self.drop_waiting()
        if self.unread and self.transport.can_write_eof():
            # closed at once, what the client is still sending would come back as a reset and wipe out the answer
            self.transport.write_eof()
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()
            self.blocked_since = self.blocked_since or time.monotonic()  # what is unsent has its time, too

    def pause_writing(self) -> None:
        self.blocked_since, self.unsent = time.monotonic(), 0
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.blocked_since = 0.0
        self.go_on()

    def check(self, now: float) -> None:
        """End the connection if its client is too slow."""
        limits = self.state.limits
        if self.blocked_since:
            unsent = self.transport.get_write_buffer_size()
            if unsent < self.unsent:
                self.blocked_since = now  # slow, but taking it
            self.unsent = unsent
            if now - self.blocked_since > limits.write_seconds:
                self.transport.abort()
        elif self.closing or self.current is not None:
            return
        elif self.phase == "idle":
            if self.state.stopping or now - self.since > limits.idle_seconds:
                self.end()
        elif now - self.since > (limits.header_seconds if self.phase == "headers" else limits.body_seconds):
            self.fail(408)


def path_of(url: bytes) -> str:
    """Return path and query of a request's URL; a client that asks through a proxy may name the whole address."""
    path = url if url.startswith(b"/") else ADDRESS.sub(b"", url) or b"/"
    return path.decode("utf-8", "replace")


async def check_connections(state: ServerState) -> None:
    """End connections that are too slow, for as long as the server runs."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        now = time.monotonic()
        for connection in list(state.connections):
            connection.check(now)
