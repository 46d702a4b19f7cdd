"""Measured series to clean ones in files: one row for each time step, filled where the recipe says so.

`values.npy` float64 [rows, V], `times.npy` int64 [rows], `filled.npy` bool [rows] and `covariates.npy` float64 [rows,
K] are written a block at a time. Times and covariates only where there are any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from data.series.config import SeriesDataConfig
from data.series.filling import Gap, fill_column
from data.series.findings import SeriesFindings
from data.series.measuring import BLOCK, Measured, Part, parts, time_of
from data.series.records import COVARIATES, FILLED, TIMES, VALUES
from data.series.staging import Staged
from data.series.windows import Cuts


def write_series(
    staged: Staged,
    kept: list[Measured],
    cuts: Cuts,
    config: SeriesDataConfig,
    season: int,
    target: Path,
    findings: SeriesFindings,
) -> None:
    """Write the kept series to `target`, one row for each time step, and fill what is missing.

    What cannot be filled is reported as an error; the caller stops on it.
    """
    rows = sum(series.span.rows for series in kept)
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        VALUES: ("<f8", (rows, staged.types["values"][1])),
        FILLED: ("|b1", (rows,)),
    }
    if staged.dated:
        shapes[TIMES] = ("<i8", (rows,))
    if "covariates" in staged.types:
        shapes[COVARIATES] = ("<f8", (rows, staged.types["covariates"][1]))
    with ExitStack() as opened:
        files = {name: opened.enter_context((target / name).open("wb")) for name in shapes}
        for name, (kind, shape) in shapes.items():
            header = {"descr": kind, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(files[name], header)
        incomplete = [write_rows(staged, series, files) for series in kept]
    offset = 0
    for series, wanting in zip(kept, incomplete, strict=True):
        if wanting:
            fill_series(staged, series, offset, cuts, config.fill, season, target, findings)
        offset += series.span.rows


def write_rows(staged: Staged, series: Measured, files: Mapping[str, BinaryIO]) -> bool:
    """Append a series to the files, with NaN in the place of what is missing; say whether anything is."""
    incomplete = False
    following = series.span.first
    for part in parts(staged, series.start, series.stop, series.grid):
        for index, rows in spread(part, following):
            values = place(staged, "values", rows)
            missing = np.isnan(values).any(axis=1)
            values.tofile(files[VALUES])
            missing.tofile(files[FILLED])
            incomplete = incomplete or bool(missing.any())
            if series.grid is not None and TIMES in files:
                series.grid.times(index).astype("<i8").tofile(files[TIMES])
            if COVARIATES in files:
                covariates = place(staged, "covariates", rows)
                incomplete = incomplete or bool(np.isnan(covariates).any())
                covariates.tofile(files[COVARIATES])
        following = int(part.steps[-1]) + 1
    return incomplete


def spread(part: Part, following: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the time steps from `following` to a part's last one with the staged row of each, -1 for none."""
    end = int(part.steps[-1]) + 1
    for start in range(following, end, BLOCK):
        index = np.arange(start, min(start + BLOCK, end))
        first, last = np.searchsorted(part.steps, [start, index[-1] + 1])
        rows = np.full(len(index), -1, np.int64)
        rows[part.steps[first:last] - start] = np.arange(first, last) + part.start
        yield index, rows


def place(staged: Staged, column: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return staged rows, which lie side by side, with NaN in the place of those that are not there."""
    values = np.full((len(rows), staged.types[column][1]), np.nan)
    known = rows[rows >= 0]
    if len(known):
        values[rows >= 0] = staged.read(column, int(known[0]), int(known[-1]) + 1)
    return values


def fill_series(
    staged: Staged,
    series: Measured,
    offset: int,
    cuts: Cuts,
    method: str,
    season: int,
    target: Path,
    findings: SeriesFindings,
) -> None:
    """Fill the missing values of a series in the files; `offset` is its first row there."""

    def report(kind: str, gap: Gap, what: str) -> None:
        row = staged_row(staged, series, gap.start)
        since = f" from {time_of(staged, row)} on" if staged.times else ""
        findings.add(
            kind, *staged.place(row), f"{gap.stop - gap.start:,} rows{since}: {what}", staged.ids[series.number]
        )

    for name in (VALUES, COVARIATES) if "covariates" in staged.types else (VALUES,):
        table = np.load(target / name, mmap_mode="r+")[offset : offset + series.span.rows]
        for number in range(table.shape[1]):
            filled = fill_column(table[:, number], method, season, cuts.bounds(series.span))
            for gap in filled.over_cut:
                report("gap_over_cut", gap, "filled from what lies before")
            for gap in filled.hopeless:
                why = (
                    "nothing behind them"
                    if method == "linear"
                    else f"not a season ({season} rows) and one row before them"
                )
                report("unfillable_value", gap, why)
        table.flush()


def staged_row(staged: Staged, series: Measured, row: int) -> int:
    """Return the staged row of a series' row, or the next one that is there."""
    for part in parts(staged, series.start, series.stop, series.grid):
        if int(part.steps[-1]) - series.span.first >= row:
            return part.start + int(np.searchsorted(part.steps, row + series.span.first))
    return series.stop - 1
