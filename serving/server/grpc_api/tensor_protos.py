"""Arrays from TensorProto and back, without TensorFlow's python, which takes 30 nanoseconds for each number.

Numbers of fixed width lie in a message's bytes as they lie in memory, so whole arrays are copied, never single numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from serving.server.errors import invalid

MOST_FILLED_BYTES = 100 * 2**20  # of an array made of a few values and a large shape
MOST_DIMENSIONS = 32  # numpy's limit; TensorFlow's is 254
LONGEST_SHIFT = 63  # a number has ten bytes of seven bits at most
LENGTH_DELIMITED = 2  # a wire type of protocol buffers
WIRE_SIZES = {1: 8, 5: 4}  # of the two wire types of fixed width


@dataclass(frozen=True)
class Kind:
    """A type of tensors.

    Attributes:
        field: which of TensorProto's fields holds the values.
        number: of the field on the wire, where it lies as in memory; 0 where its numbers are of variable length.
    """

    number_of_type: int
    array: Any
    field: str
    number: int = 0


KINDS = {
    "float": Kind(1, np.float32, "float_val", 5),
    "double": Kind(2, np.float64, "double_val", 6),
    "int32": Kind(3, np.int32, "int_val"),
    "uint8": Kind(4, np.uint8, "int_val"),
    "int16": Kind(5, np.int16, "int_val"),
    "int8": Kind(6, np.int8, "int_val"),
    "string": Kind(7, object, "string_val"),
    "complex64": Kind(8, np.complex64, "scomplex_val", 9),
    "int64": Kind(9, np.int64, "int64_val"),
    "bool": Kind(10, np.bool_, "bool_val", 11),
    "bfloat16": Kind(14, ml_dtypes.bfloat16, "half_val"),
    "uint16": Kind(17, np.uint16, "int_val"),
    "complex128": Kind(18, np.complex128, "dcomplex_val", 12),
    "half": Kind(19, np.float16, "half_val"),
    "uint32": Kind(22, np.uint32, "uint32_val"),
    "uint64": Kind(23, np.uint64, "uint64_val"),
}
NAMES = {kind.number_of_type: name for name, kind in KINDS.items()}
NAMES_OF_ARRAYS = {np.dtype(kind.array): name for name, kind in KINDS.items()}


def read_tensor(tensor: Any) -> tuple[str, NDArray[Any]]:
    """Return the type's name, such as `float`, and the array of a TensorProto.

    Missing values repeat the last one given, or are zero, and surplus ones are dropped, as in TensorFlow.

    Raises:
        RequestError: it is no tensor, or of a type that no client can send.
    """
    name = NAMES.get(tensor.dtype)
    if name is None:
        raise invalid(f"Tensors of type number {tensor.dtype} cannot be sent.")
    kind = KINDS[name]
    shape, count = read_shape(tensor.tensor_shape)
    if tensor.tensor_content:
        values = read_content(tensor.tensor_content, kind, count)
    else:
        values = fill(read_field(tensor, kind), kind, count)
    try:
        return name, values.reshape(shape)
    except ValueError as error:
        raise invalid(f"no array has the shape {list(shape)}: {error}") from None


def read_shape(shape: Any) -> tuple[tuple[int, ...], int]:
    """Return the sizes of a TensorShapeProto and their product."""
    sizes = tuple(dimension.size for dimension in shape.dim)
    if shape.unknown_rank or any(size < 0 for size in sizes):
        raise invalid("the shape is not fully known")
    if len(sizes) > MOST_DIMENSIONS:
        raise invalid(f"the shape must be at most rank {MOST_DIMENSIONS} but is rank {len(sizes)}")
    count = 1
    for size in sizes:
        count *= size
    return sizes, count


def read_content(content: bytes, kind: Kind, count: int) -> NDArray[Any]:
    """Return the values of `tensor_content`: the array's memory, or, for strings, all lengths and then all bytes."""
    if kind.array is object:
        return read_strings(content, count)
    size = np.dtype(kind.array).itemsize
    if len(content) != count * size:
        raise invalid(f"tensor_content has {len(content)} bytes, but the shape and the type need {count * size}")
    return np.frombuffer(content, kind.array)


