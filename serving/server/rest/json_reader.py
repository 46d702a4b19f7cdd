"""Predict requests from JSON, in TensorFlow Serving's row and columnar formats."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.server.errors import RequestError, invalid
from serving.server.rest import number_bodies
from serving.server.rest.json_parser import parse
from serving.server.rest.number_bodies import LARGE
from serving.server.rest.tensors import IrregularError, check_tensor, echo, is_base64, regular_tensor, to_tensor
from serving.signatures import DEFAULT_SIGNATURE

Inputs = dict[str, str]  # input name -> type name, such as `float`


def read_predict(body: bytes, inputs_of: Callable[[str], Inputs]) -> tuple[str, dict[str, NDArray[Any]], bool]:
    """Return signature name, arrays by input name, and whether the request is in row format.

    Args:
        body: the request's JSON.
        inputs_of: looks up model and signature and returns its inputs; called after the syntax is known to be right and
            before the values are looked at, which is the order TensorFlow Serving reports errors in.
    """
    if len(body) >= LARGE and (numbers := number_bodies.parse(body)) is not None:
        signature, rows = numbers.signature or DEFAULT_SIGNATURE, numbers.rows
        inputs = inputs_of(signature)
        arrays = numbers.arrays(inputs)
        numbers.forget()
        if arrays:
            return signature, arrays, rows
        return read_values(parse(body), lambda _: inputs)
    return read_values(parse(body), inputs_of)


def read_values(request: Any, inputs_of: Callable[[str], Inputs]) -> tuple[str, dict[str, NDArray[Any]], bool]:
    """Read a request whose JSON was read."""
    if not isinstance(request, dict):
        raise invalid(f"JSON Value: {echo(request)} Is not object")
    signature = request.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid(
            f"JSON Value: {echo(request)} not formatted correctly. 'signature_name' key must be a string value."
        )
    inputs = inputs_of(signature or DEFAULT_SIGNATURE)
    if not inputs:
        raise invalid(f"Failed to get input map for signature: {signature or 'DEFAULT'}")
    signature = signature or DEFAULT_SIGNATURE
    if "instances" in request and "inputs" in request:
        raise invalid(
            f"JSON Value: {echo(request)} Not formatted correctly expecting only one of "
            "'inputs' or 'instances' keys to exist "
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


def read_rows(instances: list[Any], inputs: Inputs) -> dict[str, NDArray[Any]]:
    """Convert row format: one element an instance, a batch dimension is put in front."""
    if len(inputs) == 1 and (strings := read_base64_rows(instances, inputs)) is not None:
        return strings
    if not isinstance(instances[0], dict) and len(inputs) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required "
            "as per tensorinfo_map"
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


def read_base64_rows(instances: list[Any], inputs: Inputs) -> dict[str, NDArray[Any]] | None:
    """Read rows of encoded bytes and nothing else, the usual images, at a third of the general way's cost."""
    ((name, dtype),) = inputs.items()
    if dtype != "string":
        return None
    array = np.empty(len(instances), object)
    try:
        array[:] = [base64.b64decode(row["b64"], validate=True) for row in instances]
        return {name: array} if set(map(len, instances)) == {1} else None
    except (TypeError, KeyError, ValueError):
        return None


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
                    f"Failed to process element: {number}{key} of 'instances' list. "
                    f"Error: {error.code}: {error.message}"
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


def read_columns(value: Any, inputs: Inputs) -> dict[str, NDArray[Any]]:
    """Convert columnar format: values are passed with exactly their own shape; unknown names are ignored."""
    if not is_named(value):
        if len(inputs) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required "
                "as per tensorinfo_map"
            )
        name, dtype = next(iter(inputs.items()))
        return {name: to_tensor(value, dtype)}
    arrays = {}
    for name, dtype in inputs.items():
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = to_tensor(value[name], dtype)
    return arrays
