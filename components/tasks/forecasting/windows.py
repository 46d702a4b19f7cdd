"""Windows of series: from a record to what a network is given, from a network's outputs to forecasts with intervals.

Training, evaluation, export and serving all go through these functions, so the same history has the same forecast
everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from components.network_inputs import UNKNOWN_TIME, WindowShape
from components.tasks.forecasting.facts import ForecastExamplesFacts, IntervalFacts
from pipeline.artifacts import Examples

if TYPE_CHECKING:
    import keras

    from data.loader import ReadBatch


def window_shape(examples: Examples) -> WindowShape:
    """Return what a network is given and asked for."""
    return examples.facts_as(ForecastExamplesFacts).shape()


def input_names(network: keras.Model) -> list[str]:
    """Return the names of a network's inputs."""
    return [tensor.name for tensor in network.inputs]


def reader(examples: Examples, names: list[str]) -> ReadBatch:
    """Return what decodes serialized records into the named inputs and the targets `values` and `scale`."""
    shape = window_shape(examples)
    return lambda records: read_batch(records, shape, names)


def read_batch(
    records: tf.Tensor, shape: WindowShape, names: list[str]
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """Return inputs and targets of serialized records, string [n].

    Returns:
        inputs: those of `history` float32 [n, H, V], `time` int64 [n] and `covariates` float32 [n, H + P, K] that are
            named.
        targets: `values` float32 [n, P, V], what came; `scale` float32 [n, V], the series' mean absolute seasonal
            change.
    """
    sizes = {
        "series/history": (shape.history, shape.values),
        "series/target": (shape.horizon, shape.values),
        "series/scale": (shape.values,),
    }
    if "covariates" in names:
        sizes["series/covariates"] = (shape.history + shape.horizon, shape.covariates)
    features: dict[str, Any] = {name: tf.io.FixedLenFeature(size, tf.float32) for name, size in sizes.items()}
    if "time" in names:
        features["series/time"] = tf.io.FixedLenFeature([], tf.int64, UNKNOWN_TIME)
    parsed = tf.io.parse_example(records, features)
    inputs = {name: parsed[f"series/{name}"] for name in names}
    return inputs, {"values": parsed["series/target"], "scale": parsed["series/scale"]}


def forecasts(outputs: tf.Tensor, history: tf.Tensor, intervals: IntervalFacts | None) -> dict[str, tf.Tensor]:
    """Return `forecast`, `lower` and `upper`, float32 [n, P, V], of a network's outputs.

    Args:
        outputs: [n, P, V], [n, P, V, 3] or, of an ensemble, [n, M, P, V, 3], in the series' own units.
        history: [n, H, V].
        intervals: the calibration, as `calibrate` returns it; None leaves the bounds as the network gives them.
    """
    outputs = tf.cast(outputs, tf.float32)
    if outputs.shape.rank == 5:
        outputs = tf.reduce_mean(outputs, axis=1)
    if outputs.shape.rank == 3:
        point = lower = upper = outputs
    else:
        point, lower, upper = tf.unstack(outputs, axis=-1)
    if intervals is not None:
        unit = spread(history, intervals.least) if intervals.unit == "change" else 1.0
        lower = lower + tf.constant(intervals.lower, tf.float32) * unit
        upper = upper + tf.constant(intervals.upper, tf.float32) * unit
    return {"forecast": point, "lower": tf.minimum(lower, point), "upper": tf.maximum(upper, point)}


def spread(history: tf.Tensor, min_change: Sequence[float]) -> tf.Tensor:
    """Return the mean absolute change from row to row, float32 [n, 1, V]: what many series are measured in.

    Args:
        history: [n, H, V], two rows at least.
        min_change: smallest one of each column [V], above 0: a history that stands still is not known to a millionth.
    """
    changes = tf.abs(history[:, 1:] - history[:, :-1])
    return tf.maximum(tf.reduce_mean(changes, axis=1, keepdims=True), tf.constant(min_change, tf.float32))
