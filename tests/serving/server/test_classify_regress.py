"""Classify, regress and multi-inference keep TensorFlow Serving's contract, over gRPC and over REST."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from serving.server.core import Core
from serving.server.errors import RequestError
from serving.server.rest.example_json import Action, answer_examples, read_examples
from serving.server.rest.request_context import ModelTarget
from tests.support.grpc_errors import error_of

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def fill(request: Any, model: str, signature: str, examples: list[Any], context: Any = None) -> Any:
    """Fill in a request's ModelSpec and Input."""
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if context is None:
        request.input.example_list.examples.extend(examples)
    else:
        request.input.example_list_with_context.examples.extend(examples)
        request.input.example_list_with_context.context.CopyFrom(context)
    return request


def classification(model: str, signature: str, examples: list[Any], context: Any = None) -> Any:
    from tensorflow_serving.apis import classification_pb2

    return fill(classification_pb2.ClassificationRequest(), model, signature, examples, context)


def regression(model: str, signature: str, examples: list[Any], context: Any = None) -> Any:
    from tensorflow_serving.apis import regression_pb2

    return fill(regression_pb2.RegressionRequest(), model, signature, examples, context)


def inference(tasks: list[tuple[str, str, str]], examples: list[Any]) -> Any:
    """Make a multi-inference request of tasks of model, signature and method."""
    from tensorflow_serving.apis import inference_pb2

    request = inference_pb2.MultiInferenceRequest()
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature
    request.input.example_list.examples.extend(examples)
    return request


