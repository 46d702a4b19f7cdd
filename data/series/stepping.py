"""Rows brought onto even steps where the recipe asks for it: times moved to the nearest step, or rows gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.series.findings import SeriesFindings
from data.series.frequency import Frequency, read_frequency
from data.series.grid import Grid, regularity
from data.series.staging import BLOCK, Staged

MONDAY = 4 * 86_400  # 5 January 1970, on which weeks begin
STEPS = (
    "1 second", "10 seconds", "1 minute", "5 minutes", "10 minutes", "15 minutes", "30 minutes", "1 hour", "3 hours",
    "6 hours", "12 hours", "1 day", "1 week", "1 month", "1 quarter", "1 year",
)  # fmt: skip
FULL = 0.95  # share of a step's usual rows that it has at least, but for a day on which clocks are set
REGULAR = 0.9  # share of equal steps that makes a proposal worth while

Gather = Callable[[NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]


def step_grid(step: Frequency) -> Grid:
    """Return the times of even steps: full minutes, hours and days, weeks from Monday on, months from their first."""
    return Grid(step, MONDAY if step.unit == "week" else 0)


def nearest(times: NDArray[np.int64], grid: Grid) -> NDArray[np.int64]:
    """Return the step's time that each time is nearest to; the later one of two that are as near."""
    index, _ = grid.index(times)
    before, after = grid.times(index), grid.times(index + 1)
    return np.where(after - times <= times - before, after, before)


def snap(staged: Staged, step: str, findings: SeriesFindings) -> None:
    """Move every time to the nearest step; two rows that come to lie on one are reported."""
    grid = step_grid(read_frequency(step))
    for number, name in enumerate(staged.ids):
        start, stop = staged.offsets[number], staged.offsets[number + 1]
        times = staged.read("times", start, stop)
        moved = nearest(times, grid)
        for row in (np.flatnonzero(np.diff(moved) == 0) + 1).tolist():
            file, line = staged.place(start + row)
            both = f"{staged.show(int(times[row - 1]))} and {staged.show(int(times[row]))}"
            findings.add("same_step", file, line, f"{both} are both nearest to {staged.show(int(moved[row]))}", name)
        changed = np.flatnonzero(moved != times)
        if len(changed):
            first = int(changed[0])
            file, line = staged.place(start + first)
            detail = f"{staged.show(int(times[first]))} to {staged.show(int(moved[first]))}"
            findings.add("snapped_time", file, line, detail, name)
            findings.add_many("snapped_time", len(changed) - 1)
        staged.write_times(number, moved)


def resample(staged: Staged, step: str, method: str, findings: SeriesFindings) -> None:
    """Gather the rows of each step to one, in new files."""
    grid = step_grid(read_frequency(step))
    offsets, columns = [0], {name: (staged.folder / f"{name}.gathered").open("wb") for name in staged.types}
    for number, name in enumerate(staged.ids):
        start, stop = staged.offsets[number], staged.offsets[number + 1]
        index, _ = grid.index(staged.read("times", start, stop))
        firsts = np.flatnonzero(np.diff(index, prepend=index[:1] - 1) != 0) if len(index) else np.zeros(0, np.int64)
        gathered: dict[str, NDArray[Any]] = {"times": grid.times(index[firsts])}
        gathered["places"] = staged.read("places", start, stop)[firsts]
        for column in staged.types.keys() - gathered.keys():
            gathered[column] = GATHER[method](staged.read(column, start, stop), firsts)
        for column, file in columns.items():
            gathered[column].astype(staged.types[column][0]).tofile(file)
        offsets.append(offsets[-1] + len(firsts))
        if len(firsts):
            file_name, _ = staged.place(start)
            findings.add("resampled", file_name, 0, describe(firsts, stop - start, step, method), name)
            if method == "sum":
                report_thin(staged, start, stop, firsts, grid, findings, name)
    for column, file in columns.items():
        file.close()
        (staged.folder / f"{column}.gathered").replace(staged.folder / column)
    staged.offsets = offsets


