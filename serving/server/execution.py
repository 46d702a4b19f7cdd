"""Execution: how a call of a signature reaches the model, alone or merged with others into a batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from numpy.typing import NDArray

from serving.server.errors import RequestError
from serving.server.models.saved_model import Servable

Arrays = dict[str, NDArray[Any]]


class Answer:
    """What one call gets: its rows of the outputs of all that ran together.

    Attributes:
        outputs: output name -> array, of everything that ran together; shared between calls, not to be changed.
        rows: which rows are this call's; None if the outputs are this call's alone.
        texts: what the writers of answers keep here so that rows of one batch are turned into text once; shared, too.
    """

    __slots__ = ("outputs", "rows", "texts")

    def __init__(self, outputs: Arrays, rows: slice | None = None, texts: dict[str, Any] | None = None) -> None:
        self.outputs, self.rows = outputs, rows
        self.texts: dict[str, Any] = {} if texts is None else texts

    def arrays(self) -> Arrays:
        """Return this call's own outputs."""
        return self.outputs if self.rows is None else {name: value[self.rows] for name, value in self.outputs.items()}

    def bytes(self) -> int:
        """Return the size of everything that ran together."""
        if "bytes" not in self.texts:
            self.texts["bytes"] = sum(
                sum(map(len, value.flat)) if value.dtype == object else value.nbytes for value in self.outputs.values()
            )
        size: int = self.texts["bytes"]
        return size


Outcome = Answer | RequestError
Done = Callable[[Outcome], None]


class Execution(Protocol):
    """A way to run signatures; safe to use from any thread."""

    def submit(self, servable: Servable, signature: str, arrays: Arrays, deadline: float, done: Done) -> None:
        """Run a signature soon, and hand `done` its answer or what went wrong.

        Args:
            servable: lent to the caller until `done` was called.
            arrays: input name -> array, of the signature's inputs exactly; not to be changed by anybody.
            deadline: on `time.monotonic()`; a call that has not begun by then ends with DEADLINE_EXCEEDED.
            done: called once, on a thread of this object's or before `submit` returns; must be quick and raise nothing.
        """

    def run(self, servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        """Run a signature and wait for its outputs.

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
        done(attempt(servable, signature, arrays, deadline))

    def run(self, servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        return arrays_of(attempt(servable, signature, arrays, deadline))

    def close(self) -> None:
        self.pool.shutdown()


def attempt(servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Outcome:
    """Run a signature in this thread; whatever goes wrong is the outcome."""
    if time.monotonic() > deadline:
        return too_late()
    try:
        found = servable.signature(signature)
        if found is None:
            return RequestError("FAILED_PRECONDITION", f'Serving signature key "{signature}" not found.')
        return Answer(servable.run(found, arrays, deadline))
    except RequestError as error:
        return error
    except Exception as error:
        return RequestError("INTERNAL", f"{type(error).__name__}: {error}")


def too_late() -> RequestError:
    return RequestError("DEADLINE_EXCEEDED", "The request's time was over before the model could begin with it.")


def arrays_of(outcome: Outcome) -> Arrays:
    """Return the outputs, or raise what went wrong."""
    if isinstance(outcome, RequestError):
        raise outcome
    return outcome.arrays()


class Waiting:
    """A `done` that a thread can wait on."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.outcome: Outcome = too_late()

    def __call__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.event.set()

    def wait(self, deadline: float) -> Arrays:
        """Return the outputs.

        Raises:
            RequestError: what went wrong; DEADLINE_EXCEEDED if nothing came in time.
        """
        self.event.wait(max(deadline - time.monotonic(), 0))
        return arrays_of(self.outcome)
