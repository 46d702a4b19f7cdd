"""Missing values filled from their neighbours, in place; nothing that lies behind a cut gets before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 16  # rows looked at at once


class Gap(NamedTuple):
    """Missing values side by side in a column: the rows `start` to `stop`."""

    start: int
    stop: int


class Filled(NamedTuple):
    """What filling a column met.

    Attributes:
        over_cut: gaps that reach over a cut; they were filled from the past alone.
        hopeless: gaps that the method cannot fill: for `linear` those at the end, for `seasonal` those in the first
            season.
    """

    over_cut: list[Gap]
    hopeless: list[Gap]


def fill_column(column: NDArray[np.float64], method: str, season: int, cuts: Sequence[int]) -> Filled:
    """Fill the NaNs of a column [n] in place; the first value is known.

    Args:
        method: `forward` repeats the last value. `linear` draws a line to the next one. `seasonal` repeats the season
            before the gap, plus what has changed since: the change before and behind the gap with a line between them.
        season: rows a season.
        cuts: first rows of the validation and of the test part. A gap that ends behind a cut is filled from the past
            alone: `linear` repeats the last value, `seasonal` keeps the change before the gap.
    """
    filled = Filled([], [])
    for gap in find_gaps(column):
        crosses = method != "forward" and any(gap.start < cut <= gap.stop for cut in cuts)
        if crosses:
            filled.over_cut.append(gap)
        after = None if crosses or gap.stop >= len(column) else float(column[gap.stop])
        if (method == "linear" and gap.stop >= len(column)) or (method == "seasonal" and gap.start <= season):
            filled.hopeless.append(gap)
        if method == "seasonal" and gap.start > season:
            fill_season(column, gap, after, season)
        elif method == "linear" and after is not None:
            fill_line(column, gap, after)
        else:
            column[gap.start : gap.stop] = column[gap.start - 1]
    return filled


def find_gaps(column: NDArray[np.float64]) -> Iterator[Gap]:
    """Yield the stretches of NaNs in order; each is found before the ones behind it are looked at."""
    open_at = -1
    for start in range(0, len(column), BLOCK):
        missing = np.isnan(column[start : start + BLOCK])
        if not missing.any() and open_at < 0:
            continue
        edges = np.flatnonzero(np.diff(missing.astype(np.int8), prepend=int(open_at >= 0))) + start
        for edge in edges.tolist():
            if open_at < 0:
                open_at = edge
            else:
                yield Gap(open_at, edge)
                open_at = -1
    if open_at >= 0:
        yield Gap(open_at, len(column))


def fill_line(column: NDArray[np.float64], gap: Gap, after: float) -> None:
    """Draw a line from the value before a gap to the one behind it."""
    column[gap.start : gap.stop] = line(float(column[gap.start - 1]), after, gap)


def fill_season(column: NDArray[np.float64], gap: Gap, after: float | None, season: int) -> None:
    """Repeat the season before a gap, plus the change over a season, drawn as a line from before to behind it."""
    pattern = np.array(column[gap.start - season : gap.start])
    change = float(column[gap.start - 1] - column[gap.start - 1 - season])
    length = gap.stop - gap.start
    later = change if after is None else after - float(pattern[length % season])
    column[gap.start : gap.stop] = pattern[np.arange(length) % season] + line(change, later, gap)


def line(before: float, after: float, gap: Gap) -> NDArray[np.float64]:
    """Return the points of a line over a gap, its ends lying just outside."""
    steps = gap.stop - gap.start + 1
    return before + (after - before) * np.arange(1, steps) / steps
