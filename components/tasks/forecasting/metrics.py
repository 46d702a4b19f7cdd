"""Errors of forecasts with 95 % intervals: over all, by step ahead, by series and by value column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsFloat, cast

import numpy as np
from numpy.typing import NDArray

from components.tasks.forecasting.details import ColumnRow, Figures, Interval, SeriesRow, StepRow

ByKind = Mapping[str, NDArray[np.float64]]  # by kind of error, or by figure

WORST_SERIES = 50  # rows of the table by series
CELLS_AT_ONCE = 1 << 21  # a million windows of many steps would not fit into memory with all their errors


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of every window of a split, in the data's own units.

    Attributes:
        series: int64 [n] which series a window is of.
        row: int64 [n] index of the first target row within that series.
        target: float32 [n, P, V] what came.
        forecast: float32 [n, P, V].
        lower: float32 [n, P, V] lower end of the interval.
        upper: float32 [n, P, V] upper end.
        scale: float32 [n, V] mean absolute seasonal change of the series' training part: the unit of MASE.
    """

    series: NDArray[np.int64]
    row: NDArray[np.int64]
    target: NDArray[np.float32]
    forecast: NDArray[np.float32]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    scale: NDArray[np.float32]


@dataclass(frozen=True)
class Scored:
    """Errors of one model's forecasts.

    Attributes:
        values: figure -> value over all windows, steps and columns; None where it cannot be computed.
        intervals: figure -> 95 % interval.
        windows: kind of error -> its mean in each window [n].
        steps: kind of error -> its mean at each step ahead [P].
        columns: kind of error -> its mean in each value column [V].
        drawn: figure -> [value on each bootstrap sample]. The same seed draws the same windows, so two models that were
            scored on one split can be compared sample by sample.
    """

    values: dict[str, float | None]
    intervals: dict[str, Interval | None]
    windows: ByKind
    steps: ByKind
    columns: ByKind
    drawn: ByKind


def score(
    forecasts: Forecasts, moments: NDArray[np.int64], level: float, block: int, resamples: int, seed: int
) -> Scored:
    """Measure forecasts.

    Args:
        moments: time, or number, of each window's first target row, int64 [n].
        level: share of the targets that the intervals shall hold, such as 0.8.
        block: neighbouring moments that depend on each other, see `block_length`.
    """
    windows, steps, columns = mean_errors(forecasts, level)
    means = {kind: row.mean(keepdims=True) for kind, row in windows.items()}
    values = {name: plain(value[0]) for name, value in figures(means).items()}
    drawn = bootstrap(windows, moments, block, resamples, seed)
    return Scored(values, {name: percentiles(row) for name, row in drawn.items()}, windows, steps, columns, drawn)


