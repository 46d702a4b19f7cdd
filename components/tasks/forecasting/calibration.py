"""Calibrates the bounds of forecasts, so that they hold what they promise on examples that were not learnt from.

Split conformal prediction: bounds of a network are moved by the quantile of their own errors (Romano, Patterson and
Candès 2019, Conformalized Quantile Regression); a network without bounds gets quantiles of its residuals (Lei et al.
2018). Each step of the horizon and each column has its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.tasks.forecasting import windows
from components.tasks.forecasting.facts import ForecastExamplesFacts, IntervalFacts
from data import loader
from pipeline.artifacts import Examples

if TYPE_CHECKING:
    import keras


MIN_CHANGE = 0.01  # of the training part's mean change: a history that stands still counts as if it changed by so much


def calibrate(network: keras.Model, examples: Examples, split: str, level: float) -> IntervalFacts:
    """Return what is added to the bounds of `windows.forecasts`.

    Many series are measured in units of their histories' changes, one series in its own; so are many whose histories
    are a single row, which shows no change.
    """
    facts = examples.facts_as(ForecastExamplesFacts)
    unit = "change" if facts.series > 1 and facts.history > 1 else "value"
    min_change = [float(np.float32(MIN_CHANGE * change)) for change in facts.scaling.change]
    below, above = [], []
    bounded = False
    for inputs, targets in loader.read(examples, split, windows.reader(examples, windows.input_names(network))):
        outputs = network.predict_on_batch(inputs)
        bounded = outputs.ndim > 3
        made = windows.forecasts(outputs, inputs["history"], None)
        divisor = windows.spread(inputs["history"], min_change).numpy() if unit == "change" else 1.0
        below.append((targets["values"] - made["lower"].numpy()) / divisor)
        above.append((targets["values"] - made["upper"].numpy()) / divisor)
    low, high = np.concatenate(below).astype(np.float64), np.concatenate(above).astype(np.float64)
    if bounded:
        misses = np.maximum(-low, high)  # how far outside the bounds, negative inside
        width = quantile(misses, level)
        lower, upper = -width, width
    else:
        tail = (1 - level) / 2
        lower, upper = -quantile(-low, 1 - tail), quantile(high, 1 - tail)
    return IntervalFacts(
        level=level,
        unit=unit,
        least=min_change,
        split=split,
        windows=len(low),
        lower=[[float(np.float32(value)) for value in row] for row in lower],
        upper=[[float(np.float32(value)) for value in row] for row in upper],
    )


def quantile(scores: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return the conformal quantile over the first axis: the ceil((n + 1) level)-th smallest, or the largest."""
    number = len(scores)
    place = min(number, math.ceil((number + 1) * level)) - 1
    chosen: NDArray[np.float64] = np.sort(scores, axis=0)[place]
    return chosen
