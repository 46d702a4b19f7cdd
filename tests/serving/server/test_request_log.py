"""The request log keeps a sample of requests and answers, and costs no request anything."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from data.tfrecord import read_records
from serving.bench import BenchOptions, bench
from serving.launch import start_server
from serving.model_config import FOLDER, ModelConfig
from serving.server.core import Core
from serving.server.metrics import Metrics
from serving.server.request_log import COUNT, LogLimits, RequestLog
from serving.server.rest.example_json import answer_examples
from serving.server.rest.request_context import ModelTarget
from serving.tensorflow_serving import Models
from serving.warmup import write_warmup

IN, OUT = {"x": np.array([[1, 2]], np.float32)}, {"y": np.array([[3, 4]], np.float32)}


@pytest.fixture
def make_log(tmp_path: Path) -> Any:
    """Return a function that makes a log of the model `m` under `tmp_path/logs/m`."""

    def make(rate: float = 1.0, prefix: str | None = None, **limits: Any) -> RequestLog:
        config = ModelConfig("m", "/m", log_rate=rate, log_prefix=prefix or str(tmp_path / "logs" / "m"))
        return RequestLog({"m": config}.get, Metrics(), LogLimits(**limits))

    return make


def records_of(folder: Path) -> list[Any]:
    """Return the PredictionLogs of a folder's files, in the order of the files' names."""
    from tensorflow_serving.apis import prediction_log_pb2

    files = sorted(folder.iterdir(), key=lambda file: (len(file.name), file.name))
    return [prediction_log_pb2.PredictionLog.FromString(record) for file in files for record in read_records(file)]


def test_a_predict_request_and_its_answer_are_kept(make_log: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    log = make_log(rate=0.25)
    text = np.array([b"a\xff", b""], object)
    log.predict("m", 7, "serving_default", {**IN, "text": text}, OUT)
    log.close()
    [record] = records_of(tmp_path / "logs")
    request, response = record.predict_log.request, record.predict_log.response
    assert (request.model_spec.name, request.model_spec.signature_name) == ("m", "serving_default")
    assert (response.model_spec.version.value, record.log_metadata.model_spec.version.value) == (7, 7)
    assert tf.make_ndarray(request.inputs["x"]).tolist() == [[1, 2]]
    assert tf.make_ndarray(request.inputs["text"]).tolist() == [b"a\xff", b""]
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [[3, 4]]
    assert record.log_metadata.sampling_config.sampling_rate == 0.25
    assert abs(record.log_metadata.timestamp_secs - time.time()) < 60


def test_files_are_named_by_time_and_process_and_tfdata_reads_them(make_log: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    log = make_log()
    log.predict("m", 1, "s", IN, OUT)
    log.close()
    [file] = (tmp_path / "logs").iterdir()
    assert re.fullmatch(r"m-\d{8}-\d{6}-\d+\.tfrecord", file.name)
    assert len(list(tf.data.TFRecordDataset(str(file)))) == 1


def test_the_rate_says_how_many_and_zero_none(make_log: Any) -> None:
    log = make_log(rate=0.3)
    assert 800 < sum(log.wants("m") for _ in range(4000)) < 1600
    assert not any(make_log(rate=0.0).wants("m") for _ in range(100))
    assert all(make_log(rate=1.0).wants("m") for _ in range(100))
    assert not log.wants("another")
    assert not RequestLog().wants("m")


def test_a_file_ends_when_it_is_large_or_old(make_log: Any, tmp_path: Path) -> None:
    for limits in ({"file_bytes": 1}, {"file_seconds": 0.0}):
        log = make_log(prefix=str(tmp_path / next(iter(limits)) / "m"), **limits)
        for _ in range(3):
            log.predict("m", 1, "s", IN, OUT)
        log.close()
        folder = tmp_path / next(iter(limits))
        assert len(list(folder.iterdir())) == 3
        assert len(records_of(folder)) == 3


def test_of_a_log_no_more_is_kept_than_wanted_and_nothing_of_other_files(make_log: Any, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    others = ["m-notes.tfrecord", "mm-20200101-000000-1.tfrecord", "m-20200101-000000-1.csv"]
    for name in [*others, "m-20200101-000000-1.tfrecord"]:
        (folder / name).write_bytes(b"x" * 5000)
        os.utime(folder / name, (1, 1))
    log = make_log(file_bytes=1, kept_bytes=1000)
    for number in range(40):
        log.predict("m", number, "s", IN, OUT)
    log.close()
    files = [file for file in folder.iterdir() if file.name not in others]
    assert 2 < len(files) < 20
    assert sum(file.stat().st_size for file in files) < 1500
    assert "m-20200101-000000-1.tfrecord" not in {file.name for file in files}
    assert all((folder / name).exists() for name in others)
    newest = max(files, key=lambda file: (len(file.name), file.name))
    assert newest.read_bytes() != b""


def test_an_idle_log_lets_go_of_its_file(make_log: Any, tmp_path: Path) -> None:
    log = make_log(file_seconds=0.05)
    log.predict("m", 1, "s", IN, OUT)
    while log.metrics.value(COUNT) < 1 or log.files:
        time.sleep(0.01)
    assert len(records_of(tmp_path / "logs")) == 1
    log.close()


def test_what_is_written_can_be_read_while_the_server_runs(make_log: Any, tmp_path: Path) -> None:
    log = make_log()
    for count in (1, 2):
        log.predict("m", 1, "s", IN, OUT)
        while log.metrics.value(COUNT) < count:
            time.sleep(0.01)
        assert len(records_of(tmp_path / "logs")) == count
    log.close()


def test_a_full_queue_drops_and_counts_and_holds_up_nobody(make_log: Any, tmp_path: Path) -> None:
    log = make_log(waiting_records=2)
    held = threading.Event()
    write = log.write
    log.write = lambda entry: (held.wait(), write(entry))[1]
    for _ in range(20):
        log.predict("m", 1, "s", IN, OUT)
    held.set()
    log.close()
    kept = len(records_of(tmp_path / "logs"))
    assert 2 <= kept <= 3
    assert f'{COUNT}{{model_name="m",status="RESOURCE_EXHAUSTED"}} {20 - kept}' in log.metrics.text().decode()
    assert f'{COUNT}{{model_name="m",status="OK"}} {kept}' in log.metrics.text().decode()


def test_large_requests_do_not_fill_the_memory(make_log: Any, tmp_path: Path) -> None:
    log = make_log(waiting_bytes=10_000)
    held = threading.Event()
    write = log.write
    log.write = lambda entry: (held.wait(), write(entry))[1]
    for _ in range(20):
        log.predict("m", 1, "s", {"x": np.zeros(2000, np.float32)}, OUT)
    held.set()
    log.close()
    assert len(records_of(tmp_path / "logs")) <= 3


def test_a_log_that_cannot_be_written_is_counted_and_fails_no_request(make_log: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = make_log(prefix=str(tmp_path / "file" / "m"))
    log.predict("m", 1, "s", IN, OUT)
    log.close()
    assert 'status="UNAVAILABLE"} 1' in log.metrics.text().decode()


@pytest.mark.slow
def test_a_rest_request_that_asks_not_to_be_logged_is_not(
    half_plus_two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").write_text(
        f'model_config_list {{ config {{ name: "half" base_path: "{tmp_path}/half" model_platform: "tensorflow" '
        f"logging_config {{ sampling_config {{ sampling_rate: 1 }} "
        f'log_collector_config {{ type: "file" filename_prefix: "{tmp_path}/logs/half" }} }} }} }}'
    )
    shutil.copytree(half_plus_two, tmp_path / "half" / "1")
    write_warmup(tmp_path / "workspace" / FOLDER / "half" / "1", [("", {"x": np.array([1, 2], np.float32)})])
    server = start_server(Models(tmp_path, config_file=tmp_path / "config"), tmp_path / "server.log", "embedded")
    try:
        server.wait_until_ready()
        where = f"{server.url}/v1/models/half"
        for number, value in enumerate(("1", "0", None)):
            headers = {"X-Labline-Unlogged": value} if value else {}
            requests.post(f"{where}:predict", json={"instances": [float(number)]}, headers=headers, timeout=20)
        for url in (server.url, f"grpc://{server.grpc_address}"):
            assert bench(BenchOptions("half", 2, 0.2), url, tmp_path / "workspace", as_json=True) == 0
    finally:
        server.stop()
    assert [
        list(record.predict_log.request.inputs["x"].tensor_content) for record in records_of(tmp_path / "logs")
    ] == [list(np.array([number], np.float32).tobytes()) for number in (1, 2)]


def test_every_api_logs_what_it_was_asked(
    core: Core, serve_grpc: Any, make_example: Any, grpc_models: list[ModelConfig], tmp_path: Path
) -> None:
    import tensorflow as tf
    from tensorflow_serving.apis import classification_pb2, inference_pb2, predict_pb2, regression_pb2

    prefix = str(tmp_path / "logs" / "all")
    configs = {config.name: replace(config, log_rate=1.0, log_prefix=prefix) for config in grpc_models}
    logging = replace(core, request_log=RequestLog(configs.get, core.metrics))
    api = serve_grpc(over=logging).prediction
    predict = predict_pb2.PredictRequest(output_filter=["sum"])
    predict.model_spec.name = "sum"
    for name in ("a", "b"):
        predict.inputs[name].CopyFrom(tf.make_tensor_proto(np.array([1], np.float32)))
    api.Predict(predict)
    for request, call, signature in (
        (classification_pb2.ClassificationRequest(), api.Classify, "classify"),
        (regression_pb2.RegressionRequest(), api.Regress, "serving_default"),
    ):
        request.model_spec.name, request.model_spec.signature_name = "examples", signature
        request.input.example_list.examples.append(make_example(x=1))
        call(request)
    multi = inference_pb2.MultiInferenceRequest()
    task = multi.tasks.add(method_name="tensorflow/serving/regress")
    task.model_spec.name = "examples"
    multi.input.example_list.examples.append(make_example(x=1))
    answers = api.MultiInference(multi)
    for action in ("classify", "regress"):
        body = {"signature_name": "scores" if action == "classify" else "", "examples": [{"x": 1.0}]}
        for loggable in (False, True):
            asked = json.dumps(body).encode()
            answer_examples(logging, action, ModelTarget("examples"), asked, time.monotonic() + 20, loggable)
    logging.request_log.close()

    logged = records_of(tmp_path / "logs")
    kinds = ["predict_log", "classify_log", "regress_log", "multi_inference_log", "classify_log", "regress_log"]
    assert [record.WhichOneof("log_type") for record in logged] == kinds
    assert list(logged[0].predict_log.response.outputs) == ["sum"]
    assert set(logged[0].predict_log.request.inputs) == {"a", "b"}
    assert logged[1].classify_log.request.input.example_list.examples[0] == make_example(x=1)
    assert logged[1].classify_log.response.result.classifications[0].classes[1].label == "high"
    assert logged[2].regress_log.response.result.regressions[0].value == 1
    assert logged[3].multi_inference_log.response.results == answers.results
    assert logged[3].multi_inference_log.request.tasks[0].method_name == "tensorflow/serving/regress"
    assert logged[4].classify_log.request.input.example_list.examples[0] == make_example(x=1)
