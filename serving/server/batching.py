"""Batching: calls of many clients merged into few calls of the model, under TensorFlow Serving's batching parameters.

Calls of one signature of one loaded version whose inputs have the same inner shapes are joined along their first
dimension. A batch runs as soon as it is full, or its first call has waited `batch_timeout_micros`, and a thread is
free; what comes while all threads are busy gathers in the meantime. A call that the model refuses costs its
neighbours nothing: the batch is run again one by one, and only the bad one gets the error.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.server.errors import RequestError, invalid
from serving.server.execution import Answer, Arrays, Done, Outcome, Waiting, attempt, too_late
from serving.server.metrics import Metrics
from serving.server.models.saved_model import Servable
from serving.server_config_files import BatchingParameters

log = logging.getLogger("serving")
Key = tuple[Any, ...]


@dataclass(slots=True)
class Call:
    """One submitted call, or a part of one that was too large for a batch."""

    arrays: Arrays
    size: int
    deadline: float
    done: Done
    submitted: float


@dataclass(slots=True, eq=False)
class Batch:
    """Calls that will run together."""

    servable: Servable
    signature: str
    parameters: BatchingParameters
    opened: float
    calls: list[Call] = field(default_factory=list)
    size: int = 0
    closed: bool = False

    def due(self) -> float:
        """When it may run, on `time.monotonic()`."""
        return 0.0 if self.closed else self.opened + self.parameters.batch_timeout_micros / 1e6


class BatchedExecution:
    """An Execution that merges calls; one queue a signature, threads shared by all models.

    Args:
        parameters: of every model that brings none of its own.
    """

    def __init__(self, parameters: BatchingParameters, metrics: Metrics) -> None:
        self.parameters, self.metrics = parameters, metrics
        self.changed = threading.Condition()
        self.waiting: deque[Batch] = deque()
        self.open: dict[Key, Batch] = {}
        self.queued: Counter[tuple[int, str]] = Counter()
        self.closing = False
        self.threads = [
            threading.Thread(target=self.work, name=f"batch {number}", daemon=True)
            for number in range(parameters.threads)
        ]
        for thread in self.threads:
            thread.start()

    def submit(self, servable: Servable, signature: str, arrays: Arrays, deadline: float, done: Done) -> None:
        try:
            size = batch_size(arrays)
            parameters = servable.batching or self.parameters
            call = Call(arrays, size, deadline, done, time.monotonic())
            if size > parameters.max_batch_size and not parameters.enable_large_batch_splitting:
                raise invalid(f"Task size {size} is larger than maximum input batch size {parameters.max_batch_size}")
            calls = split(call, parameters.execution_size) if size > parameters.execution_size else [call]
            self.enqueue(servable, signature, parameters, calls)
        except RequestError as error:
            done(error)

    def run(self, servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        waiting = Waiting()

        def done(outcome: Outcome) -> None:
            servable.release()
            waiting(outcome)

        servable.acquire()  # the caller may stop to wait before the model is through
        self.submit(servable, signature, arrays, deadline, done)
        return waiting.wait(deadline)

    def enqueue(self, servable: Servable, signature: str, parameters: BatchingParameters, calls: list[Call]) -> None:
        """Put calls into open batches of their kind.

        Raises:
            RequestError: UNAVAILABLE; the queue has no room for all of them.
        """
        kind = (id(servable), signature)
        key = (*kind, shapes_of(calls[0].arrays, parameters.pad_variable_length_inputs))
        with self.changed:
            if self.closing:
                raise RequestError("UNAVAILABLE", "The server is stopping.")
            batch = self.open.get(key)
            fits = batch is not None and batch.size + calls[0].size <= parameters.execution_size
            if self.queued[kind] + len(calls) - fits > parameters.max_enqueued_batches:
                raise RequestError("UNAVAILABLE", "The batch scheduling queue to which this task was submitted is full")
            for call in calls:
                if batch is None or batch.size + call.size > parameters.execution_size:
                    if batch is not None:
                        batch.closed = True
                    batch = Batch(servable, signature, parameters, call.submitted)
                    self.open[key] = batch
                    self.waiting.append(batch)
                    self.queued[kind] += 1
                    self.changed.notify()
                batch.calls.append(call)
                batch.size += call.size
                if batch.size >= parameters.execution_size:
                    batch.closed = True
                    del self.open[key]
                    batch = None
                    self.changed.notify()

    def work(self) -> None:
        """Run batches until the end."""
        while (batch := self.next_batch()) is not None:
            try:
                self.run_batch(batch)
            except Exception as error:  # a defect of ours must not leave clients waiting, nor end this thread
                log.exception("a batch failed")
                for call in batch.calls:
                    call.done(RequestError("INTERNAL", f"{type(error).__name__}: {error}"))

    def next_batch(self) -> Batch | None:
        """Take the batch that may run first, waiting for one; None at the end."""
        with self.changed:
            while True:
                now = time.monotonic()
                batch = min(self.waiting, key=Batch.due, default=None)
                if batch is not None and (self.closing or batch.due() <= now):
                    self.take(batch)
                    return batch
                if batch is None and self.closing:
                    return None
                self.changed.wait(None if batch is None else batch.due() - now)

    def take(self, batch: Batch) -> None:
        self.waiting.remove(batch)
        if not batch.closed:
            batch.closed = True
            self.open = {key: value for key, value in self.open.items() if value is not batch}
        kind = (id(batch.servable), batch.signature)
        self.queued[kind] -= 1
        if not self.queued[kind]:
            del self.queued[kind]

    def run_batch(self, batch: Batch) -> None:
        """Run what has not waited too long, and hand each call its rows."""
        now = time.monotonic()
        waited = [now - call.submitted for call in batch.calls]
        late = [call for call in batch.calls if call.deadline < now]
        batch.calls = [call for call in batch.calls if call.deadline >= now]
        for call in late:
            call.done(too_late())
        if not batch.calls:
            return
        size = sum(call.size for call in batch.calls)
        padding = padded(size, batch.parameters) - size
        self.metrics.batched(batch.servable.name, waited, size + padding, padding)
        merged = merge([call.arrays for call in batch.calls], padding)
        deadline = max(call.deadline for call in batch.calls)
        outcome = attempt(batch.servable, batch.signature, merged, deadline)
        if isinstance(outcome, Answer):
            outcome = check_outputs(outcome, size + padding)
        if isinstance(outcome, Answer):
            give_rows(batch.calls, outcome)
        elif len(batch.calls) == 1 or outcome.code == "DEADLINE_EXCEEDED":
            for call in batch.calls:
                call.done(outcome)
        else:
            for call in batch.calls:
                alone = attempt(batch.servable, batch.signature, call.arrays, call.deadline)
                call.done(check_outputs(alone, call.size) if isinstance(alone, Answer) else alone)

    def close(self) -> None:
        """Refuse new calls, run those that wait, and end the threads."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()


