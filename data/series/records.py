"""Records of windows: `tf.train.Example` bytes in TFRecord files, and the whole series that the windows were cut from.

One example a window: a history of H rows and, right after it, a target of P rows, of V value columns and K columns
known in advance. Values are in the data's own units, row-major [time, column]. Features:
    series/history      float [H * V]
    series/target       float [P * V]
    series/covariates   float [(H + P) * K], only where there are any
    series/id           bytes   name of the series
    series/row          int64   number of the first target row within its series
    series/time         int64   unix seconds (UTC) of the last history row; absent where the data have no times
    series/scale        float [V] mean absolute change over a season in this series' training part (the denominator of
                                  MASE); without one, in that of all series
    series/mean         float   mean of all values of the history
    series/deviation    float   their standard deviation
    series/filled       int64   rows of the window that were filled
    series/longest_gap  int64   the most of them side by side

A record's bytes are those of protobuf's deterministic serialisation. Windows whose whole numbers take equally many
bytes differ in fixed places only: numpy writes all of them at once into copies of a template (no loop over windows but
for the checksums).
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from data.tfrecord import FLOAT, INT64, bytes_feature, decode_example, feature_entry, masked_crc, varint
from pipeline.artifacts import Examples

SERIES, VALUES, TIMES, FILLED, COVARIATES = "series.json", "values.npy", "times.npy", "filled.npy", "covariates.npy"
Feature = NDArray[Any]  # floats as bytes [n, 4 * size], whole numbers [n]
NumberT = TypeVar("NumberT", bound=np.generic)

HEAD, FOOT = 12, 4  # bytes of a TFRecord around the data: length and its checksum, the data's checksum


@dataclass(frozen=True)
class Series:
    """A whole series, cleaned; arrays are parts of memory-mapped files.

    Attributes:
        id: its name.
        values: float64 [T, V].
        times: int64 [T] unix seconds (UTC); None without times.
        filled: bool [T] rows that were missing, or had a missing value, and were filled.
        covariates: float64 [T, K].
    """

    id: str
    values: NDArray[np.float64]
    times: NDArray[np.int64] | None
    filled: NDArray[np.bool_]
    covariates: NDArray[np.float64]


class Window(NamedTuple):
    """A decoded record; see the top of this file."""

    history: NDArray[np.float32]
    target: NDArray[np.float32]
    covariates: NDArray[np.float32]
    id: str
    row: int
    time: int | None
    scale: NDArray[np.float32]
    mean: float
    std: float
    filled: int
    longest_gap: int


def read_series(examples: Examples) -> list[Series]:
    """Return the whole series of an Examples artifact, in the order of their numbers."""
    return read_folder(examples.path)


def read_folder(folder: Path) -> list[Series]:
    """Return the whole series whose files are in a folder."""

    def load(name: str) -> Any:
        return np.load(folder / name, mmap_mode="r") if (folder / name).exists() else None

    known = json.loads((folder / SERIES).read_text("utf-8"))
    values, times, filled, covariates = (load(name) for name in (VALUES, TIMES, FILLED, COVARIATES))
    if covariates is None:
        covariates = np.zeros((len(values), 0))
    return [
        Series(
            name,
            values[start:stop],
            None if times is None else times[start:stop],
            filled[start:stop],
            covariates[start:stop],
        )
        for name, start, stop in zip(known["ids"], known["offsets"], known["offsets"][1:], strict=False)
    ]


def write_names(folder: Path, ids: list[str], rows: list[int], columns: list[str], covariates: list[str]) -> list[int]:
    """Write which series, of how many rows, lie one after the other in a folder's arrays.

    Return where each begins, and the end.
    """
    offsets = [0]
    for number in rows:
        offsets.append(offsets[-1] + number)
    known = {"ids": ids, "offsets": offsets, "columns": columns, "covariates": covariates}
    (folder / SERIES).write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    return offsets


def decode_window(record: bytes, values: int = 1, covariates: int = 0) -> Window:
    """Return a record's content.

    Args:
        values: number of value columns.
        covariates: number of columns known in advance.
    """
    features: dict[str, Any] = decode_example(record)

    def table(name: str, columns: int) -> NDArray[np.float32]:
        return np.array(features.get(f"series/{name}", []), np.float32).reshape(-1, max(columns, 1))[:, :columns]

    def number(name: str) -> Any:
        return features[f"series/{name}"][0]

    return Window(
        table("history", values),
        table("target", values),
        table("covariates", covariates),
        number("id").decode(),
        number("row"),
        features["series/time"][0] if "series/time" in features else None,
        table("scale", values)[0],
        number("mean"),
        number("deviation"),
        number("filled"),
        number("longest_gap"),
    )


@dataclass(frozen=True)
class Shape:
    """Sizes of one artifact's records: rows of history and target, columns, and whether there are times."""

    history: int
    horizon: int
    values: int
    covariates: int
    times: bool

    @property
    def floats(self) -> dict[str, int]:
        """Features of floats, in the order of their names, with the number of floats."""
        sizes = {"deviation": 1, "history": self.history * self.values, "mean": 1, "scale": self.values}
        if self.covariates:
            sizes["covariates"] = (self.history + self.horizon) * self.covariates
        return dict(sorted((sizes | {"target": self.horizon * self.values}).items()))

    @property
    def integers(self) -> tuple[str, ...]:
        """Features of whole numbers, in the order of their names."""
        return ("filled", "longest_gap", "row", "time") if self.times else ("filled", "longest_gap", "row")


