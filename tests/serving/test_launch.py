"""`labline serve` in the foreground: says when it is ready, is found by others, ends cleanly, leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import UsageError, UserError
from pipeline.progress import Progress
from pipeline.settings import ROOT
from serving.client import Client, connect
from serving.launch import pushed_models, running_server, serve
from serving.log_lines import LogLines
from serving.model_config import register_model
from serving.running import Running, forget_running, read_running, start_ticks, write_running
from serving.server_config_files import read_batching, read_monitoring
from serving.tensorflow_serving import docker_problem
from serving.versions_command import promote

SERVE = (
    "import sys; from pathlib import Path; from pipeline.progress import Progress; from serving.launch import serve\n"
)
SERVE += "sys.exit(serve(Path(sys.argv[1]), 'embedded', '127.0.0.1', int(sys.argv[2]), Progress()))"


@pytest.fixture
def workspace(half_plus_two: Path, tmp_path: Path) -> Path:
    """A workspace with one pushed model, moved after the push."""
    shutil.copytree(half_plus_two, tmp_path / "old" / "served_models" / "half" / "1")
    register_model(tmp_path / "old" / "served_models", "half")
    promote(tmp_path / "old", "half", "stable", 1)
    return (tmp_path / "old").rename(tmp_path / "workspace")


def test_serve_until_sigterm(workspace: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(workspace), "0"], stderr=subprocess.PIPE, text=True)
    running = wait_for_running(workspace, process)
    try:
        with Client(running.url) as client:
            assert client.predict("half", instances=[1.0]) == [2.5]
        with connect(f"grpc://127.0.0.1:{running.grpc_port}") as client:
            assert client.predict("half", instances=[1.0], label="stable") == [2.5], "labels work from the start"
        with pytest.raises(UserError, match="already running"):
            serve(workspace, "embedded", "127.0.0.1", 8501, Progress(quiet=True))
        check_health(running.rest_port)
        broken = workspace / "served_models" / "half" / "2"
        broken.mkdir()
        wait_for_line(workspace, "ERROR cannot load half version 2")
        broken.rmdir()
        for name, version in (("1", "3"), ("3", "4")):
            shutil.copytree(workspace / "served_models" / "half" / name, workspace / version)
            (workspace / version).rename(workspace / "served_models" / "half" / version)
            register_model(workspace / "served_models", "half")
            wait_for_line(workspace, f"half version {version} is available")
        wait_for_line(workspace, "half version 3 is unloaded")
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert f"ready: {running.url}/v1/models/NAME:predict for half" in said
    assert f"gRPC: 127.0.0.1:{running.grpc_port}" in said
    assert f"its log: {workspace}/logs/serving.log" in said
    lines = said.splitlines()
    assert "half version 3 is available (0 warm-up requests)" in lines and "half version 3 is unloaded" in lines
    assert any(line.startswith("ERROR cannot load half version 2: ") for line in lines)
    assert "  fix: copy it under a name that is no number" in said
    assert read_running(workspace) is None and not (workspace / "serving.json").exists()
    assert not Path(f"/proc/{running.pid}").exists()


def wait_for_line(workspace: Path, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in (workspace / "logs" / "serving.log").read_text():
        assert time.monotonic() < deadline, f"the log has no `{text}`"
        time.sleep(0.05)


def test_of_the_log_what_a_person_should_read_is_passed_on_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "2026-01-01 00:00:00,000 INFO started\n2026-01-01 00:00:00,000 WARNING odd\n  fix: this\n"
        "2026-01-01 00:00:00.000: I tensorflow/core\n  more of it\nnoise\n2026-01-01 00:00:00,000 ERR"
    )
    lines = LogLines(log)
    assert list(lines.read_new()) == ["WARNING odd", "  fix: this"]
    with log.open("a") as file:
        file.write("OR bad\n2026-01-01 00:00:00,000 INFO m version 7 is available (0 warm-up requests)\n")
    assert list(lines.read_new()) == ["ERROR bad", "m version 7 is available (0 warm-up requests)"]
    assert not list(lines.read_new())


def test_both_apis_cannot_have_the_same_port(workspace: Path) -> None:
    with pytest.raises(UsageError, match="cannot both have port 8601") as caught:
        serve(workspace, "embedded", "127.0.0.1", 8601, Progress(quiet=True), 8601)
    assert caught.value.exit_status == 2 and not (workspace / "logs").exists()


def check_health(port: int) -> None:
    """Run docker-compose's health check, on this server's port."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    command = compose["services"]["serving"]["healthcheck"]["test"]
    assert command[0] == "CMD" and "/dev/tcp/127.0.0.1/8501" in command[-1]
    for line, healthy in ((command[-1], True), (command[-1].replace("/monitoring", "/nowhere"), False)):
        done = subprocess.run([*command[1:-1], line.replace("/8501", f"/{port}")], timeout=30, capture_output=True)
        assert (done.returncode == 0) == healthy, done.stderr


@pytest.mark.slow
def test_a_killed_serve_leaves_no_server_behind(workspace: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(workspace), "0"], stderr=subprocess.DEVNULL)
    running = wait_for_running(workspace, process)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while read_running(workspace) is not None:
        assert time.monotonic() < deadline, "the server outlived the command that started it"
        time.sleep(0.1)
    assert not Path(f"/proc/{running.pid}").exists() or Path(f"/proc/{running.pid}/stat").read_text().split()[2] == "Z"


