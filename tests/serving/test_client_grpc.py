"""Over gRPC the client gives the same answers as over REST, and does it without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf import any_pb2, wrappers_pb2
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    input_pb2,
    logging_pb2,
    model_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
    status_pb2,
)

from pipeline.errors import UserError
from serving.client import Client, GrpcClient, ModelClient, Retries, ServerError, connect
from serving.client.request import ServedModel
from serving.client.tensors import from_message, to_array, to_message
from serving.launch import Server
from serving.protos import MESSAGES, message_class, new


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, server: Server) -> Iterator[ModelClient]:
    """A client of either protocol."""
    with connect(server.url if request.param == "http" else f"grpc://{server.grpc_address}") as client:
        yield client


def test_rows_and_columns(client: ModelClient) -> None:
    assert client.predict("half_plus_two", instances=np.array([1.0, 2.0])) == [2.5, 3.0]
    assert client.predict("half_plus_two", instances=[{"x": 1.0}, {"x": 2.0}]) == [2.5, 3.0]
    assert client.predict("half_plus_two", inputs=[1.0, 2.0]) == [2.5, 3.0]
    assert client.predict("sum", inputs={"a": [1.0], "b": [2]}) == {"sum": [3.0], "product": [2.0]}
    assert client.predict("sum", instances=[{"a": 1, "b": 2}, {"a": 3, "b": 4}]) == [
        {"sum": 3.0, "product": 2.0},
        {"sum": 7.0, "product": 12.0},
    ]
    assert client.predict("float32", inputs=3.5) == 3.5
    assert client.predict("half_plus_two", instances=[1], version=123) == [2.5]
    assert client.predict("half_plus_two", instances=[1], label="stable") == [2.5]


def test_bytes_and_texts(client: ModelClient) -> None:
    [row] = client.predict("text", instances=["né"])
    assert row == {"text": "né", "text_bytes": {"b64": "bsOp"}, "length": 3}
    assert client.predict("text", instances=[b"\0\xff", "a"])[0]["length"] == 2
    assert client.predict("text", inputs={"text": [["a", "b"], ["c", "d"]]})["text"] == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int8", "int16", "int32", "uint8", "int64", "uint32", "uint64", "bool"]
)
def test_arrays_keep_their_type_shape_and_values(client: ModelClient, dtype: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    if array.dtype.kind in "iu":
        array[0, 0] = min(np.iinfo(dtype).max, 2**31 - 1) if array.dtype.itemsize < 8 else np.iinfo(dtype).max
    if array.dtype.kind == "f":
        array[0] = [np.nan, np.inf, 0.1]
    given = client.predict_arrays(dtype, {"x": array})["y"]
    assert given.dtype == array.dtype and given.shape == array.shape
    np.testing.assert_array_equal(given, array)


def test_status_metadata_and_labels(client: ModelClient) -> None:
    [status] = client.status("half_plus_two")
    assert (status.version, status.state, status.error_code) == (123, "AVAILABLE", "OK")
    assert client.wait_until_available("half_plus_two", timeout=1) == status
    assert client.version_of("half_plus_two") == client.version_of("half_plus_two", "stable") == 123


def test_both_protocols_tell_the_same_signatures(server: Server) -> None:
    with Client(server.url) as rest, GrpcClient(server.grpc_address) as grpc:
        for name in ("half_plus_two", "sum", "text"):
            told = rest.metadata(name)
            for signature in told.values():
                signature.pop("defaults", None)
            assert grpc.metadata(name) == told


def test_the_servers_message_reaches_the_user(client: ModelClient) -> None:
    with pytest.raises(ServerError, match=r"rose/s") as caught:
        client.predict("rose/s", instances=[1])
    assert caught.value.status == 404
    with pytest.raises(ServerError) as caught:
        client.predict("matrix", inputs=[[1.0, 2.0, 3.0]])
    assert caught.value.status == 400
    with pytest.raises(ServerError) as caught:
        client.predict("half_plus_two", instances=[1.0], version=9)
    assert caught.value.status == 404
    with pytest.raises(ServerError, match="no image classifier"):
        client.classify("text", [b"x"])
    with pytest.raises(UserError, match="either"):
        client.predict("half_plus_two")


def test_values_that_do_not_fit_are_told_before_anything_is_sent(server: Server) -> None:
    with GrpcClient(server.grpc_address) as client:
        for wrong in (["x"], [[1.0], [1.0, 2.0]], [None]):
            with pytest.raises(UserError):
                client.predict("half_plus_two", instances=wrong)
        with pytest.raises(UserError, match="DT_INT32"):
            client.predict("int32", inputs=[1.5])
        with pytest.raises(UserError, match="grpc://"):
            GrpcClient("http://127.0.0.1:8500")


def test_a_server_that_is_not_there() -> None:
    with GrpcClient("grpc://127.0.0.1:9", retries=Retries(1, 0.01)) as client:
        with pytest.raises(ServerError, match="connection refused") as caught:
            client.status("m")
        assert caught.value.status == 0 and "labline serve" in caught.value.fix


def test_an_overloaded_server_is_asked_again_and_gets_the_token() -> None:
    asked: list[Any] = []

    def answer(request: bytes, context: Any) -> bytes:
        asked.append(dict(context.invocation_metadata()).get("authorization"))
        if len(asked) < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the queue is full")
        return b""

    service = grpc.method_handlers_generic_handler(
        "tensorflow.serving.ModelService", {"GetModelStatus": grpc.unary_unary_rpc_method_handler(answer)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with GrpcClient(f"127.0.0.1:{port}", retries=Retries(4, 0.01), token="secret") as client:
            assert client.status("m") == []
        assert asked == ["Bearer secret"] * 3
        asked.clear()
        with (
            GrpcClient(f"127.0.0.1:{port}", retries=0) as client,
            pytest.raises(ServerError, match="queue is full") as caught,
        ):
            client.status("m")
        assert caught.value.status == 503
    finally:
        server.stop(None)


def test_a_signature_that_changed_is_asked_for_again(server: Server) -> None:
    with GrpcClient(server.grpc_address) as client:
        client.known[ServedModel("half_plus_two")] = {"serving_default": {"inputs": {"x": {"dtype": "DT_INT32"}}}}
        assert client.predict("half_plus_two", inputs=[1]) == [2.5]


def test_a_last_value_stands_for_all_that_follow() -> None:
    message = new("Tensor", dtype=1, float_val=[1.5, 2.5])
    for size in (2, 2):
        message.tensor_shape.dim.add(size=size)
    assert from_message(message).tolist() == [[1.5, 2.5], [2.5, 2.5]]
    empty = new("Tensor", dtype=7)
    empty.tensor_shape.dim.add(size=2)
    assert from_message(empty).tolist() == [b"", b""]


@pytest.mark.parametrize("name", ["DT_HALF", "DT_BFLOAT16", "DT_COMPLEX64", "DT_COMPLEX128", "DT_UINT16"])
def test_types_that_json_lacks_travel_too(name: str) -> None:
    array = to_array([1, 0, 1], name)
    assert from_message(to_message(array, name)).tolist() == array.tolist()


def test_the_messages_are_tensorflows_own(tmp_path: Any) -> None:
    """Every field has the number and the type that TensorFlow's own generated code says."""
    modules = [
        any_pb2,
        wrappers_pb2,
        example_pb2,
        feature_pb2,
        tensor_pb2,
        tensor_shape_pb2,
        meta_graph_pb2,
        saved_model_pb2,
        classification_pb2,
        get_model_metadata_pb2,
        get_model_status_pb2,
        input_pb2,
        model_pb2,
        predict_pb2,
        logging_pb2,
        prediction_log_pb2,
        regression_pb2,
        status_pb2,
    ]
    renamed = {
        "Dim": "TensorShapeProto",
        "TensorShape": "TensorShapeProto",
        "Tensor": "TensorProto",
        "MetaGraph": "MetaGraphDef",
        "Status": "StatusProto",
    }
    compared = 0
    for name in MESSAGES:
        wanted = renamed.get(name, name)
        real = next(getattr(module, wanted) for module in modules if hasattr(module, wanted)).DESCRIPTOR
        real = real.nested_types_by_name["Dim"] if name == "Dim" else real
        for field in message_class(name).DESCRIPTOR.fields:
            theirs = real.fields_by_name[field.name]
            assert (field.number, field.label) == (theirs.number, theirs.label), (name, field.name)
            # an enumeration is an int32 on the wire; an example is left as its bytes
            kinds = {field.type, theirs.type}
            assert len(kinds) == 1 or kinds in ({5, 14}, {11, 12}), (name, field.name)
            compared += 1
    assert compared > 80


def test_a_grpc_client_needs_no_tensorflow(server: Server) -> None:
    code = (
        "import sys; from serving.client import connect\n"
        "with connect(sys.argv[1]) as client: print(client.predict('half_plus_two', instances=[1.0]))\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"grpc://{server.grpc_address}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[2.5]\nFalse\n"
