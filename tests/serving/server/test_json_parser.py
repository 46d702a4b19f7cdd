"""Request bodies are read as RapidJSON reads them."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from serving.server.errors import RequestError
from serving.server.rest.json_parser import ExactParser, parse


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, 2.5, -3e2, true, false, null, "x"]}', {"a": [1, 2.5, -300.0, True, False, None, "x"]}),
        (b'\xef\xbb\xbf {"a": 1}', {"a": 1}),
        (b'{"a": 1} trailing {', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b'{"b": [{"c": 1, "c": 2}]}', {"b": [{"c": 1}]}),
        (b'{"a": "x:y::"}', {"a": "x:y::"}),
        (b'{"a": [Inf, -Inf, Infinity, -Infinity]}', {"a": [math.inf, -math.inf, math.inf, -math.inf]}),
        (b'{"a": 18446744073709551615}', {"a": 2**64 - 1}),
        (b'{"a": 18446744073709551616}', {"a": 2.0**64}),
        (b'{"a": "\\u00e9\\n\\ud83d\\ude00"}', {"a": "é\n\U0001f600"}),
        (b"{}", {}),
        (b"[[], {}, [[]]]", [[], {}, [[]]]),
    ],
)
def test_reads(body: bytes, value: Any) -> None:
    assert parse(body) == value


def test_reads_nan_and_keeps_integers_and_floats_apart() -> None:
    numbers = parse(b'{"a": [NaN, 1, 1.0, 1e0]}')["a"]
    assert math.isnan(numbers[0])
    assert [type(number) for number in numbers[1:]] == [int, float, float]


def test_keeps_bytes_that_are_not_utf_8() -> None:
    assert parse(b'{"a": "\xff\xfe"}')["a"].encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_half_a_million_brackets_are_no_problem() -> None:
    value = parse(b'{"a": ' + b"[" * 500_000 + b"]" * 500_000 + b"}")
    depth = 0
    value = value["a"]
    while value:
        value, depth = value[0], depth + 1
    assert depth == 499_999


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"  ", "The document is empty. at offset: 2"),
        (b'{"a": }', "Invalid value. at offset: 6"),
        (b'{"a": -}', "Invalid value. at offset: 7"),
        (b'{"a": nuxx}', "Invalid value. at offset: 8"),
        (b'{"a": -Nan}', "Invalid value. at offset: 9"),
        (b"{'a': 1}", "Missing a name for object member. at offset: 1"),
        (b'{"a": 1,}', "Missing a name for object member. at offset: 8"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a": 1 "b": 2}', "Missing a comma or } after an object member. at offset: 8"),
        (b'{"a": [1 2]}', "Missing a comma or ] after an array element. at offset: 9"),
        (b'{"a": [1, ]}', "Invalid value. at offset: 10"),
        (b'{"a": "x', "Missing a closing quotation mark in string. at offset: 6"),
        (b'{"a": "\\x"}', "Invalid escape character in string. at offset: 7"),
        (b'{"a": "\\u12"}', "Incorrect hex digit after \\u escape in string. at offset: 7"),
        (b'{"a": "\\ud800"}', "The surrogate pair in string is invalid. at offset: 7"),
        (b'{"a": 1e999}', "Number too big to be stored in double. at offset: 6"),
        (b'{"a": 1.}', "Miss fraction part in number. at offset: 8"),
        (b'{"a": 1e}', "Miss exponent in number. at offset: 8"),
        (b'{"a": 1 /* no */}', "Missing a comma or } after an object member."),
        ('{"é": x}'.encode(), "Invalid value. at offset: 7"),
    ],
)
def test_refuses(body: bytes, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse(body)
    assert message in caught.value.message
    assert caught.value.http_status == 400


def test_the_exact_parser_agrees_with_pythons_on_generated_documents() -> None:
    source = random.Random(7)

    def make(depth: int) -> Any:
        kind = source.randrange(7 if depth else 5)
        if kind == 5:
            return [make(depth - 1) for _ in range(source.randrange(4))]
        if kind == 6:
            return {f"k{number}": make(depth - 1) for number in range(source.randrange(4))}
        return [source.randrange(-(10**6), 10**6), source.random() * 1e3, None, True, 'text "\\ \u00fc\n'][kind]

    for _ in range(300):
        value = make(5)
        for text in (json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False)):
            assert ExactParser(text.encode()).parse() == value
