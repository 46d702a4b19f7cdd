"""serving.json: which server of a workspace is running, known only as long as its process lives."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.disk import replace_text

FILE_NAME = "serving.json"


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        pid: of the server's process.
        born: start time of that process in clock ticks, so that no other process with the same number is taken for it.
        started: seconds since 1970.
        grpc_port: 0 if it has no gRPC API.
    """

    pid: int
    rest_port: int
    engine: str
    host: str = "127.0.0.1"
    started: float = 0.0
    born: int = 0
    grpc_port: int = 0

    @property
    def url(self) -> str:
        """Where this machine reaches its REST API."""
        return f"http://{self.reached}:{self.rest_port}"

    @property
    def reached(self) -> str:
        """The host, as it stands in an address; a server that listens everywhere is reached on the loopback address."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"[{host}]" if ":" in host else host


def write_running(workspace: Path, pid: int, rest_port: int, engine: str, host: str, grpc_port: int = 0) -> Running:
    """Record a server that was started for a workspace."""
    running = Running(pid, rest_port, engine, host, time.time(), start_ticks(pid), grpc_port)
    replace_text(workspace / FILE_NAME, json.dumps(asdict(running)) + "\n")
    return running


def read_running(workspace: Path) -> Running | None:
    """Return the running server of a workspace; None if there is none, or only the file of one that has ended."""
    try:
        running = Running(**json.loads((workspace / FILE_NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return running if is_alive(running) else None


def forget_running(workspace: Path, pid: int) -> None:
    """Remove the record of a server that has ended, unless another one has taken its place."""
    try:
        if json.loads((workspace / FILE_NAME).read_text("utf-8"))["pid"] == pid:
            (workspace / FILE_NAME).unlink()
    except (OSError, ValueError, KeyError, TypeError):
        return


def is_alive(running: Running) -> bool:
    """Say whether the very process that was recorded is still there."""
    try:
        os.kill(running.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return start_ticks(running.pid) == running.born


def start_ticks(pid: int) -> int:
    """Return a process's start time in clock ticks since boot; 0 where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()  # the name before may hold spaces and brackets
    return 0 if fields[0] == "Z" else int(fields[19])
