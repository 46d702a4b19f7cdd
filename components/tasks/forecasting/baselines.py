"""Forecasts that cost nothing: last value, last season, drift, Holt-Winters, SARIMA, scored on the model's windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.tasks.forecasting.metrics import Forecasts
from components.tasks.forecasting.state_space import Fitted, NotFitted, holt_winters, sarima
from pipeline.progress import Progress

LAST_VALUE = "last value"
FIT_ROWS = 3000  # rows before the judged part that a model is fitted to at most
ROWS_IN_ALL = 12_000  # over all fits, so that many series take no longer than one
SHORTEST_FIT = 200
ROUNDING = 1e-6  # a smaller share is an error of single precision, not a better forecast

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Naive = Callable[[Floats, Rows, int, int], Floats]
Method = Callable[[Floats, Rows, int, int, int], Fitted]


@dataclass(frozen=True)
class Baseline:
    """A baseline's forecasts, measured beside the model's where both forecast.

    Attributes:
        name: such as `seasonal naive`.
        words: what it does.
        note: what to know, such as a fit that did not converge or the share of the series it stands for.
        cells: values that it forecast; with 0 there are no figures.
        rmse, mae, mase: over these values.
        model_rmse, model_mase: the model's errors over the same values.
        steps: RMSE at each step ahead [P].
        losses: mean squared error of each window [n], NaN where it has no forecast.
        model_losses: the model's, over the same values [n].
    """

    name: str
    words: str
    note: str
    cells: int
    rmse: float
    mae: float
    mase: float
    model_rmse: float
    model_mase: float
    steps: Floats
    losses: Floats
    model_losses: Floats

    @property
    def share(self) -> float:
        """The model's RMSE as a share of this one's; below 1 the model is better."""
        return self.model_rmse / self.rmse if self.rmse else (math.inf if self.model_rmse else 1.0)

    @property
    def beaten(self) -> bool | None:
        """Whether the model is better; None where there is nothing to compare."""
        return self.model_rmse < self.rmse * (1 - ROUNDING) if self.cells else None


def measure_baselines(
    values: Sequence[Floats], forecasts: Forecasts, season: int, max_fits: int, seed: int, progress: Progress
) -> list[Baseline]:
    """Return every baseline that the data allow, the best one first.

    Each forecasts a window from the values of its series before the first target row, and from nothing later.

    Args:
        values: float64 [T, V] of each series, by its number.
        forecasts: the model's.
        season: rows a season; with 1 there is no seasonal naive forecast.
        max_fits: Holt-Winters and SARIMA are fitted to so many series and columns at most, a seeded sample of them.
    """
    made = []
    chosen = sample_pairs(forecasts, max_fits, seed)
    with progress.job("baselines", total=len(NAIVE) + len(chosen) * len(FITTED)) as job:
        for name, (words, naive) in NAIVE.items():
            if season > 1 or not name.startswith("seasonal"):
                cells = forecast_naively(naive, values, forecasts, season)
                made.append(compare(name, words, note_gaps(cells), cells, forecasts))
            job()
        for name, (words, method) in FITTED.items():
            cells, note = forecast_fitted(method, values, forecasts, season, chosen, job)
            made.append(compare(name, words, note, cells, forecasts))
    return sorted(made, key=lambda baseline: (baseline.cells == 0, -baseline.share, baseline.rmse))


def forecast_naively(naive: Naive, values: Sequence[Floats], forecasts: Forecasts, season: int) -> Floats:
    """Return a naive method's forecasts of every window, float64 [n, P, V]."""
    cells = np.full(forecasts.target.shape, np.nan)
    for number, windows in windows_by_series(forecasts):
        cells[windows] = naive(values[number], forecasts.row[windows], forecasts.target.shape[1], season)
    return cells


def note_gaps(cells: Floats) -> str:
    """Say how many windows lie too near their series' beginning to be forecast."""
    without = int(np.isnan(cells).any(axis=(1, 2)).sum())
    return f"too few rows before {without:,} of {len(cells):,} windows" if without else ""


def windows_by_series(forecasts: Forecasts) -> Iterator[tuple[int, Rows]]:
    """Yield each series' number and its windows, in order of their rows."""
    order = np.lexsort((forecasts.row, forecasts.series))
    numbers, first = np.unique(forecasts.series[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, first[1:]), strict=True)


def last_value(values: Floats, rows: Rows, horizon: int, season: int) -> Floats:
    """Repeat the value of the last known row [m, P, V]; values [T, V], rows [m] are the first ones to forecast."""
    return np.repeat(at(values, rows - 1)[:, np.newaxis], horizon, axis=1)


def seasonal_naive(values: Floats, rows: Rows, horizon: int, season: int) -> Floats:
    """Repeat the last known season."""
    steps = np.arange(1, horizon + 1)
    return at(values, rows[:, np.newaxis] - 1 + steps - season * seasons_back(steps, season))


def seasonal_naive_with_last_change(values: Floats, rows: Rows, horizon: int, season: int) -> Floats:
    """Repeat the last known season, moved by what the last row differs from the one a season before it.

    The change is taken once for each season ahead, so this is ARIMA (0,1,0)(0,1,0) of the season.
    """
    change = at(values, rows - 1) - at(values, rows - 1 - season)
    times = seasons_back(np.arange(1, horizon + 1), season)
    return seasonal_naive(values, rows, horizon, season) + times[:, np.newaxis] * change[:, np.newaxis]


