"""Classify and regress over REST: tf.Examples from JSON, results to JSON."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np

from serving.server.core import Core
from serving.server.errors import RequestError, invalid
from serving.server.example_inference import classify, regress
from serving.server.example_results import Classes
from serving.server.models.versions import ServableHandle
from serving.server.rest.json_parser import parse
from serving.server.rest.json_writer import document, open_list, quote, write_floats
from serving.server.rest.request_context import ModelTarget, RequestContext
from serving.server.rest.response_queue import Response
from serving.server.rest.tensors import decode_base64, echo, is_base64, json_type
from serving.server.result_protos import serialize
from serving.signatures import DEFAULT_SIGNATURE

Action = Literal["classify", "regress"]
LARGEST_INTEGER = 2**63 - 1
KINDS = {str: "bytes", dict: "bytes", float: "float", int: "int64", bool: "int64"}  # of a feature, by JSON values


def answer_classify(context: RequestContext) -> Response:
    """Answer `:classify`."""
    return Response(200, answer(context, "classify"))


def answer_regress(context: RequestContext) -> Response:
    """Answer `:regress`."""
    return Response(200, answer(context, "regress"))


def answer(context: RequestContext, action: Action) -> bytes:
    core, target, deadline = context.core, context.target, context.deadline
    return answer_examples(core, action, target, context.body(), deadline, context.is_loggable())


def answer_examples(
    core: Core, action: Action, target: ModelTarget, body: bytes, deadline: float, loggable: bool = True
) -> bytes:
    """Return the body of the answer to `:classify` or `:regress`.

    Args:
        body: the request's, unpacked.
        deadline: on `time.monotonic()`.
        loggable: may belong to the request log's sample.

    Raises:
        RequestError: what is wrong with the body, then with the model's name, the signature and its answer.
    """
    began, code = time.perf_counter(), "OK"
    try:
        signature, examples = read_examples(body)
        with core.manager.lend(target.model, target.version, target.label) as handle:
            return ask(core, action, handle, signature, examples, deadline, loggable)
    except RequestError as error:
        code = error.code
        raise
    except Exception:
        code = "INTERNAL"
        raise
    finally:
        core.metrics.answered(target.model, action, "REST", code, began)


def ask(
    core: Core,
    action: Action,
    handle: ServableHandle,
    signature: str,
    examples: list[bytes],
    deadline: float,
    loggable: bool,
) -> bytes:
    """Ask the model, log it if it belongs to the sample, and write the answer."""
    wanted = loggable and core.request_log.wants(handle.name)
    if action == "classify":
        classes = classify(core, handle, signature, examples, deadline)
        if wanted:
            core.request_log.classify(handle.name, handle.version, signature, examples, classes)
        return write_classification(classes)
    numbers = regress(core, handle, signature, examples, deadline)
    if wanted:
        core.request_log.regress(handle.name, handle.version, signature, examples, numbers)
    return write_regression(numbers)


def read_examples(body: bytes) -> tuple[str, list[bytes]]:
    """Return signature name and serialized tf.Examples of a request; a context's features stand in each.

    Raises:
        RequestError: no JSON, or not of the form.
    """
    request = parse(body)
    if not isinstance(request, dict):
        raise invalid(f"JSON Value: {echo(request)} Is not object")
    signature = request.get("signature_name", "")
    if not isinstance(signature, str):
        raise invalid(
            f"JSON Value: {echo(request)} not formatted correctly. 'signature_name' key must be a string value."
        )
    context = read_example(request["context"]) if "context" in request else b""
    if "examples" not in request:
        raise invalid(
            f"JSON Value: {echo(request)} When method is classify, key 'examples' is expected and was not found"
        )
    examples = request["examples"]
    if not isinstance(examples, list):
        raise invalid(f"JSON Value: {echo(request)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise invalid(f"JSON Value: {echo(request)} 'examples' value is an empty array")
    return signature or DEFAULT_SIGNATURE, [context + read_example(example) for example in examples]


def read_example(value: Any) -> bytes:
    """Return a JSON object as a serialized tf.Example: each member a feature, of one value or of a list of them."""
    from tensorflow.core.example import example_pb2

    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {json_type(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        try:
            feature = example.features.feature[name]
        except (ValueError, UnicodeError):
            raise invalid(f"The name of a feature is not UTF-8: {echo(name)}") from None
        fill_feature(feature, name, content if isinstance(content, list) else [content])
    return serialize(example)


def fill_feature(feature: Any, name: str, values: list[Any]) -> None:
    """Put values into a Feature; all must be of one kind. Without any, it stays a feature of no kind."""
    if not values:
        return
    kind = KINDS.get(type(values[0]), "")
    for value in values:
        check_value(name, value, kind)
    if kind == "bytes":
        feature.bytes_list.value.extend(
            value.encode("utf-8", "surrogateescape") if isinstance(value, str) else decode_base64(value)
            for value in values
        )
    elif kind == "float":
        with np.errstate(over="ignore"):  # doubles beyond float32 become infinite
            feature.float_list.value.extend(np.array(values, np.float64).astype(np.float32).tolist())
    else:
        feature.int64_list.value.extend(map(int, values))


def check_value(name: str, value: Any, kind: str) -> None:
    """Refuse a value that no feature can hold, or not this one after its first value's kind."""
    own = KINDS.get(type(value))
    if own is None or (isinstance(value, dict) and not is_base64(value)):
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")
    if own != kind:
        raise invalid(f"Unexpected element type in feature: {name} expecting type: {kind}")
    if own == "int64" and value > LARGEST_INTEGER:
        raise invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")


def write_classification(results: list[Classes]) -> bytes:
    """Return `{"results": [[[label, score], ...] for each example]}`."""
    scores = iter(write_floats(np.array([score for classes in results for _, score in classes], np.float32)))
    rows = ["[" + ", ".join(f"[{quote(label)}, {next(scores)}]" for label, _ in classes) + "]" for classes in results]
    return document("results", open_list(rows))


def write_regression(values: list[float]) -> bytes:
    """Return `{"results": [value, ...]}`."""
    return document("results", "[" + ", ".join(write_floats(np.array(values, np.float32))) + "]")
