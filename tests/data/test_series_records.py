"""Records of windows are what TensorFlow itself would write and read, and hold what stands in the series."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.series.records import Series, Shape, decode_window, encode_windows, longest_run, read_folder, varint_lengths
from data.tfrecord import read_records, varint

HOUR = 3600
BILLION = 1_262_304_000


def make_series(
    rows: int, values: int = 1, covariates: int = 0, start: int | None = BILLION, name: str = "mílk"
) -> Series:
    random = np.random.default_rng(rows)
    return Series(
        id=name,
        values=random.normal(size=(rows, values)) * 1000,
        times=None if start is None else start + HOUR * np.arange(rows),
        filled=random.random(rows) < 0.1,
        covariates=random.normal(size=(rows, covariates)),
    )


def records_of(shape: Shape, series: Series, rows: range, folder: Path) -> list[bytes]:
    scale = np.arange(1, shape.values + 1) / 4
    (folder / "shard").write_bytes(b"".join(piece.tobytes() for piece in encode_windows(shape, series, scale, rows)))
    return list(read_records(folder / "shard"))


CASES = {
    "one column": (Shape(5, 2, 1, 0, True), make_series(400)),
    "two columns, known ones, no times": (Shape(3, 4, 2, 3, False), make_series(400, 2, 3, None)),
    "before 1970": (Shape(4, 1, 1, 1, True), make_series(300, 1, 1, -150 * HOUR)),
    "long windows with long gaps": (
        Shape(200, 50, 1, 0, True),
        dataclasses.replace(make_series(600), filled=np.arange(600) % 500 > 150),
    ),
    "over a varint's lengths": (Shape(2, 1, 1, 0, True), make_series(16_500)),
}


@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_bytes_equal_the_deterministic_serialisation_of_the_proto(case: str, stride: int, tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    shape, series = CASES[case]
    rows = range(shape.history, len(series.values) - shape.horizon + 1, stride)
    records = records_of(shape, series, rows, tmp_path)
    assert len(records) == len(rows)
    for row, record in list(zip(rows, records, strict=True))[:: max(1, len(rows) // 500)]:
        assert record == proto(tf, shape, series, int(row)).SerializeToString(deterministic=True)


def proto(tf: Any, shape: Shape, series: Series, row: int) -> Any:
    """Build the record of one window the plain way."""
    first, last = row - shape.history, row + shape.horizon
    history = series.values[first:row]
    gaps = "".join("x" if flag else " " for flag in series.filled[first:last]).split()
    floats = {
        "history": history,
        "target": series.values[row:last],
        "scale": np.arange(1, shape.values + 1) / 4,
        "mean": history.mean(),
        "deviation": history.std(),
    }
    if shape.covariates:
        floats["covariates"] = series.covariates[first:last]
    integers = {
        "row": row,
        "filled": int(series.filled[first:last].sum()),
        "longest_gap": max(map(len, gaps), default=0),
    }
    if series.times is not None:
        integers["time"] = int(series.times[row - 1])
    features = {
        f"series/{name}": tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(value).astype("<f4")))
        for name, value in floats.items()
    }
    features |= {
        f"series/{name}": tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        for name, value in integers.items()
    }
    features["series/id"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[series.id.encode()]))
    return tf.train.Example(features=tf.train.Features(feature=features))


def test_tensorflow_reads_the_record_file(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    shape, series = CASES["two columns, known ones, no times"]
    records = records_of(shape, series, range(3, 9, 2), tmp_path)
    assert [item.numpy() for item in tf.data.TFRecordDataset(str(tmp_path / "shard"))] == records


def test_what_is_encoded_is_decoded(tmp_path: Path) -> None:
    shape, series = CASES["two columns, known ones, no times"]
    window = decode_window(records_of(shape, series, range(3, 11, 7), tmp_path)[1], values=2, covariates=3)
    assert np.array_equal(window.history, series.values[7:10].astype("f4"))
    assert np.array_equal(window.target, series.values[10:14].astype("f4"))
    assert np.array_equal(window.covariates, series.covariates[7:14].astype("f4"))
    assert (window.id, window.row, window.time) == ("mílk", 10, None)
    assert window.scale.tolist() == [0.25, 0.5]
    assert window.filled == series.filled[7:14].sum()


def test_the_time_is_that_of_the_last_history_row(tmp_path: Path) -> None:
    shape, series = CASES["before 1970"]
    window = decode_window(records_of(shape, series, range(4, 5), tmp_path)[0], covariates=1)
    assert series.times is not None
    assert window.time == series.times[3] == -147 * HOUR


def test_lengths_of_whole_numbers_are_protobufs() -> None:
    numbers = np.array([0, 1, 127, 128, 16_383, 16_384, 2**31, 2**62, -1, -(2**62)])
    expected = [len(varint(int(number) % 2**64)) for number in numbers]
    assert varint_lengths(numbers).tolist() == expected


def test_the_longest_gap_is_counted_within_the_window() -> None:
    flags = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]], bool)
    assert longest_run(flags).tolist() == [2, 0, 4, 2]


def test_whole_series_are_read_back_without_loading_them(tmp_path: Path) -> None:
    values = np.arange(10.0).reshape(10, 1)
    np.save(tmp_path / "values.npy", values)
    np.save(tmp_path / "filled.npy", np.zeros(10, bool))
    (tmp_path / "series.json").write_text(json.dumps({"ids": ["a", "b"], "offsets": [0, 4, 10]}))
    first, second = read_folder(tmp_path)
    assert (first.id, second.id) == ("a", "b")
    assert second.values[:, 0].tolist() == [4, 5, 6, 7, 8, 9]
    assert second.times is None
    assert second.covariates.shape == (6, 0)
    assert isinstance(second.values.base, np.memmap)
