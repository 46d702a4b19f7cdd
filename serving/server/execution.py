"""Execution: how a call of a signature reaches the model, alone or merged with others into a batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from serving.server.errors import RequestError
from serving.server.models.saved_model import Servable

Arrays = dict[str, np.ndarray]
Done = Callable[[Arrays | RequestError], None]


class Execution(Protocol):
    """A way to run signatures; safe to use from any thread."""

    def submit(self, servable: Servable, signature: str, arrays: Arrays, deadline: float, done: Done) -> None:
        """Run a signature soon, and hand `done` its outputs or what went wrong, on some thread of this object's.

        Args:
            arrays: input name -> array, of the signature's inputs exactly; not changed, and not to be changed.
            deadline: on `time.monotonic()`; a call that has not begun by then ends with DEADLINE_EXCEEDED.
        """

    def run(self, servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        """Run a signature and wait for it.

        Raises:
            RequestError: what went wrong.
        """

    def close(self) -> None:
        """Finish what was submitted, and end the threads."""


class DirectExecution:
    """Every call alone, at most `threads` submitted ones at a time; `run` uses its caller's own thread."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="model")

    def submit(self, servable: Servable, signature: str, arrays: Arrays, deadline: float, done: Done) -> None:
        self.pool.submit(self.finish, servable, signature, arrays, deadline, done)

    def finish(self, servable: Servable, signature: str, arrays: Arrays, deadline: float, done: Done) -> None:
        try:
            outcome: Arrays | RequestError = self.run(servable, signature, arrays, deadline)
        except RequestError as error:
            outcome = error
        done(outcome)

    def run(self, servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        if time.monotonic() > deadline:
            raise RequestError("DEADLINE_EXCEEDED", "The request waited longer than its deadline.")
        found = servable.signature(signature)
        assert found is not None
        return servable.run(found, arrays)

    def close(self) -> None:
        self.pool.shutdown()


class Waiting:
    """A `done` to wait on."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.outcome: Arrays | RequestError = RequestError("INTERNAL", "The call did not end.")

    def __call__(self, outcome: Arrays | RequestError) -> None:
        self.outcome = outcome
        self.event.set()

    def wait(self) -> Arrays:
        """Return the outputs.

        Raises:
            RequestError: what went wrong.
        """
        self.event.wait()
        if isinstance(self.outcome, RequestError):
            raise self.outcome
        return self.outcome
