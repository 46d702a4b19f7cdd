"""The load generator counts what a server answers, whatever way it answers, and what it does not."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pipeline.errors import UserError
from serving.launch import Server
from serving.load_generator import run_load

Talk = Callable[[socket.socket], None]


@contextmanager
def talking(talk: Talk) -> Iterator[str]:
    """Listen, and let `talk` handle each connection in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

        def handle(connection: socket.socket) -> None:
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def read_request(connection: socket.socket) -> bytes:
    """Return one request's body; an OSError when there is none any more."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            raise OSError
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += connection.recv(65536)
    return body


def echo(connection: socket.socket) -> None:
    while True:
        body = read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def test_every_request_is_answered_with_its_own_body_and_counted_once(server: Server) -> None:
    seen: list[tuple[int, int, bytes]] = []
    bodies = [b'{"instances":[%d.0]}' % number for number in range(7)]
    path = "/v1/models/half_plus_two:predict"
    result = run_load(
        server.url,
        [(path, body) for body in bodies],
        clients=3,
        count=50,
        on_answer=lambda number, status, body: seen.append((number, status, body)),
    )
    assert result.statuses == {200: 50} and result.failures == 0 and not result.errors
    assert len(result.latencies) == 50 and min(result.latencies) > 0 and result.throughput > 0
    assert result.percentile(50) <= result.percentile(99)
    assert {(number, float(body.split(b"[")[1].split(b"]")[0])) for number, _, body in seen} == {
        (number, number / 2 + 2) for number in range(7)
    }


def test_refusals_are_counted_by_their_status(server: Server) -> None:
    bad = [("/v1/models/half_plus_two:predict", b'{"instances":["x"]}'), ("/v1/models/nobody", b"")]
    result = run_load(server.url, bad, clients=2, count=10)
    assert result.statuses == {400: 5, 404: 5}
    assert (result.answers, result.failures) == (0, 10)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nabcde",
        b"HTTP/1.0 200 OK\r\n\r\nabcde",
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_answers_of_every_form_are_read_to_their_end(answer: bytes, at_once: bool) -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            for part in [answer] if at_once else [answer[place : place + 1] for place in range(len(answer))]:
                connection.sendall(part)
            if b"chunked" not in answer:
                return

    bodies: list[bytes] = []
    with talking(talk) as url:
        result = run_load(url, [("/", b"{}")], 2, count=6, on_answer=lambda *given: bodies.append(given[2]))
    assert result.statuses == {200: 6} and not result.errors
    assert bodies == [b"abcde"] * 6


def test_a_large_request_is_sent_to_its_end() -> None:
    sizes: Counter[int] = Counter()
    body = b"x" * 5_000_000
    with talking(echo) as url:
        result = run_load(url, [("/", body)], 2, count=4, on_answer=lambda *given: sizes.update([len(given[2])]))
    assert result.statuses == {200: 4} and sizes == {len(body): 4}


def test_requests_without_an_answer_are_errors_with_a_reason() -> None:
    def hang_up(connection: socket.socket) -> None:
        read_request(connection)

    def stop_halfway(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")

    def keep_silent(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)

    for talk, reason in [(hang_up, "closed"), (stop_halfway, "middle of an answer"), (keep_silent, "no answer within")]:
        with talking(talk) as url:
            result = run_load(url, [("/", b"{}")], 2, count=4, timeout=0.3)
        assert sum(result.errors.values()) == result.failures == 4 and not result.statuses
        assert all(reason in error for error in result.errors)
    assert list(run_load(url, [("/", b"{}")], 2, count=4).errors) == ["Connection refused"]


def test_a_rate_is_kept_and_the_warm_up_is_not_counted() -> None:
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        while True:
            asked.append(read_request(connection))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with talking(talk) as url:
        result = run_load(url, [("/", b"{}")], 4, seconds=0.5, warmup=0.2, rate=100)
    assert 40 <= result.statuses[200] == len(result.latencies) <= 51
    assert result.statuses[200] < len(asked) <= result.statuses[200] + 21


def test_a_load_without_an_end_or_an_address_is_refused() -> None:
    for url, requests, options in [
        ("http://127.0.0.1:1", [], {"count": 1}),
        ("http://127.0.0.1:1", [("/", b"")], {}),
        ("127.0.0.1:1", [("/", b"")], {"count": 1}),
    ]:
        with pytest.raises(UserError):
            run_load(url, requests, **options)  # type: ignore[arg-type]
