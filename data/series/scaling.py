"""Constants of the training part: means, deviations and typical changes, by which networks and errors are scaled.

Filled values take no part. All constants are above 0: where nothing varies they are 1, and where there is no season yet
to compare with, a seasonal change is the change from row to row. A series in which nothing varies, or without a
training part, has the scale of all series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 16  # rows looked at at once
COARSE = 32 * 2.0**-23  # changes that are a smaller share of the values are lost in numbers of 32 bits, as windows hold

Report = Callable[[str, int, int], None]  # told the kind of finding, the series and the column


@dataclass
class Moments:
    """Number, mean, sum of squared deviations and sum of sizes of a column's values, gathered block by block."""

    number: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    sizes: NDArray[np.float64]

    @classmethod
    def of(cls, width: int) -> Moments:
        return cls(*(np.zeros(width) for _ in range(4)))

    def add(self, values: NDArray[np.float64]) -> None:
        """Take in values [n, width] (Chan, Golub and LeVeque: Updating formulae, 1979)."""
        if not len(values):
            return
        mean = values.mean(axis=0)
        apart, total = mean - self.mean, self.number + len(values)
        self.squares += ((values - mean) ** 2).sum(axis=0) + apart**2 * self.number * len(values) / total
        self.mean += apart * len(values) / total
        self.number += len(values)
        self.sizes += abs(values).sum(axis=0)

    def std(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.sqrt(self.squares / np.maximum(self.number, 1))
        return found

    def mean_size(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self.sizes / np.maximum(self.number, 1)
        return found


@dataclass
class Constants:
    """What is gathered of values, of changes from row to row and of changes over a season."""

    values: Moments
    changes: Moments
    seasonal: Moments = field(repr=False)

    @classmethod
    def of(cls, width: int) -> Constants:
        return cls(Moments.of(width), Moments.of(width), Moments.of(width))

    def scale(self) -> NDArray[np.float64]:
        """Return the mean absolute seasonal change, else the change from row to row; 0 where nothing varies."""
        seasonal = self.seasonal.mean_size()
        return np.where(seasonal > 0, seasonal, self.changes.mean_size())

    def doubts(self) -> Iterator[tuple[str, int]]:
        """Yield kinds of findings and the columns that they concern."""
        still = (self.changes.number > 0) & (self.changes.sizes == 0)
        moves = np.maximum(self.scale(), self.changes.std())
        coarse = (self.changes.number > 0) & ~still & (moves < COARSE * self.values.mean_size())
        for kind, found in (("constant_column", still), ("coarse_column", coarse)):
            for column in np.flatnonzero(found).tolist():
                yield kind, column


def measure_scaling(
    values: NDArray[np.float64],
    filled: NDArray[np.bool_],
    parts: Sequence[tuple[int, int]],
    season: int,
    report: Report | None = None,
) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Return the constants over all series, as the manifest keeps them, and the scale [S, V] of each series.

    Args:
        values: [rows, V] all series one after the other.
        filled: [rows].
        parts: first row and number of rows of each series' training part.
        report: told of columns that never change there, or by too little.
    """
    width = values.shape[1]
    together = Constants.of(width)
    scales = np.ones((len(parts), width))
    for number, (first, rows) in enumerate(parts):
        own = Constants.of(width)
        for start in range(first, first + rows, BLOCK):
            stop = min(start + BLOCK, first + rows)
            known = ~filled[start:stop]
            own.values.add(values[start:stop][known])
            together.values.add(values[start:stop][known])
            for lag, name in ((1, "changes"), (season, "seasonal")):
                change = known_changes(values, filled, max(start, first + lag), stop, lag)
                getattr(own, name).add(change)
                getattr(together, name).add(change)
        scales[number] = own.scale()
        if report is not None:
            for kind, column in own.doubts():
                report(kind, number, column)
    change = first_positive(together.changes.std())
    constants = {
        "mean": together.values.mean,
        "deviation": first_positive(together.values.std()),
        "change": change,
        "seasonal_change": first_positive(together.seasonal.std(), change),
        "scale": first_positive(together.scale()),
    }
    scales = first_positive(scales, np.broadcast_to(constants["scale"], scales.shape))
    return {name: column.tolist() for name, column in constants.items()}, scales


def known_changes(
    values: NDArray[np.float64], filled: NDArray[np.bool_], start: int, stop: int, lag: int
) -> NDArray[np.float64]:
    """Return the changes over `lag` rows that end in the rows `start` to `stop`, where both ends are known."""
    if start >= stop:
        return values[:0]
    known = ~(filled[start:stop] | filled[start - lag : stop - lag])
    return (values[start:stop] - values[start - lag : stop - lag])[known]


def first_positive(*choices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each column the first of the choices that is above 0, else 1."""
    result = np.ones_like(choices[0])
    for choice in reversed(choices):
        result = np.where(choice > 0, choice, result)
    return result
