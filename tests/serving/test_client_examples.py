"""tf.Examples and CSV files as requests, over either protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import UserError
from serving.client import ModelClient, connect
from serving.client.csv_rows import read_rows
from serving.client.grpc_messages import encode_example
from serving.client.request import Example
from serving.client.rest_json import encode, json_features
from serving.client.retries import Retries, read_retry_after
from serving.launch import Server, start_server
from serving.tensorflow_serving import Models


@pytest.fixture(scope="module")
def of_examples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a model of tf.Examples with the features `x` (float) and `text`."""
    import tensorflow as tf

    def parse(inputs: Any) -> dict[str, Any]:
        features = {"x": tf.io.FixedLenFeature([], tf.float32), "text": tf.io.FixedLenFeature([], tf.string, "none")}
        parsed: dict[str, Any] = tf.io.parse_example(inputs, features)
        return parsed

    spec = [tf.TensorSpec([None], tf.string, name="inputs")]

    def classify(inputs: Any) -> dict[str, Any]:
        row = parse(inputs)
        return {
            "classes": tf.stack([row["text"], tf.fill(tf.shape(row["text"]), "other")], 1),
            "scores": tf.stack([row["x"], 1.0 - row["x"]], 1),
        }

    def regress(inputs: Any) -> dict[str, Any]:
        return {"outputs": parse(inputs)["x"] * 2.0}

    folder = tmp_path_factory.mktemp("examples")
    module = tf.Module()
    module.classify, module.regress = (tf.function(method, input_signature=spec) for method in (classify, regress))
    signatures = {"serving_default": module.classify, "double": module.regress}
    tf.saved_model.save(module, str(folder / "m" / "1"), signatures)
    server = start_server(Models(folder, name="m", base_path=folder / "m"), folder / "log", "embedded")
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, of_examples: Server) -> Iterator[ModelClient]:
    with connect(of_examples.url if request.param == "http" else f"grpc://{of_examples.grpc_address}") as client:
        yield client


def test_examples_are_classified_and_regressed(client: ModelClient) -> None:
    examples: list[Example] = [{"x": 0.25, "text": "rose"}, {"x": [0.5], "text": b"aster"}, encode_example({"x": 0.75})]
    assert client.classify_examples("m", examples) == [
        [("rose", 0.25), ("other", 0.75)],
        [("aster", 0.5), ("other", 0.5)],
        [("none", 0.75), ("other", 0.25)],
    ]
    assert client.regress_examples("m", examples, "double") == [0.5, 1.0, 1.5]


def test_context_is_put_to_every_example(client: ModelClient) -> None:
    rows = client.classify_examples("m", [{"x": 0.25}, {"x": 0.5}], context={"text": "rose"})
    assert [row[0][0] for row in rows] == ["rose", "rose"]


def test_features_keep_their_kind_over_rest() -> None:
    assert json_features({"x": [1.0], "n": 2, "b": b"\xff"}) == {"x": 1.0, "n": 2, "b": b"\xff"}
    assert encode(json_features(encode_example({"x": [1.5, 2.0], "n": 3}))) == b'{"n":3,"x":[1.5,2.0]}'


def test_numbers_that_json_has_no_form_for_are_sent_as_the_protocol_wants_them() -> None:
    assert encode({"x": np.array([1.0, np.nan])}) == b'{"x": [1.0, NaN]}'
    assert encode({"x": [float("inf")], "b": b"\x00"}) == b'{"x": [Infinity], "b": {"b64": "AA=="}}'
    assert encode({"x": np.float32(0.1), "n": 2**70}).startswith(b'{"x": 0.1')


def test_a_csv_file_is_rows_of_a_signature(tmp_path: Path, server: Server) -> None:
    (tmp_path / "a.csv").write_text("b,a,unused\n1,2.5,x\n3,4,y\n")
    with connect(server.url) as client:
        assert [row["sum"] for row in client.predict_csv("sum", tmp_path / "a.csv")] == [3.5, 7.0]
        assert client.predict_csv("sum", tmp_path / "a.csv", "other")[0]["product"] == 2.5
        with pytest.raises(UserError, match="takes `x`"):
            client.predict_csv("half_plus_two", tmp_path / "a.csv")
    with pytest.raises(UserError, match="no whole number"):
        read_rows(tmp_path / "a.csv", {"a": "DT_INT64"})


def test_pauses_grow_differ_and_are_at_least_what_the_server_wants() -> None:
    retries = Retries(10, first=0.1, most=1.0)
    for attempt, most in enumerate([0.1, 0.2, 0.4, 0.8, 1.0, 1.0]):
        pauses = {retries.pause(attempt) for _ in range(50)}
        assert most / 2 <= min(pauses) and max(pauses) <= most and len(pauses) > 10
    assert retries.pause(0, 3.0) == 3.0
    assert read_retry_after("2") == 2.0 and read_retry_after(None) == read_retry_after("soon") == 0.0
    assert read_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert read_retry_after("Fri, 31 Dec 2286 23:59:59 GMT") > 3e9