def batch_size(arrays: Arrays) -> int:
    """Return the common first dimension of a call's inputs.

    Raises:
        RequestError: an input has none, or they differ.
    """
    sizes = set()
    for array in arrays.values():
        if not array.ndim:
            raise invalid("Batching Run() input tensors must have at least one dimension")
        sizes.add(len(array))
    if len(sizes) > 1:
        raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return sizes.pop() if sizes else 0


def shapes_of(arrays: Arrays, padded: bool) -> Key:
    """Return what must agree within a batch: the inner shapes, or only the ranks where shorter inputs are padded."""
    if padded:
        return tuple((name, array.ndim) for name, array in sorted(arrays.items()))
    if len(arrays) == 1:
        (array,) = arrays.values()
        return array.shape[1:]
    return tuple((name, array.shape[1:]) for name, array in sorted(arrays.items()))


def split(call: Call, size: int) -> list[Call]:
    """Cut a call into parts of at most `size` rows; the whole is done when all parts are."""
    starts = range(0, call.size, size)
    gathered = SplitCall(call.done, len(starts))
    return [
        Call(
            {name: array[start : start + size] for name, array in call.arrays.items()},
            min(size, call.size - start),
            call.deadline,
            gathered.part(number),
            call.submitted,
        )
        for number, start in enumerate(starts)
    ]


class SplitCall:
    """The parts of a call that was cut, put together again."""

    def __init__(self, done: Done, parts: int) -> None:
        self.done, self.missing = done, parts
        self.outcomes: list[Outcome | None] = [None] * parts
        self.lock = threading.Lock()

    def part(self, number: int) -> Done:
        def done(outcome: Outcome) -> None:
            with self.lock:
                self.outcomes[number] = outcome
                self.missing -= 1
                if self.missing:
                    return
            self.finish()

        return done

    def finish(self) -> None:
        parts: list[Arrays] = []
        for outcome in self.outcomes:
            if not isinstance(outcome, Answer):
                self.done(outcome or too_late())
                return
            parts.append(outcome.arrays())
        self.done(Answer({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}))


def padded(size: int, parameters: BatchingParameters) -> int:
    """Return the allowed size that a batch is brought up to; one without rows stays as it is."""
    return 0 if not size else next((allowed for allowed in parameters.allowed_batch_sizes if allowed >= size), size)


def merge(calls: list[Arrays], padding: int) -> Arrays:
    """Join the inputs of several calls; `padding` rows at the end repeat the first one there is."""
    if len(calls) == 1 and not padding:
        return calls[0]
    merged = {}
    for name in calls[0]:
        parts = [call[name] for call in calls]
        shapes = {part.shape[1:] for part in parts}
        if len(shapes) > 1:
            parts = lengthen(parts)
        if padding:
            first = next(part for part in parts if len(part))
            parts.append(np.repeat(first[:1], padding, axis=0))
        merged[name] = np.concatenate(parts)
    return merged


def lengthen(parts: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Bring arrays to the largest of their inner sizes by zeros (empty strings) at the ends."""
    largest = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
    lengthened = []
    for part in parts:
        target = np.full((len(part), *largest), b"" if part.dtype == object else 0, part.dtype)
        target[tuple(slice(size) for size in part.shape)] = part
        lengthened.append(target)
    return lengthened


def check_outputs(answer: Answer, size: int) -> Outcome:
    """Return the answer if it can be taken apart by rows."""
    for array in answer.outputs.values():
        if not array.ndim:
            return RequestError("FAILED_PRECONDITION", "Batched output tensor has 0 dimensions")
        if len(array) != size:
            return RequestError(
                "FAILED_PRECONDITION",
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of "
                "the input tensors",
            )
    return answer


def give_rows(calls: list[Call], answer: Answer) -> None:
    start = 0
    for call in calls:
        call.done(Answer(answer.outputs, slice(start, start + call.size), answer.texts))
        start += call.size
