"""labline-model-server as its users run it: with flags, in scripts, killed and started again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests

from serving.model_config import ModelConfig
from serving.server import program
from serving.server.flags import read_flags
from serving.server.models.loading import LoadOptions
from serving.server.models.manager import Manager
from serving.server.program import main
from serving.server.server_config import has_rest
from serving.server_config_files import MonitoringConfig, SSLConfig, write_monitoring, write_ssl

PROGRAM = str(Path(sys.executable).with_name("labline-model-server"))
TOKEN = "a-token-of-this-test"


@dataclass
class Program:
    """A running labline-model-server."""

    process: subprocess.Popen[bytes]
    folder: Path

    def out(self) -> str:
        return (self.folder / "out").read_text()

    def errors(self) -> str:
        return (self.folder / "err").read_text()

    def wait_until_ready(self) -> tuple[str, str]:
        """Return the addresses of the REST and the gRPC API."""
        until(lambda: self.out().endswith("\n") or self.process.poll() is not None)
        assert self.process.poll() is None, self.errors()
        [line] = self.out().splitlines()
        rest, _, grpc = line.removeprefix("labline server ready: ").partition(" grpc ")
        return rest, grpc


def start(folder: Path, *arguments: str) -> Program:
    folder.mkdir(exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as errors:
        return Program(subprocess.Popen([PROGRAM, *arguments], stdout=out, stderr=errors, env=plain), folder)


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def run(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def save_slow(save_model: Any, folder: Path) -> None:
    """Save a model that computes for seconds."""
    import tensorflow as tf

    def slow(x: Any) -> dict[str, Any]:
        matrix = tf.while_loop(
            lambda *_: True,
            lambda m: [tf.nn.softmax(tf.matmul(m, m))],
            [tf.fill([600, 600], x[0])],
            maximum_iterations=500,
        )[0]
        return {"y": matrix[:1, 0]}

    save_model(folder, slow, {"x": ([None], "float32")})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the key and the certificate of a server on this machine, in ssl.config, too."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            folder / "key.pem",
            "-out",
            folder / "cert.pem",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )
    write_ssl(folder / "ssl.config", SSLConfig((folder / "key.pem").read_text(), (folder / "cert.pem").read_text()))
    return folder


@pytest.fixture(scope="module")
def restarted(
    certificate: Path, half_plus_two: Path, save_model: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """A server with many flags that was killed while it served, and started again on the same ports."""
    folder = tmp_path_factory.mktemp("program")
    shutil.copytree(half_plus_two, folder / "half" / "1")
    save_slow(save_model, folder / "slow" / "1")
    entries = [
        f'config {{ name: "{name}" base_path: "{folder / name}" model_platform: "tensorflow" {more} }}'
        for name, more in (("half", 'version_labels { key: "stable" value: 1 }'), ("slow", ""))
    ]
    (folder / "models.config").write_text(f"model_config_list {{ {' '.join(entries)} }}")
    write_monitoring(folder / "monitoring.config", MonitoringConfig(True, "/metrics"))
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "session.config").write_text("allow_soft_placement: true")
    flags = [
        f"--model_config_file={folder}/models.config",
        f"--ssl_config_file={certificate}/ssl.config",
        "--rest_api_enable_tls",
        f"--bearer_token_file={folder}/token",
        f"--access_log={folder}/access.log",
        f"--monitoring_config_file={folder}/monitoring.config",
        f"--grpc_socket_path={folder}/socket",
        "--enable_grpc_healthcheck_service=true",
        "--enable_batching",
        "--tensorflow_intra_op_parallelism=1",
        f"--tensorflow_session_config_file={folder}/session.config",
        "--mixed_precision=bfloat16",
        "--grpc_channel_arguments=grpc.max_connection_age_ms=60000",
        "--rest_api_max_body_mb=1",
        "--num_load_threads=2",
        "--allow_version_labels_for_unavailable_models",
        "--prefer_tflite_model=true",
        "--no_such_flag=1",
    ]
    first = start(folder / "first", *flags, "--port=-1", "--rest_api_port=-1")
    try:
        rest, grpc = first.wait_until_ready()
        busy = subprocess.Popen(
            [
                "curl",
                "-sk",
                "-H",
                f"Authorization: Bearer {TOKEN}",
                "-d",
                '{"instances": [1]}',
                f"{rest}/v1/models/slow:predict",
            ],
            stdout=subprocess.DEVNULL,
        )
        until(lambda: ask(rest, certificate) == [2.5])
    finally:
        first.process.kill()
    assert first.process.wait() == -signal.SIGKILL and busy.wait() != 0
    ports = [f"--rest_api_port={rest.rpartition(':')[2]}", f"--port={grpc.rpartition(':')[2]}"]
    program = start(folder, *flags, *ports)
    try:
        assert program.wait_until_ready() == (rest, grpc)
        yield program
    finally:
        program.process.kill()
        program.process.wait()


def ask(rest: str, certificate: Path, token: str = TOKEN) -> Any:
    """Return the answer to 1, or the error's status."""
    response = requests.post(
        f"{rest}/v1/models/half/labels/stable:predict",
        '{"instances": [1.0]}',
        verify=str(certificate / "cert.pem"),
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    return response.json()["predictions"] if response.ok else response.status_code


def ask_over_grpc(address: str, certificate: Path, model: str = "half", token: str = TOKEN) -> Any:
    """Return the future of an answer to 1."""
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    credentials = grpc.ssl_channel_credentials((certificate / "cert.pem").read_bytes())
    options = [("grpc.ssl_target_name_override", "localhost")]
    channel = grpc.secure_channel(address, credentials, options)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return stub.Predict.future(request, timeout=60, metadata=[("authorization", f"Bearer {token}")])


@pytest.mark.slow
def test_a_killed_server_starts_again_on_its_ports_and_answers_both_apis(restarted: Program, certificate: Path) -> None:
    rest, grpc = restarted.wait_until_ready()
    assert rest.startswith("https://127.0.0.1:")
    assert ask(rest, certificate) == [2.5]
    for address in (grpc, f"unix:{restarted.folder}/socket"):
        assert ask_over_grpc(address, certificate).result().outputs["y"].float_val == [2.5]


@pytest.mark.slow
def test_what_was_asked_for_and_will_not_happen_is_named(restarted: Program) -> None:
    assert "unknown argument: --no_such_flag=1   (labline-model-server --help lists the flags)" in restarted.errors()
    assert "--prefer_tflite_model is not supported and has no effect" in restarted.errors()


@pytest.mark.slow
def test_a_start_prints_nothing_but_the_log(restarted: Program) -> None:
    lines = restarted.errors().splitlines()
    foreign = [line for line in lines if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ", line)]
    assert lines and not foreign


@pytest.mark.slow
def test_without_the_token_nobody_is_answered(restarted: Program, certificate: Path) -> None:
    rest, address = restarted.wait_until_ready()
    assert ask(rest, certificate, "another") == 401
    with pytest.raises(grpc.RpcError) as caught:
        ask_over_grpc(address, certificate, token="another").result()
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.slow
def test_plain_http_is_not_answered_where_tls_is_asked_for(restarted: Program) -> None:
    rest, _ = restarted.wait_until_ready()
    with pytest.raises(requests.ConnectionError):
        requests.get(rest.replace("https", "http") + "/v1/models/half", timeout=10)


@pytest.mark.slow
def test_loads_and_requests_are_counted_and_logged(restarted: Program, certificate: Path) -> None:
    rest, _ = restarted.wait_until_ready()
    ask(rest, certificate)
    more: dict[str, Any] = {"verify": str(certificate / "cert.pem"), "headers": {"Authorization": f"Bearer {TOKEN}"}}
    told = requests.get(f"{rest}/metrics", timeout=30, **more).text
    path = restarted.folder / "half" / "1"
    assert f':tensorflow:cc:saved_model:load_attempt_count{{model_path="{path}",status="success"}} 1\n' in told
    assert f':tensorflow:cc:saved_model:load_latency{{model_path="{path}"}}' in told
    assert ':tensorflow:serving:request_count{model_name="half",status="OK"}' in told
    lines = (restarted.folder / "access.log").read_text().splitlines()
    assert any("/v1/models/half/labels/stable:predict" in json.loads(line).values() for line in lines)
    large = requests.post(f"{rest}/v1/models/half:predict", b" " * (2**20 + 1), timeout=30, **more)
    assert large.status_code == 413, "--rest_api_max_body_mb counts"


@pytest.mark.slow
def test_a_stopped_server_finishes_what_runs_and_takes_nothing_new(restarted: Program, certificate: Path) -> None:
    """The last of this module: the server is gone after it."""
    rest, grpc = restarted.wait_until_ready()
    ask_over_grpc(grpc, certificate).result()  # so that the messages' code is loaded
    slow = ask_over_grpc(grpc, certificate, "slow")
    until(lambda: ask(rest, certificate) == [2.5])
    assert not slow.done()
    restarted.process.terminate()
    restarted.process.terminate()  # a supervisor and its parent may both say so
    until(lambda: is_closed(rest))
    assert restarted.process.poll() is None, "it still works on what it had"
    assert slow.result().model_spec.version.value == 1
    assert restarted.process.wait(30) == 0


def is_closed(url: str) -> bool:
    host, _, port = url.removeprefix("https://").partition(":")
    try:
        socket.create_connection((host, int(port)), 5).close()
    except OSError:
        return True
    return False


def test_the_program_tells_versions_and_its_usage_at_once() -> None:
    status, told, _ = run("--version")
    assert status == 0 and "labline model server: " in told and "TensorFlow Library: 2." in told
    status, told, _ = run("--help")
    assert status == 0 and "--model_config_file_poll_wait_seconds=0" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port=x"], "--port=x: the value should be a valid integer"),
        (["--model_config_file={0}/nowhere"], "fix:   Name a file that is there with --model_config_file"),
        (["--model_config_file={0}/file"], "/file, line 1\n  fix:   Put it right"),
        (["--model_base_path={0}", "--enable_batching", "--batching_parameters_file={0}/file"], "BatchingParameters"),
        (["--model_base_path={0}", "--ssl_config_file={0}/file"], "SSLConfig"),
        (["--model_base_path={0}", "--monitoring_config_file={0}/file"], "MonitoringConfig"),
        (["--model_base_path={0}", "--bearer_token_file={0}/empty"], "holds no token"),
        (["--model_base_path={0}", "--access_log={0}/no/folder"], "No such file"),
        (["--model_base_path={0}", "--grpc_channel_arguments=x"], "NAME=VALUE"),
        (["--model_base_path={0}", "--rest_api_port={1}"], "Choose another port with --rest_api_port"),
        (["--model_base_path={0}", "--bind_address=192.0.2.1", "--rest_api_port=-1"], "Cannot listen"),
    ],
)
def test_a_mistake_ends_the_program_before_the_slow_part(
    tmp_path: Path, arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("nonsense {")
    (tmp_path / "empty").write_text("\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main([argument.format(tmp_path, taken.getsockname()[1]) for argument in arguments]) in (1, 2)
    assert message in capfd.readouterr().err


def test_a_key_that_does_not_fit_its_certificate_ends_the_program(tmp_path: Path, certificate: Path) -> None:
    subprocess.run(
        ["openssl", "ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", tmp_path / "key.pem"], check=True
    )
    write_ssl(
        tmp_path / "ssl.config", SSLConfig((tmp_path / "key.pem").read_text(), (certificate / "cert.pem").read_text())
    )
    status, _, told = run(
        f"--model_base_path={tmp_path}", f"--ssl_config_file={tmp_path}/ssl.config", "--rest_api_enable_tls"
    )
    assert status == 1 and "The key and the certificate cannot be used" in told


def test_a_start_that_waits_says_for_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With the models' manager of the program, in this process: TensorFlow is not needed to wait."""
    (tmp_path / "m").mkdir()
    monkeypatch.setattr(program, "WAITING_SECONDS", 0.1)
    manager, stopping = Manager([ModelConfig("m", str(tmp_path / "m"))], LoadOptions()), threading.Event()
    manager.poll()
    threading.Timer(0.5, stopping.set).start()
    with caplog.at_level("INFO"):
        assert program.wait_for_models(manager, stopping)
    told = [message for message in caplog.messages if message.startswith("not ready")]
    assert len(told) > 1
    assert told[0] == f"not ready: waiting for m (no version under {tmp_path}/m); no port is open yet"


def test_there_is_no_rest_api_without_a_port_of_its_own() -> None:
    assert not has_rest(read_flags([]).flags)
    assert has_rest(read_flags(["--rest_api_port=8501"]).flags)
    assert has_rest(read_flags(["--rest_api_port=-1", "--port=-1"]).flags)
    assert not has_rest(read_flags(["--rest_api_port=8500"]).flags)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "version", "message"),
    [
        (
            "version_labels { key: 'stable' value: 1 }",
            "good",
            "FAILED_PRECONDITION: Request to assign label to version 1",
        ),
        ("", "bad", "1 servable(s) did not become available: {{name: m version: 1} due to error: "),
    ],
)
def test_a_server_that_cannot_start_says_why(
    tmp_path: Path, half_plus_two: Path, policy: str, version: str, message: str
) -> None:
    if version == "good":
        shutil.copytree(half_plus_two, tmp_path / "m" / "1")
    else:
        (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "models.config").write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{tmp_path}/m" '
        f'model_platform: "tensorflow" {policy} }} }}'
    )
    status, told, errors = run(
        f"--model_config_file={tmp_path}/models.config", "--port=-1", "--rest_api_port=-1", "--max_num_load_retries=0"
    )
    assert status == 1 and message in errors and "fix:" in errors and not told
