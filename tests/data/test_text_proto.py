"""Files in protocol buffers' text format are read without their schema, and what is wrong in them is named by line."""

from __future__ import annotations

import math
from typing import Any

import pytest

from data.detection.text_proto import Message, Scalar, parse
from pipeline.errors import UserError


def values(message: Message | Scalar, name: str) -> list[Any]:
    assert isinstance(message, Message)
    return [item.value if isinstance(item, Scalar) else item for item in message.fields[name]]


def test_messages_lists_and_scalars_of_every_kind_are_read() -> None:
    text = """
    # a comment with { braces } and "quotes"
    model { ssd { num_classes: 90  # beside a value
        box_coder: < y_scale: 10.0, x_scale: 1e1; h_scale: .5f >
        aspect_ratios: [1.0, 2.0, 0.3333] aspect_ratios: 3
        use_dropout: false  activation: RELU_6  seed: 0x1F  mode: 010  offset: -7  limit: inf
    } }
    """
    ssd = values(parse(text, "x.config").fields["model"][0], "ssd")[0]
    assert values(ssd, "num_classes") == [90]
    coder = values(ssd, "box_coder")[0]
    assert [values(coder, key)[0] for key in ("y_scale", "x_scale", "h_scale")] == [10.0, 10.0, 0.5]
    assert values(ssd, "aspect_ratios") == [1.0, 2.0, 0.3333, 3]
    assert [values(ssd, key)[0] for key in ("use_dropout", "activation")] == ["false", "RELU_6"]
    assert ssd.fields["activation"][0].word
    assert [values(ssd, key)[0] for key in ("seed", "mode", "offset")] == [31, 8, -7]
    assert math.isinf(values(ssd, "limit")[0])


def test_every_value_keeps_its_line() -> None:
    model = parse("a: 1\n\nb {\n  c: 2\n}\n", "x").fields
    assert (model["a"][0].line, model["b"][0].line) == (1, 3)
    inner = model["b"][0]
    assert isinstance(inner, Message)
    assert inner.fields["c"][0].line == 4


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("'plain'", "plain"),
        (r"'it\'s'", "it's"),
        (r'"caf\303\251"', "café"),
        (r"'\x41\n'", "A\n"),
        ("'one' \"two\"", "onetwo"),
        ("'üñ'", "üñ"),
        ("''", ""),
        (r"'back\\slash'", "back\\slash"),
        ("'# no comment'", "# no comment"),
    ],
)
def test_strings_are_unescaped_and_joined(written: str, meant: str) -> None:
    assert values(parse(f"name: {written}", "x"), "name") == [meant]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a {\n b: 1\n", "line 1"),
        ("a: 1\n}", "line 2"),
        ("a: 'open\nb: 2", "line 1"),
        ("a 1", "line 1"),
        ("\na: [1, 2\nb: 3", "line 2"),
        ("a:\n", "line 1"),
        ("a { b }", "line 1"),
        ("a: 1 $", "line 1"),
        ("a: }", "line 1"),
        ("a: [1 2]", "line 1"),
        ("a < b: 1 }", "line 1"),
    ],
)
def test_what_is_no_text_format_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        parse(text, "ssd.config")
    assert error.value.where == f"ssd.config, {says}"


def test_an_empty_file_is_an_empty_message() -> None:
    assert parse("  # nothing\n", "x").fields == {}
