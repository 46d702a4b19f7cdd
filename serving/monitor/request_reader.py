"""Logged requests, read back: arrays sent and answered, when, and of which version; out of TFRecords of PredictionLog."""

from __future__ import annotations

import calendar
import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.tfrecord import masked_crc, scan_heads
from pipeline.errors import UserError
from serving.model_config import FILE_NAME, FOLDER, REQUESTS, read_models
from serving.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    import numpy as np

STAMP = re.compile(r"(\d{8})-(\d{6})")  # a log's name tells when it was begun (UTC)


@dataclass(frozen=True)
class Asked:
    """One logged predict request.

    Attributes:
        time: unix seconds; where the log tells none, when its file was begun.
        version: that answered; 0 where the log does not tell.
        inputs, outputs: by name, with the batch as first dimension.
    """

    time: float
    version: int
    signature: str
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class Heading:
    """A logged predict request without its arrays.

    Attributes:
        time, version, signature: as of Asked.
    """

    place: Place
    time: float
    version: int
    signature: str


@dataclass(frozen=True)
class Place:
    """Where a record lies.

    Attributes:
        begun: unix seconds of its file's beginning.
    """

    file: Path
    offset: int
    size: int
    begun: float


def find_logs(places: list[Path]) -> list[Path]:
    """Return the log files in folders, and those named, in the order in which they were begun.

    Raises:
        UserError: a place does not exist, or there is no log in any.
    """
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise no_logs(place)
        files += [place] if place.is_file() else sorted(place.rglob("*.tfrecord"))
    if not files:
        raise no_logs(places[0])
    return sorted(files, key=lambda file: (begun(file), file.name))


def no_logs(place: Path) -> UserError:
    """Make the error of a place without logs: the folder of a workspace's model, or one that the user named."""
    config = place.parent.parent / FOLDER / FILE_NAME
    if not place.exists() and not (place.parent.name == REQUESTS and (config.parent / place.name).is_dir()):
        return UserError(
            "There are no logged requests, because there is no such file or folder.",
            str(place),
            "Name a log, or a folder of logs, with --logs.",
        )
    models = read_models(config) if config.exists() else []
    if rate := next((model.log_rate for model in models if model.name == place.name), 0.0):
        return UserError(
            "There are no logged requests yet.",
            str(place),
            f"`serving.log_requests` is {rate:g} already: start `labline serve`, ask the model, and come back; or name logs "
            "with --logs.",
        )
    return UserError(
        "There are no logged requests.",
        str(place),
        "Set `serving.log_requests` in the recipe (0.1 keeps a tenth of the requests) and run it again, or name logs with --logs.",
    )


def begun(file: Path) -> float:
    """Return when a log was begun, by its name; else when it was last written."""
    if found := STAMP.search(file.name):
        try:
            return float(calendar.timegm(time.strptime("".join(found.groups()), "%Y%m%d%H%M%S")))
        except ValueError:
            pass
    return file.stat().st_mtime


def find_records(files: list[Path]) -> tuple[list[Place], list[str]]:
    """Return where the records lie, and what is wrong with the files.

    A file that ends inside a record is no fault: a server may be writing it.
    """
    places: list[Place] = []
    faults = []
    for path in files:
        with path.open("rb") as file:
            try:
                start = begun(path)
                for offset, size in scan_heads(file):
                    places.append(Place(path, offset, size, start))  # one by one: what lies before a fault is whole
            except ValueError as error:
                faults.append(f"{path}: {error}; what follows it is not looked at")
    return places, faults


def read_headings(places: list[Place], faults: list[str]) -> list[Heading]:
    """Return a heading for each predict request among the records, in order; adds to `faults` what cannot be read."""
    return [
        Heading(place, time_of(place, record), version_of(record), signature_of(record))
        for place, record in read_logged(places, faults)
    ]


def spread(headings: list[Heading], most: int) -> list[Heading]:
    """Return at most so many requests, evenly spread over all."""
    if len(headings) <= most:
        return headings
    return [headings[number * len(headings) // most] for number in range(most)]


def read_requests(places: list[Place], faults: list[str]) -> Iterator[Asked]:
    """Yield the predict requests among the records, in order; adds to `faults` what cannot be read."""
    from tensorflow import make_ndarray

    for place, record in read_logged(places, faults):
        yield Asked(
            time_of(place, record),
            version_of(record),
            signature_of(record),
            {name: make_ndarray(tensor) for name, tensor in record.predict_log.request.inputs.items()},
            {name: make_ndarray(tensor) for name, tensor in record.predict_log.response.outputs.items()},
        )


def time_of(place: Place, record: Any) -> float:
    """Return when a request was logged; where the record does not tell, when its file was begun."""
    return float(record.log_metadata.timestamp_secs) or place.begun


def signature_of(record: Any) -> str:
    """Return the signature that was asked."""
    specs = (record.predict_log.request.model_spec, record.log_metadata.model_spec)
    return next((spec.signature_name for spec in specs if spec.signature_name), DEFAULT_SIGNATURE)


def version_of(record: Any) -> int:
    """Return the version that answered; 0 where the record does not tell."""
    specs = (
        record.predict_log.response.model_spec,
        record.log_metadata.model_spec,
        record.predict_log.request.model_spec,
    )
    return next((spec.version.value for spec in specs if spec.version.value), 0)


def read_logged(places: list[Place], faults: list[str]) -> Iterator[tuple[Place, Any]]:
    """Yield the records of predict requests as PredictionLog; adds to `faults` what cannot be read."""
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    for place, data in read_data(places):
        if data is None:
            faults.append(f"{place.file}: damaged at byte {place.offset:,}")
            continue
        try:
            record = prediction_log_pb2.PredictionLog.FromString(data)
        except DecodeError:
            faults.append(f"{place.file}: no PredictionLog at byte {place.offset:,}")
            continue
        if record.WhichOneof("log_type") == "predict_log":
            yield place, record


def read_data(places: list[Place]) -> Iterator[tuple[Place, bytes | None]]:
    """Yield each record's bytes; None for one whose checksum is wrong."""
    for path, group in itertools.groupby(places, key=lambda place: place.file):
        with path.open("rb") as file:
            for place in group:
                file.seek(place.offset)
                data = file.read(place.size)
                intact = masked_crc(data) == int.from_bytes(file.read(4), "little")
                yield place, data if intact else None