def encode_windows(shape: Shape, series: Series, scale: NDArray[np.float64], rows: range) -> list[NDArray[np.uint8]]:
    """Return whole TFRecords, pieces of a file, of a series' windows with `rows` as first target rows, in their order.

    Args:
        scale: [V] of the series.
    """
    features = cut_windows(shape, series, rows)
    features["scale"] = as_bytes(np.broadcast_to(np.asarray(scale, "<f4"), (len(rows), shape.values)))
    lengths = np.stack([varint_lengths(features[name]) for name in shape.integers], axis=1)
    bounds = np.flatnonzero((lengths[1:] != lengths[:-1]).any(axis=1)) + 1
    pieces = []
    for start, stop in zip([0, *bounds.tolist()], [*bounds.tolist(), len(rows)], strict=True):
        template = make_template(shape, series.id.encode(), tuple(lengths[start].tolist()))
        pieces.append(fill_template(template, {name: array[start:stop] for name, array in features.items()}))
    return pieces


def cut_windows(shape: Shape, series: Series, rows: range) -> dict[str, Feature]:
    """Return the features of windows, but for name and scale.

    Those of floats are bytes, uint8 [n, 4 * size], whole numbers are int64 [n].
    """
    first, last = rows[0] - shape.history, rows[-1] + shape.horizon
    length, number = shape.history + shape.horizon, len(rows)
    numbers = np.arange(rows.start, rows.stop, rows.step)

    def slide(table: NDArray[NumberT], start: int, length: int) -> NDArray[NumberT]:
        """Return `length` rows of a table from `start` on for each window: a view [n, length * columns]."""
        columns = table.shape[1]
        views = np.lib.stride_tricks.sliding_window_view(table.reshape(-1), length * columns)
        return views[start * columns :: rows.step * columns][:number]

    values = np.ascontiguousarray(series.values[first:last])
    history = slide(values, 0, shape.history)
    mean = history.mean(axis=1, keepdims=True)
    apart = history - mean
    std = np.sqrt(np.multiply(apart, apart, out=apart).mean(axis=1, keepdims=True))
    stored = values.astype("<f4")
    features = {
        "history": as_bytes(slide(stored, 0, shape.history)),
        "target": as_bytes(slide(stored, shape.history, shape.horizon)),
        "mean": as_bytes(mean.astype("<f4")),
        "deviation": as_bytes(std.astype("<f4")),
        "row": numbers,
        "filled": np.zeros(number, np.int64),
        "longest_gap": np.zeros(number, np.int64),
    }
    if shape.covariates:
        features["covariates"] = as_bytes(slide(np.array(series.covariates[first:last], "<f4"), 0, length))
    if series.times is not None:
        features["time"] = np.array(series.times[numbers - 1])
    filled = np.array(series.filled[first:last])
    if filled.any():
        flags = slide(filled[:, None], 0, length)
        features["filled"] = flags.sum(axis=1)
        features["longest_gap"] = longest_run(flags)
    return features


