"""The command line that serves models.config: TensorFlow Serving's binary, its Docker image, or the embedded server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import UserError
from serving.model_config import read_models

IMAGE = "tensorflow/serving:2.16.1"
BINARY = "tensorflow_model_server"
READY = "labline server ready: "  # the embedded server says this and its URL; the others say nothing
POLL_SECONDS = 1  # for new versions; models.config is read again at the same pace
CONTAINER_REST_PORT, CONTAINER_GRPC_PORT = 8501, 8500

RealEngine = Literal["tensorflow-serving", "docker", "embedded"]


@dataclass(frozen=True)
class Models:
    """What to serve: the models of a models.config, or a single one.

    Attributes:
        folder: what the server must be able to read; mounted at the same path in a container, so that paths agree.
        batching_file: merge small requests of the versions that bring a batching_params.pbtxt; the file itself says how
            many threads compute batches.
        monitoring_file: whether metrics are told, and where.
    """

    folder: Path
    config_file: Path | None = None
    name: str = ""
    base_path: Path | None = None
    batching_file: Path | None = None
    monitoring_file: Path | None = None

    def names(self) -> list[str]:
        """Return the models' names."""
        return [self.name] if self.config_file is None else [model.name for model in read_models(self.config_file)]

    def flags(self) -> list[str]:
        """Return the flags that every engine gets."""
        if self.config_file is None:
            return [f"--model_name={self.name}", f"--model_base_path={self.base_path}", *self.optional_flags()]
        # a starting server has no version yet that a label could point to
        return [
            f"--model_config_file={self.config_file}",
            f"--model_config_file_poll_wait_seconds={POLL_SECONDS}",
            "--allow_version_labels_for_unavailable_models=true",
            *self.optional_flags(),
        ]

    def optional_flags(self) -> list[str]:
        flags = []
        if self.batching_file is not None:
            flags += ["--enable_batching=true", f"--batching_parameters_file={self.batching_file}"]
            flags += ["--enable_per_model_batching_parameters=true"]
        if self.monitoring_file is not None:
            flags += [f"--monitoring_config_file={self.monitoring_file}"]
        return flags


def choose_engine(wanted: str) -> tuple[RealEngine, str]:
    """Return the engine to use and the reason.

    Raises:
        UserError: the engine that was asked for is not there.
    """
    if wanted == "embedded":
        return "embedded", "as asked for"
    binary = shutil.which(BINARY)
    if wanted == "tensorflow-serving":
        if binary is None:
            raise UserError(f"There is no `{BINARY}` on this machine.", "engine", "Install it, or use `embedded`.")
        return "tensorflow-serving", "as asked for"
    if wanted == "auto" and binary is not None:
        return "tensorflow-serving", f"{binary} is installed"
    problem = docker_problem()
    if wanted == "docker":
        if problem and not problem.startswith("no image"):
            raise UserError(f"Docker cannot be used: {problem}.", "engine", "Start Docker, or use `embedded`.")
        return "docker", "as asked for"
    if wanted != "auto":
        raise UserError(
            f"There is no engine `{wanted}`.",
            "engine",
            "There are: `auto`, `tensorflow-serving`, `docker`, `embedded`.",
        )
    if not problem:
        return "docker", f"image {IMAGE} is there"
    return "embedded", f"no {BINARY}, and no Docker ({problem})"


def docker_problem() -> str:
    """Say why Docker cannot serve right now; empty if it can.

    An image that would have to be downloaded is a problem, too.
    """
    if shutil.which("docker") is None:
        return "not installed"
    try:
        engine = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, timeout=5
        )
        if engine.returncode:
            return "no engine is running"
        image = subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return "it does not answer"
    return "" if image.returncode == 0 else f"no image {IMAGE}"


def command(
    engine: RealEngine,
    models: Models,
    host: str,
    port: int,
    grpc_port: int = CONTAINER_GRPC_PORT,
    extra_flags: Sequence[str] = (),
) -> list[str]:
    """Return the command that serves `models`.

    The binary listens on every address, whatever `host` says: it has no flag for that. Docker publishes its ports on
    `host`.

    Args:
        port, grpc_port: of the REST and the gRPC API; the embedded server takes free ones for -1.
        extra_flags: of the engine's own, which count more than ours.
    """
    flags = [*models.flags(), *loading_flags(), *extra_flags]
    if engine == "tensorflow-serving":
        return [BINARY, f"--port={grpc_port}", f"--rest_api_port={port}", *flags]
    if engine == "docker":
        published = f"[{host}]" if ":" in host else host
        ports = [
            "-p",
            f"{published}:{port}:{CONTAINER_REST_PORT}",
            "-p",
            f"{published}:{grpc_port}:{CONTAINER_GRPC_PORT}",
        ]
        volume = ["-v", f"{models.folder}:{models.folder}:ro"]
        return ["docker", "run", "--rm", "--init", f"--name={container_name(port)}", *ports, *volume, IMAGE, *flags]
    return [
        sys.executable,
        "-m",
        "serving.server",
        f"--bind_address={host}",
        f"--port={grpc_port}",
        f"--rest_api_port={port}",
        f"--exit_with_parent={os.getpid()}",
        *flags,
    ]


def container_name(port: int) -> str:
    """Return the name of the container that serves on a port, by which it can be removed if its command fails to."""
    return f"labline-serving-{port}"


def loading_flags() -> list[str]:
    """Return flags by which a broken version is given up within seconds and holds up no other model.

    The defaults would retry for five minutes inside the server's only loop.
    """
    return [
        f"--file_system_poll_wait_seconds={POLL_SECONDS}",
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=1000000",
        "--num_load_threads=2",
    ]