def report_thin(
    staged: Staged, start: int, stop: int, firsts: NDArray[np.int64], grid: Grid, findings: SeriesFindings, name: str
) -> None:
    """Tell the steps that have fewer rows than most, and than fit into them: their sums are too small."""
    times = staged.read("times", start, stop)
    spacing = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    index, _ = grid.index(times[firsts])
    counts = np.diff(firsts, append=stop - start)
    fitting = (grid.times(index + 1) - grid.times(index)) / spacing if spacing else counts
    thin = np.flatnonzero(counts < FULL * np.minimum(fitting, np.median(counts)))
    for done, place in enumerate(thin.tolist()):
        if findings.full("thin_step"):
            return findings.add_many("thin_step", len(thin) - done)
        file, line = staged.place(start + int(firsts[place]))
        shown = staged.show(int(grid.times(index[place : place + 1])[0]))
        detail = f"{shown}: {counts[place]:,} rows, most have {int(np.median(counts)):,}"
        findings.add("thin_step", file, line, detail, name)
    return None


def describe(firsts: NDArray[np.int64], rows: int, step: str, method: str) -> str:
    """Say how many rows became how many, and whether the steps at the ends have fewer than most."""
    counts = np.diff(firsts, append=rows)
    usual = int(np.median(counts))
    ends = [
        f"the {place} has {count:,}" for place, count in (("first", counts[0]), ("last", counts[-1])) if count < usual
    ]
    more = f"; most have {usual:,} rows, {' and '.join(ends)}" if ends else ""
    return f"{rows:,} rows to {len(firsts):,} steps of {read_frequency(step)}, by {method}{more}"


def mean_of(values: NDArray[np.float64], firsts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of the known values of each group, NaN where there is none."""
    if not len(firsts):
        return values
    known = np.add.reduceat(~np.isnan(values), firsts, axis=0, dtype=np.int64)
    total = np.add.reduceat(np.nan_to_num(values, nan=0.0), firsts, axis=0)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan)


def reduced(function: np.ufunc) -> Gather:
    def gather(values: NDArray[np.float64], firsts: NDArray[np.int64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = function.reduceat(values, firsts, axis=0) if len(firsts) else values
        return found

    return gather


def last_of(values: NDArray[np.float64], firsts: NDArray[np.int64]) -> NDArray[np.float64]:
    return values[np.append(firsts[1:], len(values)) - 1] if len(firsts) else values


# a sum with a missing value is missing, for it would be too small
GATHER: dict[str, Gather] = {
    "mean": mean_of,
    "sum": reduced(np.add),
    "first": lambda values, firsts: values[firsts],
    "last": last_of,
    "min": reduced(np.fmin),
    "max": reduced(np.fmax),
}


def propose(times: NDArray[np.int64]) -> str:
    """Return the settings that bring uneven times onto even steps, as advice; empty where none does.

    Args:
        times: int64 [n] of one series, rising.
    """
    times = times[:BLOCK]
    usual = float(np.median(np.diff(times))) if len(times) > 2 else 0.0
    if usual <= 0:
        return ""
    parts = []
    for step in reversed(STEPS):
        if (frequency := read_frequency(step)).seconds <= 1.5 * usual:
            moved = nearest(times, step_grid(frequency))
            if (np.diff(moved) > 0).all() and regularity(moved) >= REGULAR:
                parts.append(f"move the times to the nearest step with `data.snap={step}`")
                break
    for step in STEPS:
        if (frequency := read_frequency(step)).seconds >= usual:
            steps = np.unique(step_grid(frequency).index(times)[0])
            if len(steps) > 2 and len(steps) >= REGULAR * (steps[-1] - steps[0] + 1):
                parts.append(
                    f"gather the rows of each step with `data.resample={step}` (their mean, or by `data.resample_by`)"
                )
                break
    return f"These times are not evenly spaced: {', or '.join(parts)}." if parts else ""
