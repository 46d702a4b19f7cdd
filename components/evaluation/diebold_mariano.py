"""The chance that one forecast is better than another by luck alone: the test of Diebold and Mariano."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Losses = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Outcome of a test.

    Attributes:
        statistic: above 0 where the model's loss is the smaller one; None where it cannot be computed.
        p: chance of a statistic so high if the model were no better (one-sided); None where there is no test.
        windows: losses that were compared, one for each time.
        kernel: `rectangular`, or `Bartlett` where the rectangular one gave no positive variance.
        note: why there is no test; empty if there is one.
    """

    statistic: float | None
    p: float | None
    windows: int
    kernel: str = "rectangular"
    note: str = ""


def diebold_mariano(model_loss: Losses, other_loss: Losses, steps: int) -> Comparison:
    """Test whether the model's mean loss is smaller than the other's.

    Errors `steps` ahead overlap, so the variance of the mean takes the autocovariances up to `steps` - 1 (Diebold and
    Mariano 1995, "Comparing predictive accuracy"), with equal weights; where that sum is not positive, with Bartlett's
    (Newey and West 1987). The statistic has the small-sample correction of Harvey, Leybourne and Newbold 1997, "Testing
    the equality of prediction mean squared errors", and is looked up in Student's distribution with n - 1 degrees of
    freedom.

    Args:
        model_loss: [n] losses in order of time, such as squared errors.
        other_loss: [n] losses of the other forecast at the same times.
        steps: how many neighbouring losses share a target; 1 for forecasts one step ahead.
    """
    difference = np.asarray(other_loss, np.float64) - np.asarray(model_loss, np.float64)
    number = len(difference)
    if number < max(2 * steps, 3):
        windows = f"{number} window{'s' if number != 1 else ''} of {steps} step{'s' if steps != 1 else ''}"
        words = f"{windows} are too few for a test"
        return Comparison(None, None, number, note=words)
    mean = float(difference.mean())
    size = max(float(np.abs(model_loss).max()), float(np.abs(other_loss).max()))
    # the same difference everywhere has no variance to judge by
    if float(np.abs(difference - mean).max()) <= 1e-12 * size:
        chance = 0.5 if abs(mean) <= 1e-12 * size else float(mean < 0)
        return Comparison(0.0 if chance == 0.5 else None, chance, number, note="the losses differ alike at every time")
    variance, kernel = long_run_variance(difference, steps), "rectangular"
    if variance <= 0:
        variance, kernel = long_run_variance(difference, steps, bartlett=True), "Bartlett"
    correction = math.sqrt((number + 1 - 2 * steps + steps * (steps - 1) / number) / number)
    statistic = correction * mean / math.sqrt(variance / number)
    return Comparison(statistic, float(stats.t.sf(statistic, number - 1)), number, kernel)


def long_run_variance(values: Losses, steps: int, bartlett: bool = False) -> float:
    """Return the variance plus twice the autocovariances up to lag `steps` - 1, weighted or not."""
    centred = values - values.mean()
    total = float(centred @ centred)
    for lag in range(1, steps):
        weight = 1 - lag / steps if bartlett else 1.0
        total += 2 * weight * float(centred[lag:] @ centred[:-lag])
    return total / len(values)


def losses_by_time(loss: Losses, other: Losses, time: NDArray[np.int64]) -> tuple[Losses, Losses]:
    """Average the losses of the series at each time, in order: what happens at one time strikes many series alike.

    Windows in which one of the two has no forecast (NaN) are left out.
    """
    known = np.isfinite(loss) & np.isfinite(other)
    _, place, count = np.unique(time[known], return_inverse=True, return_counts=True)
    model, beside = (np.bincount(place, weights=values[known]) / count for values in (loss, other))
    return model, beside
