"""A trained model's forecasts of every window of a split, in the order of series and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.networks import load_model
from components.tasks.forecasting import windows
from components.tasks.forecasting.facts import ForecastNetworkFacts
from components.tasks.forecasting.metrics import Forecasts
from data import loader
from data.series.records import read_series
from pipeline.artifacts import Examples, Model
from pipeline.errors import UserError
from pipeline.progress import Progress


def predict(model: Model, examples: Examples, split: str, batch_size: int, progress: Progress) -> Forecasts:
    """Run a model over a split, batch by batch, its intervals calibrated as they will be served.

    Raises:
        UserError: the model gives forecasts that are no numbers.
    """
    network = load_model(model)
    shape = windows.window_shape(examples)
    intervals = model.facts_as(ForecastNetworkFacts).intervals
    names = windows.input_names(network)
    wanted = sorted({*names, "history"})
    numbers = {series.id: number for number, series in enumerate(read_series(examples))}

    def read_batch(records: tf.Tensor) -> tuple[Any, Any]:
        inputs, targets = windows.read_batch(records, shape, wanted)
        features = {
            "series/id": tf.io.FixedLenFeature([], tf.string),
            "series/row": tf.io.FixedLenFeature([], tf.int64),
        }
        return inputs, targets | tf.io.parse_example(records, features)

    @tf.function(reduce_retracing=True)
    def run(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = network({name: inputs[name] for name in names}, training=False)
        return windows.forecasts(outputs, inputs["history"], intervals)

    parts: list[dict[str, NDArray[Any]]] = []
    with progress.job(f"forecasting {split}", total=examples.splits[split]) as job:
        for inputs, targets in loader.read(examples, split, read_batch, batch_size):
            made = {name: tensor.numpy() for name, tensor in run(inputs).items()}
            series = np.array([numbers[name.decode()] for name in targets["series/id"]], np.int64)
            rest = {
                "series": series,
                "row": targets["series/row"],
                "target": targets["values"],
                "scale": targets["scale"],
            }
            parts.append(made | rest)
            job(len(series))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((whole["row"], whole["series"]))
    check_finite(whole["forecast"], split)
    return Forecasts(**{name: values[order] for name, values in whole.items()})


def check_finite(forecast: NDArray[np.float32], split: str) -> None:
    """Refuse forecasts that are no numbers: no figure could be computed from them."""
    broken = int((~np.isfinite(forecast).all(axis=(1, 2))).sum())
    if broken:
        raise UserError(
            f"The model's forecasts of {broken:,} of {len(forecast):,} windows of the {split} part are no numbers.",
            "trainer",
            "The training has run away: lower `trainer.optimizer.learning_rate`, or choose another network.",
        )
