"""Requests nobody would think of: no 500, no connection lost, no memory kept."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serving.launch import Server

MODELS = [
    "half_plus_two",
    "sum",
    "text",
    "float64",
    "int8",
    "int64",
    "uint64",
    "bool",
    "float16",
    "shapes",
    "uneven",
    "complex",
    "matrix",
    "none",
    "",
    "%00",
    "a%2Fb",
    "%C3%BC",
    "%FF",
]
KEYS = ["instances", "inputs", "signature_name", "x", "a", "b", "b64", "text", "examples", "context", ""]
EXPECTED = {200, 400, 404, 501}

numbers = st.integers(-(2**70), 2**70) | st.floats() | st.integers(-3, 3)
scalars = st.none() | st.booleans() | numbers | st.text(max_size=8) | st.sampled_from([{"b64": "aGk="}, {"b64": "?"}])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)
regular = st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=1, max_size=3) | st.lists(
    numbers, min_size=1, max_size=4
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "instances": regular | values,
        "inputs": regular | values,
        "signature_name": st.sampled_from(["serving_default", "other", "no", 3, None]),
        "examples": values,
        "context": values,
    },
)
texts = requests.map(json.dumps) | values.map(json.dumps) | st.text(max_size=40)


@st.composite
def bodies(draw: Any) -> bytes:
    """A request, whole, cut off, with bytes changed, or none at all."""
    body: bytes = draw(texts).encode("utf-8", "surrogatepass")
    match draw(st.integers(0, 5)):
        case 0:
            body = body[: draw(st.integers(0, len(body)))]
        case 1:
            place = draw(st.integers(0, len(body)))
            body = body[:place] + draw(st.binary(max_size=3)) + body[place + 1 :]
        case 2:
            body = draw(st.binary(max_size=30))
    return body


targets = st.builds(
    lambda model, where, verb: f"/v1/models/{model}{where}{verb}",
    st.sampled_from(MODELS),
    st.sampled_from(
        ["", "", "", "/versions/1", "/versions/123", "/versions/0", "/labels/stable", "/labels/none", "/versions/-1"]
    ),
    st.sampled_from(
        [
            ":predict",
            ":predict",
            ":predict",
            ":classify",
            ":regress",
            ":PREDICT",
            "/metadata",
            "",
            ":none",
            ":predict?x=1",
        ]
    ),
) | st.sampled_from(
    ["/", "/v1", "/v1/", "/v1/models", "/labline/models", "/../../etc/passwd", "/v1/models/..%2f..%2fetc:predict", "*"]
)
methods = st.sampled_from(["POST", "POST", "POST", "POST", "GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
heads = st.sampled_from(
    [{}, {}, {}, {"Content-Encoding": "gzip"}, {"Content-Type": "text/plain"}, {"Origin": "http://x"}]
)


def attack(server: Server, count: int) -> list[str]:
    """Send so many requests over one kept connection; return what was wrong with the answers."""
    address = urlsplit(server.url).netloc
    connection = http.client.HTTPConnection(address, timeout=30)
    wrong: list[str] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(methods, targets, bodies(), heads)
    def send(method: str, target: str, body: bytes, head: dict[str, str]) -> None:
        connection.request(method, target, body, head)
        answer = connection.getresponse()
        content = answer.read()
        page = not target.lower().startswith("/v1/")
        text = content.decode(
            "utf-8", "replace"
        )  # an error quotes the request's bytes as they came, as TensorFlow Serving does
        if answer.status not in EXPECTED or (
            answer.status != 200 and not page and text and "error" not in json.loads(text)
        ):
            wrong.append(f"{method} {target} {body!r} -> {answer.status} {content[:200]!r}")

    send()
    connection.close()
    return wrong


def memory_of(server: Server) -> float:
    """Return the server's resident memory in MiB."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_no_request_is_too_strange_for_an_answer(server: Server) -> None:
    assert attack(server, 500) == []


@pytest.mark.slow
def test_ten_thousand_strange_requests_leave_nothing_behind(server: Server) -> None:
    attack(server, 2000)  # signatures are prepared at their first use
    before = memory_of(server)
    assert attack(server, 10_000) == []
    assert memory_of(server) < before * 1.05