def mean_errors(forecasts: Forecasts, level: float) -> tuple[ByKind, ByKind, ByKind]:
    """Return the mean of each kind of error in each window [n], at each step [P] and in each column [V]."""
    number, horizon, columns = forecasts.target.shape
    together = max(1, CELLS_AT_ONCE // (horizon * columns))
    parts = []
    for start in range(0, number, together):
        cells = errors(forecasts, slice(start, start + together), level)
        parts.append(
            {
                kind: (values.mean(axis=(1, 2)), values.sum(axis=(0, 2)), values.sum(axis=(0, 1)))
                for kind, values in cells.items()
            }
        )
    windows = {kind: np.concatenate([part[kind][0] for part in parts]) for kind in parts[0]}
    steps = {kind: np.sum([part[kind][1] for part in parts], axis=0) / (number * columns) for kind in parts[0]}
    by_column = {kind: np.sum([part[kind][2] for part in parts], axis=0) / (number * horizon) for kind in parts[0]}
    return windows, steps, by_column


def errors(forecasts: Forecasts, chosen: slice, level: float) -> ByKind:
    """Return each kind of error of some windows, [windows, P, V].

    MASE: Hyndman and Koehler 2006, "Another look at measures of forecast accuracy". sMAPE: Makridakis 1993 as in the M4
    competition, 0 to 200 %. The interval score is Winkler's (1972) in the form of Gneiting and Raftery 2007, section
    6.2.
    """
    target, forecast, lower, upper = (
        getattr(forecasts, name)[chosen].astype(np.float64) for name in ("target", "forecast", "lower", "upper")
    )
    absolute = np.abs(forecast - target)
    size = np.abs(target) + np.abs(forecast)
    missed = np.maximum(lower - target, 0) + np.maximum(target - upper, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100 * absolute / np.abs(target)
    share[target == 0] = np.inf  # right or wrong, a share of nothing is no number
    return {
        "squared": absolute**2,
        "absolute": absolute,
        "percentage": share,
        "symmetric": 200 * absolute / np.where(size == 0, 1, size),
        "scaled": absolute / forecasts.scale[chosen].astype(np.float64)[:, np.newaxis, :],
        "covered": ((target >= lower) & (target <= upper)).astype(np.float64),
        "width": upper - lower,
        "score": upper - lower + 2 / (1 - level) * missed,
    }


def figures(means: ByKind) -> ByKind:
    """Turn mean errors into the figures of the tables."""
    return {
        "rmse": np.sqrt(means["squared"]),
        "mae": means["absolute"],
        "mape": means["percentage"],
        "smape": means["symmetric"],
        "mase": means["scaled"],
        "coverage": means["covered"],
        "interval_width": means["width"],
        "interval_score": means["score"],
    }


def plain(value: SupportsFloat) -> float | None:
    """Return a number for JSON; None where there is none."""
    number = float(value)
    return number if math.isfinite(number) else None


def max_windows(forecasts: Forecasts) -> int:
    """Return the windows of the series that has the most of them."""
    return int(np.unique(forecasts.series, return_counts=True)[1].max())


def block_length(number: int, horizon: int, stride: int) -> int:
    """Return how many neighbouring windows are drawn together.

    At least as many as share a target row; beyond that the cube root of their number, which lets a block hold the
    dependence of neighbouring errors (Kuensch 1989; Hall, Horowitz and Jing 1995). At most a third of all.

    Args:
        number: windows of a series, see `max_windows`: a block lies within one.
    """
    overlap = math.ceil(horizon / stride)
    cube_root: int = math.ceil(number ** (1 / 3))
    return max(1, min(max(overlap, cube_root), number // 3))


def bootstrap(windows: ByKind, moments: NDArray[np.int64], block: int, resamples: int, seed: int) -> ByKind:
    """Return each figure on samples of whole blocks of neighbouring moments, since their windows are not independent.

    A moment is drawn with the windows of all series at it, which err together. Blocks are drawn with replacement and
    wrap round (circular block bootstrap, Politis and Romano 1992).

    Args:
        windows: kind of error -> its mean in each window [n].
        moments: time, or number, of each window's first target row [n].
        block: moments drawn together.
    """
    kinds = list(windows)
    cells = np.stack([windows[kind] for kind in kinds], axis=1)
    cells[~np.isfinite(cells)] = np.nan
    _, place, counts = np.unique(moments, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), len(kinds)))
    np.add.at(sums, place, cells)
    totals, numbers = np.zeros_like(sums), np.zeros_like(counts)
    for step in range(block):
        totals += np.roll(sums, -step, axis=0)
        numbers += np.roll(counts, -step)
    random = np.random.default_rng(seed)
    draws = math.ceil(len(counts) / block)
    drawn = []
    for _ in range(resamples):
        chosen = random.integers(0, len(counts), draws)
        drawn.append(totals[chosen].sum(axis=0) / numbers[chosen].sum())
    columns = np.array(drawn)
    return figures({kind: columns[:, place] for place, kind in enumerate(kinds)})


def percentiles(values: NDArray[np.float64]) -> Interval | None:
    """Return the middle 95 % of bootstrap values; None where some sample gave none."""
    if not np.isfinite(values).all():
        return None
    return [float(value) for value in np.percentile(values, (2.5, 97.5))]


def step_rows(scored: Scored, baselines: ByKind) -> list[StepRow]:
    """Return the figures at each step ahead, the first one first.

    Args:
        baselines: name -> RMSE at each step [P].
    """
    return [
        {"step": number + 1, **row, "baselines": {name: plain(steps[number]) for name, steps in baselines.items()}}
        for number, row in enumerate(table(scored.steps))
    ]


def column_rows(scored: Scored, columns: Sequence[str]) -> list[ColumnRow]:
    """Return the figures of each value column."""
    return [{"column": name, **row} for name, row in zip(columns, table(scored.columns), strict=True)]


def series_rows(scored: Scored, forecasts: Forecasts, ids: Sequence[str]) -> list[SeriesRow]:
    """Return the figures of the series that are forecast worst by MASE, the worst first."""
    numbers, place, count = np.unique(forecasts.series, return_inverse=True, return_counts=True)
    sums = {kind: np.bincount(place, weights=values) for kind, values in scored.windows.items()}
    rows = table({kind: values / count for kind, values in sums.items()})
    worst = np.argsort(-sums["scaled"] / count, kind="stable")[:WORST_SERIES]
    return [{"series": ids[int(numbers[at])], "windows": int(count[at]), **rows[at]} for at in map(int, worst)]


def table(means: ByKind) -> list[Figures]:
    """Turn mean errors [m] into m rows of figures."""
    whole = figures(means)
    rows = ({name: plain(values[place]) for name, values in whole.items()} for place in range(len(whole["rmse"])))
    return [cast("Figures", row) for row in rows]
