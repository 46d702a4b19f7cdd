"""Ingests small series and reads back what was written, for tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from components.tasks.forecasting.ingest import write_examples
from data.config import BeamConfig
from data.series.config import SeriesDataConfig
from data.series.records import Window, decode_window
from data.tfrecord import read_records
from pipeline.artifacts import Examples
from pipeline.component import Context

DAYS = [str(day) for day in np.arange("2010-01-01", "2011-01-01", dtype="datetime64[D]")]


def ingest(folder: Path, path: Path | str, beam: BeamConfig | None = None, **settings: Any) -> Examples:
    """Write the windows of a file as example_gen does."""
    examples = Examples.create(folder / "examples")
    config = SeriesDataConfig(path=str(path), **settings)
    write_examples(examples, config, beam or BeamConfig(), Context.standalone(folder / "context"))
    return examples


def windows(examples: Examples, split: str) -> list[Window]:
    """Read a split back."""
    sizes = len(examples.properties["values"]), len(examples.properties["covariates"])
    return [decode_window(data, *sizes) for shard in examples.shards(split) for data in read_records(shard)]


def digests(folder: Path, pattern: str = "*") -> dict[str, str]:
    """Return the checksums of a folder's files by name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob(pattern))}


def findings(examples: Examples) -> dict[str, dict[str, Any]]:
    """Return what was found wrong, by kind."""
    return {item["name"]: item for item in examples.read_json("rejected.json")}


def wave(rows: int) -> list[str]:
    """Return values with a weekly wave and a trend."""
    steps = np.arange(rows)
    return [f"{value:.2f}" for value in 20 + 5 * np.sin(steps * 2 * np.pi / 7) + steps / 50]


def write_days(file: Path, values: list[str], days: list[str] = DAYS) -> Path:
    """Write a series of days."""
    file.write_text("Date,Temp\n" + "".join(f"{day},{value}\n" for day, value in zip(days, values, strict=False)))
    return file
