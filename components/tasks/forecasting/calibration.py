"""Calibrates the bounds of forecasts, so that they hold what they promise on examples that the network was not fitted to.

Split conformal prediction: bounds of a network are moved by the quantile of their own errors (Romano, Patterson and Candès
2019, Conformalized Quantile Regression); a network without bounds gets quantiles of its residuals (Lei et al. 2018). Each
step of the horizon and each column has its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from components.tasks.forecasting import windows
from data import loader
from pipeline.artifacts import Examples

if TYPE_CHECKING:
    import keras


LEAST = 0.01  # of the training part's mean change: a history that stands still counts as if it changed by so much


def calibrate(network: keras.Model, examples: Examples, split: str, level: float) -> dict[str, Any]:
    """Return what is added to the bounds of `windows.forecasts`: `level`, `unit`, `least`, `lower` and `upper` [P][V], and the `split` used.

    Many series are measured in units of their histories' changes, one series in its own; so are many whose histories are a
    single row, which shows no change.
    """
    facts = examples.properties
    unit = "change" if facts["series"] > 1 and facts["history"] > 1 else "value"
    least = [float(np.float32(LEAST * change)) for change in facts["scaling"]["change"]]
    below, above = [], []
    bounded = False
    for inputs, targets in loader.read(examples, split, windows.reader(examples, windows.input_names(network))):
        outputs = network.predict_on_batch(inputs)
        bounded = outputs.ndim > 3
        made = windows.forecasts(outputs, inputs["history"], None)
        divisor = windows.spread(inputs["history"], least).numpy() if unit == "change" else 1.0
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
    return {
        "level": level, "unit": unit, "least": least, "split": split, "windows": len(low),
        "lower": [[float(np.float32(value)) for value in row] for row in lower],
        "upper": [[float(np.float32(value)) for value in row] for row in upper],
    }  # fmt: skip


def quantile(scores: np.ndarray, level: float) -> np.ndarray:
    """Return the conformal quantile over the first axis: the ceil((n + 1) level)-th smallest, or the largest there is."""
    number = len(scores)
    place = min(number, math.ceil((number + 1) * level)) - 1
    return np.sort(scores, axis=0)[place]