def longest_run(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each row of bool [n, length] the most true values side by side."""
    longest = current = np.zeros(len(flags), np.int64)
    for column in flags.T:
        current = (current + 1) * column
        longest = np.maximum(longest, current)
    return longest


def varint_lengths(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many bytes each int64 takes in protobuf; ten if it is below 0."""
    unsigned = numbers.astype(np.uint64)
    bounds = np.array([1 << bits for bits in range(7, 64, 7)], np.uint64)
    return 1 + np.searchsorted(bounds, unsigned, side="right")


class Template(NamedTuple):
    """A whole TFRecord with zeros in the places of the features.

    Attributes:
        data: its bytes.
        places: for each feature where its bytes begin, and how many there are.
    """

    data: NDArray[np.uint8]
    places: dict[str, tuple[int, int]]


@functools.lru_cache(maxsize=1024)
def make_template(shape: Shape, name: bytes, lengths: tuple[int, ...]) -> Template:
    """Return the template of a series' records whose whole numbers take `lengths` bytes."""
    sizes = {item: 4 * size for item, size in shape.floats.items()} | dict(zip(shape.integers, lengths, strict=True))
    body, places = b"", {}
    for item in sorted([*sizes, "id"]):
        key = f"series/{item}".encode()
        if item == "id":
            body += bytes_feature(key, name)
            continue
        body += feature_entry(key, INT64 if item in shape.integers else FLOAT, packed(sizes[item]))
        places[item] = (len(body) - sizes[item], sizes[item])
    start = b"\x0a" + varint(len(body))
    length = (len(start) + len(body)).to_bytes(8, "little")
    data = length + masked_crc(length).to_bytes(4, "little") + start + body + bytes(FOOT)
    moved = {item: (place + HEAD + len(start), size) for item, (place, size) in places.items()}
    return Template(np.frombuffer(data, np.uint8), moved)


def packed(size: int) -> bytes:
    """Return the packed values of a list of numbers, all zero: `size` bytes and what tells their number."""
    return b"\x0a" + varint(size) + bytes(size)


def fill_template(template: Template, features: dict[str, Feature]) -> NDArray[np.uint8]:
    """Return the TFRecords of windows, uint8 [n, bytes of a record]."""
    number, size = len(features["row"]), len(template.data)
    records = np.empty((number, size), np.uint8)
    records[:] = template.data
    for name, (place, length) in template.places.items():
        values = features[name]
        records[:, place : place + length] = varints(values, length) if values.ndim == 1 else values
    bodies = records[:, HEAD : size - FOOT].view(f"V{size - HEAD - FOOT}")[:, 0].tolist()
    checksums = np.fromiter(map(google_crc32c.value, bodies), np.uint32, number)
    rotated = (checksums >> np.uint32(15)) | (checksums << np.uint32(17))
    records[:, size - FOOT :] = as_bytes((rotated + np.uint32(0xA282EAD8)).astype("<u4")[:, None])
    return records


def varints(numbers: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
    """Return int64 [n] as protobuf writes them, uint8 [n, length]; all of them take `length` bytes."""
    shifts = np.arange(0, 7 * length, 7, dtype=np.uint64)
    parts = (numbers.astype(np.uint64)[:, None] >> shifts) & np.uint64(127)
    parts[:, :-1] |= np.uint64(128)
    return parts.astype(np.uint8)


def as_bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the bytes of each row, as a view where the numbers of a row lie side by side."""
    return (
        values.view(np.uint8) if values.strides[-1] == values.itemsize else np.ascontiguousarray(values).view(np.uint8)
    )
