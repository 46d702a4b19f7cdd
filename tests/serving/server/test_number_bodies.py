"""Large bodies of numbers: read fast, and never otherwise than the exact reader would read them."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import numpy as np
import pytest

from serving.server.errors import RequestError
from serving.server.rest import json_reader, number_bodies, plain_numbers
from serving.server.rest.json_parser import parse
from serving.server.rest.json_reader import read_predict, read_values

WAYS = [
    pytest.param(
        True, id="compiled", marks=pytest.mark.skipif(not plain_numbers.COMPILED, reason="no C compiler was found")
    ),
    pytest.param(False, id="simdjson"),
]
ONE = {"x": "float"}
TWO = {"a": "float", "b": "int64"}


def read_both(body: bytes, inputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Read a body the fast way and the exact way; an error is its message."""
    monkeypatch.setattr(json_reader, "LARGE", 0)
    outcomes: list[Any] = []
    for is_fast in (True, False):
        try:
            if is_fast:
                name, arrays, rows = read_predict(body, lambda _: inputs)
            else:
                name, arrays, rows = read_values(parse(body), lambda _: inputs)
            outcomes.append((name, rows, {key: (a.dtype.name, a.shape, str(a.tolist())) for key, a in arrays.items()}))
        except RequestError as error:
            outcomes.append(error.message)
    return outcomes[0], outcomes[1]


