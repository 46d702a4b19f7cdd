"""Connections: what a client may take from the server, in bytes, in time and in number, on real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from tests.support.raw_http import BODY, is_closed, read_answer, request


def test_requests_sent_without_waiting_are_answered_in_turn(start: Any) -> None:
    with start().connect() as client:
        client.sendall(b"".join(request(b'{"instances": [%d]}' % number) for number in range(20)))
        data, whole = b"", 0
        while whole < 20:
            data += client.recv(65536)
            whole = data.count(b"predictions")
    places = [data.index(b"[%d.0\n" % (2 * number)) for number in range(20)]
    assert places == sorted(places)


def test_a_request_that_comes_byte_by_byte_is_read(start: Any) -> None:
    with start().connect() as client:
        for byte in request():
            client.sendall(bytes([byte]))
        assert read_answer(client)[0] == 200


def test_chunks_are_put_together_and_100_continue_is_said(start: Any) -> None:
    with start().connect() as client:
        client.sendall(
            b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\n"
            b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
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
        while running.server.state.connections and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not running.server.state.connections


def test_more_requests_than_may_be_in_flight_get_503_and_when_to_come_back(start: Any) -> None:
    running = start(in_flight=2)
    running.model.open.clear()
    clients = [running.connect() for _ in range(3)]
    for client in clients[:2]:
        client.sendall(request())
    while running.server.state.pending < 2:
        time.sleep(0.01)
    clients[2].sendall(request())
    status, headers, body = read_answer(clients[2])
    assert (status, headers["retry-after"]) == (503, "1")
    assert "may (2, of" in json.loads(body)["error"]
    running.model.open.set()
    assert [read_answer(client)[0] for client in clients[:2]] == [200, 200]
    clients[2].sendall(request())
    assert read_answer(clients[2])[0] == 200
    assert running.server.state.pending == 0
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
    while running.server.state.pending < 5:
        time.sleep(0.01)
    for client in clients:
        client.close()
    running.model.open.set()
    deadline = time.monotonic() + 20
    while (running.server.state.connections or running.server.state.pending) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running.server.state.pending == 0


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
    assert running.server.state.pending == 0


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
        (connection,) = running.server.state.connections
        assert connection.transport.get_write_buffer_size() < 2**20
        assert len(connection.queue) < 50


def test_a_slow_but_steady_reader_gets_its_whole_answer(start: Any) -> None:
    running = start(write_seconds=0.5)
    numbers = b'{"instances": [' + b", ".join([b"0.12345678"] * 500_000) + b"]}"
    with running.connect() as client:
        client.sendall(request(numbers))
        data = b""
        while not data.endswith(b"]\n}"):
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


def test_all_bodies_together_have_a_limit(start: Any) -> None:
    running = start(held_bytes=100_000)
    with running.connect() as first, running.connect() as second:
        first.sendall(request(b"x" * 90_000)[:-1])
        while running.server.state.held < 89_000:
            time.sleep(0.01)
        second.sendall(request(b"x" * 20_000))
        status, headers, _ = read_answer(second)
        assert (status, headers["retry-after"]) == (503, "1")
        first.sendall(b"x")
        assert read_answer(first)[0] == 400
    assert running.server.state.held == 0


def test_an_old_client_goes_on_where_it_asked_to_and_is_told_so(start: Any) -> None:
    old = request(head="Connection: keep-alive\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
    with start().connect() as client:
        for _ in range(2):
            client.sendall(old)
            status, headers, _ = read_answer(client)
            assert (status, headers["connection"]) == (200, "keep-alive")
        client.sendall(request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert read_answer(client)[0] == 200
        assert is_closed(client)


def test_a_whole_address_in_place_of_a_path_is_understood_as_proxies_send_it(start: Any) -> None:
    with start().connect() as client:
        for target, method in (("HTTP://h:8501/v1/models/m:predict", "POST"), ("http://h", "GET")):
            client.sendall(request(target=target, method=method))
            assert read_answer(client)[0] == 200


def test_a_client_that_sends_no_more_gets_all_its_answers(start: Any) -> None:
    running = start()
    cut = request()[:-3]
    for given, count in ((request(), 1), (request() * 40, 40), (request() * 2 + cut, 2), (cut, 0)):
        running.model.open.clear()
        with running.connect() as client:
            client.sendall(given)
            client.shutdown(socket.SHUT_WR)
            time.sleep(0.05)  # so that the end is known before the model answers
            running.model.open.set()
            data = b""
            while more := client.recv(65536):
                data += more
        assert data.count(b'"predictions": [2.0') == count
    assert (running.server.state.pending, running.server.state.held) == (0, 0)
