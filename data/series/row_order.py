"""Series that were written newest first, turned round on disk."""

from __future__ import annotations

import numpy as np

from data.series.findings import SeriesFindings
from data.series.staging import BLOCK, Staged


def turn_newest_first(staged: Staged, findings: SeriesFindings) -> None:
    """Put every series whose times decrease from row to row into the order of time, and tell so.

    Any other order is left to be reported.
    """
    if not staged.times:
        return
    for number, name in enumerate(staged.ids):
        start, stop = staged.offsets[number], staged.offsets[number + 1]
        if stop - start > 1 and is_newest_first(staged, start, stop):
            file, _ = staged.place(start)
            for column in staged.types:
                turn(staged, column, start, stop)
            findings.add("newest_first", file, 0, f"{stop - start:,} rows, the newest first", name)


def is_newest_first(staged: Staged, start: int, stop: int) -> bool:
    """Tell whether the times of some rows decrease from each to the next."""
    for first in range(start, stop - 1, BLOCK):
        times = staged.read("times", first, min(first + BLOCK + 1, stop))
        if (np.diff(times) >= 0).any():
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
