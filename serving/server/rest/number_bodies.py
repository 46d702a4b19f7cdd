"""Large bodies of numbers: their arrays without a python object for each number.

Bodies of one array and nothing else are for compiled code of our own (`plain_numbers`). All others, and those where
it could not be built, are read as follows. simdjson reads the text and copies the numbers of an array, however
nested, into one buffer; it does not say whether the nesting was regular. That is seen from the text with everything
but its brackets, braces, commas, colons and quotes left out, which must be exactly what a regular array of the shape
of its first elements would leave. Whatever does not fit (ragged, strings, `NaN`, keys that stand twice, errors of
every kind) is left to the exact reader, which is slower and knows the messages.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import simdjson
from numpy.typing import NDArray

from serving.server.rest import plain_numbers
from serving.server.rest.plain_numbers import PlainNumbers
from serving.server.rest.tensors import FLOATS, INTEGERS

LARGE = 4 * 2**10  # bytes; below, the exact reader is as fast
REST = bytes(set(range(256)) - set(b'[]{},:"'))
LOCAL = threading.local()


class NumberBody:
    """A body that is an object of at most a few members whose arrays are all regular; made by `parse`."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.signature: Any = document.get("signature_name", "")
        self.rows = "instances" in document

    def arrays(self, inputs: dict[str, str]) -> dict[str, NDArray[Any]] | None:
        """Return the arrays for a signature's inputs (name -> type name); None if they do not fit exactly."""
        try:
            value = self.document["instances" if self.rows else "inputs"]
            if not self.rows and isinstance(value, simdjson.Object):
                return {name: read_array(value[name], dtype) for name, dtype in inputs.items()}
            if not isinstance(value, simdjson.Array) or not len(value):
                return None
            if self.rows and isinstance(value[0], simdjson.Object):
                return read_rows(value, inputs)
            if len(inputs) != 1:
                return None
            ((name, dtype),) = inputs.items()
            return {name: read_array(value, dtype)}
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    def forget(self) -> None:
        """Let go of the text, so that the next one can be read."""
        self.document = None


def parse(body: bytes) -> NumberBody | PlainNumbers | None:
    """Return a body for its arrays to be read; None if the exact reader must do it."""
    if (plain := plain_numbers.parse(body)) is not None:
        return plain
    if not hasattr(LOCAL, "parser"):
        LOCAL.parser = simdjson.Parser()
    try:
        document = LOCAL.parser.parse(body)
        if not isinstance(document, simdjson.Object):
            return None
        keys = set(document.keys())
        if ("instances" in keys) == ("inputs" in keys) or not isinstance(document.get("signature_name", ""), str):
            return None
        found = body.translate(None, REST)
        if found != skeleton(document, len(found)):
            return None
    except (ValueError, RuntimeError, RecursionError, UnicodeDecodeError):
        return None
    return NumberBody(document)


def skeleton(value: Any, most: int) -> bytes:
    """Return what a value leaves of its text, if its arrays are as regular as their first elements promise.

    Raises:
        ValueError: a key stands twice, or that would be longer than `most` bytes.
    """
    if isinstance(value, simdjson.Array):
        if not len(value):
            return b"[]"
        if isinstance(value[0], simdjson.Object):
            return b"[" + b",".join(skeleton(item, most) for item in value) + b"]"
        inner = skeleton(value[0], most)
        if (len(inner) + 1) * len(value) > most:
            raise ValueError("not regular")
        return b"[" + inner + (b"," + inner) * (len(value) - 1) + b"]"
    if isinstance(value, simdjson.Object):
        keys = list(value.keys())
        if len(set(keys)) < len(keys):
            raise ValueError("a key stands twice")
        return b"{" + b",".join(b'"":' + skeleton(value[key], most) for key in keys) + b"}"
    return b'""' if isinstance(value, str) else b""


def read_rows(rows: Any, inputs: dict[str, str]) -> dict[str, NDArray[Any]] | None:
    """Stack rows that are objects with exactly the inputs' names."""
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in inputs}
    for row in rows:
        if not isinstance(row, simdjson.Object) or set(row.keys()) != inputs.keys():
            return None
        for name, dtype in inputs.items():
            columns[name].append(read_array(row[name], dtype))
    return {name: np.stack(parts) for name, parts in columns.items()}


def read_array(value: Any, dtype: str) -> NDArray[Any]:
    """Return a regular array of numbers as one of the wanted type.

    Raises:
        TypeError: it is no array, or holds something else than such numbers.
        ValueError: numbers out of range.
    """
    if not isinstance(value, simdjson.Array):
        raise TypeError("no array")
    shape = []
    inner: Any = value
    while isinstance(inner, simdjson.Array):
        shape.append(len(inner))
        inner = inner[0] if len(inner) else None
    if dtype in FLOATS:
        numbers = np.frombuffer(value.as_buffer(of_type="d"), np.float64)
        with np.errstate(over="ignore"):
            return numbers.astype(FLOATS[dtype]).reshape(shape)
    if dtype not in INTEGERS:
        raise TypeError("no numbers")
    kind, (smallest, largest) = INTEGERS[dtype]
    if dtype == "uint64":
        return np.frombuffer(value.as_buffer(of_type="u"), np.uint64).reshape(shape).copy()
    integers = np.frombuffer(value.as_buffer(of_type="i"), np.int64)
    if integers.size and (integers.min() < smallest or integers.max() > largest):
        raise ValueError("out of range")
    return integers.astype(kind).reshape(shape)
