"""Raw HTTP to a REST server in this process: a model that can be held up, sockets, and what comes back on them."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from numpy.typing import NDArray

from serving.server.core import Core
from serving.server.execution import DirectExecution
from serving.server.metrics import Metrics
from serving.server.models.versions import ServableHandle
from serving.server.rest import protocol, service
from serving.server.rest.limits import ConnectionLimits, Limits

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

    def run(self, _: Any, arrays: dict[str, NDArray[Any]], deadline: float) -> dict[str, NDArray[Any]]:
        assert self.open.wait(30)
        return {"y": arrays["x"] * 2}

    def release(self) -> None:
        pass


@dataclass
class Lending:
    """As much of a manager as a predict request needs."""

    model: Doubler
    models: dict[str, Any] = field(default_factory=dict)

    def lend(self, name: str, *_: Any) -> ServableHandle:
        return ServableHandle(name, 1, self.model)  # type: ignore[arg-type]


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
