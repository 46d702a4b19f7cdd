"""Forecasts as a CSV file: a line for each step of each series, its forecasts and their bounds."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from pipeline.errors import UsageError, explain_os_error


class ForecastRow(TypedDict):
    """One series' forecasts, as `labline predict --json` prints them.

    Attributes:
        file: in which its last rows stood.
        columns: names of the values.
        level: share of the values that lie between the bounds.
        times: of the forecast rows; None without times.
        forecast, lower, upper: [P][V].
    """

    file: str
    series: str
    columns: list[str]
    level: float
    times: list[str] | None
    forecast: list[list[float]]
    lower: list[list[float]]
    upper: list[list[float]]


def write_forecasts(rows: Sequence[ForecastRow], target: Path) -> None:
    """Write forecasts with the columns `series`, `time` (or `step`) and, for each value, its forecast and bounds.

    Args:
        rows: one for each series; those of several files say which one in `file`.

    Raises:
        UserError: the file cannot be written.
    """
    timed, several = any(row["times"] for row in rows), len({row["file"] for row in rows}) > 1
    values = [name for column in rows[0]["columns"] for name in (column, f"{column}_lower", f"{column}_upper")]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*(["file"] if several else []), "series", "time" if timed else "step", *values])
            for row in rows:
                head = [*([row["file"]] if several else []), row["series"]]
                writer.writerows([*head, *line] for line in lines_of(row))
    except OSError as error:
        raise explain_os_error(error, target) from error


def lines_of(row: ForecastRow) -> list[list[str | int | float]]:
    """Return the time or number of each step, followed by forecast, lower and upper of each column."""
    steps: Sequence[str | int] = row["times"] or range(1, len(row["forecast"]) + 1)
    figures = zip(row["forecast"], row["lower"], row["upper"], strict=True)
    return [
        [step, *(figure for column in zip(*parts, strict=True) for figure in column)]
        for step, parts in zip(steps, figures, strict=True)
    ]


def check_target(target: Path | None, files: Sequence[Path]) -> None:
    """Stop before anything is asked, where the forecasts could not be written, or over a file that is read.

    Raises:
        UsageError: the target is no CSV file, or one of the files.
    """
    if target is None:
        return
    if target.suffix.lower() != ".csv" or target.is_dir():
        raise UsageError("Forecasts are written as one CSV file.", f"--out {target}", "Name it `.csv`.")
    if target.resolve() in {file.resolve() for file in files}:
        raise UsageError("The forecasts would replace the file.", str(target), "Name another file with --out.")
