"""Constants of the training part: means, deviations and typical changes, by which networks and errors are scaled.

Filled values take no part. All constants are above 0: where nothing varies they are 1, and where there is no season yet to compare with, a
seasonal change is the change from row to row. A series in which nothing varies, or without a training part, has the scale of all series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1 << 16  # rows looked at at once
COARSE = 32 * 2.0**-23  # changes that are a smaller share of the values are lost in numbers of 32 bits, as windows hold

Report = Callable[[str, int, int], None]  # told the kind of finding, the series and the column


@dataclass
class Moments:
    """Number, mean and sum of squared deviations of a column's values, and the sum of their sizes, gathered block by block."""

    number: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, width: int) -> Moments:
        import numpy as np

        return cls(*(np.zeros(width) for _ in range(4)))

    def add(self, values: np.ndarray) -> None:
        """Take in values [n, width] (Chan, Golub and LeVeque: Updating formulae, 1979)."""
        if not len(values):
            return
        mean = values.mean(axis=0)
        apart, total = mean - self.mean, self.number + len(values)
        self.squares += ((values - mean) ** 2).sum(axis=0) + apart**2 * self.number * len(values) / total
        self.mean += apart * len(values) / total
        self.number += len(values)
        self.sizes += abs(values).sum(axis=0)

    def deviation(self) -> np.ndarray:
        import numpy as np

        return np.sqrt(self.squares / np.maximum(self.number, 1))

    def mean_size(self) -> np.ndarray:
        import numpy as np

        return self.sizes / np.maximum(self.number, 1)


@dataclass
class Constants:
    """What is gathered of values, of changes from row to row and of changes over a season."""

    values: Moments
    changes: Moments
    seasonal: Moments = field(repr=False)

    @classmethod
    def of(cls, width: int) -> Constants:
        return cls(Moments.of(width), Moments.of(width), Moments.of(width))

    def scale(self) -> np.ndarray:
        """Return the mean absolute seasonal change, or where there is none the change from row to row; 0 where nothing varies."""
        import numpy as np

        seasonal = self.seasonal.mean_size()
        return np.where(seasonal > 0, seasonal, self.changes.mean_size())

    def doubts(self) -> Iterator[tuple[str, int]]:
        """Yield kinds of findings and the columns that they concern."""
        import numpy as np

        still = (self.changes.number > 0) & (self.changes.sizes == 0)
        moves = np.maximum(self.scale(), self.changes.deviation())
        coarse = (self.changes.number > 0) & ~still & (moves < COARSE * self.values.mean_size())
        for kind, found in (("constant_column", still), ("coarse_column", coarse)):
            for column in np.flatnonzero(found).tolist():
                yield kind, column


def measure_scaling(
    values: np.ndarray,
    filled: np.ndarray,
    parts: Sequence[tuple[int, int]],
    season: int,
    report: Report | None = None,
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the constants over all series, as the manifest keeps them, and the scale [S, V] of each series.

    Args:
        values: [rows, V] all series one after the other.
        filled: [rows].
        parts: first row and number of rows of each series' training part.
        report: told of columns that never change there, or by too little.
    """
    import numpy as np

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
    change = first_positive(together.changes.deviation())
    constants = {
        "mean": together.values.mean,
        "deviation": first_positive(together.values.deviation()),
        "change": change,
        "seasonal_change": first_positive(together.seasonal.deviation(), change),
        "scale": first_positive(together.scale()),
    }
    scales = first_positive(scales, np.broadcast_to(constants["scale"], scales.shape))
    return {name: column.tolist() for name, column in constants.items()}, scales


def known_changes(values: np.ndarray, filled: np.ndarray, start: int, stop: int, lag: int) -> np.ndarray:
    """Return the changes over `lag` rows that end in the rows `start` to `stop`, where both ends are known."""
    if start >= stop:
        return values[:0]
    known = ~(filled[start:stop] | filled[start - lag : stop - lag])
    return (values[start:stop] - values[start - lag : stop - lag])[known]


def first_positive(*choices: np.ndarray) -> np.ndarray:
    """Return for each column the first of the choices that is above 0, else 1."""
    import numpy as np

    result = np.ones_like(choices[0])
    for choice in reversed(choices):
        result = np.where(choice > 0, choice, result)
    return result
