"""Connections: what a client may take from the server, in bytes, in time and in number, on real sockets."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from serving.server.core import Core
from serving.server.execution import Answer, DirectExecution
from serving.server.metrics import Metrics
from serving.server.models.versions import Lent
from serving.server.rest import protocol, service
from serving.server.rest.app import Limits
from serving.server.rest.site import ConnectionLimits

BODY = b'{"instances": [1.0]}'


class Doubler:
    """A model of x * 2 that can be held up."""

    class signatures:  # noqa: N801
        inputs, outputs = {"x": "float"}, {"y": "float"}

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()

    def signature(self, _: str) -> Any:
        return self.signatures

    def run(self, _: Any, arrays: dict[str, np.ndarray], deadline: float) -> dict[str, np.ndarray]:
        assert self.open.wait(30)
        return {"y": arrays["x"] * 2}

    def release(self) -> None:
        pass


@dataclass
class Lending:
    """As much of a manager as a predict request needs."""

    model: Doubler
    models: dict[str, Any] = field(default_factory=dict)

    def lend(self, name: str, *_: Any) -> Lent:
        return Lent(name, 1, self.model)  # type: ignore[arg-type]


class Unlogged:
    def wants(self, _: str) -> bool:
        return False


@dataclass
class Running:
    """A REST server with that model."""

    model: Doubler
    server: service.RestServer
    log: io.StringIO

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=20)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    monkeypatch.setattr(protocol, "CHECK_SECONDS", 0.05)
    started: list[Running] = []

    def start(token: str | None = None, **limits: Any) -> Running:
        model, log = Doubler(), io.StringIO()
        core = Core(Lending(model), DirectExecution(4), Metrics(), Unlogged(), 30_000)  # type: ignore[arg-type]
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        settings = Limits(4, ConnectionLimits(**limits), bearer_token=token, access_log=log, metrics_path="/metrics")
        started.append(Running(model, service.start(core, settings, listener), log))
        return started[-1]

    yield start
    for running in started:
        running.model.open.set()
        running.server.stop(5)


def request(body: bytes = BODY, head: str = "", target: str = "/v1/models/m:predict", method: str = "POST") -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one answer off a socket: status, headers, body; status 0 if the connection just ends."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return 0, {}, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    while len(body) < int(headers["content-length"]):
        body += client.recv(65536)
    return int(lines[0].split()[1]), headers, body


def is_closed(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_requests_sent_without_waiting_are_answered_in_turn(start: Any) -> None:
    with start().connect() as client:
        client.sendall(b"".join(request(b'{"instances": [%d]}' % number) for number in range(20)))
        data, whole = b"", 0
        while whole < 20:
            data += client.recv(65536)
            whole = data.count(b"predictions")
    places = [data.index(b"[%d.0]" % (2 * number)) for number in range(20)]
    assert places == sorted(places)


def test_a_request_that_comes_byte_by_byte_is_read(start: Any) -> None:
    with start().connect() as client:
        for byte in request():
            client.sendall(bytes([byte]))
        assert read_answer(client)[0] == 200


def test_chunks_are_put_together_and_100_continue_is_said(start: Any) -> None:
    with start().connect() as client:
        client.sendall(
            b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"a\r\n" + BODY[:10] + b"\r\n")
        client.sendall(b"a\r\n" + BODY[10:] + b"\r\n0\r\n\r\n")
        assert json.loads(read_answer(client)[2]) == {"predictions": [2.0]}


@pytest.mark.parametrize("head", ["Content-Length: 99999", "Transfer-Encoding: chunked"])
def test_a_body_beyond_the_limit_is_answered_with_413_before_it_has_come(start: Any, head: str) -> None:
    with start(body_bytes=1000).connect() as client:
        client.sendall(f"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\n{head}\r\n\r\n".encode())
        if "chunked" in head:
            client.sendall(b"7d0\r\n" + b"x" * 2000)
        status, headers, body = read_answer(client)
        assert (status, headers["connection"]) == (413, "close")
        assert "1000 bytes" in json.loads(body)["error"]
        assert is_closed(client)


def test_headers_beyond_the_limit_are_answered_with_431(start: Any) -> None:
    with start(header_bytes=2000).connect() as client:
        client.sendall(request(head="X-Long: " + "x" * 3000 + "\r\n"))
        assert read_answer(client)[0] == 431
        assert is_closed(client)


def test_what_is_no_http_gets_one_answer_and_no_more(start: Any) -> None:
    running = start()
    with running.connect() as client:
        client.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert read_answer(client)[0] == 400
        assert is_closed(client)
    with running.connect() as client:
        client.sendall(request())
        assert read_answer(client)[0] == 200


@pytest.mark.parametrize(
    "part", [b"POST /v1/models/m:pre", request()[:-3], b""], ids=["in the headers", "in the body", "before a request"]
)
def test_a_client_that_stops_sending_is_sent_away(start: Any, part: bytes) -> None:
    running = start(header_seconds=0.2, body_seconds=0.2, idle_seconds=0.2)
    with running.connect() as slow, running.connect() as good:
        slow.sendall(part)
        good.sendall(request())
        assert read_answer(good)[0] == 200
        assert read_answer(slow)[0] == (408 if part else 0)
        assert is_closed(slow)


def test_a_client_that_does_not_take_its_answer_is_cut_off(start: Any) -> None:
    running = start(write_seconds=0.3)
    numbers = b'{"instances": [' + b", ".join([b"0.12345678"] * 300_000) + b"]}"
    with running.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(3):
            client.sendall(request(numbers))
        deadline = time.monotonic() + 20
        while running.server.site.connections and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not running.server.site.connections


def test_more_requests_than_may_be_in_flight_get_503_and_when_to_come_back(start: Any) -> None:
    running = start(in_flight=2)
    running.model.open.clear()
    clients = [running.connect() for _ in range(3)]
    for client in clients[:2]:
        client.sendall(request())
    while running.server.site.pending < 2:
        time.sleep(0.01)
    clients[2].sendall(request())
    status, headers, body = read_answer(clients[2])
    assert (status, headers["retry-after"]) == (503, "1")
    assert "may (2, of" in json.loads(body)["error"]
    running.model.open.set()
    assert [read_answer(client)[0] for client in clients[:2]] == [200, 200]
    clients[2].sendall(request())
    assert read_answer(clients[2])[0] == 200
    assert running.server.site.pending == 0
    for client in clients:
        client.close()


def test_clients_that_go_away_are_not_counted_for_ever(start: Any) -> None:
    running = start()
    running.model.open.clear()
    clients = [running.connect() for _ in range(4)]
    for client, part in zip(
        clients, [request(), request() * 3, request()[:-3], request() + request()[:-3]], strict=True
    ):
        client.sendall(part)
    while running.server.site.pending < 5:
        time.sleep(0.01)
    for client in clients:
        client.close()
    running.model.open.set()
    deadline = time.monotonic() + 20
    while (running.server.site.connections or running.server.site.pending) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.server.site.pending == 0


def test_a_stopping_server_answers_what_has_come_and_ends_idle_connections(start: Any) -> None:
    running = start()
    running.model.open.clear()
    idle, busy = running.connect(), running.connect()
    busy.sendall(request())
    while running.server.site.pending < 1:
        time.sleep(0.01)
    stopping = threading.Thread(target=running.server.stop, args=(20,))
    stopping.start()
    assert is_closed(idle)
    running.model.open.set()
    status, headers, _ = read_answer(busy)
    assert (status, headers["connection"]) == (200, "close")
    stopping.join(20)
    assert not stopping.is_alive()
    with pytest.raises(OSError):
        running.connect()


def test_a_burst_of_requests_on_one_connection_is_answered_and_counted_to_the_end(start: Any) -> None:
    running = start()
    count = 3000
    with running.connect() as client:
        burst = request(b"", target="/v1/models/m:none", method="GET") * count

        def send() -> None:
            client.sendall(request() + burst)

        sending = threading.Thread(target=send)
        sending.start()
        data = b""
        while data.count(b"Malformed") < count:
            data += client.recv(2**20)
        sending.join()
    with running.connect() as client:
        client.sendall(request())
        assert read_answer(client)[0] == 200
    assert running.server.site.pending == 0


def test_an_offer_of_another_protocol_is_not_taken_up_and_costs_nothing(start: Any) -> None:
    upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    with start().connect() as client:
        for body in (BODY, b'{"instances": [2.0]}'):
            client.sendall(request(body, head=upgrade))
            status, _, answer = read_answer(client)
            assert (status, json.loads(answer)["predictions"]) == (200, [2 * json.loads(body)["instances"][0]])
        client.sendall(request(b"", head=upgrade, target="/metrics", method="GET") + request())
        data = b""
        while data.count(b"HTTP/1.1 200") < 2:
            data += client.recv(65536)


def test_a_client_that_asks_and_does_not_read_fills_no_memory(start: Any) -> None:
    running = start()
    numbers = b'{"instances": [' + b", ".join([b"0.12345678"] * 10_000) + b"]}"
    with running.connect() as client:
        client.setblocking(False)
        data, sent = request(numbers) * 200, 0
        deadline = time.monotonic() + 3
        while sent < len(data) and time.monotonic() < deadline:
            try:
                sent += client.send(data[sent : sent + 2**18])
            except BlockingIOError:
                time.sleep(0.02)
        (connection,) = running.server.site.connections
        assert connection.transport.get_write_buffer_size() < 2**20
        assert len(connection.queue) < 50


def test_a_slow_but_steady_reader_gets_its_whole_answer(start: Any) -> None:
    running = start(write_seconds=0.5)
    numbers = b'{"instances": [' + b", ".join([b"0.12345678"] * 500_000) + b"]}"
    with running.connect() as client:
        client.sendall(request(numbers))
        data = b""
        while not data.endswith(b"]\n}\n"):
            data += client.recv(2**18)
            time.sleep(0.05)
    assert data.partition(b"\r\n\r\n")[2].count(b",") == 499_999


def test_a_body_behind_a_request_that_waits_is_read_in_the_end(start: Any) -> None:
    with start(body_seconds=2.0).connect() as client:
        client.sendall(request() * 2 + request()[:-5])
        time.sleep(0.2)
        client.sendall(request()[-5:])
        assert client.recv(12) == b"HTTP/1.1 200"
        data = b""
        while data.count(b"predictions") < 3:
            data += client.recv(65536)


def test_a_large_body_without_the_token_is_not_taken(start: Any) -> None:
    running = start(token="secret")
    with running.connect() as client:
        client.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n")
        assert read_answer(client)[0] == 401
    assert running.server.site.held == 0


def test_all_bodies_together_have_a_limit(start: Any) -> None:
    running = start(held_bytes=100_000)
    with running.connect() as first, running.connect() as second:
        first.sendall(request(b"x" * 90_000)[:-1])
        while running.server.site.held < 89_000:
            time.sleep(0.01)
        second.sendall(request(b"x" * 20_000))
        status, headers, _ = read_answer(second)
        assert (status, headers["retry-after"]) == (503, "1")
        first.sendall(b"x")
        assert read_answer(first)[0] == 400
    assert running.server.site.held == 0


def test_an_access_log_that_cannot_be_written_keeps_nobody_from_an_answer(start: Any) -> None:
    running = start()
    running.server.api.access_log.file = open("/dev/full", "w")  # noqa: PTH123, SIM115
    with running.connect() as client:
        for _ in range(3):
            client.sendall(request())
            assert read_answer(client)[0] == 200


def test_two_servers_cannot_have_one_port(start: Any) -> None:
    running = start()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    other = socket.socket()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    other.bind(listener.getsockname())
    core, limits = running.server.api.core, running.server.api.limits
    first = service.start(core, limits, listener)
    with pytest.raises(UserError, match="Cannot listen"):
        service.start(core, limits, other)
    first.stop(5)


def test_an_old_client_without_keep_alive_is_answered(start: Any) -> None:
    with start().connect() as client:
        client.sendall(request(head="Connection: keep-alive\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert read_answer(client)[0] == 200
        assert is_closed(client)


def test_a_token_is_asked_for_where_there_is_one(start: Any) -> None:
    with start(token="secret").connect() as client:
        for head, status in (
            ("", 401),
            ("Authorization: Bearer wrong\r\n", 401),
            ("Authorization: Bearer secret\r\n", 200),
        ):
            for target in ("/v1/models/m:predict", "/metrics"):
                method = "GET" if target == "/metrics" else "POST"
                client.sendall(request(BODY if method == "POST" else b"", head, target, method))
                answer = read_answer(client)
                assert answer[0] == status
                assert answer[1].get("www-authenticate") == ("Bearer" if status == 401 else None)


def test_each_answer_has_a_line_in_the_access_log_under_the_id_that_the_client_gave(start: Any) -> None:
    running = start()
    with running.connect() as client:
        client.sendall(request(head="X-Request-Id: order-7\r\n"))
        assert read_answer(client)[1]["x-request-id"] == "order-7"
        client.sendall(request(b"{", head='X-Request-Id: "injected"\r\n'))
        own = read_answer(client)[1]["x-request-id"]
        assert "injected" not in own
    lines = [json.loads(line) for line in running.log.getvalue().splitlines()]
    assert [(line["id"], line["status"], line["model"], line["method"]) for line in lines] == [
        ("order-7", 200, "m", "POST"), (own, 400, "m", "POST"),
    ]  # fmt: skip
    assert lines[0]["target"] == "/v1/models/m:predict"
    assert lines[0]["client"].startswith("127.0.0.1:")
    assert (lines[0]["received"], lines[0]["sent"] > 10, lines[0]["milliseconds"] > 0) == (len(BODY), True, True)


def test_metrics_are_told_where_they_were_put(start: Any) -> None:
    with start().connect() as client:
        client.sendall(request())
        read_answer(client)
        client.sendall(request(b"", target="/metrics", method="GET"))
        status, headers, body = read_answer(client)
        assert (status, headers["content-type"]) == (200, "text/plain")
        assert b':tensorflow:serving:request_count{model_name="m",status="OK"} 1' in body
        client.sendall(request(b"", target="/metrics?x=1", method="GET"))
        assert read_answer(client)[0] == 400


def test_an_answer_object_shared_by_a_batch_gives_each_call_its_rows() -> None:
    whole = {"y": np.arange(6)}
    assert Answer(whole, slice(2, 4)).arrays()["y"].tolist() == [2, 3]
    assert Answer(whole).arrays() is whole
