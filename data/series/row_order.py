"""Rows that were written in another order than that of time, put into it on disk; not where the times are in doubt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.staging import BLOCK, Staged
from data.series.times.mixed_dates import mixes_days

SHUFFLED = 0.05  # share of rows out of order from which on these are no single faults


def put_in_order(staged: Staged, config: SeriesDataConfig, findings: SeriesFindings, alone: bool) -> None:
    """Put every series whose times are not in order into it, and tell so, where no time comes twice.

    Times that could be others, since they do not begin with the year, are put in order only where the recipe says how
    they are written. What is left in another order is reported later.

    Args:
        alone: whether nothing in the table could say that its rows are of several series.
    """
    if mixes_days(staged, config, findings):
        return
    form = staged.form
    sure = form is not None and (form.certain or bool(config.time_format) or "%Y" in form.name)
    for number, name in enumerate(staged.ids):
        start, stop = staged.offsets[number], staged.offsets[number + 1]
        if stop - start < 2 or in_order(staged, start, stop, 1):
            continue
        file, _ = staged.place(start)
        if in_order(staged, start, stop, -1):
            for column in staged.types:
                turn(staged, column, start, stop)
            findings.add("newest_first", file, 0, f"{stop - start:,} rows, the newest first", name)
        elif sure and alone:
            sort_rows(staged, number, config, findings)


def sort_rows(staged: Staged, number: int, config: SeriesDataConfig, findings: SeriesFindings) -> None:
    """Put a series' rows in order where no time comes twice or rows are gathered anyway; else name equal times."""
    start, stop = staged.offsets[number], staged.offsets[number + 1]
    times, name = staged.read("times", start, stop), staged.ids[number]
    order = np.argsort(times, kind="stable")
    twice = np.flatnonzero(np.diff(times[order]) == 0) + 1
    falls = int((np.diff(times) < 0).sum())
    if not falls:
        return None
    if not len(twice) or config.resample:
        for column in staged.types:
            arrange(staged, column, start, order)
        file, _ = staged.place(start)
        parts = int((np.diff(order) != 1).sum()) + 1
        findings.add("unordered_rows", file, 0, f"{stop - start:,} rows, put together from {parts:,} parts", name)
    elif falls > SHUFFLED * len(times):  # with few of them, the lines out of order say more
        twice = twice[np.abs(order[twice] - order[twice - 1]) > 1]  # side by side they are reported later
        for done, place in enumerate(twice.tolist()):
            if findings.full("duplicate_time"):
                return findings.add_many("duplicate_time", len(twice) - done)
            file, line = staged.place(start + int(order[place]))
            _, first = staged.place(start + int(order[place - 1]))
            shown = staged.show(int(times[order[place]]))
            findings.add("duplicate_time", file, line, f"{shown}, as in line {first}", name)
    return None


def in_order(staged: Staged, start: int, stop: int, sign: int) -> bool:
    """Tell whether the times of some rows increase from each to the next, or decrease if `sign` is -1."""
    for first in range(start, stop - 1, BLOCK):
        times = staged.read("times", first, min(first + BLOCK + 1, stop))
        if (sign * np.diff(times) <= 0).any():
            return False
    return True


def turn(staged: Staged, column: str, start: int, stop: int) -> None:
    """Turn the rows of a column round in its file, a block from either end at a time."""
    kind, width = staged.types[column]
    rows = np.memmap(staged.folder / column, kind, "r+", shape=(staged.offsets[-1], width))
    while start < stop:
        size = min(BLOCK, (stop - start + 1) // 2)
        head, tail = rows[start : start + size].copy(), rows[stop - size : stop].copy()
        rows[start : start + size], rows[stop - size : stop] = tail[::-1], head[::-1]
        start, stop = start + size, stop - size
    rows.flush()


def arrange(staged: Staged, column: str, start: int, order: NDArray[np.int64]) -> None:
    """Put the rows of a column into another order in its file."""
    kind, width = staged.types[column]
    rows = np.memmap(staged.folder / column, kind, "r+", shape=(staged.offsets[-1], width))
    rows[start : start + len(order)] = rows[start : start + len(order)][order]
    rows.flush()
