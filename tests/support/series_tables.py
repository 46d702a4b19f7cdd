"""Reads whole tables of series for tests, as example_gen does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from data import formats
from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.times.parsing import show_time

T = TypeVar("T")


class Read(NamedTuple):
    """All rows of a table."""

    names: tuple[str, ...]
    values: list[Any]
    covariates: list[Any]
    times: list[str] | None
    series: list[str] | None
    lines: list[int]
    findings: dict[str, list[str]]


def read(path: Path, text: str | bytes, **settings: Any) -> Read:
    """Write a file and read it as example_gen does; one value column gives plain numbers."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_path(path, **settings)


def read_path(path: Path, **settings: Any) -> Read:
    """Read a file that is there."""
    config = SeriesDataConfig(path=str(path), **settings)
    module = formats.find(formats.detect(path, "forecasting"), "forecasting")
    layout, findings = module.open_layout(path, config), SeriesFindings()
    chunks = list(module.read_chunks(layout, findings, config.missing))
    values = np.concatenate([chunk.values for chunk in chunks])
    times = None
    if layout.form:
        times = [show_time(time) for chunk in chunks for time in known(chunk.times)]
    return Read(
        tuple(layout.names),
        (values[:, 0] if values.shape[1] == 1 else values).tolist(),
        np.concatenate([chunk.covariates for chunk in chunks]).tolist(),
        times,
        None if not layout.series else [name for chunk in chunks for name in known(chunk.series)],
        [int(line) for chunk in chunks for line in chunk.lines],
        {kind: [f"{item['file']}: {item['detail']}" for item in items] for kind, items in findings.examples.items()},
    )


def known(found: T | None) -> T:
    """Return what must be there."""
    assert found is not None
    return found


def plain(rows: list[tuple[str, str]], delimiter: str = ",", header: str = "Month,Production", end: str = "\n") -> str:
    """Write rows of a time and a value as a table."""
    lines = [header.replace(",", delimiter), *(f"{time}{delimiter}{value}" for time, value in rows)]
    return end.join(lines) + end
