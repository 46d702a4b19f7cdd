"""Request log: a sample of what clients asked and were answered, as TFRecords of PredictionLog.

Which models are logged, how many of their requests and where to is in their `logging_config`: a collector of type
`file`, its `filename_prefix`, and a sampling rate. The files are called PREFIX-YYYYMMDD-HHMMSS-PID.tfrecord (UTC); a
new one begins when one is large or old, and the oldest ones are deleted beyond what is to be kept. A record is
written whole or not at all, by a thread of the log's own, and no request ever waits for it.
"""

from __future__ import annotations

import io
import logging
import os
import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from data.tfrecord import write_record
from serving.model_config import ModelConfig
from serving.server.example_results import CLASSIFY, Classes
from serving.server.grpc_api.tensor_protos import type_of, write_tensor
from serving.server.metrics import SERVING, Metrics
from serving.server.result_protos import fill_classes, fill_examples, fill_numbers, fill_spec

log = logging.getLogger("serving")
COUNT = SERVING + "request_log_count"
Arrays = dict[str, NDArray[Any]]
ConfigOf = Callable[[str], ModelConfig | None]


@dataclass(frozen=True)
class LogLimits:
    """How much waits to be written, when a file ends, and how much is kept of one log (0: all)."""

    waiting_records: int = 1000
    waiting_bytes: int = 64 * 2**20
    file_bytes: int = 64 * 2**20
    file_seconds: float = 3600.0
    kept_bytes: int = 0


@dataclass
class Entry:
    """A request that is to be logged; `write` makes its record."""

    config: ModelConfig
    size: int
    write: Callable[[], bytes]


@dataclass
class File:
    """The file that a model's requests are written to now."""

    path: Path
    stream: io.FileIO
    began: float = field(default_factory=time.monotonic)
    size: int = 0


class RequestLog:
    """What is kept of the requests; safe to use from any thread.

    Args:
        config_of: looks up a model's configuration, which may change at any time; without it, nothing is logged.
        metrics: where logged and dropped requests are counted.
    """

    def __init__(
        self, config_of: ConfigOf | None = None, metrics: Metrics | None = None, limits: LogLimits | None = None
    ) -> None:
        self.config_of, self.metrics, self.limits = config_of, metrics or Metrics(), limits or LogLimits()
        self.waiting: deque[Entry] = deque()
        self.waiting_bytes = 0
        self.changed = threading.Condition()
        self.closing = False
        self.writer: threading.Thread | None = None
        self.files: dict[str, File] = {}

    def wants(self, model: str) -> bool:
        """Say whether this request of a model belongs to the sample; to be asked once a request, and cheap."""
        config = self.config_of(model) if self.config_of else None
        return config is not None and bool(config.log_prefix) and random.random() < config.log_rate

    def predict(self, model: str, version: int, signature: str, inputs: Arrays, outputs: Arrays) -> None:
        """Keep a predict request and its answer.

        Args:
            inputs: not to be changed by anybody from now on, and neither are the outputs.
        """

        def write(record: Any) -> None:
            entry = record.predict_log
            fill_model(entry, model, version, signature)
            fill_tensors(entry.request.inputs, inputs)
            fill_tensors(entry.response.outputs, outputs)

        size = sum(size_of(value) for arrays in (inputs, outputs) for value in arrays.values())
        self.add(model, version, signature, size, write)

    def classify(
        self, model: str, version: int, signature: str, examples: Sequence[bytes], results: Sequence[Classes]
    ) -> None:
        """Keep a classify request and its answer."""

        def write(record: Any) -> None:
            entry = record.classify_log
            fill_model(entry, model, version, signature)
            fill_examples(entry.request.input, examples)
            fill_classes(entry.response.result, results)

        self.add(model, version, signature, sum(map(len, examples)), write)

    def regress(
        self, model: str, version: int, signature: str, examples: Sequence[bytes], results: Sequence[float]
    ) -> None:
        """Keep a regress request and its answer."""

        def write(record: Any) -> None:
            entry = record.regress_log
            fill_model(entry, model, version, signature)
            fill_examples(entry.request.input, examples)
            fill_numbers(entry.response.result, results)

        self.add(model, version, signature, sum(map(len, examples)), write)

    def multi_inference(
        self, model: str, version: int, tasks: Sequence[tuple[str, str]], examples: Sequence[bytes], results: Any
    ) -> None:
        """Keep a multi-inference request and its answers, one for each task of signature and method."""

        def write(record: Any) -> None:
            entry = record.multi_inference_log
            fill_examples(entry.request.input, examples)
            for (signature, method), result in zip(tasks, results, strict=True):
                fill_spec(entry.request.tasks.add(method_name=method).model_spec, model, None, signature)
                answer = entry.response.results.add()
                fill_spec(answer.model_spec, model, version, signature)
                if method == CLASSIFY:
                    fill_classes(answer.classification_result, result)
                else:
                    fill_numbers(answer.regression_result, result)

        self.add(model, version, "", sum(map(len, examples)), write)

    def add(self, model: str, version: int, signature: str, size: int, fill: Callable[[Any], None]) -> None:
        """Queue a record for the writer; one too many is dropped and counted."""
        config = self.config_of(model) if self.config_of else None
        if config is None or not config.log_prefix:
            return
        now = int(time.time())

        def write() -> bytes:
            return serialize(fill, model, version, signature, now, config.log_rate)

        with self.changed:
            full = len(self.waiting) >= self.limits.waiting_records or self.waiting_bytes > self.limits.waiting_bytes
            if full or self.closing:
                self.metrics.count(COUNT, model_name=model, status="RESOURCE_EXHAUSTED")
                return
            self.waiting.append(Entry(config, size, write))
            self.waiting_bytes += size
            if self.writer is None:
                self.writer = threading.Thread(target=self.write_all, name="request log", daemon=True)
                self.writer.start()
            self.changed.notify()

    def write_all(self) -> None:
        """Write what is queued until the log is closed and nothing is left."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or self.closing, self.limits.file_seconds)
                if not self.waiting and self.closing:
                    break
                entry = self.waiting.popleft() if self.waiting else None
                if entry is not None:
                    self.waiting_bytes -= entry.size
            self.close_old_files()
            if entry is not None:
                status = self.write(entry)
                self.metrics.count(COUNT, model_name=entry.config.name, status=status)
        for file in self.files.values():
            file.stream.close()
        self.files = {}

    def write(self, entry: Entry) -> str:
        """Write one record; return the status code of how it went. A log that fails never fails a request."""
        try:
            content = entry.write()
        except Exception as error:
            log.error("a request of %s cannot be logged: %s: %s", entry.config.name, type(error).__name__, error)
            return "INTERNAL"
        prefix, file = entry.config.log_prefix, None
        try:
            if prefix not in self.files:
                drop_oldest(prefix, self.limits.kept_bytes)
                self.files[prefix] = open_file(prefix)
            file = self.files[prefix]
            append(file, content)
        except OSError as error:
            log.error("a request of %s cannot be logged: %s: %s", entry.config.name, prefix, error)
            self.close_file(prefix)
            if file is not None and not file.size:
                file.path.unlink(missing_ok=True)
            return "UNAVAILABLE"
        if file.size >= self.limits.file_bytes:
            self.close_file(prefix)
        return "OK"

    def close_old_files(self) -> None:
        """End the files that are old enough, so that others can take them."""
        now = time.monotonic()
        for prefix in [prefix for prefix, file in self.files.items() if now - file.began >= self.limits.file_seconds]:
            self.close_file(prefix)

    def close_file(self, prefix: str) -> None:
        file = self.files.pop(prefix, None)
        if file is not None:
            file.stream.close()

    def close(self, seconds: float = 10.0) -> None:
        """Write what is still to be written; give up after so many seconds."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        if self.writer is not None:
            self.writer.join(seconds)
            if self.writer.is_alive():
                log.error("the request log could not be written in %g seconds: %d are lost", seconds, len(self.waiting))


