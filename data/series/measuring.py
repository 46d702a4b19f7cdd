"""What staged series are: their step, where each lies on the grid of time steps, and every row that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings, list_names
from data.series.frequency import Frequency, read_frequency
from data.series.grid import Grid, fit_grid, infer_frequency
from data.series.staging import Staged
from data.series.stepping import propose
from data.series.windows import Span

Detail = Callable[[int], str]  # staged row -> what is wrong with it

BLOCK = 1 << 16  # rows looked at at once
MOST_STEPS = 1000  # different steps that are counted; more than that are irregular anyway


@dataclass(frozen=True)
class Measured:
    """A series before it is written.

    Attributes:
        number: its number among the staged series.
        start, stop: its staged rows; last rows without values, which are to be forecast, are left off.
        span: its place on the grid of time steps.
        grid: the times of the steps; None without times.
        constant: numbers of the value columns that never change.
    """

    number: int
    start: int
    stop: int
    span: Span
    grid: Grid | None
    constant: tuple[int, ...]


class Part(NamedTuple):
    """Some rows of a series.

    Attributes:
        start: staged row of the first.
        steps: int64 [n] number of each row's time step.
        exact: bool [n] whether its time is that step's.
        skipped: int64 [n] steps between it and the row before.
    """

    start: int
    steps: NDArray[np.int64]
    exact: NDArray[np.bool_]
    skipped: NDArray[np.int64]


def find_frequency(staged: Staged, config: SeriesDataConfig, findings: SeriesFindings) -> Frequency | None:
    """Return the step of the series, the recipe's or the most frequent one; report times that do not increase."""
    if not staged.times:
        return None
    steps: Counter[int] = Counter()
    longest = max(range(len(staged.ids)), key=lambda number: staged.offsets[number + 1] - staged.offsets[number])
    for number in range(len(staged.ids)):
        last = None
        for start, stop in blocks(staged, number):
            times = staged.read("times", start, stop)
            change = np.diff(times, prepend=times[0] - 1 if last is None else last)
            last = times[-1]
            if start == staged.offsets[number]:
                change = change[1:]
            report_order(change, stop - len(change), staged, number, findings)
            found, counts = np.unique(change[change > 0], return_counts=True)
            if len(found) <= MOST_STEPS or len(steps) <= MOST_STEPS:
                steps.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
    if config.frequency != "auto" or config.resample:
        return read_frequency(config.resample or config.frequency)
    if not steps:
        return None
    if not staged.dated:
        return Frequency("step", max(steps, key=lambda step: (steps[step], -step)))
    start = staged.offsets[longest]
    return infer_frequency(steps, staged.read("times", start, min(staged.offsets[longest + 1], start + BLOCK)))


