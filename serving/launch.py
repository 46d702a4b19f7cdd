"""Servers started and stopped: in the foreground for `labline serve`, or around a block of code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UsageError, UserError
from pipeline.progress import Progress
from pipeline.settings import ROOT
from serving.child_process import bind_to_this_process
from serving.client import Client, ServerError
from serving.log_lines import LogLines
from serving.model_config import (
    BATCHING,
    FILE_NAME,
    FOLDER,
    MONITORING,
    ensure_server_files,
    read_models,
    register_model,
    versions_on_disk,
)
from serving.running import forget_running, read_running, write_running
from serving.server_config_files import METRICS_PATH
from serving.tensorflow_serving import BINARY, READY, Models, RealEngine, choose_engine, command, container_name

START_SECONDS = 180.0
STOP_SECONDS = 40.0  # a request that is being answered gets 30 s to end
TAIL_LINES = 30


@dataclass
class Server:
    """A server's process; its addresses are known at the start, unless the embedded server takes free ports itself."""

    process: subprocess.Popen[bytes]
    engine: RealEngine
    log: Path
    models: Models
    url: str = ""
    grpc_address: str = ""

    def wait_until_ready(self, timeout: float = START_SECONDS) -> str:
        """Return the server's URL once every model has a version that serves.

        Raises:
            ServerError: the process ended, or it took too long; the end of its log is in the message.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.is_ready():
                return self.url
            self.check_alive()
            time.sleep(0.05)
        raise ServerError(f"The server was not ready after {timeout:.0f} s:\n{self.tail()}", str(self.log))

    def check_alive(self) -> None:
        """Raise ServerError if the process has ended; the end of its log is in the message."""
        if self.process.poll() is not None:
            raise ServerError(f"The server ended with status {self.process.returncode}:\n{self.tail()}", str(self.log))

    def is_ready(self) -> bool:
        """Look for the embedded server's ready line; ask TensorFlow Serving, which prints none."""
        if self.engine == "embedded":
            for line in self.log.read_text("utf-8", "replace").splitlines():
                if line.startswith(READY):
                    self.url, _, self.grpc_address = line.removeprefix(READY).strip().partition(" grpc ")
                    return True
            return False
        try:
            with Client(self.url, timeout=5) as client:
                return all(
                    any(item.state == "AVAILABLE" for item in client.status(name)) for name in self.models.names()
                )
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
                if self.engine == "docker":  # what was killed is the command line, not the container
                    name = container_name(int(self.url.rpartition(":")[2]))
                    subprocess.run(["docker", "rm", "--force", name], capture_output=True, timeout=STOP_SECONDS)
        return self.process.wait()


def start_server(
    models: Models,
    log: Path,
    engine: str = "auto",
    host: str = "127.0.0.1",
    port: int = 0,
    grpc_port: int = 0,
    extra_flags: Sequence[str] = (),
) -> Server:
    """Start a server without waiting for it; it ends with this process at the latest, even if that is killed.

    Args:
        models: what it serves.
        log: file for what it prints.
        port, grpc_port: of the REST and the gRPC API; 0 takes a free one.
        extra_flags: of the engine's own.

    Raises:
        UserError: the engine is not there, or a port is in use.
        UsageError: both APIs are to have the same port.
    """
    real, _ = choose_engine(engine)
    check_ports(host, port, grpc_port)
    if real == "embedded":
        line = command(real, models, host, port or -1, grpc_port or -1, extra_flags)
    else:
        port, grpc_port = port or free_port(host), grpc_port or free_port(host)
        line = bind_to_this_process(command(real, models, host, port, grpc_port, extra_flags))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    shown = f"[{host}]" if ":" in host else host
    return Server(
        process,
        real,
        log,
        models,
        f"http://{shown}:{port}" if port else "",
        f"{shown}:{grpc_port}" if grpc_port else "",
    )


def check_ports(host: str, port: int, grpc_port: int) -> None:
    """Refuse ports that cannot be: TensorFlow Serving would go on without the REST API, or somebody else would answer.

    Raises:
        UsageError: both APIs are to have the same port.
        UserError: a port is in use.
    """
    if port and port == grpc_port:
        raise UsageError(
            f"The REST and the gRPC API cannot both have port {port}.",
            "--port, --grpc-port",
            "Choose another for one of them; 0 takes a free one.",
        )
    check_port(host, port, "--port")
    check_port(host, grpc_port, "--grpc-port")


