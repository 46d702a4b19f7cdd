"""Tensors of the gRPC API: numpy arrays as messages and back, and the JSON values that REST has for them."""

from __future__ import annotations

import base64
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from serving.protos import new

# of tensorflow/core/framework/types.proto: number, numpy's type, the message's field of typed values
TYPES: dict[str, tuple[int, str, str]] = {
    "DT_FLOAT": (1, "float32", "float_val"),
    "DT_DOUBLE": (2, "float64", "double_val"),
    "DT_INT32": (3, "int32", "int_val"),
    "DT_UINT8": (4, "uint8", "int_val"),
    "DT_INT16": (5, "int16", "int_val"),
    "DT_INT8": (6, "int8", "int_val"),
    "DT_STRING": (7, "object", "string_val"),
    "DT_COMPLEX64": (8, "complex64", "scomplex_val"),
    "DT_INT64": (9, "int64", "int64_val"),
    "DT_BOOL": (10, "bool", "bool_val"),
    "DT_BFLOAT16": (14, "bfloat16", "half_val"),
    "DT_UINT16": (17, "uint16", "int_val"),
    "DT_COMPLEX128": (18, "complex128", "dcomplex_val"),
    "DT_HALF": (19, "float16", "half_val"),
    "DT_UINT32": (22, "uint32", "uint32_val"),
    "DT_UINT64": (23, "uint64", "uint64_val"),
}
UNREADABLE = {
    0: "DT_INVALID",
    11: "DT_QINT8",
    12: "DT_QUINT8",
    13: "DT_QINT32",
    15: "DT_QINT16",
    16: "DT_QUINT16",
    20: "DT_RESOURCE",
    21: "DT_VARIANT",
}
NAMES = {**UNREADABLE, **{number: name for name, (number, _, _) in TYPES.items()}}


def numpy_type(name: str) -> np.dtype[Any]:
    """Return numpy's type for TensorFlow's, such as `DT_FLOAT`.

    Raises:
        UserError: there is none.
    """
    if name == "DT_BFLOAT16":
        return np.dtype(ml_dtypes.bfloat16)
    if name not in TYPES:
        raise UserError(f"Tensors of type {name} cannot be sent or read.", "client", "Use another signature.")
    return np.dtype(TYPES[name][1])


def to_array(value: Any, name: str) -> NDArray[Any]:
    """Return nested lists, numbers, texts, bytes or an array as an array of a signature's type.

    Strings become `bytes` objects.

    Raises:
        UserError: the value is ragged, or of another kind.
    """
    kind = numpy_type(name)
    if kind.kind == "O":
        return string_array(value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise ragged() from None
    numeric = array.size == 0 or array.dtype.kind in ("b" if kind.kind == "b" else "biufcV")
    if not numeric or (array.size and kind.kind in "iu" and array.dtype.kind not in "iu"):
        raise UserError(f"A {array.dtype} is no {name}.", "client", "`metadata` tells the types of a signature.")
    return array.astype(kind, copy=False)


def ragged() -> UserError:
    return UserError(
        "The lists have different lengths, so they are no array.", "client", "Send them in several requests."
    )


def string_array(value: Any) -> NDArray[Any]:
    """Return an array of `bytes` objects."""
    if isinstance(value, dict):
        return np.array(base64.b64decode(value["b64"]), object)
    if isinstance(value, str | bytes):
        array = np.empty((), object)
        array[()] = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        return array
    if not isinstance(value, list | tuple | np.ndarray):
        raise UserError(f"A {type(value).__name__} is no DT_STRING.", "client", "Send texts or bytes.")
    if len(value) == 0:
        return np.empty(np.shape(value), object)
    try:
        return np.stack([string_array(item) for item in value])
    except ValueError:
        raise ragged() from None


def to_message(array: NDArray[Any], name: str) -> Any:
    """Return an array as a Tensor message."""
    message = new("Tensor", dtype=TYPES[name][0])
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if array.dtype.kind == "O":
        message.string_val.extend(array.ravel().tolist())
    else:
        message.tensor_content = array.tobytes()
    return message


def from_message(message: Any) -> NDArray[Any]:
    """Return a Tensor message as an array.

    A last value that stands for all that follow is repeated, as TensorFlow does.
    """
    name = NAMES.get(message.dtype, f"number {message.dtype}")
    kind, shape = numpy_type(name), tuple(dim.size for dim in message.tensor_shape.dim)
    if message.tensor_content:
        return np.frombuffer(message.tensor_content, kind).reshape(shape)
    values = getattr(message, TYPES[name][2])
    if TYPES[name][2] == "half_val":
        flat = np.array(values, np.uint16).view(kind)
    elif kind.kind == "c":
        flat = np.array(values, np.float32 if kind.itemsize == 8 else np.float64).view(kind)
    elif kind.kind == "O":
        flat = np.empty(len(values), object)
        flat[:] = list(values)
    else:
        flat = np.array(values, kind)
    count = int(np.prod(shape))
    if len(flat) < count:
        rest = flat[-1:] if len(flat) else np.array([b"" if kind.kind == "O" else 0], kind)
        flat = np.concatenate([flat, np.repeat(rest, count - len(flat))])
    return flat.reshape(shape)


def from_json(value: Any, name: str) -> NDArray[Any]:
    """Return what REST answers as an array of an output's type."""
    return string_array(value) if name == "DT_STRING" else np.array(value, numpy_type(name))


def to_values(array: NDArray[Any], output: str) -> Any:
    """Return an array as REST would write it: nested lists, and base64 objects for an output called `..._bytes`."""
    if array.dtype.kind != "O":
        return array.tolist()
    if array.ndim:
        return [to_values(np.asarray(item, object), output) for item in array]
    content: bytes = array.item()
    if output.endswith("_bytes"):
        return {"b64": base64.b64encode(content).decode("ascii")}
    return content.decode("utf-8", "surrogateescape")
