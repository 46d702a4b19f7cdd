"""The REST service around its answers: token, access log, metrics, port, and an end that loses no request."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from serving.server.execution import Answer
from serving.server.rest import predict, service
from serving.server.rest.json_writer import write_predict
from tests.support.raw_http import BODY, is_closed, read_answer, request


def test_a_stopping_server_answers_what_has_come_and_ends_idle_connections(start: Any) -> None:
    running = start()
    running.model.open.clear()
    idle, busy = running.connect(), running.connect()
    busy.sendall(request())
    while running.server.state.pending < 1:
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


def test_a_large_body_without_the_token_is_not_taken(start: Any) -> None:
    running = start(token="secret")
    with running.connect() as client:
        client.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n")
        assert read_answer(client)[0] == 401
    assert running.server.state.held == 0


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
        ("order-7", 200, "m", "POST"),
        (own, 400, "m", "POST"),
    ]
    assert lines[0]["target"] == "/v1/models/m:predict"
    assert lines[0]["client"].startswith("127.0.0.1:")
    assert (lines[0]["received"], lines[0]["sent"] > 10, lines[0]["milliseconds"] > 0) == (len(BODY), True, True)


def test_metrics_are_told_where_they_were_put(start: Any) -> None:
    with start().connect() as client:
        client.sendall(request())
        read_answer(client)
        for method in ("GET", "POST"):
            client.sendall(request(b"", target="/metrics", method=method))
            status, headers, body = read_answer(client)
            assert (status, headers["content-type"]) == (200, "text/plain")
            assert b':tensorflow:serving:request_count{model_name="m",status="OK"} 1' in body
        client.sendall(request(b"", target="/metrics?x=1", method="GET"))
        status, headers, body = read_answer(client)
        assert (status, headers["content-type"]) == (400, "text/plain")
        assert body == b"Unexpected path: /metrics?x=1. Should be /metrics"
        client.sendall(request(b"", target="/metrics", method="HEAD"))
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_only_a_small_answer_is_written_by_the_thread_that_all_answers_wait_for(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers: list[str] = []

    def note(*arguments: Any) -> bytes:
        writers.append(threading.current_thread().name)
        return write_predict(*arguments)

    monkeypatch.setattr(predict, "write_predict", note)
    with start().connect() as client:
        for rows in (1, predict.SMALL_ANSWER // 4 + 1):
            client.sendall(request(json.dumps({"instances": [0.5] * rows}).encode()))
            status, _, body = read_answer(client)
            assert (status, json.loads(body)["predictions"]) == (200, [1.0] * rows)
    small, large = writers
    assert small == "rest" and large.startswith("model")


def test_an_answer_knows_its_size_whatever_its_types() -> None:
    assert Answer({"y": np.zeros((2, 3), np.float32), "s": np.array([b"four", b""], object)}).bytes() == 24 + 4


def test_an_answer_object_shared_by_a_batch_gives_each_call_its_rows() -> None:
    whole = {"y": np.arange(6)}
    assert Answer(whole, slice(2, 4)).arrays()["y"].tolist() == [2, 3]
    assert Answer(whole).arrays() is whole
