"""Classify, regress and multi-inference: signatures that take serialized tf.Examples, whatever API asks for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np

from serving.server.core import Core
from serving.server.errors import RequestError, invalid
from serving.server.example_results import CLASSIFY, REGRESS, Classes
from serving.server.execution import Arrays
from serving.server.metrics import SERVING
from serving.server.models.saved_model import Signature
from serving.server.models.versions import ServableHandle

INPUTS, CLASSES, SCORES, OUTPUTS = "inputs", "classes", "scores", "outputs"


def classify(
    core: Core, handle: ServableHandle, signature: str, examples: Sequence[bytes], deadline: float
) -> list[Classes]:
    """Return labels and scores of each example, in the model's own order.

    Args:
        handle: the version to ask; stays handle.
        examples: serialized tf.Examples.
        deadline: on `time.monotonic()`.

    Returns:
        Of each example its classes; a label is empty and a score 0 where the signature has none.

    Raises:
        RequestError: there is no such signature, it is none to classify with, or its answer is of another form.
    """
    check_classify(core, handle, signature)
    return read_classes(ask(core, handle, signature, examples, deadline, "Classify"), len(examples))


def regress(
    core: Core, handle: ServableHandle, signature: str, examples: Sequence[bytes], deadline: float
) -> list[float]:
    """Return one number for each example; arguments and errors as of `classify`."""
    check_regress(core, handle, signature)
    return read_numbers(ask(core, handle, signature, examples, deadline, "Regress"), len(examples))


def multi_inference(
    core: Core, handle: ServableHandle, tasks: Sequence[tuple[str, str]], examples: Sequence[bytes], deadline: float
) -> list[list[Classes] | list[float]]:
    """Ask several signatures of one version about the same examples; return their answers in order.

    Args:
        tasks: name of the signature and of the method, `CLASSIFY` or `REGRESS`; all are checked before any is run.

    Raises:
        RequestError: as of `classify`; and a signature stands there twice, or a method is none of the two.
    """
    for number, (signature, method) in enumerate(tasks):
        if signature in [name for name, _ in tasks[:number]]:
            raise invalid(f"Duplicate evaluation of signature: {signature}")
        if handle.servable.signature(signature) is None:
            raise invalid(f"Requested signature not found in model graph: {signature}")
        if method not in (CLASSIFY, REGRESS):
            raise RequestError("UNIMPLEMENTED", f"Unsupported signature method_name: {method}")
        (check_classify if method == CLASSIFY else check_regress)(core, handle, signature)
    check_examples(examples)
    answers: list[list[Classes] | list[float]] = []
    for signature, method in tasks:
        outputs = core.execution.run(handle.servable, signature, pack(examples), deadline)
        read = read_classes if method == CLASSIFY else read_numbers
        answers.append(read(outputs, len(examples)))
    count_examples(core, handle, examples)
    return answers


def check_classify(core: Core, handle: ServableHandle, name: str) -> None:
    """Refuse a signature that cannot classify."""
    signature = find(handle, name)
    check_method(core, handle, name, CLASSIFY, "classification")
    check_input(signature, "classification")
    if len(signature.outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if CLASSES not in signature.outputs and SCORES not in signature.outputs:
        raise RequestError(
            "FAILED_PRECONDITION",
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or "{SCORES}".'
            f" Signature was: {describe(signature)}",
        )


def check_regress(core: Core, handle: ServableHandle, name: str) -> None:
    """Refuse a signature that cannot regress."""
    signature = find(handle, name)
    check_method(core, handle, name, REGRESS, "regression")
    check_input(signature, "regression")
    if len(signature.outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if OUTPUTS not in signature.outputs:
        raise RequestError("FAILED_PRECONDITION", f"No regression outputs found in SignatureDef: {describe(signature)}")


def find(handle: ServableHandle, name: str) -> Signature:
    signature = handle.servable.signature(name)
    if signature is None:
        raise invalid(f"No signature was found with the name: {name}")
    return signature


def check_method(core: Core, handle: ServableHandle, name: str, wanted: str, kind: str) -> None:
    """Refuse a signature that was exported for another method; only where the server was told to look."""
    method = handle.servable.meta_graph.signature_def[name].method_name
    if core.check_method_names and method != wanted:
        raise invalid(f"Expected {kind} signature method_name to be {wanted}. Was: {method}")


def check_input(signature: Signature, kind: str) -> None:
    """Refuse a signature that takes anything but one input of tf.Examples."""
    if len(signature.inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if INPUTS not in signature.inputs:
        raise RequestError("FAILED_PRECONDITION", f"No {kind} inputs found in SignatureDef: {describe(signature)}")
    if signature.inputs[INPUTS] != "string":
        raise invalid(f"Expects input {INPUTS} to be {signature.inputs[INPUTS]} but string is provided")


def describe(signature: Signature) -> str:
    """Return a signature's names and types."""
    inputs, outputs = (
        ", ".join(f"{name}: {dtype}" for name, dtype in side.items()) for side in (signature.inputs, signature.outputs)
    )
    return f"({inputs}) -> ({outputs})"