def read_strings(content: bytes, count: int) -> NDArray[Any]:
    wrong = invalid(f"tensor_content does not hold {count} strings")
    lengths, at = [], 0
    if count > len(content):
        raise wrong
    for _ in range(count):
        length, at = read_varint(content, at)
        lengths.append(length)
    if at + sum(lengths) != len(content):
        raise wrong
    values = np.empty(count, object)
    for number, length in enumerate(lengths):
        values[number] = content[at : at + length]
        at += length
    return values


def read_field(tensor: Any, kind: Kind) -> NDArray[Any]:
    """Return the values that stand in the type's own field."""
    field = getattr(tensor, kind.field)
    if kind.number:
        chunks = [chunk for number, chunk in wire_fields(tensor.SerializeToString()) if number == kind.number]
        packed = chunks[0] if chunks else memoryview(b"")
        whole = len(packed) - len(packed) % np.dtype(kind.array).itemsize  # half a complex number counts as none
        return np.frombuffer(packed[:whole], kind.array)
    if kind.field == "string_val":
        values = np.empty(len(field), object)
        values[:] = list(field)
        return values
    if kind.field == "half_val":
        return np.fromiter(field, np.int32, len(field)).astype(np.uint16).view(kind.array)
    if kind.field == "int_val":  # holds the smaller types, too; what does not fit wraps around
        return np.fromiter(field, np.int32, len(field)).astype(kind.array, copy=False)
    return np.fromiter(field, kind.array, len(field))


def wire_fields(message: bytes) -> Iterator[tuple[int, memoryview]]:
    """Go through a serialized message's fields of any length: each one's number and bytes."""
    at, view = 0, memoryview(message)
    while at < len(message):
        tag, at = read_varint(message, at)
        wire_type = tag & 7
        if wire_type == LENGTH_DELIMITED:
            length, at = read_varint(message, at)
            yield tag >> 3, view[at : at + length]
            at += length
        elif wire_type in WIRE_SIZES:
            at += WIRE_SIZES[wire_type]
        else:
            _, at = read_varint(message, at)


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number of variable length that begins at `at`, and where it ends."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > LONGEST_SHIFT:
            raise invalid("tensor_content holds a number of more than 64 bits")
    raise invalid("tensor_content ends too early")


def fill(values: NDArray[Any], kind: Kind, count: int) -> NDArray[Any]:
    """Repeat the last value, or zero, until there are `count`."""
    if len(values) >= count:
        return values[:count]
    size = np.dtype(kind.array).itemsize
    if count * size > MOST_FILLED_BYTES:
        raise invalid(f"the shape needs {count} values, but {len(values)} are given")
    missing: Any = b"" if kind.array is object else 0
    filled = np.full(count, values[-1] if len(values) else missing, kind.array)
    filled[: len(values)] = values
    return filled


def write_tensor(tensor: Any, array: NDArray[Any], name: str, content: bool) -> None:
    """Put an array into an empty TensorProto.

    Args:
        name: the type's name, such as `float`.
        content: write the array's memory as `tensor_content` instead of the type's own field.

    Raises:
        RequestError: there is no such type in messages.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise invalid(f"Tensors of type {name} cannot be sent.")
    tensor.dtype = kind.number_of_type
    add_dimension = tensor.tensor_shape.dim.add
    for size in array.shape:
        add_dimension(size=size)
    if kind.array is object:
        strings = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel()]
        if content:
            tensor.tensor_content = b"".join([*(varint(len(item)) for item in strings), *strings])
        else:
            tensor.string_val.extend(strings)
        return
    flat = np.ascontiguousarray(array, kind.array).ravel()
    if content:
        tensor.tensor_content = flat.tobytes()
    elif kind.number:
        tensor.MergeFromString(varint(kind.number << 3 | LENGTH_DELIMITED) + varint(flat.nbytes) + flat.tobytes())
    else:
        values = flat.view(np.uint16) if kind.field == "half_val" else flat
        getattr(tensor, kind.field).extend(values.tolist())


def type_of(array: NDArray[Any]) -> str:
    """Return the type's name of an array, such as `float`."""
    return "string" if array.dtype.kind in "OSU" else NAMES_OF_ARRAYS[array.dtype]


def varint(value: int) -> bytes:
    """Return a number in variable length."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