def blocks(staged: Staged, number: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of a series' rows, BLOCK at a time."""
    first, end = staged.offsets[number], staged.offsets[number + 1]
    for start in range(first, end, BLOCK):
        yield start, min(start + BLOCK, end)


def report_order(change: NDArray[np.int64], first: int, staged: Staged, number: int, findings: SeriesFindings) -> None:
    """Report rows that have the time of the row before, or an earlier one."""
    back = clocks_went_back(staged.read("times", first, first + len(change)), change)
    kinds = (
        ("clock_change", back),
        ("duplicate_time", (change == 0) & ~back),
        ("unordered_time", (change < 0) & ~back),
    )
    for kind, wrong in kinds:
        report_rows(findings, kind, np.flatnonzero(wrong) + first, staged, number, lambda row: time_of(staged, row))


def clocks_went_back(times: NDArray[np.int64], change: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of each row whether an hour begins anew with it as summer time ends: on a Sunday between one and three.

    The European Union, North America, Australia and New Zealand set their clocks back then.
    """
    days = times // 86400
    sunday = days % 7 == 3  # 1 January 1970 was a Thursday
    night = (times % 86400 >= 3600) & (times % 86400 < 3 * 3600)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12
    ends = (month == 3) | (month == 9) | (month == 10)  # April, October, November
    result: NDArray[np.bool_] = (change > -3600) & (change <= 0) & sunday & night & ends
    return result


def report_rows(
    findings: SeriesFindings, kind: str, rows: NDArray[np.int64], staged: Staged, number: int, detail: Detail
) -> None:
    """Count staged rows as a finding; the first ones are named."""
    for place, row in enumerate(rows.tolist()):
        if findings.full(kind):
            return findings.add_many(kind, len(rows) - place)
        file, line = staged.place(row)
        findings.add(kind, file, line, detail(row), staged.ids[number])
    return None


def time_of(staged: Staged, row: int) -> str:
    return staged.show(int(staged.read("times", row, row + 1)[0]))


def measure(
    staged: Staged, number: int, frequency: Frequency | None, config: SeriesDataConfig, findings: SeriesFindings
) -> Measured | None:
    """Check a series' steps and values and say where it lies.

    None if its times do not increase, which is already reported.
    """
    start, end = staged.offsets[number], staged.offsets[number + 1]
    stop = known_end(staged, start, end, number, findings)
    if stop == start:
        return None
    start = known_start(staged, start, stop, number, findings)
    if config.fill != "error":
        report_unfinished(staged, start, stop, number, findings)
    grid = None
    if frequency is not None:
        grid = fit_grid(frequency, staged.read("times", start, min(stop, start + BLOCK)))
    width = staged.types["values"][1]
    lowest, highest = np.full(width, np.inf), np.full(width, -np.inf)
    seen = np.zeros(width + staged.types.get("covariates", ("", 0))[1], bool)
    gap_rows, first, last = 0, 0, -1
    for part in parts(staged, start, stop, grid):
        if (part.skipped < 0).any():
            return None
        first = int(part.steps[0]) if part.start == start else first
        last = int(part.steps[-1])
        gap_rows += int(part.skipped.sum())
        report_steps(part, grid, staged, number, config, findings)
        values = staged.read("values", part.start, part.start + len(part.steps))
        report_missing(part.start, values, seen, staged, number, config, findings)
        lowest = np.fmin(lowest, np.fmin.reduce(values, axis=0))
        highest = np.fmax(highest, np.fmax.reduce(values, axis=0))
    if "irregular_step" in findings.counts and not findings.advice and staged.dated:
        findings.advice = propose(staged.read("times", start, min(stop, start + BLOCK)))
    if config.fill != "error" and gap_rows > stop - start:
        file, line = staged.place(start)
        detail = f"{gap_rows:,} of {last - first + 1:,} steps of {grid.frequency if grid else ''} are missing"
        findings.add("mostly_missing", file, line, detail, staged.ids[number])
    constant = tuple(np.flatnonzero(lowest >= highest).tolist())
    return Measured(number, start, stop, Span(first, last - first + 1), grid, constant)


def known_end(staged: Staged, start: int, end: int, number: int, findings: SeriesFindings) -> int:
    """Return the row behind the last one with a value; those behind it are to be forecast, whatever `data.fill` says.

    Their covariates, where there are any, say what is known in advance.
    """
    stop = behind_last(staged, start, end, lambda missing: ~missing.all(axis=1))
    if stop == start:
        if end > start:  # else its rows are reported already, as unusable ones
            file, line = staged.place(start)
            findings.add("empty_series", file, line, f"{end - start:,} rows", staged.ids[number])
        return stop
    report_rows(findings, "future_row", np.arange(stop, end), staged, number, lambda row: "no values yet")
    return stop


def known_start(staged: Staged, start: int, stop: int, number: int, findings: SeriesFindings) -> int:
    """Return the first row with a value; a series begins there, and the rows before it are told."""
    for block in range(start, stop, BLOCK):
        missing = np.isnan(staged.read("values", block, min(block + BLOCK, stop))).all(axis=1)
        if not missing.all():
            first = block + int(np.argmin(missing))
            rows = np.arange(start, first)
            report_rows(findings, "leading_row", rows, staged, number, lambda row: "no values yet")
            return first
    return start


def behind_last(staged: Staged, start: int, end: int, wanted: Callable[[NDArray[np.bool_]], NDArray[np.bool_]]) -> int:
    """Return the row behind the last one that is wanted for what it misses, bool [n, V]; `start` if none is."""
    while end > start:
        block = max(start, end - BLOCK)
        found = np.flatnonzero(wanted(np.isnan(staged.read("values", block, end))))
        if len(found):
            return block + int(found[-1]) + 1
        end = block
    return start


def report_unfinished(staged: Staged, start: int, stop: int, number: int, findings: SeriesFindings) -> None:
    """Report last rows that have values in some columns and are about to be filled in the others."""
    if staged.types["values"][1] == 1:
        return

    def detail(row: int) -> str:
        missing = np.isnan(staged.read("values", row, row + 1)[0])
        return f"no value in column {list_names(staged.columns[c] for c in np.flatnonzero(missing))}"

    complete = behind_last(staged, start, stop, lambda missing: ~missing.any(axis=1))
    report_rows(findings, "unfinished_row", np.arange(complete, stop), staged, number, detail)


def parts(staged: Staged, start: int, stop: int, grid: Grid | None) -> Iterator[Part]:
    """Yield a series' rows with their time steps, a block at a time."""
    last = None
    for first in range(start, stop, BLOCK):
        end = min(first + BLOCK, stop)
        if grid is None:
            index, exact = np.arange(first - start, end - start), np.ones(end - first, bool)
        else:
            index, exact = grid.index(staged.read("times", first, end))
        skipped = np.diff(index, prepend=index[0] - 1 if last is None else last) - 1
        # two times within one step: at least one of them is off the grid, which is reported
        skipped = np.where((skipped == -1) & ~(exact & np.roll(exact, 1)), 0, skipped)
        last = index[-1]
        yield Part(first, index, exact, skipped)


def report_steps(
    part: Part, grid: Grid | None, staged: Staged, number: int, config: SeriesDataConfig, findings: SeriesFindings
) -> None:
    """Report times off the grid, and steps that are missing."""
    if grid is None:
        return

    def off(row: int) -> str:
        step = part.steps[row - part.start]
        before, after = grid.times(np.array([step, step + 1]))
        steps = f"the steps of {grid.frequency}, {staged.show(before)} and {staged.show(after)}"
        return f"{time_of(staged, row)} is off {steps}"

    def gap(row: int) -> str:
        count = int(part.skipped[row - part.start])
        steps = f"{count:,} time step{'s are' if count > 1 else ' is'} missing"
        return f"{steps} between {time_of(staged, row - 1)} and {time_of(staged, row)}"

    report_rows(findings, "irregular_step", np.flatnonzero(~part.exact) + part.start, staged, number, off)
    kind = "missing_time_step" if config.fill == "error" else "filled_time_step"
    report_rows(findings, kind, np.flatnonzero(part.skipped > 0) + part.start, staged, number, gap)


def report_missing(
    start: int,
    values: NDArray[np.float64],
    seen: NDArray[np.bool_],
    staged: Staged,
    number: int,
    config: SeriesDataConfig,
    findings: SeriesFindings,
) -> None:
    """Report missing values; `seen` tells which columns had a value before, and is brought up to date."""
    if "covariates" in staged.types:
        values = np.hstack([values, staged.read("covariates", start, start + len(values))])
    missing = np.isnan(values)
    if not missing.any():
        seen[:] = True
        return
    leading = missing & ~seen & (np.cumsum(~missing, axis=0) == 0)
    seen |= ~missing.all(axis=0)

    def columns(flags: NDArray[np.bool_]) -> Detail:
        return lambda row: (
            f"no value in column {list_names(staged.columns[c] for c in np.flatnonzero(flags[row - start]))}"
        )

    rows = np.flatnonzero(leading.any(axis=1)) + start
    if config.fill == "error":
        report_rows(
            findings, "missing_value", np.flatnonzero(missing.any(axis=1)) + start, staged, number, columns(missing)
        )
        return
    report_rows(findings, "unfillable_value", rows, staged, number, columns(leading))
    filled = missing & ~leading
    report_rows(findings, "filled_value", np.flatnonzero(filled.any(axis=1)) + start, staged, number, columns(filled))
