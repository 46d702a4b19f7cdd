"""Whether the errors one step ahead hold a pattern: their autocorrelation with bounds, and Ljung and Box's test."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from components.tasks.forecasting.details import Residuals
from components.tasks.forecasting.metrics import Forecasts, max_windows

NORMAL_95 = 1.959963984540054
MAX_LAGS = 60


def measure_residuals(forecasts: Forecasts, season: int, stride: int) -> Residuals:
    """Return mean, autocorrelation and Ljung-Box's p of the errors (forecast minus truth) one step ahead.

    Only the first step is looked at: later steps of a perfect forecast are correlated too, since their windows overlap.
    Several series and columns are pooled, each in units of its MASE scale. Lags count windows.
    """
    residuals = forecasts.forecast[:, 0].astype(np.float64) - forecasts.target[:, 0]
    scaled = residuals / forecasts.scale
    count = scaled.size
    lags = lags_of(max_windows(forecasts), season, stride)
    found: Residuals = {
        "autocorrelation": autocorrelation(scaled, forecasts, lags, stride),
        "bound": None,
        "bartlett": [],
        "ljung_box_p": None,
        "ljung_box_lags": 0,
        "mean": [float(value) for value in residuals.mean(axis=0)],
        "count": count,
        "step": 1,
    }
    correlations = found["autocorrelation"]
    if not correlations:
        return found
    squares = np.square(correlations)
    statistic = count * (count + 2) * float((squares / (count - np.arange(1, lags + 1))).sum())
    bartlett = NORMAL_95 * np.sqrt((1 + 2 * (np.cumsum(squares) - squares)) / count)
    found["bound"] = NORMAL_95 / math.sqrt(count)
    found["bartlett"] = [float(value) for value in bartlett]
    found["ljung_box_p"] = float(stats.chi2.sf(statistic, lags))
    found["ljung_box_lags"] = lags
    return found


def lags_of(windows: int, season: int, stride: int) -> int:
    """Return how many lags to look at: two seasons, or ten, at most a fifth of a series' windows (Hyndman 2014)."""
    rows = 2 * season if season > 1 else 10
    return max(0, min(max(1, rows // stride), windows // 5, MAX_LAGS))


def autocorrelation(scaled: NDArray[np.float64], forecasts: Forecasts, lags: int, stride: int) -> list[float]:
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
