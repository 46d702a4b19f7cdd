"""Tensors from JSON and back: exact types, exact number texts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from serving.server.errors import RequestError
from serving.server.execution import Answer
from serving.server.rest.json_writer import write_floats, write_predict
from serving.server.rest.tensors import echo, to_tensor


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.2, "0.2"),
        (3.0, "3.0"),
        (9_000_000.0, "9e+06"),
        (0.00003, "3e-05"),
        (555557.5, "555557.5"),
        (-0.0, "-0.0"),
        (1 / 3, "0.333333343"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (1e30, "1e+30"),
    ],
)
def test_a_float_is_written_so_that_it_is_seen_to_be_one(number: float, text: str) -> None:
    assert write_floats(np.array([number], np.float32)) == [text]


def test_floats_are_written_with_six_digits_exactly_where_those_give_the_value_back() -> None:
    generator = np.random.default_rng(7)
    short = [float(f"{value:.6g}") for value in generator.normal(size=500) * 10.0 ** generator.integers(-37, 38, 500)]
    for dtype, digits in ((np.float32, 9), (np.float64, 17)):
        values = np.concatenate([np.array(short, dtype), generator.normal(size=500).astype(dtype)])
        for value, text in zip(values, write_floats(values), strict=True):
            six = f"{value:.6g}"
            wanted = six if dtype(six) == value else f"{value:.{digits}g}"
            assert text.removesuffix(".0") == wanted.removesuffix(".0")


def test_every_written_float_is_read_back_exactly() -> None:
    bits = np.random.default_rng(3).integers(0, 2**32, 20_000, dtype=np.uint32)
    floats = bits.view(np.float32)
    floats = floats[np.isfinite(floats)]
    assert (np.array(write_floats(floats)).astype(np.float32) == floats).all()
    doubles = np.random.default_rng(4).standard_normal(5_000) * 1e5
    assert [float(text) for text in write_floats(doubles)] == doubles.tolist()


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([[1, 2.5], [3, 4]], "float", [[1, 2.5], [3, 4]]),
        (1435774380, "float", 1435774336),
        (1e300, "float", np.inf),
        (-1e300, "float", -np.inf),
        (1e-300, "float", 0),
        (9007199254740993, "int64", 9007199254740993),
        (2**64 - 1, "uint64", 2**64 - 1),
        ([True, False], "bool", [True, False]),
        (300, "uint8", 44),
        ([], "float", []),
        ([[]], "int32", [[]]),
    ],
)
def test_a_value_becomes_a_tensor(value: Any, dtype: str, expected: Any) -> None:
    tensor = to_tensor(value, dtype)
    assert tensor.shape == np.shape(expected)
    assert tensor.tolist() == expected


def test_strings_and_base64_become_bytes() -> None:
    assert to_tensor(["é", {"b64": "AAH/"}, {"b64": "AAE="}, {"b64": "AAE"}], "string").tolist() == [
        "é".encode(),
        b"\x00\x01\xff",
        b"\0\1",
        b"\0\1",
    ]


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        ("x", "float", 'JSON Value: "x" Type: String is not of expected type: float'),
        (True, "float", "JSON Value: true Type: True is not of expected type: float"),
        (None, "float", "JSON Value: null Type: Null is not of expected type: float"),
        ([1.0, True], "float", "Type: True is not of expected type: float"),
        (1.0, "int32", "JSON Value: 1.0 Type: Number is not of expected type: int32"),
        (2**31, "int32", "is not of expected type: int32"),
        (2**31, "int8", "is not of expected type: int8"),
        (2**63, "int64", "is not of expected type: int64"),
        (-1, "uint64", "is not of expected type: uint64"),
        (-1, "uint32", "is not of expected type: uint32"),
        (0, "bool", "is not of expected type: bool"),
        ("true", "bool", "is not of expected type: bool"),
        (1, "string", "Type: Number is not of expected type: string"),
        ({"b64": "AAA="}, "float", "Type: Object is not of expected type: float"),
        ([[1], [2, 3]], "float", "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ([1, [2]], "float", "Encountered list at unexpected level: 1 expected < 1"),
        ([[1], 2], "float", "found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ({"b64": "_-8="}, "string", "Unable to base64 decode"),
        ({"b64": "AAE=="}, "string", "Unable to base64 decode"),
        ({"b64": 1}, "string", "not formatted correctly for base64 data"),
        ({"b64": "AA==", "x": 1}, "string", "not formatted correctly for base64 data"),
    ],
)
def test_nothing_is_converted_silently(value: Any, dtype: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        to_tensor(value, dtype)
    assert message in caught.value.message
    assert caught.value.http_status == 400


def test_a_type_that_json_cannot_carry_is_unimplemented() -> None:
    with pytest.raises(RequestError, match="Conversion of JSON Value: 1.5 to type: half") as caught:
        to_tensor(1.5, "half")
    assert caught.value.http_status == 501


def test_a_wrong_value_is_echoed_as_lines() -> None:
    value: dict[str, Any] = {"a": [1, {"b": "ä"}], "c": None, "d": [], "e": {}}
    assert echo(value) == json.dumps(value, ensure_ascii=False, indent=4)
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    for large in ([1.5] * 2_000_000, deep):
        assert echo(large) == echo(large[:200])[:256] + "..."


def test_a_wrong_value_is_echoed_short() -> None:
    with pytest.raises(RequestError) as caught:
        to_tensor("x" * 100_000, "float")
    assert len(caught.value.message) < 400


def test_integers_and_strings_are_written_as_they_are() -> None:
    outputs = {
        "number": np.array([2**63 - 1, -1]),
        "name": np.array(['a"\n', "é".encode()], object),
        "raw_bytes": np.array([b"\0", b"\1"], object),
    }
    types = {"number": "int64", "name": "string", "raw_bytes": "string"}
    assert json.loads(write_predict(Answer(outputs), types, rows=True))["predictions"] == [
        {"number": 2**63 - 1, "name": 'a"\n', "raw_bytes": {"b64": "AA=="}},
        {"number": -1, "name": "é", "raw_bytes": {"b64": "AQ=="}},
    ]


@pytest.mark.parametrize("shape", [(), (0,), (2,), (2, 3), (2, 0, 3), (1, 2, 3, 2)])
def test_any_shape_is_written_as_nested_lists(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype=np.int32).reshape(shape)
    assert json.loads(write_predict(Answer({"x": array}), {"x": "int32"}, rows=False))["outputs"] == array.tolist()


def test_an_answer_without_rows_is_no_answer_to_rows() -> None:
    nothing = Answer({"y": np.zeros((0, 2), np.float32)})
    with pytest.raises(RequestError, match="Tensor name: y has invalid batch size: 0"):
        write_predict(nothing, {"y": "float"}, True)
    assert json.loads(write_predict(nothing, {"y": "float"}, False)) == {"outputs": []}


def test_lines_break_where_tensorflow_serving_breaks_them() -> None:
    one, names = Answer({"y": np.array([2.5, 3, 4.5], np.float32)}), np.array([b"a", b"b"], object)
    assert write_predict(one, {"y": "float"}, True) == b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
    two = Answer({"n": np.array([[1, 2], [3, 4]]), "t_bytes": names})
    row = (
        '        {\n            "n": [%s],\n'
        '            "t_bytes": {\n                "b64": "%s"\n            }\n        }'
    )
    wanted = f'{{\n    "predictions": [\n{row % ("1, 2", "YQ==")},\n{row % ("3, 4", "Yg==")}\n    ]\n}}'
    assert write_predict(two, {"n": "int64", "t_bytes": "string"}, True).decode() == wanted
    assert write_predict(Answer({"t_bytes": names}), {"t_bytes": "string"}, True).decode() == (
        '{\n    "predictions": [{\n            "b64": "YQ=="\n        }, '
        '{\n            "b64": "Yg=="\n        }\n    ]\n}'
    )


@pytest.mark.parametrize("rows", [None, slice(1, 3)])
def test_columns_have_a_line_for_each_value(rows: slice | None) -> None:
    outputs = {
        "n": np.arange(18).reshape(3, 1, 3, 2),
        "t_bytes": np.array([[b"a"], [b"b"], [b"c"]], object),
        "none": np.zeros((3, 0)),
    }
    types = {"n": "int64", "t_bytes": "string", "none": "double"}
    for names in (["n", "t_bytes", "none"], ["t_bytes"]):
        answer = Answer({name: outputs[name] for name in names}, rows)
        text = write_predict(answer, types, False).decode()
        assert text == json.dumps(json.loads(text), indent=4)
        values = json.loads(text)["outputs"]
        assert len(values["n"] if len(names) > 1 else values) == (2 if rows else 3)
