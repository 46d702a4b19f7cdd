"""Requests and answers of the gRPC API as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from serving.client.request import Example, Request, ServedModel
from serving.client.tensors import NAMES, TYPES, from_message, to_array, to_message, to_values
from serving.protos import new, read

MESSAGES = {"classify": "ClassificationRequest", "regress": "RegressionRequest"}

Inputs = Mapping[str, Any]  # name -> type and shape, as `metadata` tells them


def encode_request(request: Request, types: Inputs) -> Any:
    """Return a request as a message.

    Args:
        types: of the signature's inputs, which `predict` needs; one that is not among them is the server's to refuse.
    """
    model = model_spec(request.model, request.signature)
    if request.kind != "predict":
        examples = encode_examples(request.examples, request.context)
        return new(MESSAGES[request.kind], model_spec=model, input=examples)
    message = new("PredictRequest", model_spec=model)
    for key, value in columns_of(request, list(types)).items():
        kind = types[key]["dtype"] if key in types else guess_type(value)
        message.inputs[key].CopyFrom(to_message(to_array(value, kind), kind))
    return message


def decode_answer(request: Request, response: Any) -> Any:
    """Return what an answer says, in the values that REST has for it."""
    if request.kind == "regress":
        return [item.value for item in response.result.regressions]
    if request.kind == "classify":
        return [[(item.label, item.score) for item in row.classes] for row in response.result.classifications]
    values = {key: to_values(array, key) for key, array in decode_arrays(response).items()}
    if len(values) == 1:
        return next(iter(values.values()))
    if request.instances is None:
        return values
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]


def decode_arrays(response: Any) -> dict[str, NDArray[Any]]:
    """Return the outputs of a PredictResponse."""
    return {key: from_message(response.outputs[key]) for key in sorted(response.outputs)}


def decode_signatures(response: Any) -> dict[str, Any]:
    """Return the signatures of a GetModelMetadataResponse as REST writes them."""
    signatures = read("SignatureDefMap", response.metadata["signature_def"].value).signature_def
    return {
        key: {
            "inputs": {item: describe_tensor(info) for item, info in sorted(signature.inputs.items())},
            "outputs": {item: describe_tensor(info) for item, info in sorted(signature.outputs.items())},
            "method_name": signature.method_name,
        }
        for key, signature in sorted(signatures.items())
    }


def describe_tensor(info: Any) -> dict[str, Any]:
    """Return a TensorInfo as REST writes it."""
    dims = [{"size": str(dim.size), "name": dim.name} for dim in info.tensor_shape.dim]
    return {
        "dtype": NAMES.get(info.dtype, str(info.dtype)),
        "tensor_shape": {"dim": dims, "unknown_rank": info.tensor_shape.unknown_rank},
        "name": info.name,
    }


def model_spec(model: ServedModel, signature: str = "") -> Any:
    """Return a ModelSpec message."""
    message = new("ModelSpec", name=model.name, signature_name=signature)
    if model.version is not None:
        message.version.value = model.version
    elif model.label:
        message.version_label = model.label
    return message


def columns_of(request: Request, names: list[str]) -> dict[str, Any]:
    """Return whole arrays by input name; the only input of a signature may stand without its name."""
    only = names[0] if len(names) == 1 else "inputs"
    if request.instances is None:
        return dict(request.inputs) if is_named(request.inputs) else {only: request.inputs}
    if isinstance(request.instances, np.ndarray):
        return {only: request.instances}
    rows = list(request.instances)
    if not rows or not is_named(rows[0]):
        return {only: stack(rows)}
    if any(set(row) != set(rows[0]) for row in rows):
        raise UserError("Every element of `instances` must have the same names.", "Client.predict")
    return {key: stack([row[key] for row in rows]) for key in rows[0]}


def is_named(value: Any) -> bool:
    """Say whether values stand under their inputs' names; bytes in base64 are a single value."""
    return isinstance(value, Mapping) and set(value) != {"b64"}


def stack(values: list[Any]) -> Any:
    """Put arrays on top of each other; other values stay a list."""
    return np.stack(values) if values and all(isinstance(value, np.ndarray) for value in values) else values


def guess_type(value: Any) -> str:
    """Return the type of an input that the signature does not tell."""
    kind = np.asarray(value).dtype
    return next((name for name, (_, numpy_name, _) in TYPES.items() if numpy_name == str(kind)), "DT_STRING")


def encode_examples(examples: Sequence[Example], context: Mapping[str, Any] | None) -> Any:
    """Return tf.Examples as an Input message."""
    message = new("Input")
    encoded = [example if isinstance(example, bytes) else encode_example(example) for example in examples]
    if context:
        message.example_list_with_context.examples.extend(encoded)
        message.example_list_with_context.context = encode_example(context)
    else:
        message.example_list.SetInParent()  # even if it is empty, so that the server says that
        message.example_list.examples.extend(encoded)
    return message


def encode_example(features: Mapping[str, Any]) -> bytes:
    """Return features as a serialized tf.Example: texts and bytes, integers and bools, or else floats."""
    message = new("Example")
    for key, value in features.items():
        values = value.tolist() if hasattr(value, "tolist") else value
        values = list(values) if isinstance(values, list | tuple) else [values]
        feature = message.features.feature[key]
        if all(isinstance(item, str | bytes) for item in values):
            feature.bytes_list.value.extend(item.encode() if isinstance(item, str) else item for item in values)
        elif all(isinstance(item, bool | int) for item in values):
            feature.int64_list.value.extend(int(item) for item in values)
        else:
            feature.float_list.value.extend(values)
    serialized: bytes = message.SerializeToString(deterministic=True)
    return serialized