def size_of(array: NDArray[Any]) -> int:
    """Return about how many bytes an array takes in a record."""
    return sum(map(len, array.ravel().tolist())) if array.dtype == object else array.nbytes


def fill_model(entry: Any, model: str, version: int, signature: str) -> None:
    """Say which model was asked, and which version answered."""
    fill_spec(entry.request.model_spec, model, None, signature)
    fill_spec(entry.response.model_spec, model, version, signature)


def fill_tensors(tensors: Any, arrays: Arrays) -> None:
    """Put arrays into a map of TensorProto; numbers as their memory, which is quick, strings each by itself."""
    for name, array in arrays.items():
        write_tensor(tensors[name], array, type_of(array), content=array.dtype != object)


def serialize(fill: Callable[[Any], None], model: str, version: int, signature: str, now: int, rate: float) -> bytes:
    """Return a PredictionLog in TFRecord's frame."""
    from tensorflow_serving.apis import prediction_log_pb2  # loads TensorFlow

    record = prediction_log_pb2.PredictionLog()
    fill(record)
    fill_spec(record.log_metadata.model_spec, model, version, signature)
    record.log_metadata.sampling_config.sampling_rate = rate
    record.log_metadata.timestamp_secs = now
    framed = io.BytesIO()
    write_record(framed, record.SerializeToString())
    return framed.getvalue()


def open_file(prefix: str) -> File:
    """Make a new file; its folder, too."""
    stem = f"{prefix}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.getpid()}"
    Path(prefix).parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = Path(f"{stem}.tfrecord" if number == 1 else f"{stem}-{number}.tfrecord")
        try:
            return File(path, path.open("xb", buffering=0))  # unbuffered: readers see whole records
        except FileExistsError:
            number += 1


def drop_oldest(prefix: str, kept_bytes: int) -> None:
    """Delete the oldest files of a log until no more than so many bytes are left; 0 keeps all."""
    if not kept_bytes:
        return
    name = re.compile(re.escape(Path(prefix).name) + r"-\d{8}-\d{6}-\d+(-\d+)?\.tfrecord")
    files = [(file.stat(), file) for file in Path(prefix).parent.glob("*.tfrecord") if name.fullmatch(file.name)]
    left = sum(facts.st_size for facts, _ in files)
    for facts, file in sorted(files, key=lambda item: (item[0].st_mtime_ns, item[1])):
        if left <= kept_bytes:
            break
        log.info("request log: %s is deleted, more than %d MB are not kept", file, kept_bytes >> 20)
        file.unlink(missing_ok=True)
        left -= facts.st_size


def append(file: File, content: bytes) -> None:
    """Write a record; what a full disk leaves of it is taken away again."""
    try:
        written = file.stream.write(content)
        if written != len(content):
            raise OSError(f"only {written} of {len(content)} bytes could be written")
    except OSError:
        file.stream.truncate(file.size)
        raise
    file.size += len(content)
