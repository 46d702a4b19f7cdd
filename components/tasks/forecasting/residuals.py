"""Whether the errors one step ahead still hold a pattern: their autocorrelation with bounds, and Ljung and Box's test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

from components.tasks.forecasting.metrics import Forecasts, most_windows

NORMAL_95 = 1.959963984540054
MOST_LAGS = 60


def describe_residuals(forecasts: Forecasts, season: int, stride: int) -> dict[str, Any]:
    """Return mean, autocorrelation and Ljung-Box's p of the errors (forecast minus truth) one step ahead.

    Only the first step is looked at: later steps of a perfect forecast are correlated too, since their windows overlap.
    Several series and columns are pooled, each in units of its MASE scale. Lags count windows.

    Returns:
        `autocorrelation` (lag 1 first), `bound` (95 % bound of white noise), `bartlett` (by lag, the bound if the earlier
        lags are real: Bartlett 1946), `ljung_box_p` over `ljung_box_lags` lags, `mean` in the data's units by column,
        `count`. Where there are too few windows, autocorrelation is empty and p None.
    """
    residuals = forecasts.forecast[:, 0].astype(np.float64) - forecasts.target[:, 0]
    scaled = residuals / forecasts.scale
    count = scaled.size
    lags = lags_of(most_windows(forecasts), season, stride)
    rest: dict[str, Any] = {"mean": [float(value) for value in residuals.mean(axis=0)], "count": count, "step": 1}
    correlations = autocorrelation(scaled, forecasts, lags, stride)
    if not correlations:
        return {"autocorrelation": [], "bound": None, "bartlett": [], "ljung_box_p": None, "ljung_box_lags": 0} | rest
    squares = np.square(correlations)
    statistic = count * (count + 2) * float((squares / (count - np.arange(1, lags + 1))).sum())
    return {
        "autocorrelation": correlations,
        "bound": NORMAL_95 / math.sqrt(count),
        "bartlett": [float(value) for value in NORMAL_95 * np.sqrt((1 + 2 * (np.cumsum(squares) - squares)) / count)],
        "ljung_box_p": float(stats.chi2.sf(statistic, lags)),
        "ljung_box_lags": lags,
    } | rest


def lags_of(windows: int, season: int, stride: int) -> int:
    """Return how many lags to look at: two seasons, ten without one, at most a fifth of a series' windows (Hyndman 2014)."""
    rows = 2 * season if season > 1 else 10
    return max(0, min(max(1, rows // stride), windows // 5, MOST_LAGS))


def autocorrelation(scaled: np.ndarray, forecasts: Forecasts, lags: int, stride: int) -> list[float]:
    """Return the autocorrelation at lags 1 to `lags` over the pairs of windows that are really so far apart."""
    order = np.lexsort((forecasts.row, forecasts.series))
    series, row = forecasts.series[order], forecasts.row[order]
    centred = (scaled - scaled.mean(axis=0))[order]
    total = float((centred**2).sum())
    if lags == 0 or total == 0:
        return []
    found = []
    for lag in range(1, lags + 1):
        apart = (series[lag:] == series[:-lag]) & (row[lag:] - row[:-lag] == lag * stride)
        found.append(float((centred[lag:][apart] * centred[:-lag][apart]).sum() / total))
    return found