def check_port(host: str, port: int, option: str) -> None:
    """Raise UserError if a port is in use."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise UserError(
            f"Cannot listen: {error.strerror}.",
            f"{host}:{port}",
            f"Choose another port with {option} (0 takes a free one), or stop what uses it.",
        ) from None


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


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


def serve(
    workspace: Path,
    engine: str,
    host: str,
    port: int,
    progress: Progress,
    grpc_port: int = 0,
    batching: bool = True,
    extra_flags: Sequence[str] = (),
) -> int:
    """Serve everything that was pushed in a workspace until Ctrl-C or SIGTERM; return the exit status.

    While it runs, workspace/serving.json tells `labline run` and `labline predict` where it is, and its log is
    workspace/logs/serving.log.

    Args:
        port, grpc_port: of the REST and the gRPC API; 0 takes a free one.
        batching: merge small requests of the models whose recipe allows it.
        extra_flags: of the engine's own.

    Raises:
        UserError: nothing was pushed yet, a server runs already, the engine is not there, or the server does not start.
        UsageError: both APIs are to have the same port.
    """
    models = pushed_models(workspace, batching)
    if (running := read_running(workspace)) is not None:
        raise UserError(
            f"A server of this workspace is already running (process {running.pid}).",
            running.url,
            f"Stop it: kill {running.pid}",
        )
    check_ports(host, port, grpc_port)
    real, reason = choose_engine(engine)
    check_logging(models, real)
    log = workspace / "logs" / "serving.log"
    progress.say(f"serving with {engine_name(real)} ({reason}); its log: {log}")
    if real == "tensorflow-serving" and host not in ("0.0.0.0", "::"):
        progress.say(f"note: {BINARY} listens on every address of this machine; it cannot be told to use {host} only")
    stopped_by: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: stopped_by.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        server = start_server(models, log, real, host, port, grpc_port, extra_flags)
        try:
            return watch(server, workspace, host, progress, stopped_by)
        finally:
            server.stop()
            forget_running(workspace, server.process.pid)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pushed_models(workspace: Path, batching: bool = True) -> Models:
    """Return what was pushed in a workspace; paths are put right if the workspace was moved.

    Raises:
        UserError: nothing was pushed, or a model has no version to serve: a server would wait for one for ever.
    """
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
            register_model(folder, model.name)
    for model in read_models(file):
        if not model.select(versions_on_disk(Path(model.base_path))):
            raise UserError(
                f"Model `{model.name}` has no version to serve.",
                model.base_path,
                f"Push one, or take its entry out of {file}.",
            )
    files = ensure_server_files(folder)
    return Models(
        folder, config_file=file, batching_file=files[BATCHING] if batching else None, monitoring_file=files[MONITORING]
    )


def check_logging(models: Models, engine: RealEngine) -> None:
    """Raise UserError if requests are to be logged by a server that cannot: it would refuse the whole models.config."""
    assert models.config_file is not None
    logged = [model.name for model in read_models(models.config_file) if model.log_rate]
    if logged and engine != "embedded":
        raise UserError(
            f"Requests of `{logged[0]}` are to be logged, and {engine_name(engine)} has no log collector.",
            str(models.config_file),
            "Serve with `--engine embedded`, or push with `serving.log_requests=0`.",
        )


def engine_name(engine: RealEngine) -> str:
    names = {
        "tensorflow-serving": "TensorFlow Serving",
        "docker": "TensorFlow Serving in Docker",
        "embedded": "the embedded server",
    }
    return names[engine]


def watch(server: Server, workspace: Path, host: str, progress: Progress, stopped_by: list[int]) -> int:
    """Wait for the server to be ready, say so, and wait for its end or a signal; say what happens to it meanwhile."""
    deadline, announced = time.monotonic() + START_SECONDS, False
    log = LogLines(server.log)
    while not stopped_by:
        server.check_alive()
        pass_on(server, log, progress)
        if not announced and server.is_ready():
            announced = True
            ports = [int(address.rpartition(":")[2] or 0) for address in (server.url, server.grpc_address)]
            write_running(workspace, server.process.pid, ports[0], server.engine, host, ports[1])
            names = ", ".join(server.models.names())
            progress.say(f"ready: {server.url}/v1/models/NAME:predict for {names}   (Ctrl-C stops it)")
            if server.grpc_address:
                progress.say(f"gRPC: {server.grpc_address}   metrics: {server.url}{METRICS_PATH}")
            if server.engine == "embedded":
                progress.say(f"to try it in a browser: {server.url}/")
        if not announced and time.monotonic() > deadline:
            raise ServerError(
                f"The server was not ready after {START_SECONDS:.0f} s:\n{server.tail()}", str(server.log)
            )
        time.sleep(0.1)
    pass_on(server, log, progress)
    progress.say("stopping")
    return 0


def pass_on(server: Server, log: LogLines, progress: Progress) -> None:
    """Say what is new in the log and matters; only the embedded server's lines are known."""
    if server.engine == "embedded":
        for line in log.read_new():
            progress.say(line)