def drift(values: Floats, rows: Rows, horizon: int, season: int) -> Floats:
    """Continue the straight line from the first known row to the last known one."""
    last = at(values, rows - 1)
    slope = (last - values[0]) / np.maximum(rows - 1, 1)[:, np.newaxis]
    forecasts: Floats = last[:, np.newaxis] + np.arange(1, horizon + 1)[:, np.newaxis] * slope[:, np.newaxis]
    return forecasts


def seasons_back(steps: Rows, season: int) -> Rows:
    """Return how many seasons before each step ahead its season is last known."""
    return -(-steps // season)


def at(values: Floats, rows: Rows) -> Floats:
    """Return the values [..., V] of rows; NaN for rows before the series begins."""
    found = np.asarray(values[np.maximum(rows, 0)], np.float64)
    found[rows < 0] = np.nan
    return found


NAIVE: dict[str, tuple[str, Naive]] = {
    LAST_VALUE: ("repeating the last value", last_value),
    "seasonal naive": ("repeating the last season", seasonal_naive),
    "seasonal naive with last change": (
        "repeating the last season, moved by the last change over a season",
        seasonal_naive_with_last_change,
    ),
    "drift": ("continuing the straight line from the first value to the last", drift),
}
FITTED: dict[str, tuple[str, Method]] = {
    "Holt-Winters": ("exponential smoothing with trend and season, fitted once before the judged part", holt_winters),
    "SARIMA": ("ARIMA (1,1,1) with (0,1,1) of the season, fitted once before the judged part", sarima),
}


def sample_pairs(forecasts: Forecasts, max_pairs: int, seed: int) -> list[tuple[int, int]]:
    """Return the series and columns to fit models to, in order."""
    columns = forecasts.target.shape[2]
    pairs = [(int(number), column) for number in np.unique(forecasts.series) for column in range(columns)]
    if len(pairs) <= max_pairs:
        return pairs
    random = np.random.default_rng(seed)
    return [pairs[place] for place in sorted(random.choice(len(pairs), max_pairs, replace=False))]


def forecast_fitted(
    method: Method,
    values: Sequence[Floats],
    forecasts: Forecasts,
    season: int,
    chosen: list[tuple[int, int]],
    job: Callable[[], object],
) -> tuple[Floats, str]:
    """Return forecasts of a fitted method, NaN where there are none, and what to know of the fits."""
    cells = np.full(forecasts.target.shape, np.nan)
    windows = dict(windows_by_series(forecasts))
    rows = max(min(FIT_ROWS, ROWS_IN_ALL // len(chosen)), min(10 * season, FIT_ROWS), SHORTEST_FIT)
    remarks: dict[str, int] = {}
    for number, column in chosen:
        series = np.asarray(values[number][:, column], np.float64)
        try:
            fitted = method(series, forecasts.row[windows[number]], forecasts.target.shape[1], season, rows)
            finite = bool(np.isfinite(fitted.forecasts).all())
            remark = fitted.remark if finite else "did not converge: its forecasts are not finite"
            if finite:
                cells[windows[number], :, column] = fitted.forecasts
        except NotFitted as reason:
            remark = str(reason)
        remarks[remark] = remarks.get(remark, 0) + 1
        job()
    return cells, note_fits(remarks, len(chosen), len(windows) * forecasts.target.shape[2])


def note_fits(remarks: dict[str, int], fits: int, there: int) -> str:
    """Say on how many series a method was judged, and what befell it."""
    what = "series" if there > 1 else ""
    sentences = [f"on {fits} of {there} {what}, drawn by chance"] if fits < there else []
    for remark, times in sorted(remarks.items(), key=lambda item: -item[1]):
        if remark:
            sentences.append(f"{remark} (on {times} of {fits} {what})" if fits > 1 else remark)
    return "; ".join(sentences)


def compare(name: str, words: str, note: str, cells: Floats, forecasts: Forecasts) -> Baseline:
    """Measure a baseline's forecasts [n, P, V] and the model's where the baseline has one."""
    made = cells.astype(np.float32)  # as the model's forecasts are: the same forecast shall have the same error
    known = np.isfinite(made)
    count = int(known.sum())
    error = np.where(known, made.astype(np.float64) - forecasts.target, 0.0)
    model = np.where(known, forecasts.forecast.astype(np.float64) - forecasts.target, 0.0) ** 2
    unit = forecasts.scale[:, np.newaxis, :].astype(np.float64)
    in_window, at_step = known.sum(axis=(1, 2)), known.sum(axis=(0, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Baseline(
            name,
            words,
            note,
            count,
            rmse=float(np.sqrt((error**2).sum() / np.float64(count))),
            mae=float(np.abs(error).sum() / np.float64(count)),
            mase=float((np.abs(error) / unit).sum() / np.float64(count)),
            model_rmse=float(np.sqrt(model.sum() / np.float64(count))),
            model_mase=float((np.sqrt(model) / unit).sum() / np.float64(count)),
            steps=np.sqrt((error**2).sum(axis=(0, 2)) / at_step),
            losses=(error**2).sum(axis=(1, 2)) / in_window,
            model_losses=model.sum(axis=(1, 2)) / in_window,
        )
