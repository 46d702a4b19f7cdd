"""Predict requests from JSON and responses to JSON, in TensorFlow Serving's row and columnar formats."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from serving.server.errors import RequestError, invalid
from serving.server.rest.json_parser import parse
from serving.server.rest.tensors import IrregularError, check_tensor, echo, is_base64, regular_tensor, to_tensor

Inputs = dict[str, str]  # input name -> type name, such as `float`
DEFAULT_SIGNATURE = "serving_default"
UNWRITABLE = {"half", "bfloat16", "uint16", "complex64", "complex128"}


def read_predict(body: bytes, inputs_of: Callable[[str], Inputs]) -> tuple[str, dict[str, np.ndarray], bool]:
    """Return signature name, arrays by input name, and whether the request is in row format.

    Args:
        body: the request's JSON.
        inputs_of: looks up model and signature and returns its inputs; called after the syntax is known to be right and
            before the values are looked at, which is the order TensorFlow Serving reports errors in.
    """
    request = parse(body)
    if not isinstance(request, dict):
        raise invalid(f"JSON Value: {echo(request)} Is not object")
    signature = request.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid(
            f"JSON Value: {echo(request)} not formatted correctly. 'signature_name' key must be a string value."
        )
    signature = signature or DEFAULT_SIGNATURE
    inputs = inputs_of(signature)
    if not inputs:
        raise invalid(f"Failed to get input map for signature: {signature}")
    if "instances" in request and "inputs" in request:
        raise invalid(
            f"JSON Value: {echo(request)} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in request:
        instances = request["instances"]
        if not isinstance(instances, list):
            raise invalid(f"JSON Value: {echo(request)} Expecting 'instances' to be an list/array")
        if not instances:
            raise invalid(f"JSON Value: {echo(request)} No values in 'instances' array")
        return signature, read_rows(instances, inputs), True
    if "inputs" in request:
        return signature, read_columns(request["inputs"], inputs), False
    raise invalid("Missing 'inputs' or 'instances' key")


def read_rows(instances: list[Any], inputs: Inputs) -> dict[str, np.ndarray]:
    """Convert row format: one element an instance, a batch dimension is put in front."""
    if not isinstance(instances[0], dict) and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map"
        )
    try:
        if is_named(instances[0]):
            if not all(is_named(row) and row.keys() == inputs.keys() for row in instances):
                raise IrregularError
            return {name: regular_tensor([row[name] for row in instances], dtype) for name, dtype in inputs.items()}
        if not set(map(type, instances)).isdisjoint((dict,)) and any(map(is_named, instances)):
            raise IrregularError
        name, dtype = next(iter(inputs.items()))
        return {name: regular_tensor(instances, dtype)}
    except (IrregularError, RequestError) as error:
        check_rows(instances, inputs)
        raise invalid(str(error) or "instances are no tensor") from None


def is_named(value: Any) -> bool:
    """Say whether an instance names its inputs; `{"b64": ...}` is a value."""
    return isinstance(value, dict) and not is_base64(value)


def check_rows(instances: list[Any], inputs: Inputs) -> None:
    """Go through the instances in order and raise what is wrong first."""
    named = is_named(instances[0])
    seen: dict[str, tuple[int, list[int]]] = {}
    for number, row in enumerate(instances):
        if named and not is_named(row):
            raise invalid(f"Expecting object but got list at item {number} of input list")
        if not named and is_named(row):
            raise invalid(f"Expecting value/list but got object at item {number} of input list")
        items = row.items() if named else [(next(iter(inputs)), row)]
        for name, value in items:
            try:
                check_row(name, value, inputs, seen)
            except RequestError as error:
                key = f" key: {name}" if named else ""
                raise invalid(
                    f"Failed to process element: {number}{key} of 'instances' list. Error: {error.code}: {error.message}"
                ) from None
        if named and row.keys() != inputs.keys():
            raise invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {echo(row)}"
                f" keys must be equal to: {','.join(sorted(inputs))}"
            )


def check_row(name: str, value: Any, inputs: Inputs, seen: dict[str, tuple[int, list[int]]]) -> None:
    """Check one input of one instance against its type and against the earlier instances' shape."""
    if name not in inputs:
        raise invalid(f"JSON object: does not have named input: {name}")
    size, shape = check_tensor(value, inputs[name])
    first_size, first_shape = seen.setdefault(name, (size, shape))
    if size != first_size:
        raise invalid(f"Expecting tensor size: {first_size} but got: {size}")
    if shape != first_shape:
        raise invalid(f"Expecting shape {shape_text(first_shape)} but got: {shape_text(shape)}")