def ask(
    core: Core,
    handle: ServableHandle,
    signature: str,
    examples: Sequence[bytes],
    deadline: float,
    api: Literal["Classify", "Regress"],
) -> Arrays:
    """Run a signature over examples, and count them."""
    check_examples(examples)
    began = time.perf_counter()
    outputs = core.execution.run(handle.servable, signature, pack(examples), deadline)
    core.metrics.computed(handle.name, api, time.perf_counter() - began)
    count_examples(core, handle, examples)
    return outputs


def check_examples(examples: Sequence[bytes]) -> None:
    if not examples:
        raise invalid("Input is empty.")


def count_examples(core: Core, handle: ServableHandle, examples: Sequence[bytes]) -> None:
    core.metrics.observe(SERVING + "request_example_counts", len(examples), model=handle.name)
    core.metrics.count(SERVING + "request_example_count_total", len(examples), model=handle.name)


def pack(examples: Sequence[bytes]) -> Arrays:
    """Return the input of a signature that takes serialized tf.Examples."""
    array = np.empty(len(examples), object)
    array[:] = examples
    return {INPUTS: array}


def read_classes(outputs: Arrays, count: int) -> list[Classes]:
    """Return labels and scores of each example from a signature's outputs."""
    classes, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for name, array, kind, dtype in ((CLASSES, classes, "O", "DT_STRING"), (SCORES, scores, "f", "DT_FLOAT")):
        if array is None:
            continue
        if array.ndim != 2:
            raise invalid(f"Expected Tensor shape: [batch_size num_classes] but got {list(array.shape)}")
        if array.dtype.kind != kind or (kind == "f" and array.dtype != np.float32):
            raise invalid(f"Expected {name} Tensor of {dtype}. Got: {array.dtype}")
        if len(array) != count:
            raise invalid(f"Expected {name} output batch size of {count}. Got: {len(array)}")
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise invalid(
            f"Tensors class and score should match in dim_size(1). Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    given = classes if classes is not None else scores
    assert given is not None
    labels = [[""] * given.shape[1]] * count if classes is None else [[decode(item) for item in row] for row in classes]
    numbers = np.zeros(given.shape, np.float32) if scores is None else scores
    return [list(zip(row, values, strict=True)) for row, values in zip(labels, numbers.tolist(), strict=True)]


def decode(label: bytes | str) -> str:
    """Return a label as text; bytes that are not UTF-8 stay as they are."""
    return label.decode("utf-8", "surrogateescape") if isinstance(label, bytes) else label


def read_numbers(outputs: Arrays, count: int) -> list[float]:
    """Return one number for each example from a signature's output."""
    array = outputs[OUTPUTS]
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[1] == 1):
        raise invalid(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {list(array.shape)}"
        )
    if len(array) != count:
        raise invalid(f"Input batch size did not match output batch size: {count} vs. {len(array)}")
    if array.dtype != np.float32:
        raise invalid(f"Expected output Tensor of DT_FLOAT. Got: {array.dtype}")
    return [float(value) for value in array.ravel()]