START = """
import sys; from pathlib import Path
from serving.launch import start_server; from serving.tensorflow_serving import Models
server = start_server(Models(Path(sys.argv[1]), name="m", base_path=Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3])
print(server.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("engine", ["embedded", "tensorflow-serving"])
def test_a_server_ends_with_a_process_that_is_killed_right_after_starting_it(
    half_plus_two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    shutil.copytree(half_plus_two, tmp_path / "m" / "1")
    (tmp_path / "tensorflow_model_server").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "tensorflow_model_server").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    starter = subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path / "m"), str(tmp_path / "log"), engine],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    server = int(starter.stdout.readline())
    assert start_ticks(server)
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + 60
    while start_ticks(server):
        assert time.monotonic() < deadline, "the server outlived the process that started it"
        time.sleep(0.05)


def wait_for_running(workspace: Path, process: subprocess.Popen[Any]) -> Running:
    deadline = time.monotonic() + 90
    while (running := read_running(workspace)) is None:
        assert process.poll() is None, "serve ended"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return running


def test_serving_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Nothing was pushed") as caught:
        serve(tmp_path, "embedded", "127.0.0.1", 8501, Progress(quiet=True))
    assert "labline run" in caught.value.fix


def test_a_port_in_use_is_told_at_once(workspace: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for ports, option in (((port, 0), "--port"), ((0, port), "--grpc-port")):
            with pytest.raises(UserError, match="Address already in use") as caught:
                serve(workspace, "embedded", "127.0.0.1", ports[0], Progress(quiet=True), ports[1])
            assert f"with {option} " in caught.value.fix
    assert not (workspace / "logs" / "serving.log").exists(), "told before a server is started"


def test_a_model_without_a_version_is_named_before_a_server_waits_for_it(workspace: Path) -> None:
    register_model(workspace / "served_models", "empty")
    with pytest.raises(UserError, match="Model `empty` has no version to serve"):
        pushed_models(workspace)


def test_every_engine_gets_the_files_of_the_workspace_and_yours_stay(workspace: Path) -> None:
    models = pushed_models(workspace)
    folder = workspace.resolve() / "served_models"
    assert (models.batching_file, models.monitoring_file) == (folder / "batching.config", folder / "monitoring.config")
    assert read_batching(folder / "batching.config").num_batch_threads == max((os.cpu_count() or 1) - 1, 1)
    assert read_monitoring(folder / "monitoring.config").enable
    (folder / "batching.config").write_text("num_batch_threads { value: 3 }")
    assert pushed_models(workspace).batching_file is not None
    assert read_batching(folder / "batching.config").num_batch_threads == 3
    assert pushed_models(workspace, batching=False).batching_file is None


def test_only_the_embedded_server_is_started_to_log_requests(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace / "tensorflow_model_server").write_text("#!/bin/sh\n")
    (workspace / "tensorflow_model_server").chmod(0o755)
    monkeypatch.setenv("PATH", str(workspace), prepend=os.pathsep)
    register_model(workspace / "served_models", "half", log_rate=0.5)
    with pytest.raises(UserError, match="no log collector") as caught:
        serve(workspace, "tensorflow-serving", "127.0.0.1", 0, Progress(quiet=True))
    assert "--engine embedded" in caught.value.fix


FAKE = """#!/bin/sh
# takes what tensorflow_model_server takes, and serves with the embedded server what it is told
for flag; do
  case $flag in --port=*|--rest_api_port=*|--model*|--allow*|--*batching*|--monitoring*) set -- "$@" "$flag" ;; esac
  shift
done
echo "$@" > {told}
exec {python} -m serving.server "$@" > /dev/null
"""


@pytest.mark.slow
def test_the_real_binary_is_started_and_asked_until_every_model_is_there(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the binary: it prints no ready line, so that the server is found ready by asking it."""
    program, told = workspace / "tensorflow_model_server", workspace / "told"
    program.write_text(FAKE.format(told=told, python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(workspace), prepend=os.pathsep)
    models = pushed_models(workspace)
    with running_server(models, workspace / "log", "tensorflow-serving") as server:
        assert server.engine == "tensorflow-serving"
        for url in (server.url, f"grpc://{server.grpc_address}"):
            with connect(url) as client:
                assert client.predict("half", instances=[1.0]) == [2.5]
    assert set(models.flags()) <= set(told.read_text().split())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow-serving", "docker"])
def test_the_real_tensorflow_serving_serves_a_workspace(workspace: Path, engine: str) -> None:
    if engine == "docker" and (problem := docker_problem()):
        pytest.skip(f"no Docker with TensorFlow Serving: {problem}")
    if engine == "tensorflow-serving" and shutil.which("tensorflow_model_server") is None:
        pytest.skip("tensorflow_model_server is not installed")
    with running_server(pushed_models(workspace), workspace / "log", engine) as server:
        for url in (server.url, f"grpc://{server.grpc_address}"):
            with connect(url) as client:
                assert client.predict("half", instances=[1.0], label="stable") == [2.5]


def test_a_server_is_running_only_as_long_as_its_process_lives(tmp_path: Path) -> None:
    assert read_running(tmp_path) is None
    mine = write_running(tmp_path, os.getpid(), 8501, "embedded", "0.0.0.0", 8500)
    assert read_running(tmp_path) == mine
    assert (mine.url, mine.grpc_port) == ("http://127.0.0.1:8501", 8500)
    (tmp_path / "serving.json").write_text(json.dumps({**mine.__dict__, "born": mine.born - 1}))
    assert read_running(tmp_path) is None, "another process has got the number since"
    forget_running(tmp_path, 1)
    assert (tmp_path / "serving.json").exists()
    forget_running(tmp_path, os.getpid())
    assert not (tmp_path / "serving.json").exists()
    (tmp_path / "serving.json").write_text("{half")
    assert read_running(tmp_path) is None
