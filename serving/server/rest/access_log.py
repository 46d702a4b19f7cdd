"""Access log: one line of JSON for each answer, under an id that the client can choose and gets back."""

from __future__ import annotations

import itertools
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import orjson

from serving.server.rest.server_state import Request

log = logging.getLogger("serving")
ACCEPTED = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
PROCESS = os.urandom(4).hex()
NUMBERS = itertools.count(1)


def identify(request: Request) -> str:
    """Return the id a client sent, if it is fit for a log and a header, else a new one."""
    given = request.header(b"x-request-id")
    return given if ACCEPTED.fullmatch(given) else f"{PROCESS}-{next(NUMBERS):x}"


class AccessLog:
    """Writes to a file of somebody else's; flushed at most once a second, and at the end by whoever closes it."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.flushed, self.complained = 0.0, False

    def write(self, request: Request, name: str, status: int, sent: int, model: str) -> None:
        """Write the line of an answer; `sent` is the size of its body in bytes."""
        now = time.time()
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z",
            "id": name,
            "client": request.connection.peer,
            "method": request.method,
            "target": request.target,
            "model": model,
            "status": status,
            "received": request.size,
            "sent": sent,
            "milliseconds": round((time.perf_counter() - request.started) * 1e3, 3),
        }
        with self.complaining():
            self.file.write(orjson.dumps(line).decode() + "\n")
        if now - self.flushed > 1:
            self.flushed = now
            self.flush()

    def flush(self) -> None:
        with self.complaining():
            self.file.flush()

    @contextmanager
    def complaining(self) -> Iterator[None]:
        """Complain once instead of raising: a full disk must not keep clients from their answers."""
        try:
            yield
        except (OSError, ValueError) as error:
            if not self.complained:
                log.error("the access log cannot be written: %s", error)
            self.complained = True
