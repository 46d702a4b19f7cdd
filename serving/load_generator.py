"""Load on a server: the requests of many clients at a time, and how long each answer took.

One thread, non-blocking sockets, requests encoded once, and as little parsing as an answer allows: the load shares its
processors with the server that it measures, so what a request costs here is missing there.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

RECEIVED_AT_ONCE = 2**18
LOOK_SECONDS = 0.5  # how often late answers are looked for
PAUSE_AFTER_ERROR = 0.01  # a client that was refused asks again after so many seconds
END_OF_HEAD = b"\r\n\r\n"

Request = tuple[str, bytes]  # path, and a body that is POSTed; an empty one makes a GET
OnAnswer = Callable[[int, int, bytes], None]


@dataclass(frozen=True)
class LoadResult:
    """What a load found.

    Attributes:
        latencies: seconds from a request to the last byte of its answer, whatever its status, in order of the answers.
        statuses: HTTP status -> number of answers.
        seconds: from the first counted request to the last answer.
        errors: what went wrong with requests that got no answer -> how often.
    """

    latencies: NDArray[np.float64]
    statuses: Counter[int]
    seconds: float
    errors: Counter[str]

    @property
    def answers(self) -> int:
        """How many requests were answered with success."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def failures(self) -> int:
        """How many requests were refused, or got no answer."""
        return sum(self.statuses.values()) - self.answers + sum(self.errors.values())

    @property
    def throughput(self) -> float:
        """Successful answers a second."""
        return self.answers / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """Return the seconds within which so many percent of the answers came; not a number without answers."""
        return float(np.percentile(self.latencies, percent)) if len(self.latencies) else float("nan")


def run_load(
    url: str,
    requests: Sequence[Request],
    clients: int = 16,
    seconds: float | None = None,
    count: int | None = None,
    warmup: float = 0.0,
    *,
    rate: float | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    on_answer: OnAnswer | None = None,
    tls: ssl.SSLContext | None = None,
) -> LoadResult:
    """Send requests over kept connections, one after the other, again and again, and measure the answers.

    Every client has one request under way at a time, and sends the next as soon as the answer is there. With a `rate`
    it waits for the next one's turn; a request whose turn came while all clients were busy is measured from its turn
    on, so that a server's pauses are seen.

    Args:
        url: server, such as `http://127.0.0.1:8501`.
        requests: (path, body) each.
        clients: connections.
        seconds: how long to send; give this, or `count`, or both.
        count: how many requests to send.
        warmup: seconds of the same load before, which are not counted.
        rate: requests a second of all clients together; as fast as they are answered if none is given.
        timeout: seconds after which a request without an answer is given up.
        on_answer: gets the number of the request in `requests`, the status and the body of each counted answer.
        tls: how to check the certificate of an `https` server; as the system does if nothing is given.

    Raises:
        UserError: nothing to send, or no end to it, or no such address.
    """
    if not requests or clients < 1:
        raise UserError("There is nothing to send.", "run_load", "Give at least one request and one client.")
    if seconds is None and count is None:
        raise UserError("The load has no end.", "run_load", "Give `seconds` or `count`.")
    load = Load(Address(url, tls), encode(url, requests, headers or {}), timeout, on_answer)
    return load.run(clients, seconds, count, warmup, rate)


