"""Warm-up requests of every kind are replayed before a version serves, and one that fails makes the load fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.tfrecord import write_record
from pipeline.errors import UserError
from serving.server.errors import RequestError
from serving.server.metrics import Metrics
from serving.server.models.loading import LoadOptions, load
from serving.signatures import WARMUP_FILE

LATENCY = ":tensorflow:serving:model_warmup_latency"


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel that counts the numbers and the examples that it was ever asked about."""
    import tensorflow as tf

    module = tf.Module()
    module.seen = tf.Variable([0.0, 0.0])

    def count(place: int, amount: Any) -> dict[str, Any]:
        return {"outputs": module.seen.assign_add(tf.one_hot(place, 2) * tf.cast(amount, tf.float32))}

    module.numbers = tf.function(lambda x: count(0, tf.size(x))).get_concrete_function(
        x=tf.TensorSpec([None], tf.float32, name="x")
    )
    # an example counts by its features, so that what a context adds is seen
    module.examples = tf.function(
        lambda inputs: count(
            1,
            tf.reduce_sum(
                tf.io.parse_example(inputs, {name: tf.io.FixedLenFeature([], tf.float32, 0.0) for name in "ab"})["a"]
            ),
        )
    ).get_concrete_function(inputs=tf.TensorSpec([None], tf.string, name="inputs"))
    folder = tmp_path_factory.mktemp("counter") / "1"
    signatures = {"serving_default": module.numbers, "examples": module.examples}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture
