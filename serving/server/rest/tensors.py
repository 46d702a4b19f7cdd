"""Tensors from JSON values: numpy arrays of exactly the type a signature declares, nothing converted silently."""

from __future__ import annotations

import base64
import binascii
import json
import string
from itertools import chain
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from serving.server.errors import RequestError, invalid

ECHO = 256  # of a wrong value, so many characters are shown to the client
LINES = json.JSONEncoder(ensure_ascii=False, indent=4)  # as TensorFlow Serving writes values into its messages
MOST_DIMENSIONS = 32  # numpy's limit; TensorFlow's is 254
INT32 = (-(2**31), 2**31 - 1)

# type name -> numpy type and, for integers, the range of tokens accepted. TensorFlow Serving does not check the smaller
# types' own range, so values wrap around in them.
INTEGERS: dict[str, tuple[Any, tuple[int, int]]] = {
    "int8": (np.int8, INT32),
    "int16": (np.int16, INT32),
    "int32": (np.int32, INT32),
    "uint8": (np.uint8, INT32),
    "int64": (np.int64, (-(2**63), 2**63 - 1)),
    "uint32": (np.uint32, (0, 2**32 - 1)),
    "uint64": (np.uint64, (0, 2**64 - 1)),
}
FLOATS = {"float": np.float32, "double": np.float64}
NUMPY_TYPES: dict[str, Any] = {
    **{name: item[0] for name, item in INTEGERS.items()},
    **FLOATS,
    "bool": np.bool_,
    "string": object,
}


# no JSON value is converted to these, but a list without values can be of any type
UNSENDABLE: dict[str, Any] = {
    "half": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "uint16": np.uint16,
    "complex64": np.complex64,
    "complex128": np.complex128,
}


class IrregularError(Exception):
    """A value that is no tensor of the wanted type; `check_tensor` finds out why."""


def to_tensor(value: Any, dtype: str) -> NDArray[Any]:
    """Return a JSON value as an array of type `dtype` (`float`, `int64`, `string` ...), with exactly the value's shape.

    Raises:
        RequestError: the value is ragged or of another type.
    """
    try:
        return regular_tensor(value, dtype)
    except IrregularError:
        check_tensor(value, dtype)
        raise invalid(f"JSON Value: {echo(value)} is no tensor of type: {dtype}") from None


def regular_tensor(value: Any, dtype: str) -> NDArray[Any]:
    """Convert level by level, at C speed: each level must be all lists of one length, or all scalars."""
    shape: list[int] = []
    level = [value]
    kinds = {type(value)}
    while kinds == {list}:
        sizes = set(map(len, level))
        if len(sizes) > 1:
            raise IrregularError
        shape.append(sizes.pop())
        level = list(chain.from_iterable(level))
        kinds = set(map(type, level))
    if list in kinds:
        raise IrregularError
    if len(shape) > MOST_DIMENSIONS:
        raise invalid(f"Shape must be at most rank {MOST_DIMENSIONS} but is rank {len(shape)}")
    if not level:
        return np.empty(shape, NUMPY_TYPES.get(dtype) or UNSENDABLE.get(dtype, np.float32))
    return convert_scalars(level, kinds, dtype).reshape(shape)


def convert_scalars(scalars: list[Any], kinds: set[type], dtype: str) -> NDArray[Any]:
    """Convert a flat list; `kinds` are the python types in it, and `bool` is not an `int` here."""
    if dtype in FLOATS and kinds <= {int, float}:
        with np.errstate(over="ignore"):  # doubles beyond float32 become infinite, as in TensorFlow Serving
            return np.array(scalars, np.float64).astype(FLOATS[dtype], copy=False)
    if dtype in INTEGERS and kinds == {int}:
        kind, (smallest, largest) = INTEGERS[dtype]
        if smallest <= min(scalars) and max(scalars) <= largest:
            return np.array(scalars, np.uint64 if dtype == "uint64" else np.int64).astype(kind, copy=False)
    if dtype == "bool" and kinds == {bool}:
        return np.array(scalars, np.bool_)
    if dtype == "string" and kinds <= {str, dict}:
        array = np.empty(len(scalars), object)
        array[:] = [
            item.encode("utf-8", "surrogateescape") if type(item) is str else decode_base64(item) for item in scalars
        ]
        return array
    raise IrregularError


def is_base64(value: Any) -> bool:
    """Say whether a value is `{"b64": "..."}`: that single key with a string."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: Any) -> bytes:
    """Return the bytes of a `{"b64": "..."}` object; padding may be missing, the web-safe alphabet is refused."""
    if not is_base64(value):
        raise invalid(f"JSON Value: {echo(value)} not formatted correctly for base64 data")
    text = value["b64"]
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        pass
    compact = text.translate({ord(space): None for space in string.whitespace})
    bare = compact.rstrip("=")
    try:
        if len(compact) - len(bare) not in (0, -len(bare) % 4):
            raise ValueError("wrong padding")
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise invalid("Unable to base64 decode") from None


def check_tensor(value: Any, dtype: str) -> tuple[int, list[int]]:
    """Go through a value in the order of its text and raise what is wrong with it first.

    Returns:
        Number of elements and shape, the shape being read off the first elements.
    """
    shape: list[int] = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    count, todo = 0, [(value, 0)]
    while todo:
        item, level = todo.pop()
        if not isinstance(item, list):
            if level != len(shape):
                raise invalid(
                    f"JSON Value: {echo(item)} found at incorrect level: {level + 1} in the JSON DOM. "
                    f"Expected at level: {len(shape)}"
                )
            check_scalar(item, dtype)
            count += 1
            continue
        if level >= len(shape):
            raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(item) != shape[level]:
            raise invalid(
                f"Encountered list at unexpected size: {len(item)} at level: {level} expected size: {shape[level]}"
            )
        todo.extend((child, level + 1) for child in reversed(item))
    return count, shape


def check_scalar(value: Any, dtype: str) -> None:
    """Refuse a scalar that is not of type `dtype`."""
    if isinstance(value, dict):
        if dtype != "string":
            raise type_error(value, dtype)
        decode_base64(value)
        return
    if dtype not in NUMPY_TYPES:
        raise RequestError("UNIMPLEMENTED", f"Conversion of JSON Value: {echo(value)} to type: {dtype}")
    if not fits(value, dtype):
        raise type_error(value, dtype)


def fits(value: Any, dtype: str) -> bool:
    """Say whether a scalar is of type `dtype`, as `convert_scalars` would find; `bool` is not an `int` here."""
    kind = type(value)
    if dtype in FLOATS:
        return kind is int or kind is float
    if dtype in INTEGERS:
        smallest, largest = INTEGERS[dtype][1]
        return kind is int and smallest <= value <= largest
    return kind is (bool if dtype == "bool" else str)


def type_error(value: Any, dtype: str) -> RequestError:
    """Make the error of a value of the wrong type."""
    return invalid(f"JSON Value: {echo(value)} Type: {json_type(value)} is not of expected type: {dtype}")


def json_type(value: Any) -> str:
    """Name a value's JSON type as RapidJSON does."""
    if isinstance(value, bool):
        return "True" if value else "False"
    names = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number"}
    return names.get(type(value), "Null")


def echo(value: Any) -> str:
    """Return a value as JSON text over several lines, cut short; of a large one no more is written than is shown."""
    text = ""
    for part in LINES.iterencode(value):
        text += part
        if len(text) > ECHO:
            return text[:ECHO] + "..."
    return text