def encode(url: str, requests: Sequence[Request], headers: Mapping[str, str]) -> list[bytes]:
    """Return each request as the bytes that are sent."""
    fields = {"Host": urlsplit(url).netloc, "Content-Type": "application/json", **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    prefix = urlsplit(url).path.rstrip("/")
    return [
        f"{'POST' if body else 'GET'} {prefix}{path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for path, body in requests
    ]


class Address:
    """Where the server listens."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"`{url}` is no server's address.", "url", "It looks like http://127.0.0.1:8501.")
        self.host = parts.hostname
        self.tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        port = parts.port or (443 if self.tls else 80)
        try:
            found = socket.getaddrinfo(self.host, port, type=socket.SOCK_STREAM)[0]
        except OSError as error:
            raise UserError(f"The server cannot be found: {error.strerror}.", url) from None
        self.family, self.address = found[0], found[4]

    def connect(self, timeout: float) -> socket.socket:
        """Return a connection that does not block; over plain TCP it may still be on its way."""
        connection = socket.socket(self.family, socket.SOCK_STREAM)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls is None:
                connection.setblocking(False)
                connection.connect_ex(self.address)
                return connection
            connection.settimeout(timeout)  # of a TLS server the greeting is waited for: it happens once a client
            connection.connect(self.address)
            connection = self.tls.wrap_socket(connection, server_hostname=self.host)
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise
        return connection


class Connection:
    """One client: what it sends, and what has come of the answer."""

    __slots__ = ("number", "received", "socket", "started", "to_send")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.number = 0  # of the request under way
        self.started = 0.0
        self.to_send: memoryview | None = None
        self.received = b""


class Load:
    """A load under way."""

    def __init__(self, address: Address, requests: list[bytes], timeout: float, on_answer: OnAnswer | None) -> None:
        self.address, self.requests, self.timeout, self.on_answer = address, requests, timeout, on_answer
        self.selector = selectors.DefaultSelector()
        self.idle: deque[Connection] = deque()
        self.busy: set[Connection] = set()
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.sent = 0  # since the warm-up
        self.counted_from = self.ends = self.next_due = self.resumes = 0.0
        self.last_answer = 0.0
        self.max_count: int | None = None
        self.interval = 0.0

    def run(
        self, clients: int, seconds: float | None, count: int | None, warmup: float, rate: float | None
    ) -> LoadResult:
        """Send until the time is over or enough was sent, and wait for the last answers."""
        self.idle.extend(Connection() for _ in range(clients))
        self.interval = 1 / rate if rate else 0.0
        try:
            if warmup:
                self.send_for(warmup, None)
                self.latencies, self.sent = array("d"), 0
                self.statuses, self.errors = Counter(), Counter()
            self.send_for(seconds, count)
        finally:
            for connection in [*self.idle, *self.busy]:
                if connection.socket is not None:
                    connection.socket.close()
            self.selector.close()
        lasted = max(self.last_answer - self.counted_from, 0.0)
        return LoadResult(np.array(self.latencies), self.statuses, lasted, self.errors)

    def send_for(self, seconds: float | None, count: int | None) -> None:
        """Send for a while, and wait until all is answered."""
        now = time.perf_counter()
        self.counted_from = self.next_due = self.last_answer = now
        self.ends = now + seconds if seconds is not None else float("inf")
        self.max_count = count
        look = now + LOOK_SECONDS
        while True:
            while self.idle and self.may_start(now := time.perf_counter()):
                self.start(self.idle.popleft(), now)
            if not self.busy and self.is_over(now):
                return
            for key, events in self.selector.select(self.pause(now)):
                self.advance(key.data, events)
            if (now := time.perf_counter()) >= look:
                look = now + LOOK_SECONDS
                self.give_up_late(now)

    def is_over(self, now: float) -> bool:
        return now >= self.ends or (self.max_count is not None and self.sent >= self.max_count)

    def may_start(self, now: float) -> bool:
        return not self.is_over(now) and now >= self.resumes and (not self.interval or now >= self.next_due)

    def pause(self, now: float) -> float:
        """Return how long to wait for an answer before there is something else to do."""
        if not self.idle or self.is_over(now):
            return LOOK_SECONDS
        return min(max(self.next_due if self.interval else self.resumes, self.resumes) - now, LOOK_SECONDS)

    def start(self, connection: Connection, now: float) -> None:
        """Send the next request on a connection, which is opened if it is not."""
        connection.number = self.sent % len(self.requests)
        connection.started = now
        if self.interval:
            connection.started = self.next_due
            self.next_due += self.interval
        self.sent += 1
        self.busy.add(connection)
        request = self.requests[connection.number]
        try:
            if connection.socket is None:
                connection.socket = self.address.connect(self.timeout)
                self.selector.register(connection.socket, selectors.EVENT_WRITE, connection)
                connection.to_send = memoryview(request)
                return
            sent = connection.socket.send(request)
        except (BlockingIOError, ssl.SSLWantWriteError):
            sent = 0
        except OSError as error:
            return self.fail(connection, error.strerror or str(error))
        if sent < len(request):
            assert connection.socket is not None
            connection.to_send = memoryview(request)[sent:]
            self.selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def advance(self, connection: Connection, events: int) -> None:
        """Do what a connection is ready for."""
        if connection.socket is None:  # it failed a moment ago
            return
        try:
            if events & selectors.EVENT_WRITE:
                self.send_more(connection)
            if events & selectors.EVENT_READ:
                data = connection.socket.recv(RECEIVED_AT_ONCE)
                if self.address.tls:
                    while connection.socket.pending():  # type: ignore[attr-defined]  # of a TLS socket
                        data += connection.socket.recv(RECEIVED_AT_ONCE)
                self.receive(connection, data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self.fail(connection, error.strerror or str(error))

    def send_more(self, connection: Connection) -> None:
        """Send more of a request that did not go out at once."""
        assert connection.socket is not None and connection.to_send is not None
        connection.to_send = connection.to_send[connection.socket.send(connection.to_send) :]
        if not connection.to_send:
            connection.to_send = None
            self.selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def receive(self, connection: Connection, data: bytes) -> None:
        """Put a part of an answer to what there is of it, and go on if that is all."""
        ended = not data
        if connection.received:
            data = connection.received + data
        if ended and not data:
            return self.fail(connection, "the server closed the connection")
        if connection not in self.busy:
            return self.fail(connection, "the server sent something that nobody asked for")
        answer = read_answer(data, ended)
        if answer is None:
            connection.received = data
            if ended:
                self.fail(connection, "the server closed the connection in the middle of an answer")
            return
        self.finish(connection, *answer)

    def finish(self, connection: Connection, status: int, start: int, end: int, data: bytes, closes: bool) -> None:
        """Count an answer, and send the next request."""
        now = time.perf_counter()
        self.last_answer = now
        self.latencies.append(now - connection.started)
        self.statuses[status] += 1
        if self.on_answer is not None:
            self.on_answer(connection.number, status, data[start:end])
        connection.received = b""
        self.busy.discard(connection)
        if closes or connection.to_send is not None:  # it may answer, such as 413, before it has read everything
            self.disconnect(connection)
        if self.may_start(now):
            self.start(connection, now)
        else:
            self.idle.append(connection)

    def fail(self, connection: Connection, reason: str) -> None:
        """Count a request that got no answer, and ask again a little later, on a new connection."""
        self.disconnect(connection)
        if connection in self.busy:
            self.errors[reason] += 1
            self.busy.discard(connection)
            self.idle.append(connection)
            self.last_answer = time.perf_counter()
            self.resumes = self.last_answer + PAUSE_AFTER_ERROR

    def disconnect(self, connection: Connection) -> None:
        if connection.socket is not None:
            if connection.socket in self.selector.get_map():
                self.selector.unregister(connection.socket)
            connection.socket.close()
        connection.socket, connection.to_send, connection.received = None, None, b""

    def give_up_late(self, now: float) -> None:
        """Give up requests that have waited too long."""
        for connection in [item for item in self.busy if now - item.started > self.timeout]:
            self.fail(connection, f"no answer within {self.timeout:g} s")


def read_answer(data: bytes, ended: bool) -> tuple[int, int, int, bytes, bool] | None:
    """Return status, start and end of the body, the bytes that hold it, and whether the connection ends.

    None if some of it is missing.
    """
    end_of_head = data.find(END_OF_HEAD)
    if end_of_head < 0:
        return None
    status, start = int(data[9:12]), end_of_head + 4
    head = data[:end_of_head].lower()
    closes = b"\r\nconnection: close" in head or data.startswith(b"HTTP/1.0")
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        line_end = head.find(b"\r", at + 17)
        end = start + int(head[at + 17 : line_end if line_end >= 0 else None])
        return (status, start, end, data, closes) if len(data) >= end else None
    if b"\r\ntransfer-encoding: chunked" in head:
        body = read_chunks(data, start)
        return None if body is None else (status, 0, len(body), body, closes)
    return (status, start, len(data), data, True) if ended or status in (204, 304) else None


def read_chunks(data: bytes, at: int) -> bytes | None:
    """Put a chunked body together; None if some is missing."""
    parts: list[bytes] = []
    while (line_end := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:line_end].split(b";")[0], 16)
        start = line_end + 2
        if len(data) < start + size + 2:
            return None
        if not size:
            return b"".join(parts)
        parts.append(data[start : start + size])
        at = start + size + 2
    return None