def shape_text(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def read_columns(value: Any, inputs: Inputs) -> dict[str, np.ndarray]:
    """Convert columnar format: values are passed with exactly their own shape; unknown names are ignored."""
    if not is_named(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map"
            )
        name, dtype = next(iter(inputs.items()))
        return {name: to_tensor(value, dtype)}
    arrays = {}
    for name, dtype in inputs.items():
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = to_tensor(value[name], dtype)
    return arrays


def write_predict(outputs: dict[str, np.ndarray], dtypes: dict[str, str], rows: bool) -> bytes:
    """Return the response: `predictions` with one element a row, or `outputs` with any shapes."""
    for name in outputs:
        if dtypes[name] in UNWRITABLE:
            raise invalid(f"Failed to write JSON value for tensor type: {dtypes[name]}")
    if rows:
        return document("predictions", write_rows(outputs))
    texts = {name: write_array(array, name)[0] for name, array in outputs.items()}
    if len(texts) == 1:
        return document("outputs", next(iter(texts.values())))
    return document("outputs", "{\n" + ",\n".join(f"{quote(name)}: {text}" for name, text in texts.items()) + "\n}")


def document(key: str, text: str) -> bytes:
    return f'{{\n    "{key}": {text}\n}}\n'.encode("utf-8", "surrogateescape")


def write_rows(outputs: dict[str, np.ndarray]) -> str:
    """Return the list of rows; every output must have the batch as its first dimension."""
    batch = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if batch not in (-1, len(array)):
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {batch}")
        batch = len(array)
    columns = [write_array(array, name, keep=1) for name, array in outputs.items()]
    if len(columns) == 1:
        return "[" + ", ".join(columns[0]) + "]"
    names = [quote(name) for name in outputs]
    rows = (
        "{" + ", ".join(f"{name}: {text}" for name, text in zip(names, row, strict=True)) + "}"
        for row in zip(*columns, strict=True)
    )
    return "[\n" + ",\n".join(rows) + "\n]"


def write_array(array: np.ndarray, name: str, keep: int = 0) -> list[str]:
    """Return the JSON texts of an array's sub-arrays below its first `keep` dimensions."""
    texts = write_scalars(array.ravel(), name)
    for axis in reversed(range(keep, array.ndim)):
        size = array.shape[axis]
        count = int(np.prod(array.shape[:axis], dtype=np.int64))
        texts = ["[" + ", ".join(texts[start * size : (start + 1) * size]) + "]" for start in range(count)]
    return texts


def write_scalars(values: np.ndarray, name: str) -> list[str]:
    """Return the JSON text of each value of a flat array."""
    if values.dtype == object:
        as_base64 = name.endswith("_bytes")
        items = [item if isinstance(item, bytes) else str(item).encode() for item in values]
        if as_base64:
            return [f'{{"b64": "{base64.b64encode(item).decode()}"}}' for item in items]
        return [quote(item.decode("utf-8", "surrogateescape")) for item in items]
    if values.dtype == np.bool_:
        return ["true" if value else "false" for value in values]
    if values.dtype.kind == "f":
        return write_floats(values)
    return list(map(str, values.tolist()))


def quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def write_floats(values: np.ndarray) -> list[str]:
    """Return floats with six digits where that is exact and with 9 (float) or 17 (double) where it is not."""
    if not values.size:
        return []
    numbers = values.tolist()
    texts = ("%.6g\n" * len(numbers) % tuple(numbers)).split()
    inexact = np.array(texts, dtype="S").astype(values.dtype) != values
    digits = 9 if values.dtype == np.float32 else 17
    for index in np.flatnonzero(inexact):
        texts[index] = f"{numbers[index]:.{digits}g}"
    for index in np.flatnonzero(~np.isfinite(values)):
        texts[index] = "NaN" if np.isnan(values[index]) else "Infinity" if values[index] > 0 else "-Infinity"
    return [text if "." in text or "e" in text or text[-1] in "Ny" else text + ".0" for text in texts]


def write_error(message: str) -> bytes:
    """Return the body of an error."""
    return document("error", quote(message))
