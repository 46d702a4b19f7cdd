"""Logged requests, read back out of TFRecords of PredictionLog: arrays sent and answered, when, by which version."""

from __future__ import annotations

import calendar
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.tfrecord import masked_crc, scan_heads
from pipeline.errors import UserError
from serving.client.tensors import from_message
from serving.model_config import FILE_NAME, FOLDER, REQUESTS, read_models
from serving.monitor.task import LoggedRequest
from serving.protos import read
from serving.signatures import DEFAULT_SIGNATURE

STAMP = re.compile(r"(\d{8})-(\d{6})")  # a log's name tells when it was begun (UTC)


@dataclass(frozen=True)
class RequestHead:
    """A logged predict request without its arrays.

    Attributes:
        time, version, signature: as of LoggedRequest.
    """

    record: RecordLocation
    time: float
    version: int
    signature: str


@dataclass(frozen=True)
class RecordLocation:
    """Where a record lies.

    Attributes:
        begun: unix seconds of its file's beginning.
    """

    file: Path
    offset: int
    size: int
    begun: float


def find_logs(paths: list[Path]) -> list[Path]:
    """Return the log files in folders, and those named, in the order in which they were begun.

    Raises:
        UserError: a path does not exist, or there is no log in any.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise no_logs(path)
        files += [path] if path.is_file() else sorted(path.rglob("*.tfrecord"))
    if not files:
        raise no_logs(paths[0])
    return sorted(files, key=lambda file: (begun(file), file.name))


def no_logs(path: Path) -> UserError:
    """Make the error of a path without logs: the folder of a workspace's model, or one that the user named."""
    config = path.parent.parent / FOLDER / FILE_NAME
    if not path.exists() and not (path.parent.name == REQUESTS and (config.parent / path.name).is_dir()):
        return UserError(
            "There are no logged requests, because there is no such file or folder.",
            str(path),
            "Name a log, or a folder of logs, with --logs.",
        )
    models = read_models(config) if config.exists() else []
    if rate := next((model.log_rate for model in models if model.name == path.name), 0.0):
        return UserError(
            "There are no logged requests yet.",
            str(path),
            f"`serving.log_requests` is {rate:g} already: start `labline serve`, ask the model, and come back; or name "
            "logs with --logs.",
        )
    return UserError(
        "There are no logged requests.",
        str(path),
        "Set `serving.log_requests` in the recipe (0.1 keeps a tenth of the requests) and run it again, or name logs "
        "with --logs.",
    )


def begun(file: Path) -> float:
    """Return when a log was begun, by its name; else when it was last written."""
    if found := STAMP.search(file.name):
        try:
            return float(calendar.timegm(time.strptime("".join(found.groups()), "%Y%m%d%H%M%S")))
        except ValueError:
            pass
    return file.stat().st_mtime


def find_records(files: list[Path]) -> tuple[list[RecordLocation], list[str]]:
    """Return where the records lie, and what is wrong with the files.

    A file that ends inside a record is no fault: a server may be writing it.
    """
    records: list[RecordLocation] = []
    faults: list[str] = []
    for path in files:
        with path.open("rb") as file:
            try:
                start = begun(path)
                for offset, size in scan_heads(file):
                    # one by one: what lies before a fault is whole
                    records.append(RecordLocation(path, offset, size, start))
            except ValueError as error:
                faults.append(f"{path}: {error}; what follows it is not looked at")
    return records, faults


def read_heads(records: list[RecordLocation], faults: list[str]) -> list[RequestHead]:
    """Return the head of each predict request among the records, in order; adds to `faults` what cannot be read."""
    return [
        RequestHead(record, time_of(record, log), version_of(log), signature_of(log))
        for record, log in read_logged(records, faults)
    ]


def spread(heads: list[RequestHead], count: int) -> list[RequestHead]:
    """Return at most so many requests, evenly spread over all."""
    if len(heads) <= count:
        return heads
    return [heads[number * len(heads) // count] for number in range(count)]


def read_requests(records: list[RecordLocation], faults: list[str]) -> Iterator[LoggedRequest]:
    """Yield the predict requests among the records, in order; adds to `faults` what cannot be read."""
    for record, log in read_logged(records, faults):
        yield LoggedRequest(
            time_of(record, log),
            version_of(log),
            signature_of(log),
            {name: from_message(tensor) for name, tensor in log.predict_log.request.inputs.items()},
            {name: from_message(tensor) for name, tensor in log.predict_log.response.outputs.items()},
        )


def time_of(record: RecordLocation, log: Any) -> float:
    """Return when a request was logged; where the log does not tell, when its file was begun."""
    return float(log.log_metadata.timestamp_secs) or record.begun


def signature_of(log: Any) -> str:
    """Return the signature that was asked."""
    specs = (log.predict_log.request.model_spec, log.log_metadata.model_spec)
    return next((spec.signature_name for spec in specs if spec.signature_name), DEFAULT_SIGNATURE)


def version_of(log: Any) -> int:
    """Return the version that answered; 0 where the log does not tell."""
    specs = (log.predict_log.response.model_spec, log.log_metadata.model_spec, log.predict_log.request.model_spec)
    return next((spec.version.value for spec in specs if spec.version.value), 0)


def read_logged(records: list[RecordLocation], faults: list[str]) -> Iterator[tuple[RecordLocation, Any]]:
    """Yield the records of predict requests as PredictionLog; adds to `faults` what cannot be read."""
    for record, data in read_data(records):
        if data is None:
            faults.append(f"{record.file}: damaged at byte {record.offset:,}")
            continue
        try:
            log = read("PredictionLog", data)
        except ValueError:
            faults.append(f"{record.file}: no PredictionLog at byte {record.offset:,}")
            continue
        if log.HasField("predict_log"):
            yield record, log


def read_data(records: list[RecordLocation]) -> Iterator[tuple[RecordLocation, bytes | None]]:
    """Yield each record's bytes; None for one whose checksum is wrong."""
    for path, group in itertools.groupby(records, key=lambda record: record.file):
        with path.open("rb") as file:
            for record in group:
                file.seek(record.offset)
                data = file.read(record.size)
                intact = masked_crc(data) == int.from_bytes(file.read(4), "little")
                yield record, data if intact else None
