"""The gRPC API keeps TensorFlow Serving's contract: predict requests, answers, errors."""

from __future__ import annotations

import random
from typing import Any

import grpc
import numpy as np
import pytest

from serving.server.errors import RequestError
from serving.server.grpc_api.tensor_protos import KINDS, read_tensor, read_varint, write_tensor
from tests.support.grpc_errors import error_of


def predict_request(model: str, inputs: dict[str, Any], signature: str = "", **more: Any) -> Any:
    """Make a request as TensorFlow's own helper makes it."""
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest(output_filter=more.get("output_filter", []))
    request.model_spec.name, request.model_spec.signature_name = model, signature
    if "version" in more:
        request.model_spec.version.value = more["version"]
    if "label" in more:
        request.model_spec.version_label = more["label"]
    for name, value in inputs.items():
        message = value if isinstance(value, tensor_pb2.TensorProto) else tf.make_tensor_proto(value)
        request.inputs[name].CopyFrom(message)
    return request


@pytest.mark.parametrize("where", [{}, {"version": 123}, {"label": "stable"}])
def test_a_predict_answer_names_the_version_and_the_signature(grpc_api: Any, where: dict[str, Any]) -> None:
    response = grpc_api.prediction.Predict(
        predict_request("half_plus_two", {"x": np.array([1, 2, 5], np.float32)}, **where)
    )
    assert list(response.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    assert not response.outputs["y"].tensor_content
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("half_plus_two", 123, "serving_default")


def test_a_named_signature_is_run_and_named(grpc_api: Any) -> None:
    request = predict_request("sum", {"a": np.array([1], np.float32), "b": np.array([2], np.float32)}, "other")
    response = grpc_api.prediction.Predict(request)
    assert response.model_spec.signature_name == "other"
    assert {name: tensor.float_val[0] for name, tensor in response.outputs.items()} == {"sum": 3, "product": 2}


def test_an_output_filter_leaves_only_what_it_names(grpc_api: Any) -> None:
    inputs = {"a": np.array([1], np.float32), "b": np.array([2], np.float32)}
    response = grpc_api.prediction.Predict(predict_request("sum", inputs, output_filter=["product"]))
    assert list(response.outputs) == ["product"]


X = {"x": np.array([1], np.float32)}
AB = {"a": np.array([1], np.float32), "b": np.array([2], np.float32)}


@pytest.mark.parametrize(
    ("model", "inputs", "more", "code", "message"),
    [
        ("nobody", X, {}, "NOT_FOUND", "Servable not found for request: Latest(nobody)"),
        (
            "half_plus_two",
            X,
            {"version": 99},
            "NOT_FOUND",
            "Servable not found for request: Specific(half_plus_two, 99)",
        ),
        ("half_plus_two", X, {"label": "nope"}, "INVALID_ARGUMENT", "Unrecognized servable version label: nope"),
        ("half_plus_two", X, {"label": ""}, "INVALID_ARGUMENT", "Unrecognized servable version label: "),
        ("", X, {}, "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (
            "half_plus_two",
            X,
            {"signature": "__saved_model_init_op"},
            "INVALID_ARGUMENT",
            "input size does not match signature: 1!=0",
        ),
        ("half_plus_two", {}, {"signature": "__saved_model_init_op"}, "OUT_OF_RANGE", "does not have output 0"),
        ("half_plus_two", X, {"signature": "X"}, "FAILED_PRECONDITION", 'Serving signature key "X" not found.'),
        (
            "half_plus_two",
            {},
            {},
            "INVALID_ARGUMENT",
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        ("sum", {**AB, "z": AB["a"]}, {}, "INVALID_ARGUMENT", "Sent extra: {z}. Missing but required: {}."),
        (
            "half_plus_two",
            {"z": X["x"]},
            {},
            "INVALID_ARGUMENT",
            "input tensor alias not found in signature: z. Inputs expected to be in the set {x}.",
        ),
        (
            "half_plus_two",
            {"x": np.array([1], np.float64)},
            {},
            "INVALID_ARGUMENT",
            "to be float but double is provided",
        ),
        ("half_plus_two", {"x": ["1"]}, {}, "INVALID_ARGUMENT", "to be float but string is provided"),
        ("matrix", {"x": np.ones((1, 3), np.float32)}, {}, "INVALID_ARGUMENT", "Matrix size-incompatible"),
        ("sum", AB, {"output_filter": ["z"]}, "INVALID_ARGUMENT", "output tensor alias not found in signature: z"),
        ("sum", AB, {"output_filter": ["sum", "sum"]}, "INVALID_ARGUMENT", "duplicate output tensor alias: sum"),
    ],
)
def test_a_wrong_predict_request_gets_its_code(
    grpc_api: Any, model: str, inputs: dict[str, Any], more: dict[str, Any], code: str, message: str
) -> None:
    found, details = error_of(grpc_api.prediction.Predict, predict_request(model, inputs, **more))
    assert found == code, details
    assert message in details


def test_an_input_with_a_default_may_be_left_out(grpc_api: Any) -> None:
    for inputs, product in (({"x": np.float32(2)}, 6), ({"x": np.float32(2), "y": np.float32(5)}, 10)):
        response = grpc_api.prediction.Predict(predict_request("defaults", inputs))
        assert list(response.outputs["z"].float_val) == [product]
    code, details = error_of(grpc_api.prediction.Predict, predict_request("defaults", {"y": np.float32(2)}))
    assert (code, details) == ("INVALID_ARGUMENT", "Missing inputs that have no default: {x}.")


def test_a_request_without_a_model_spec_is_refused_by_every_method(grpc_api: Any) -> None:
    from tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        get_model_status_pb2,
        inference_pb2,
        predict_pb2,
        regression_pb2,
    )

    calls = [
        (grpc_api.prediction.Predict, predict_pb2.PredictRequest()),
        (grpc_api.prediction.Classify, classification_pb2.ClassificationRequest()),
        (grpc_api.prediction.Regress, regression_pb2.RegressionRequest()),
        (grpc_api.prediction.MultiInference, inference_pb2.MultiInferenceRequest()),
        (grpc_api.prediction.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest()),
        (grpc_api.models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest()),
    ]
    assert [error_of(*call)[0] for call in calls] == ["INVALID_ARGUMENT"] * 6


def test_a_long_error_is_cut_so_that_it_fits_into_a_header(grpc_api: Any) -> None:
    for name in ("n" * 5000, "ä" * 5000):
        code, details = error_of(grpc_api.prediction.Predict, predict_request(name, X))
        assert code == "NOT_FOUND"
        assert details.endswith("...TRUNCATED")
        assert 1020 <= len(details.removesuffix("...TRUNCATED").encode()) <= 1024


def test_bytes_that_are_no_message_end_the_call_and_nothing_else(grpc_api: Any) -> None:
    raw = grpc_api.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    code, details = error_of(raw, b"\xff\xff no message")
    assert (code, details.split(":")[0]) == ("INTERNAL", "The request cannot be read")
    assert grpc_api.prediction.Predict(predict_request("half_plus_two", X)).outputs["y"].float_val == [2.5]


def test_a_method_that_does_not_exist_is_unimplemented(grpc_api: Any) -> None:
    raw = grpc_api.channel.unary_unary("/tensorflow.serving.PredictionService/Guess")
    assert error_of(raw, b"")[0] == "UNIMPLEMENTED"


def test_messages_larger_than_clients_take_by_default_pass(grpc_api: Any) -> None:
    values = np.arange(2_000_000, dtype=np.float32)
    response = grpc_api.prediction.Predict(predict_request("half_plus_two", {"x": values}))
    assert np.array_equal(np.array(response.outputs["y"].float_val, np.float32), values * 0.5 + 2)


VALUES: dict[str, Any] = {
    "float16": [0.5, -2.0, 65504.0],
    "float32": [0.1, -1e30, float("inf")],
    "float64": [0.1, 1e300, -0.0],
    "bfloat16": [0.5, -3.0, 1e30],
    "int8": [-128, 0, 127],
    "int16": [-32768, 0, 32767],
    "int32": [-(2**31), 0, 2**31 - 1],
    "int64": [-(2**63), 0, 2**63 - 1],
    "uint8": [0, 128, 255],
    "uint16": [0, 1, 65535],
    "uint32": [0, 1, 2**32 - 1],
    "uint64": [0, 1, 2**64 - 1],
    "bool": [True, False, True],
    "string": [b"", b"\xff\x00", "ä".encode()],
    "complex64": [1 + 2j, 0j, -1j],
    "complex128": [1 + 2j, 0j, 1e300j],
}


@pytest.fixture(scope="session")
def content_api(serve_grpc: Any) -> Any:
    """A server that answers with tensor contents."""
    return serve_grpc(tensor_content=True)


@pytest.mark.parametrize("dtype", VALUES)
def test_every_type_passes_unchanged_in_both_directions_and_forms(grpc_api: Any, content_api: Any, dtype: str) -> None:
    import tensorflow as tf

    array = tf.constant(VALUES[dtype], getattr(tf, dtype)).numpy()
    for value in (array, array.reshape(3, 1), array[:1].reshape(()), array[:0], array[:0].reshape(0, 4)):
        content = tf.make_tensor_proto(value, getattr(tf, dtype), value.shape)
        request = predict_request("types", {"x": content}, dtype)
        answer = grpc_api.prediction.Predict(request).outputs["x"]
        assert not answer.tensor_content
        assert_same(tf.make_ndarray(answer), value, answer, content)
        # the answer's typed values make the next request
        request = predict_request("types", {"x": answer}, dtype)
        again = content_api.prediction.Predict(request).outputs["x"]
        assert not any(again.ListFields()[2:]) or again.tensor_content
        if dtype == "string":  # contents of strings are only read by TensorFlow's C++, and by this server
            once_more = grpc_api.prediction.Predict(predict_request("types", {"x": again}, dtype)).outputs["x"]
            assert_same(tf.make_ndarray(once_more), value, once_more, content)
        else:
            assert_same(tf.make_ndarray(again), value, again, content)


def assert_same(found: Any, wanted: Any, message: Any, sent: Any) -> None:
    assert message.dtype == sent.dtype
    assert found.shape == wanted.shape
    assert found.tolist() == wanted.tolist()


def test_missing_values_repeat_the_last_one_and_surplus_ones_are_dropped(grpc_api: Any) -> None:
    from tensorflow.core.framework import tensor_pb2

    for given, filled in (([7], [7, 7, 7]), ([1, 2], [1, 2, 2]), ([], [0, 0, 0]), ([1, 2, 3, 4], [1, 2, 3])):
        tensor = tensor_pb2.TensorProto(dtype=9, int64_val=given)
        tensor.tensor_shape.dim.add(size=3)
        answer = grpc_api.prediction.Predict(predict_request("types", {"x": tensor}, "int64")).outputs["x"]
        assert list(answer.int64_val) == filled


def test_a_tensor_that_cannot_be_is_refused_and_takes_no_memory(grpc_api: Any) -> None:
    from tensorflow.core.framework import tensor_pb2

    def refusal(sizes: list[int], **fields: Any) -> str:
        tensor = tensor_pb2.TensorProto(**{"dtype": 1, **fields})
        for size in sizes:
            tensor.tensor_shape.dim.add(size=size)
        code, details = error_of(grpc_api.prediction.Predict, predict_request("half_plus_two", {"x": tensor}))
        assert code == "INVALID_ARGUMENT"
        return details

    assert "tensor parsing error: x" in refusal([2], tensor_content=b"123")
    assert "needs" in refusal([2**40], float_val=[1])
    assert "not fully known" in refusal([-1], float_val=[1])
    assert "no array has the shape" in refusal([0, 2**62, 2**62])
    assert "rank 40" in refusal([1] * 40, float_val=[1])
    assert "type number 0" in refusal([1], dtype=0)
    assert "type number 21" in refusal([1], dtype=21)
    assert "type number 101" in refusal([1], dtype=101)
    assert "strings" in refusal([2**50], dtype=7, tensor_content=b"\1a")
    assert "strings" in refusal([1], dtype=7, tensor_content=b"\5a")


def test_a_number_that_never_ends_is_refused() -> None:
    with pytest.raises(RequestError, match="more than 64 bits"):
        read_varint(b"\xff" * 1000, 0)
    assert read_varint(b"\xff" * 9 + b"\x01", 0) == (2**64 - 1, 10)


def test_any_message_is_either_an_array_or_refused() -> None:
    from tensorflow.core.framework import tensor_pb2

    choose = random.Random(1)
    fields = sorted({kind.field for kind in KINDS.values()})
    read = refused = 0
    for _ in range(5000):
        tensor = tensor_pb2.TensorProto(dtype=choose.randrange(26))
        for _ in range(choose.randrange(4)):
            tensor.tensor_shape.dim.add(size=choose.choice([0, 1, 1, 2, 2, 3, -1, 2**40, 2**62]))
        for field in choose.sample(fields, choose.randrange(3)):
            value: Any = b"\xff" if field == "string_val" else field == "bool_val" or choose.randrange(200)
            getattr(tensor, field).extend([value] * choose.randrange(8))
        if choose.random() < 0.3:
            tensor.tensor_content = choose.randbytes(choose.choice([1, 4, 8, 12, 24]))
        try:
            read_tensor(tensor)
            read += 1
        except RequestError:
            refused += 1
    assert min(read, refused) > 1000


def test_arrays_are_read_without_copying_and_written_as_tensorflow_writes_them() -> None:
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    sent = tf.make_tensor_proto(np.arange(6, dtype=np.float32).reshape(2, 3))
    name, array = read_tensor(sent)
    assert (name, array.tolist(), array.flags.owndata) == ("float", [[0, 1, 2], [3, 4, 5]], False)
    written = tensor_pb2.TensorProto()
    write_tensor(written, array.T, "float", content=False)
    assert list(written.float_val) == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RequestError, match="qint8"):
        write_tensor(tensor_pb2.TensorProto(), array, "qint8", content=False)


def test_the_program_itself_answers_over_grpc(server: Any) -> None:
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc, prediction_service_pb2_grpc

    with grpc.insecure_channel(server.grpc_address) as channel:
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert list(prediction.Predict(predict_request("half_plus_two", X)).outputs["y"].float_val) == [2.5]
        assert error_of(prediction.Predict, predict_request("nobody", X))[0] == "NOT_FOUND"
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "half_plus_two"
        status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request)
        assert [(item.version, item.state) for item in status.model_version_status] == [(123, 30)]
