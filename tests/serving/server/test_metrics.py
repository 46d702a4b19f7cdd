"""Metrics stand under TensorFlow Serving's names, in a text that Prometheus reads."""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.server.metrics import MOST_SERIES, Metrics, metric_name

LATENCY = ":tensorflow:serving:request_latency"


def read(metrics: Metrics) -> dict[str, Any]:
    """Return Prometheus' own reading of the text."""
    return {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}


def test_counters_add_up_by_label() -> None:
    metrics = Metrics()
    metrics.count(":tensorflow:serving:request_count", model_name="m", status="OK")
    metrics.count(":tensorflow:serving:request_count", 2, status="OK", model_name="m")
    metrics.count(":tensorflow:serving:request_count", model_name="m", status="NOT_FOUND")
    metrics.gauge(":labline:models", 3)
    metrics.gauge(":labline:models", 2.5)
    families = read(metrics)
    values = {sample.labels["status"]: sample.value for sample in families[":tensorflow:serving:request_count"].samples}
    assert values == {"OK": 3, "NOT_FOUND": 1}
    assert families[":tensorflow:serving:request_count"].type == "counter"
    assert (families[":labline:models"].type, families[":labline:models"].samples[0].value) == ("gauge", 2.5)
    assert metrics.value(metric_name("/tensorflow/serving/request_count")) == 4
    assert metrics.value("nothing") == 0


def test_latencies_have_33_buckets_from_10_microseconds_up_by_1_point_8() -> None:
    metrics = Metrics()
    for value in (5, 10, 11, 1e12):
        metrics.observe(LATENCY, value, model_name="m", API="Predict", entrypoint="GRPC")
    family = read(metrics)[LATENCY]
    buckets = [(float(s.labels["le"]), s.value) for s in family.samples if s.name.endswith("_bucket")]
    assert family.type == "histogram"
    assert len(buckets) == 34
    assert buckets[:3] == [(10, 2), (18, 3), (32.4, 3)]
    assert buckets[-2][0] == pytest.approx(10 * 1.8**32, rel=1e-5)
    assert buckets[-1] == (float("inf"), 4)
    rest = {s.name.removeprefix(LATENCY): s.value for s in family.samples if not s.name.endswith("_bucket")}
    assert rest == {"_count": 4, "_sum": 1e12 + 26}


def test_names_that_clients_choose_cannot_break_the_text_or_fill_the_memory() -> None:
    metrics = Metrics()
    strange = 'a"b\\c\nd\udcff'
    metrics.count(":tensorflow:serving:request_count", model_name=strange, status="OK")
    for number in range(MOST_SERIES + 500):
        metrics.count(":tensorflow:serving:request_count", model_name=f"nobody{number}", status="NOT_FOUND")
    samples = read(metrics)[":tensorflow:serving:request_count"].samples
    assert samples[0].labels["model_name"] == 'a"b\\c\nd?'
    assert len(samples) == MOST_SERIES + 1
    assert samples[-1].labels == {"model_name": "other", "status": "other"}
    assert sum(sample.value for sample in samples) == MOST_SERIES + 501


def test_no_count_is_lost_between_threads() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(2000):
            metrics.count("c", model="m")
            metrics.observe("h", 1, model="m")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (metrics.value("c"), metrics.value("h")) == (16_000, 16_000)


def test_only_successes_count_for_the_latency() -> None:
    metrics = Metrics()
    metrics.answered("m", "predict", "REST", "OK", time.perf_counter())
    metrics.answered("m", "predict", "REST", "NOT_FOUND", time.perf_counter())
    families = read(metrics)
    assert len(families[":tensorflow:serving:request_count"].samples) == 2
    counted = next(sample for sample in families[LATENCY].samples if sample.name.endswith("_count"))
    assert counted.value == 1
    assert counted.labels == {"model_name": "m", "API": "predict", "entrypoint": "REST"}


def test_calls_over_grpc_are_counted_by_model_and_code(grpc_api: Any, core: Any, make_example: Any) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import classification_pb2, predict_pb2

    def values(name: str, **labels: str) -> float:
        samples = [sample for family in read(core.metrics).values() for sample in family.samples]
        found = [sample for sample in samples if sample.name in (name, f"{name}_total", f"{name}_bucket")]
        return float(sum(sample.value for sample in found if labels.items() <= sample.labels.items()))

    def all_values() -> list[float]:
        serving = ":tensorflow:serving:"
        return [
            values(serving + "request_count", model_name="half_plus_two", status="OK"),
            values(serving + "request_count", model_name="half_plus_two", status="FAILED_PRECONDITION"),
            values(LATENCY, model_name="half_plus_two", API="Predict", entrypoint="GRPC", le="+Inf"),
            values(serving + "runtime_latency", model_name="half_plus_two", API="Predict", runtime="TF1", le="+Inf"),
            values(LATENCY, model_name="examples", API="Classify", entrypoint="GRPC", le="+Inf"),
            values(serving + "request_example_count_total", model="examples"),
            values(serving + "request_example_counts", model="examples", le="2"),
        ]

    before = all_values()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.array([1], np.float32)))
    grpc_api.prediction.Predict(request)
    request.model_spec.signature_name = "X"
    with pytest.raises(grpc.RpcError):
        grpc_api.prediction.Predict(request)
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name, classify.model_spec.signature_name = "examples", "classify"
    classify.input.example_list.examples.extend([make_example(x=1), make_example(x=2)])
    grpc_api.prediction.Classify(classify)
    assert [after - early for after, early in zip(all_values(), before, strict=True)] == [1, 1, 1, 1, 1, 2, 1]