def rest(core: Core, action: Action, body: Any, model: str = "examples", **where: Any) -> Any:
    """Ask over REST; return the answer read as JSON."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return json.loads(answer_examples(core, action, ModelTarget(model, **where), text, time.monotonic() + 20))


def refusal(core: Core, action: Action, body: Any, model: str = "examples", **where: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        rest(core, action, body, model, **where)
    return caught.value


def test_classify_returns_labels_and_scores_of_each_example(grpc_api: Any, make_example: Any) -> None:
    request = classification("examples", "classify", [make_example(x=0.5), make_example(x=2)])
    response = grpc_api.prediction.Classify(request)
    found = [[(item.label, item.score) for item in row.classes] for row in response.result.classifications]
    assert found == [[("low", -0.5), ("high", 0.5)], [("low", -2), ("high", 2)]]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("examples", 1, "classify")


@pytest.mark.parametrize(
    ("signature", "classes"), [("scores", [("", -3), ("", 3)]), ("classes", [("low", 0), ("high", 0)])]
)
def test_missing_labels_are_empty_and_missing_scores_zero(
    grpc_api: Any, core: Core, make_example: Any, signature: str, classes: list[tuple[str, float]]
) -> None:
    response = grpc_api.prediction.Classify(classification("examples", signature, [make_example(x=3)]))
    assert [(item.label, item.score) for item in response.result.classifications[0].classes] == classes
    answer = rest(core, "classify", {"signature_name": signature, "examples": [{"x": 3.0}]})
    assert answer == {"results": [[list(item) for item in classes]]}


@pytest.mark.parametrize("signature", ["", "column"])
def test_regress_returns_a_number_for_each_example(grpc_api: Any, make_example: Any, signature: str) -> None:
    response = grpc_api.prediction.Regress(regression("examples", signature, [make_example(x=1), make_example(x=2)]))
    assert [item.value for item in response.result.regressions] == [1, 2]
    assert response.model_spec.signature_name == (signature or "serving_default")


def test_a_context_counts_for_every_example_that_does_not_say_otherwise(
    grpc_api: Any, core: Core, make_example: Any
) -> None:
    examples = [make_example(x=1), make_example(x=1, y=3)]
    response = grpc_api.prediction.Regress(regression("examples", "", examples, make_example(y=2)))
    assert [item.value for item in response.result.regressions] == [21, 31]
    body = {"context": {"y": 2.0}, "examples": [{"x": 1.0}, {"x": 1.0, "y": 3.0}]}
    assert rest(core, "regress", body) == {"results": [21, 31]}


def test_multi_inference_answers_its_tasks_in_order(grpc_api: Any, make_example: Any) -> None:
    tasks = [("examples", "", REGRESS), ("examples", "classify", CLASSIFY)]
    first, second = grpc_api.prediction.MultiInference(inference(tasks, [make_example(x=4)])).results
    assert [item.value for item in first.regression_result.regressions] == [4]
    assert [item.score for item in second.classification_result.classifications[0].classes] == [-4, 4]
    specs = [(result.model_spec.signature_name, result.model_spec.version.value) for result in (first, second)]
    assert specs == [("serving_default", 1), ("classify", 1)]


def test_wrong_classify_and_regress_requests_get_their_codes(grpc_api: Any, make_example: Any) -> None:
    one = [make_example(x=1)]
    classify, regress = grpc_api.prediction.Classify, grpc_api.prediction.Regress
    cases = [
        (classify, classification("nobody", "", one), "NOT_FOUND", "Servable not found for request: Latest(nobody)"),
        (classify, classification("", "", one), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (classify, classification("examples", "X", one), "INVALID_ARGUMENT", "No signature was found with the name: X"),
        (regress, regression("examples", "X", one), "INVALID_ARGUMENT", "No signature was found with the name: X"),
        (classify, classification("examples", "classify", []), "INVALID_ARGUMENT", "Input is empty."),
        (regress, regression("examples", "", [], make_example(x=1)), "INVALID_ARGUMENT", "Input is empty."),
        (classify, classification("sum", "", one), "INVALID_ARGUMENT", "Expected one input Tensor."),
        (classify, classification("half_plus_two", "", one), "FAILED_PRECONDITION", "No classification inputs found"),
        (regress, regression("half_plus_two", "", one), "FAILED_PRECONDITION", "No regression inputs found"),
        (classify, classification("examples", "", one), "FAILED_PRECONDITION", 'at least one of "classes" or "scores"'),
        (regress, regression("examples", "classify", one), "INVALID_ARGUMENT", "Expected one output Tensor."),
        (regress, regression("examples", "scores", one), "FAILED_PRECONDITION", "No regression outputs found"),
        (
            classify,
            classification("examples", "flat_scores", one),
            "INVALID_ARGUMENT",
            "[batch_size num_classes] but got [1]",
        ),
        (
            classify,
            classification("examples", "whole_scores", one),
            "INVALID_ARGUMENT",
            "Expected scores Tensor of DT_FLOAT",
        ),
        (regress, regression("examples", "wide", one), "INVALID_ARGUMENT", "[batch_size, 1] but got [1, 2]"),
        (regress, regression("examples", "double", one), "INVALID_ARGUMENT", "Expected output Tensor of DT_FLOAT"),
        (
            regress,
            regression("examples", "sum", one * 2),
            "INVALID_ARGUMENT",
            "did not match output batch size: 2 vs. 1",
        ),
        (classify, classification("examples", "latin", one), "INTERNAL", "is not UTF-8"),
    ]
    for call, request, code, message in cases:
        found, details = error_of(call, request)
        assert (found, message in details) == (code, True), details


def test_wrong_multi_inferences_get_their_codes(grpc_api: Any, make_example: Any) -> None:
    one = [make_example(x=1)]
    good = ("examples", "", REGRESS)
    cases = [
        ([], one, "INVALID_ARGUMENT", "no name"),
        ([("nobody", "", REGRESS)], one, "NOT_FOUND", "Latest(nobody)"),
        ([good, ("half_plus_two", "", REGRESS)], one, "INVALID_ARGUMENT", "must access the same model name"),
        ([good, ("", "classify", CLASSIFY)], one, "INVALID_ARGUMENT", "empty model name"),
        ([good, good], one, "INVALID_ARGUMENT", "Duplicate evaluation of signature: serving_default"),
        ([("examples", "X", REGRESS)], one, "INVALID_ARGUMENT", "X"),
        ([("examples", "", "tensorflow/serving/predict")], one, "UNIMPLEMENTED", "Unsupported signature method_name"),
        ([good, ("examples", "wide", CLASSIFY)], one, "FAILED_PRECONDITION", "classes"),
        ([good], [], "INVALID_ARGUMENT", "Input is empty."),
    ]
    for tasks, examples, code, message in cases:
        found, details = error_of(grpc_api.prediction.MultiInference, inference(tasks, examples))
        assert (found, message in details) == (code, True), details


def test_method_names_count_only_where_the_server_was_told_to_look(core: Core) -> None:
    body = {"signature_name": "classify", "examples": [{"x": 1.0}]}
    assert "results" in rest(core, "classify", body)
    error = refusal(replace(core, check_method_names=True), "classify", body)
    assert "Expected classification signature method_name to be tensorflow/serving/classify" in error.message


def test_rest_writes_labels_and_numbers_as_tensorflow_serving_does(core: Core) -> None:
    body = {"signature_name": "classify", "examples": [{"x": 0.2}, {"x": 3.0}]}
    text = answer_examples(core, "classify", ModelTarget("examples"), json.dumps(body).encode(), time.monotonic() + 20)
    assert b'[["low", -0.2], ["high", 0.2]]' in text
    assert b'[["low", -3.0], ["high", 3.0]]' in text
    assert rest(core, "regress", {"examples": [{"x": 1.5}]}) == {"results": [1.5]}
    assert rest(core, "regress", b'{"examples": [{"x": NaN}, {"x": 1e40}]}')["results"][1] == float("inf")
    latin = {"signature_name": "latin", "examples": [{}]}
    raw = answer_examples(core, "classify", ModelTarget("examples"), json.dumps(latin).encode(), time.monotonic() + 20)
    assert b'["\xe4", 0.0]' in raw


def test_rest_asks_the_version_and_label_of_its_path(core: Core) -> None:
    assert rest(core, "regress", {"examples": [{"x": 1.5}]}, version=1) == {"results": [1.5]}
    assert refusal(core, "regress", {"examples": [{"x": 1.5}]}, version=9).code == "NOT_FOUND"
    assert "Unrecognized servable version label" in refusal(core, "regress", {"examples": [{}]}, label="nope").message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b'{"examples": [}', "JSON Parse error"),
        ([1], "Is not object"),
        ({"signature_name": 5, "examples": [{}]}, "'signature_name' key must be a string value."),
        ({}, "key 'examples' is expected and was not found"),
        ({"examples": {}}, "Expecting 'examples' value to be an list/array"),
        ({"examples": []}, "'examples' value is an empty array"),
        ({"examples": [1]}, "Example must be JSON object but got JSON Number"),
        ({"context": [], "examples": [{}]}, "Example must be JSON object but got JSON Array"),
        ({"examples": [{"x": [1.0, 2]}]}, "Unexpected element type in feature: x expecting type: float"),
        ({"examples": [{"x": [1, 2.0]}]}, "Unexpected element type in feature: x expecting type: int64"),
        ({"examples": [{"x": ["a", 2.0]}]}, "Unexpected element type in feature: x expecting type: bytes"),
        ({"examples": [{"x": None}]}, "Feature: x has element with unexpected JSON type: Null"),
        ({"examples": [{"x": [[1]]}]}, "Feature: x has element with unexpected JSON type: Array"),
        ({"examples": [{"x": {"y": 1}}]}, "Feature: x has element with unexpected JSON type: Object"),
        ({"examples": [{"x": {"b64": "@"}}]}, "Unable to base64 decode"),
        ({"examples": [{"x": 2**63}]}, "Feature: x has uint64 element. Only int64 is supported."),
        (b'{"examples": [{"\xff": 1}]}', "The name of a feature is not UTF-8"),
    ],
)
def test_a_wrong_body_is_told_before_the_model_is_looked_up(core: Core, body: Any, message: str) -> None:
    error = refusal(core, "classify", body, model="nobody")
    assert (error.code, message in error.message) == ("INVALID_ARGUMENT", True), error.message


def test_what_only_the_graph_can_tell_comes_from_the_graph(core: Core) -> None:
    error = refusal(core, "regress", {"examples": [{"x": 1}]})
    assert error.http_status == 400
    assert "Data types don't match" in error.message
    assert refusal(core, "regress", {"examples": [{"x": [1.0, 2.0]}]}).http_status == 400
    assert refusal(core, "regress", {"signature_name": "X", "examples": [{}]}).message == (
        "No signature was found with the name: X"
    )
    assert refusal(core, "regress", {"examples": [{}]}, model="nobody").http_status == 404


def test_features_take_the_kind_of_their_json_values() -> None:
    import tensorflow as tf

    body = """{"examples": [{"text": "ä", "bytes": [{"b64": "AP8="}, "b"], "float": [1.0, 1e2, NaN, 1e300],
               "integer": [1, -9223372036854775808], "truth": [true, 5], "none": [], "number": 2.5}]}"""
    name, [serialized] = read_examples(body.encode())
    assert name == "serving_default"
    features = tf.train.Example.FromString(serialized).features.feature
    assert features["text"].bytes_list.value == ["ä".encode()]
    assert features["bytes"].bytes_list.value == [b"\x00\xff", b"b"]
    assert [str(value) for value in features["float"].float_list.value] == ["1.0", "100.0", "nan", "inf"]
    assert features["integer"].int64_list.value == [1, -(2**63)]
    assert features["truth"].int64_list.value == [1, 5]
    assert features["none"].WhichOneof("kind") is None
    assert features["number"].float_list.value == [2.5]
