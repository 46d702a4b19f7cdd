"""`labline serve` in the foreground: says when it is ready, is found by others, ends cleanly, leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.progress import Progress
from serving.client import Client
from serving.launch import serve
from serving.model_config import keep_model
from serving.running import birth, forget_running, read_running, write_running

SERVE = (
    "import sys; from pathlib import Path; from pipeline.progress import Progress; from serving.launch import serve\n"
)
SERVE += "sys.exit(serve(Path(sys.argv[1]), 'embedded', '127.0.0.1', int(sys.argv[2]), Progress()))"


@pytest.fixture
def workspace(half_plus_two: Path, tmp_path: Path) -> Path:
    """A workspace with one pushed model, moved after the push."""
    shutil.copytree(half_plus_two, tmp_path / "old" / "served_models" / "half" / "1")
    keep_model(tmp_path / "old" / "served_models", "half")
    return (tmp_path / "old").rename(tmp_path / "workspace")


def test_serve_until_sigterm(workspace: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(workspace), "0"], stderr=subprocess.PIPE, text=True)
    running = wait_for_running(workspace, process)
    try:
        with Client(running.url) as client:
            assert client.predict("half", instances=[1.0]) == [2.5]
        with pytest.raises(UserError, match="already running"):
            serve(workspace, "embedded", "127.0.0.1", 8501, Progress(quiet=True))
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert f"ready: {running.url}/v1/models/NAME:predict for half" in said
    assert read_running(workspace) is None and not (workspace / "serving.json").exists()
    assert not Path(f"/proc/{running.pid}").exists()


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
import sys; from pathlib import Path; from serving.launch import start_server; from serving.tensorflow_serving import Models
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
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert starter.stdout is not None
    server = int(starter.stdout.readline())
    assert birth(server)
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + 60
    while birth(server):
        assert time.monotonic() < deadline, "the server outlived the process that started it"
        time.sleep(0.05)


def wait_for_running(workspace: Path, process: subprocess.Popen):  # type: ignore[no-untyped-def, type-arg]
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
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="Address already in use"):
            serve(workspace, "embedded", "127.0.0.1", taken.getsockname()[1], Progress(quiet=True))
    log = (workspace / "logs" / "serving.log").read_text()
    assert "half version 1" not in log, "told before the model is loaded"


def test_a_server_is_running_only_as_long_as_its_process_lives(tmp_path: Path) -> None:
    assert read_running(tmp_path) is None
    mine = write_running(tmp_path, os.getpid(), 8501, "embedded", "0.0.0.0")
    assert read_running(tmp_path) == mine
    assert mine.url == "http://127.0.0.1:8501"
    (tmp_path / "serving.json").write_text(json.dumps({**mine.__dict__, "born": mine.born - 1}))
    assert read_running(tmp_path) is None, "another process has got the number since"
    forget_running(tmp_path, 1)
    assert (tmp_path / "serving.json").exists()
    forget_running(tmp_path, os.getpid())
    assert not (tmp_path / "serving.json").exists()
    (tmp_path / "serving.json").write_text("{half")
    assert read_running(tmp_path) is None
