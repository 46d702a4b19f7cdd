"""Loading: a version's folder made a servable, warmed up and counted; and the threads in which that happens."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from serving.server.metrics import Metrics
from serving.server.models.saved_model import Servable
from serving.server.models.warm_up import warm_up
from serving.server_config_files import BATCHING_FILE, read_batching
from serving.signatures import DEFAULT_SIGNATURE

log = logging.getLogger("serving")
SAVED_MODEL = ":tensorflow:cc:saved_model:"
SERVING = ":tensorflow:serving:"
PUT_OFF_SECONDS = 1.0  # when the system has no room for another thread


@dataclass(frozen=True)
class LoadOptions:
    """How versions are loaded.

    Attributes:
        retries: attempts after the first failed one.
        timeout_ms: time for one computation of a model.
        warmup_iterations: how often each warm-up request is replayed.
        threads: versions that are loaded at a time.
        own_batching: read a version's own batching_params.pbtxt.
        batches_in_one_thread: compute a batch in the thread that runs it, and not in TensorFlow's pool.
        session_config: a TensorFlow ConfigProto; None means TensorFlow's defaults.
        early_labels: labels that are new may point to versions that are not available.
    """

    tags: tuple[str, ...] = ("serve",)
    warmup: bool = True
    retries: int = 5
    retry_seconds: float = 60.0
    timeout_ms: int = 30_000
    warmup_iterations: int = 1
    threads: int = 1
    own_batching: bool = False
    batches_in_one_thread: bool = False
    session_config: Any = None
    early_labels: bool = False


def load(folder: Path, options: LoadOptions, metrics: Metrics, name: str = "") -> tuple[Servable, int]:
    """Load and warm up a version of the model `name`; return it with the number of its warm-up requests.

    Raises:
        Exception: whatever kept it from being loaded; nothing of it stays in memory.
    """
    began = time.perf_counter()
    try:
        servable = Servable(folder, list(options.tags), options.timeout_ms, options.session_config, name)
    except BaseException:
        metrics.count(SAVED_MODEL + "load_attempt_count", model_path=str(folder), status="fail")
        raise
    metrics.count(SAVED_MODEL + "load_attempt_count", model_path=str(folder), status="success")
    metrics.count(SAVED_MODEL + "load_latency", (time.perf_counter() - began) * 1e6, model_path=str(folder))
    try:
        if options.own_batching and (folder / BATCHING_FILE).exists():
            servable.batching = read_batching(folder / BATCHING_FILE)
        is_batched = servable.batching is not None or not options.own_batching
        servable.in_callers_thread = options.batches_in_one_thread and is_batched
        servable.signature(DEFAULT_SIGNATURE)  # made ready here, not by the first request
        return servable, warm_up_counted(servable, options, metrics) if options.warmup else 0
    except BaseException:
        servable.close()
        raise


def warm_up_counted(servable: Servable, options: LoadOptions, metrics: Metrics) -> int:
    """Replay a version's warm-up requests and note how long that took; return how many there were."""
    began, status = time.perf_counter(), "fail"
    records = 0
    try:
        records = warm_up(servable, options.warmup_iterations)
        status = "success"
    finally:
        if records or status == "fail":
            microseconds, path = (time.perf_counter() - began) * 1e6, str(servable.folder)
            metrics.observe(SERVING + "model_warmup_latency", microseconds, model_path=path, status=status)
            metrics.count(SERVING + "model_warmup_records_read", records, model_path=path)
    return records


@dataclass(order=True)
class Task:
    """Something to be done at `due`, on `time.monotonic()`; of several that are due, the one that came first."""

    due: float
    number: int
    work: Callable[[], None] = field(compare=False)


class LoadThreads:
    """Does tasks in the order they come or become due, at most `most` at a time.

    A version that waits to be tried again is not in a thread's hands meanwhile, so it holds up no other.
    """

    def __init__(self, most: int) -> None:
        self.most, self.running = most, 0
        self.tasks: list[Task] = []
        self.numbers = itertools.count()
        self.changed = threading.Condition()
        threading.Thread(target=self.dispatch, name="load", daemon=True).start()

    @classmethod
    def for_start(cls) -> LoadThreads:
        """Make them for the models that are there when the server starts, which wait for nothing but each other."""
        return cls(4 * (os.cpu_count() or 1))

    def limit(self, most: int) -> None:
        """Change how many tasks are done at a time."""
        with self.changed:
            self.most = most
            self.changed.notify_all()

    def add(self, work: Callable[[], None], delay: float = 0.0) -> None:
        """Do `work` after `delay` seconds, as soon as a thread is free; it must raise nothing."""
        with self.changed:
            heapq.heappush(self.tasks, Task(time.monotonic() + delay, next(self.numbers), work))
            self.changed.notify_all()

    def dispatch(self) -> None:
        """Start a thread for each task that may be done."""
        while True:
            with self.changed:
                while not self.tasks or self.running >= self.most or self.tasks[0].due > time.monotonic():
                    waits_for_time = self.tasks and self.running < self.most
                    self.changed.wait(max(self.tasks[0].due - time.monotonic(), 0) if waits_for_time else None)
                task = heapq.heappop(self.tasks)
                self.running += 1
            try:
                threading.Thread(target=self.do, args=(task,), name="load one", daemon=True).start()
            except RuntimeError as error:  # no room for another thread
                log.error("a load is put off: %s", error)
                with self.changed:
                    self.running -= 1
                    heapq.heappush(self.tasks, replace(task, due=time.monotonic() + PUT_OFF_SECONDS))

    def do(self, task: Task) -> None:
        try:
            task.work()
        except BaseException:  # a defect of ours must not cost the thread's place
            log.exception("a load failed in an unforeseen way")
        finally:
            with self.changed:
                self.running -= 1
                self.changed.notify_all()
