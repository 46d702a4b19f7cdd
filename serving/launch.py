"""Servers started and stopped: in the foreground for `labline serve`, or around a block of code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.progress import Progress
from pipeline.settings import ROOT
from serving.client import Client, ServerError
from serving.model_config import FILE_NAME, FOLDER, keep_model, read_models
from serving.running import forget_running, read_running, write_running
from serving.tensorflow_serving import READY, Models, RealEngine, choose_engine, command
from serving.tied import tie

START_SECONDS = 180.0
STOP_SECONDS = 40.0  # a request that is being answered gets 30 s to end
TAIL_LINES = 30


@dataclass
class Server:
    """A server's process; `url` is known at the start except where the embedded server takes a free port itself."""

    process: subprocess.Popen[bytes]
    engine: RealEngine
    log: Path
    models: Models
    url: str = ""

    def wait_until_ready(self, timeout: float = START_SECONDS) -> str:
        """Return the server's URL once every model has a version that serves.

        Raises:
            ServerError: the process ended, or it took too long; the end of its log is in the message.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.is_ready():
                return self.url
            if self.process.poll() is not None:
                raise ServerError(
                    f"The server ended with status {self.process.returncode}:\n{self.tail()}", str(self.log)
                )
            time.sleep(0.05)
        raise ServerError(f"The server was not ready after {timeout:.0f} s:\n{self.tail()}", str(self.log))

    def is_ready(self) -> bool:
        """Look for the embedded server's ready line; ask TensorFlow Serving, which prints none."""
        if self.engine == "embedded":
            for line in self.log.read_text("utf-8", "replace").splitlines():
                if line.startswith(READY):
                    self.url = line.removeprefix(READY).strip()
                    return True
            return False
        names = (
            [self.models.name]
            if self.models.config_file is None
            else [m.name for m in read_models(self.models.config_file)]
        )
        try:
            with Client(self.url, timeout=5) as client:
                return all(any(item.state == "AVAILABLE" for item in client.status(name)) for name in names)
        except ServerError:
            return False

    def tail(self) -> str:
        """Return the last lines of the server's log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-TAIL_LINES:])

    def stop(self) -> int:
        """End the server and return its exit status; requests that are being answered are finished."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def start_server(models: Models, log: Path, engine: str = "auto", host: str = "127.0.0.1", port: int = 0) -> Server:
    """Start a server without waiting for it; it ends with this process at the latest, even if that is killed.

    Args:
        models: what it serves.
        log: file for what it prints.
        port: 0 takes a free one.
    """
    real, _ = choose_engine(engine)
    if port == 0 and real != "embedded":
        port = free_port(host)
    grpc_port = 8500 if port == 8501 else free_port(host)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    line = command(real, models, host, port or -1, grpc_port)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            line if real == "embedded" else tie(line), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            env=environment, start_new_session=True,
        )  # fmt: skip
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}" if port else ""
    return Server(process, real, log, models, url)


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


@contextmanager
def running_server(
    models: Models, log: Path, engine: str = "auto", host: str = "127.0.0.1", port: int = 0
) -> Iterator[Server]:
    """Serve while the block runs."""
    server = start_server(models, log, engine, host, port)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def serve(workspace: Path, engine: str, host: str, port: int, progress: Progress) -> int:
    """Serve everything that was pushed in a workspace until Ctrl-C or SIGTERM; return the exit status.

    While it runs, workspace/serving.json tells `labline run` and `labline predict` where it is, and its log is
    workspace/logs/serving.log.

    Raises:
        UserError: nothing was pushed yet, a server runs already, the engine is not there, or the server does not start.
    """
    models = pushed_models(workspace)
    if (running := read_running(workspace)) is not None:
        raise UserError(
            f"A server of this workspace is already running (process {running.pid}).",
            running.url,
            f"Stop it: kill {running.pid}",
        )
    real, reason = choose_engine(engine)
    progress.say(f"serving with {engine_name(real)} ({reason})")
    stopped_by: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: stopped_by.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    server = start_server(models, workspace / "logs" / "serving.log", real, host, port)
    try:
        return watch(server, workspace, host, progress, stopped_by)
    finally:
        server.stop()
        forget_running(workspace, server.process.pid)
        for number, handler in before.items():
            signal.signal(number, handler)


def pushed_models(workspace: Path) -> Models:
    """Return what was pushed in a workspace; base paths are put right if the workspace was moved."""
    folder = (workspace / FOLDER).resolve()
    file = folder / FILE_NAME
    listed = read_models(file) if file.exists() else []
    if not listed:
        raise UserError(
            "Nothing was pushed in this workspace yet.",
            str(workspace),
            "Run a recipe first: `labline run image_classification`.",
        )
    for model in listed:
        if not Path(model.base_path).is_dir() and (folder / model.name).is_dir():
            keep_model(folder, model.name)
    return Models(folder, config_file=file)


def engine_name(engine: RealEngine) -> str:
    names = {
        "tensorflow-serving": "TensorFlow Serving",
        "docker": "TensorFlow Serving in Docker",
        "embedded": "the embedded server",
    }
    return names[engine]


def watch(server: Server, workspace: Path, host: str, progress: Progress, stopped_by: list[int]) -> int:
    """Wait for the server to be ready, say so, and wait for its end or for a signal."""
    deadline, told = time.monotonic() + START_SECONDS, False
    while not stopped_by:
        if server.process.poll() is not None:
            raise ServerError(
                f"The server ended with status {server.process.returncode}:\n{server.tail()}", str(server.log)
            )
        if not told and server.is_ready():
            told = True
            write_running(workspace, server.process.pid, int(server.url.rpartition(":")[2]), server.engine, host)
            names = ", ".join(model.name for model in read_models(workspace / FOLDER / FILE_NAME))
            progress.say(f"ready: {server.url}/v1/models/NAME:predict for {names}   (Ctrl-C stops it)")
        if not told and time.monotonic() > deadline:
            raise ServerError(
                f"The server was not ready after {START_SECONDS:.0f} s:\n{server.tail()}", str(server.log)
            )
        time.sleep(0.1)
    progress.say("stopping")
    return 0