BODIES = [
    ('{"instances": [[1, 2], [3, 4.5]]}', ONE),
    ('{"instances": [1, 2, 3]}', ONE),
    ('{"instances": [[]]}', ONE),
    ('{"instances": []}', ONE),
    ('{"inputs": []}', ONE),
    ('{"inputs": 3}', ONE),
    ('{"inputs": [[1], [2]]}', ONE),
    ('{"inputs": {"x": [1, 2]}}', ONE),
    ('{"inputs": {"a": [1.5], "b": [[2], [3]], "c": ["?"]}}', TWO),
    ('{"inputs": {"a": [1.5]}}', TWO),
    ('{"instances": [{"a": [1], "b": 2}, {"a": [3], "b": 4}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2]}, {"a": [3], "b": [4]}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2]}, {"a": [3, 4], "b": [4]}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2]}, {"b": [4], "a": [3]}]}', TWO),
    ('{"instances": [{"a": [1], "b": [2], "c": [1]}]}', TWO),
    ('{"instances": [{"x": [1, 2]}, [3, 4]]}', ONE),
    ('{"instances": [[1, 2], [3]]}', ONE),
    ('{"instances": [[1, 2], [3, 4, 5], [6]]}', ONE),
    ('{"instances": [[1, [2]], [3, 4]]}', ONE),
    ('{"instances": [[1, 2], 3]}', ONE),
    ('{"instances": [1, [2]]}', ONE),
    ('{"instances": [1, true]}', ONE),
    ('{"instances": [1, null]}', ONE),
    ('{"instances": [1, "2"]}', ONE),
    ('{"instances": ["1", 2]}', ONE),
    ('{"instances": [NaN, 2]}', ONE),
    ('{"instances": [1e999]}', ONE),
    ('{"instances": [1e300, -1e300, 1e-300]}', ONE),
    ('{"instances": [-0, -0.0, 0]}', ONE),
    ('{"instances": [18446744073709551615, -9223372036854775808, 18446744073709551616]}', ONE),
    ('{"signature_name": "other", "instances": [1]}', ONE),
    ('{"instances": [1], "signature_name": "other"}', ONE),
    ('{"signature_name": "a", "instances": [1], "signature_name": "b"}', ONE),
    ('{"inputs": [1.5e3, -2E-2, 3e+1]} ', ONE),
    ('\ufeff{"instances": [1]}', ONE),
    ('{"instances": [-]}', ONE),
    ('{"instances": [1.]}', ONE),
    ('{"instances": [1e]}', ONE),
    ('{"instances": ' + "[" * 33 + "1" + "]" * 33 + "}", ONE),
    ('{"instances": [0.1000000000000000000000000000000000001]}', ONE),
    ('{"signature_name": 3, "instances": [1]}', ONE),
    ('{"signature_name": "a[b", "instances": [1]}', ONE),
    ('{"instances": [1], "inputs": [2]}', ONE),
    ('{"x": [1]}', ONE),
    ('{"instances": [1], "instances": [2]}', ONE),
    ('{"instances": [{"x": [1], "x": [2]}]}', ONE),
    ('{"instances": [1], "more": {"deep": [[1], []]}}', ONE),
    ('{"instances": [1]} and more', ONE),
    ('{"instances": [1, 2}', ONE),
    ('{"instances": [01]}', ONE),
    ("[1, 2]", ONE),
    ('{"instances": "text"}', ONE),
    ('{"instances": [1.0, 2]}', {"x": "int32"}),
    ('{"instances": [1, 2147483648]}', {"x": "int32"}),
    ('{"instances": [1, -2]}', {"x": "uint8"}),
    ('{"instances": [1, -2]}', {"x": "uint64"}),
    ('{"instances": [1, 18446744073709551615]}', {"x": "uint64"}),
    ('{"instances": [9007199254740993]}', {"x": "int64"}),
    ('{"instances": [1, 0]}', {"x": "bool"}),
    ('{"instances": [1]}', {"x": "half"}),
    ('{"instances": [[1, 2]]}', {"x": "double"}),
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let large bodies of numbers be read by compiled code, or as where it could not be built."""
    monkeypatch.setattr(plain_numbers, "COMPILED", request.param)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("body", "inputs"), BODIES)
def test_the_fast_way_reads_what_the_exact_way_reads(body: str, inputs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, exact = read_both(body.encode(), inputs, monkeypatch)
    assert fast == exact


@pytest.mark.usefixtures("way")
def test_bodies_with_a_byte_changed_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = random.Random(7)
    for _ in range(1500):
        text, inputs = generator.choice(BODIES)
        place = generator.randrange(len(text))
        body = (text[:place] + generator.choice('[]{},:"0-.e 9') + text[place + generator.randint(0, 1) :]).encode()
        fast, exact = read_both(body, inputs, monkeypatch)
        assert fast == exact, body


@pytest.mark.usefixtures("way")
def test_a_picture_of_numbers_comes_out_as_it_was_put_in() -> None:
    image = np.random.default_rng(7).random((1, 40, 40, 3), np.float32)
    body = json.dumps({"instances": image.tolist()}).encode()
    assert number_bodies.parse(body) is not None
    assert (read_predict(body, lambda _: ONE)[1]["x"] == image).all()


@pytest.mark.usefixtures("way")
def test_a_first_row_that_promises_too_much_takes_no_memory() -> None:
    body = b'{"instances": [[' + b",".join([b"1"] * 100_000) + b"]" + b",[]" * 100_000 + b"]}"
    with pytest.raises(RequestError, match="Expecting tensor size: 100000 but got: 0"):
        read_predict(body, lambda _: ONE)


@pytest.mark.skipif(not plain_numbers.COMPILED, reason="no C compiler was found")
def test_every_decimal_number_becomes_the_double_next_to_it() -> None:
    generator = random.Random(7)
    near = [struct.unpack("<d", struct.pack("<Q", generator.getrandbits(64)))[0] for _ in range(50_000)]
    texts = [repr(number) for number in near if math.isfinite(number)]
    for digits in range(1, 25):
        for _ in range(2000):
            number = str(generator.randrange(10**digits))
            place = generator.randint(1, len(number))
            number = str(int(number[:place])) + ("." + number[place:] if place < len(number) else "")
            texts.append(number + generator.choice(["", "", f"e{generator.randint(-40, 40)}"]))
    # in the middle between two doubles, and beside it
    texts += [str(2**53 * 2**shift + odd * 2**shift + by) for shift in range(10) for odd in (1, 3) for by in (-1, 0, 1)]
    wanted = np.array([float(text) for text in texts])
    found = read_predict(f'{{"instances": [{",".join(texts)}]}}'.encode(), lambda _: {"x": "double"})[1]["x"]
    assert (found.view(np.int64) == wanted.view(np.int64)).all()
