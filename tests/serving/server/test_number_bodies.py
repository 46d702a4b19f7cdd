"""Large bodies of numbers: read fast, and never otherwise than the exact reader would read them."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest

from serving.server.errors import RequestError
from serving.server.rest import json_reader, number_bodies
from serving.server.rest.json_parser import parse
from serving.server.rest.json_reader import read_predict, read_values

ONE = {"x": "float"}
TWO = {"a": "float", "b": "int64"}


def read_both(body: bytes, inputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Read a body the fast way and the exact way; an error is its message."""
    monkeypatch.setattr(json_reader, "LARGE", 0)
    outcomes = []
    for read in (lambda: read_predict(body, lambda _: inputs), lambda: read_values(parse(body), lambda _: inputs)):
        try:
            name, arrays, rows = read()
            outcomes.append((name, rows, {key: (a.dtype.name, a.shape, str(a.tolist())) for key, a in arrays.items()}))
        except RequestError as error:
            outcomes.append(error.message)
    return outcomes[0], outcomes[1]


BODIES = [
    ('{"instances": [[1, 2], [3, 4.5]]}', ONE), ('{"instances": [1, 2, 3]}', ONE), ('{"instances": [[]]}', ONE),
    ('{"instances": []}', ONE), ('{"inputs": []}', ONE), ('{"inputs": 3}', ONE), ('{"inputs": [[1], [2]]}', ONE),
    ('{"inputs": {"x": [1, 2]}}', ONE), ('{"inputs": {"a": [1.5], "b": [[2], [3]], "c": ["?"]}}', TWO),
    ('{"inputs": {"a": [1.5]}}', TWO), ('{"instances": [{"a": [1], "b": 2}, {"a": [3], "b": 4}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2]}, {"a": [3], "b": [4]}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2]}, {"a": [3, 4], "b": [4]}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2]}, {"b": [4], "a": [3]}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2], "c": [1]}]}', TWO), ('{"instances": [{"x": [1, 2]}, [3, 4]]}', ONE),
    ('{"instances": [[1, 2], [3]]}', ONE), ('{"instances": [[1, 2], [3, 4, 5], [6]]}', ONE),
    ('{"instances": [[1, [2]], [3, 4]]}', ONE), ('{"instances": [[1, 2], 3]}', ONE), ('{"instances": [1, [2]]}', ONE),
    ('{"instances": [1, true]}', ONE), ('{"instances": [1, null]}', ONE), ('{"instances": [1, "2"]}', ONE),
    ('{"instances": ["1", 2]}', ONE), ('{"instances": [NaN, 2]}', ONE), ('{"instances": [1e999]}', ONE),
    ('{"instances": [1e300, -1e300, 1e-300]}', ONE), ('{"instances": [-0, -0.0, 0]}', ONE),
    ('{"instances": [18446744073709551615, -9223372036854775808, 18446744073709551616]}', ONE),
    ('{"signature_name": "other", "instances": [1]}', ONE), ('{"signature_name": 3, "instances": [1]}', ONE),
    ('{"signature_name": "a[b", "instances": [1]}', ONE), ('{"instances": [1], "inputs": [2]}', ONE), ('{"x": [1]}', ONE),
    ('{"instances": [1], "instances": [2]}', ONE), ('{"instances": [{"x": [1], "x": [2]}]}', ONE),
    ('{"instances": [1], "more": {"deep": [[1], []]}}', ONE), ('{"instances": [1]} and more', ONE),
    ('{"instances": [1, 2}', ONE), ('{"instances": [01]}', ONE), ('[1, 2]', ONE), ('{"instances": "text"}', ONE),
    ('{"instances": [1.0, 2]}', {"x": "int32"}), ('{"instances": [1, 2147483648]}', {"x": "int32"}),
    ('{"instances": [1, -2]}', {"x": "uint8"}), ('{"instances": [1, -2]}', {"x": "uint64"}),
    ('{"instances": [1, 18446744073709551615]}', {"x": "uint64"}), ('{"instances": [9007199254740993]}', {"x": "int64"}),
    ('{"instances": [1, 0]}', {"x": "bool"}), ('{"instances": [1]}', {"x": "half"}), ('{"instances": [[1, 2]]}', {"x": "double"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "inputs"), BODIES)
def test_the_fast_way_reads_what_the_exact_way_reads(body: str, inputs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, exact = read_both(body.encode(), inputs, monkeypatch)
    assert fast == exact


def test_bodies_with_a_byte_changed_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(7)
    for _ in range(1500):
        text, inputs = generator.choice(BODIES)
        place = generator.randrange(len(text))
        body = (text[:place] + generator.choice('[]{},:"0-.e 9') + text[place + generator.randint(0, 1) :]).encode()
        fast, exact = read_both(body, inputs, monkeypatch)
        assert fast == exact, body


def test_a_picture_of_numbers_comes_out_as_it_was_put_in() -> None:
    picture = np.random.default_rng(7).random((1, 40, 40, 3), np.float32)
    body = json.dumps({"instances": picture.tolist()}).encode()
    assert number_bodies.parse(body) is not None
    assert (read_predict(body, lambda _: ONE)[1]["x"] == picture).all()


def test_a_first_row_that_promises_too_much_takes_no_memory() -> None:
    body = b'{"instances": [[' + b",".join([b"1"] * 100_000) + b"]" + b",[]" * 100_000 + b"]}"
    with pytest.raises(RequestError, match="Expecting tensor size: 100000 but got: 0"):
        read_predict(body, lambda _: ONE)
