"""Numbers that stand for a missing value, such as -999: found by how they look and how far from all others they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from data.series.findings import SeriesFindings
from data.series.staging import BLOCK, Staged

SEEN = 200_000  # values of a column, taken evenly, that tell where its middle half lies
SHARES = (0.25, 0.1, 0.05, 0.02)  # left off at either end; less where most values are one, as of rain
NEAR = 3.0  # widths of the middle half from its edges within which a number is one of many
FAR = 3.0  # a stand-in is this many times as far from the nearest other number as those reach from each other
MOST = 1000  # different numbers far out that are counted; a column with more has such values by nature
AGAIN, SELDOM = 3, 0.1  # times, and share of the rows, that a lonely number comes which looks like any other
VARIED, SEEN_VARIED = 10, 10_000  # different numbers among the first ones that the others must have then
LIMITS = {-32768.0, -32767.0, 32767.0, 65535.0, -2147483648.0, -2147483647.0, 2147483647.0, 4294967295.0}
HUGE = 1e15  # any number beyond, when it comes again


@dataclass
class FarOut:
    """The numbers far from a column's middle half: how often each occurs, and in which staged row first."""

    low: float
    high: float
    counts: dict[float, int] = field(default_factory=dict)
    rows: dict[float, int] = field(default_factory=dict)
    nearest: tuple[float, float] = (np.inf, -np.inf)  # the smallest and the largest of the others
    varied: bool = False  # whether the others are of many sizes
    rows_seen: int = 0


def report_sentinels(staged: Staged, findings: SeriesFindings) -> None:
    """Report numbers that come again, look like a stand-in for a missing value, and lie far from all others."""
    names = iter(staged.columns)
    for kind in ("values", "covariates"):
        if kind in staged.types and staged.offsets[-1]:
            for found in look(staged, kind):
                name = next(names)
                for value in stand_ins(found):
                    others = [item for item in found.counts if item not in stand_ins(found)]
                    low, high = min([found.nearest[0], *others]), max([found.nearest[1], *others])
                    written = spell(value)
                    findings.add(
                        "sentinel_value",
                        *staged.place(found.rows[value]),
                        f"{written} in column `{name}`, {found.counts[value]:,} times; all others lie between "
                        f"{spell(low)} and {spell(high)}. If it stands for a missing value: data.missing=[{written}]",
                    )


def look(staged: Staged, kind: str) -> list[FarOut]:
    """Return what lies far out in each column."""
    total, width = staged.offsets[-1], staged.types[kind][1]
    step = max(1, total // SEEN)
    seen = np.concatenate([block[-start % step :: step] for start, block in blocks(staged, kind)])
    found = [bounds(seen[:, column]) for column in range(width)]
    for start, block in blocks(staged, kind):
        for column, far in enumerate(found):
            count_far(far, block[:, column], start)
    return found


def blocks(staged: Staged, kind: str) -> Iterator[tuple[int, NDArray[np.float64]]]:
    for start in range(0, staged.offsets[-1], BLOCK):
        yield start, staged.read(kind, start, min(start + BLOCK, staged.offsets[-1]))


def bounds(values: NDArray[np.float64]) -> FarOut:
    """Return the numbers between which a column's many lie, going by its middle half."""
    values = values[np.isfinite(values)]
    if not len(values):
        return FarOut(-np.inf, np.inf)
    for share in SHARES:
        low, high = np.quantile(values, [share, 1 - share]).tolist()
        if high > low:
            break
    reach = NEAR * (high - low)
    near = values[(values >= low - reach) & (values <= high + reach)]
    return FarOut(low - reach, high + reach, varied=len(np.unique(near[:SEEN_VARIED])) >= VARIED)


def count_far(far: FarOut, values: NDArray[np.float64], start: int) -> None:
    """Count the numbers out of bounds in some rows, and widen the range of the others."""
    if len(far.counts) > MOST:
        return
    far.rows_seen += len(values)
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if low >= far.low and high <= far.high:
        far.nearest = min(far.nearest[0], float(low)), max(far.nearest[1], float(high))
        return
    out = (values < far.low) | (values > far.high)
    within = values[~out & np.isfinite(values)]
    if len(within):
        far.nearest = min(far.nearest[0], float(within.min())), max(far.nearest[1], float(within.max()))
    rows = np.flatnonzero(out & np.isfinite(values))
    for value, first, count in zip(
        *(found.tolist() for found in np.unique(values[rows], return_index=True, return_counts=True)), strict=True
    ):
        far.counts[value] = far.counts.get(value, 0) + count
        far.rows.setdefault(value, start + int(rows[first]))


def stand_ins(far: FarOut) -> list[float]:
    """Return the numbers that come again, look like stand-ins, and have no other number near them."""
    if len(far.counts) > MOST:
        return []
    looks = [value for value, count in far.counts.items() if count > 1 and looks_so(value)]
    looks += lonely(far, looks)
    others = [value for value in far.counts if value not in looks]
    low, high = min([far.nearest[0], *others]), max([far.nearest[1], *others])
    if not np.isfinite(low):
        return []
    reach = FAR * (high - low) if high > low else max(abs(high), 1.0)
    return sorted(value for value in looks if value < low - reach or value > high + reach)


def lonely(far: FarOut, looks: Sequence[float]) -> list[float]:
    """Return one or two numbers that come again and again and lie alone, whatever they look like: -127, 85, -1000.

    Not 0, which shops have that are closed, and only where the others are many.
    """
    low, high = far.nearest
    if not far.varied or not np.isfinite(low):
        return []
    reach = FAR * (high - low)
    often = range(AGAIN, max(AGAIN + 1, int(SELDOM * far.rows_seen) + 1))
    found = [
        value
        for value, count in far.counts.items()
        if value and value not in looks and count in often and not low - reach <= value <= high + reach
    ]
    return found if len(found) <= 2 else []


def looks_so(value: float) -> bool:
    """Tell whether a number is one that people and programs write where a value is missing: -999, 9999.9, 1e20, -1."""
    digits = spell(abs(value)).replace(".", "")
    alike = digits.isdigit() and len(set(digits)) == 1 and digits[0] != "0"
    return (
        value == -1 or value in LIMITS or abs(value) >= HUGE or (alike and len(digits) >= (2 if "9" in digits else 3))
    )


def spell(value: float) -> str:
    """Write a number as tables do: whole ones without a point."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < HUGE else repr(value)