def write(counter: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that gives a copy of the model a warm-up file of records."""

    def write(*records: Any) -> Path:
        folder = Path(shutil.copytree(counter, tmp_path / "1"))
        (folder / WARMUP_FILE).parent.mkdir()
        with (folder / WARMUP_FILE).open("wb") as file:
            for record in records:
                write_record(file, record if isinstance(record, bytes) else record.SerializeToString())
        return folder

    return write


def record() -> Any:
    from tensorflow_serving.apis import prediction_log_pb2

    return prediction_log_pb2.PredictionLog()


def predict(values: list[float] | list[int], signature: str = "", name: str = "x") -> Any:
    import tensorflow as tf

    made = record()
    made.predict_log.request.model_spec.signature_name = signature
    made.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return made


def fill(request: Any, values: list[float], context: float | None = None) -> None:
    """Put examples whose feature `a` is each value into a request; with a context, that has the feature instead."""
    import tensorflow as tf

    def feature(value: float) -> Any:
        return {"a": tf.train.Feature(float_list=tf.train.FloatList(value=[value]))}

    if context is None:
        for value in values:
            example = request.input.example_list.examples.add()
            example.features.feature["a"].CopyFrom(feature(value)["a"])
        return
    request.input.example_list_with_context.context.features.feature["a"].CopyFrom(feature(context)["a"])
    for _ in values:
        request.input.example_list_with_context.examples.add()


def seen(folder: Path, **options: Any) -> tuple[list[float], int, Metrics]:
    """Load; return what the model had counted by then, the number of warm-up requests, and the metrics."""
    metrics = Metrics()
    servable, records = load(folder, LoadOptions(**options), metrics)
    try:
        import numpy as np

        signature = servable.signature("serving_default")
        assert signature is not None
        return servable.run(signature, {"x": np.zeros(0, np.float32)})["outputs"].tolist(), records, metrics
    finally:
        servable.close()


def test_a_predict_request_is_replayed(write: Any) -> None:
    counted, records, metrics = seen(write(predict([1.0, 2.0, 3.0]), predict([1.0], "serving_default")))
    assert counted == [4, 0] and records == 2
    assert metrics.value(LATENCY) == 1 and metrics.value(":tensorflow:serving:model_warmup_records_read") == 2
    assert metrics.value(":tensorflow:cc:saved_model:load_attempt_count") == 1
    assert metrics.value(":tensorflow:cc:saved_model:load_latency") > 0


def test_classify_regress_and_multi_inference_requests_are_replayed(write: Any) -> None:
    classify, regress, multi = record(), record(), record()
    classify.classify_log.request.model_spec.signature_name = "examples"
    fill(classify.classify_log.request, [1, 10])
    regress.regress_log.request.model_spec.signature_name = "examples"
    fill(regress.regress_log.request, [100])
    request = multi.multi_inference_log.request
    for method in ("tensorflow/serving/classify", "tensorflow/serving/regress"):
        task = request.tasks.add(method_name=method)
        task.model_spec.signature_name = "examples"
    fill(request, [1000])
    counted, records, _ = seen(write(classify, regress, multi))
    assert counted == [0, 2111] and records == 3


def test_a_context_belongs_to_every_example(write: Any) -> None:
    classify = record()
    classify.classify_log.request.model_spec.signature_name = "examples"
    fill(classify.classify_log.request, [0, 0, 0], context=5)
    assert seen(write(classify))[0] == [0, 15]


def test_every_request_is_replayed_as_often_as_asked_for(write: Any) -> None:
    counted, records, _ = seen(write(predict([1.0]), predict([1.0, 1.0])), warmup_iterations=7)
    assert counted == [21, 0] and records == 2


def test_warm_up_can_be_switched_off_and_its_file_may_be_missing(write: Any, counter: Path) -> None:
    counted, records, metrics = seen(write(predict([1.0]), b"no proto at all"), warmup=False)
    assert counted == [0, 0] and records == 0
    assert seen(counter)[0] == [0, 0]
    assert metrics.value(LATENCY) == 0, "nothing was replayed, so nothing is measured"


@pytest.mark.parametrize(
    ("make", "code", "message"),
    [
        (lambda: predict([1.0], "none"), "FAILED_PRECONDITION", 'Serving signature key "none" not found'),
        (lambda: predict([1.0], name="z"), "INVALID_ARGUMENT", "input size does not match signature"),
        (lambda: predict([1, 2]), "INVALID_ARGUMENT", "int32"),
        (lambda: b"\xff\xff\xff", "INVALID_ARGUMENT", "Failed to parse warmup record 2"),
        (record, "UNIMPLEMENTED", "LOG_TYPE_NOT_SET"),
        (lambda: method("tensorflow/serving/predict"), "UNIMPLEMENTED", "Unsupported signature method_name"),
        (lambda: method("tensorflow/serving/regress"), "INVALID_ARGUMENT", "Input is empty"),
    ],
)
def test_a_request_that_fails_makes_the_load_fail(write: Any, make: Any, code: str, message: str) -> None:
    folder, metrics = write(predict([1.0]), make()), Metrics()
    with pytest.raises(RequestError, match=message) as caught:
        load(folder, LoadOptions(), metrics)
    assert caught.value.code == code and str(folder / WARMUP_FILE) in caught.value.message
    assert metrics.value(LATENCY) == 1


def method(name: str) -> Any:
    made = record()
    task = made.multi_inference_log.request.tasks.add(method_name=name)
    task.model_spec.signature_name = "examples"
    return made


def test_a_file_that_is_cut_off_makes_the_load_fail(write: Any) -> None:
    folder = write(predict([1.0]), predict([2.0]))
    content = (folder / WARMUP_FILE).read_bytes()
    (folder / WARMUP_FILE).write_bytes(content[:-3])
    with pytest.raises(RequestError, match="Failed to read") as caught:
        load(folder, LoadOptions(), Metrics())
    assert caught.value.code == "DATA_LOSS"


def test_there_may_be_at_most_1000_requests(write: Any, tmp_path: Path) -> None:
    request = predict([1.0]).SerializeToString()
    folder = write(*[request] * 1000)
    assert seen(folder)[:2] == ([1000, 0], 1000)
    with (folder / WARMUP_FILE).open("ab") as file:
        from data.tfrecord import write_record

        write_record(file, request)
    with pytest.raises(RequestError, match="exceeds the maximum"):
        load(folder, LoadOptions(), Metrics())


def test_a_version_may_bring_its_own_batching_parameters(counter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(counter, tmp_path / "1"))
    (folder / "batching_params.pbtxt").write_text("max_batch_size { value: 7 }")
    servable, _ = load(folder, LoadOptions(own_batching=True), Metrics())
    assert servable.batching is not None and servable.batching.max_batch_size == 7
    assert load(folder, LoadOptions(), Metrics())[0].batching is None, "only where it is asked for"
    (folder / "batching_params.pbtxt").write_text("max_batch_size { value: 0 }")
    with pytest.raises(UserError, match="must be positive"):
        load(folder, LoadOptions(own_batching=True), Metrics())


def test_the_tags_choose_the_graph(counter: Path) -> None:
    load(counter, LoadOptions(tags=("serve",)), Metrics())[0].close()
    metrics = Metrics()
    with pytest.raises(RequestError, match="serve other"):
        load(counter, LoadOptions(tags=("serve", "other")), metrics)
    assert 'status="fail"' in metrics.text().decode()
