"""Inputs of the served signatures from records: `history`, `times` and `covariates` as a client would send them."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.networks import UNKNOWN_TIME
from components.tasks.forecasting import windows
from pipeline.artifacts import Examples


def inputs_of(examples: Examples, records: list[bytes], names: list[str]) -> dict[str, NDArray[Any]]:
    """Return the named inputs of some records.

    Args:
        names: of `history` (float32 [n, H, V]), `times` (int64 [n, H]) and `covariates` (float32 [n, H + P, K]).
    """
    shape = windows.window_shape(examples)
    wanted = ["history", "time", *(["covariates"] if "covariates" in names else [])]
    parsed, _ = windows.read_batch(tf.constant(records), shape, wanted)
    found = {name: value.numpy() for name, value in parsed.items()}
    # the rows before the last are not looked at: regular steps stand for calendar ones
    step = int(shape.step_seconds or 1)
    last = np.where(found["time"] == UNKNOWN_TIME, 0, found.pop("time"))
    found["times"] = last[:, np.newaxis] + step * np.arange(1 - shape.history, 1)
    return {name: found[name] for name in names}
