"""TensorBoard logs: the same tags for every run, in the folders `train` and `validation` of the run's logs.

| tag | folders | horizontal axis |
|---|---|---|
| `epoch/loss`, `epoch/<metric>` | train, validation | epoch |
| `step/loss`, `step/<metric>` | train, validation | training step |
| `step/learning_rate` | train | training step |
| graph `network`, histograms `<layer>/<weight>`, images | train | epoch; images: training step |
| hparams | run folder itself | - |

A tag of the folder `train` is what reports call `train/<metric>`. A task may add tags of its own, such as those that
other tools
look for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorboard.plugins.histogram.metadata import create_summary_metadata
from tensorboard.plugins.hparams import api

from components.training.config import TrainerConfig

BUCKETS = 30  # of a histogram, as TensorBoard's own
Tags = Callable[[dict[str, float]], dict[str, float]]  # values by name -> further scalars by tag


class TensorBoard:
    """Writes a run's logs.

    Args:
        metrics: what is measured beside the loss in training.
        tags: further scalars at a step.
    """

    def __init__(self, folder: Path, metrics: tuple[str, ...], tags: Tags = lambda values: {}) -> None:
        self.folder, self.metrics, self.tags = folder, metrics, tags
        self.train = tf.summary.create_file_writer(str(folder / "train"))
        self.validation = tf.summary.create_file_writer(str(folder / "validation"))

    def write_points(self, points: list[tuple[float, ...]], rate: float) -> None:
        """Write (step, loss, metrics) of the training and the learning rate at the last of them."""
        with self.train.as_default():
            for number, *values in points:
                step, named = int(number), dict(zip(("loss", *self.metrics), values, strict=True))
                for name, value in named.items():
                    tf.summary.scalar(f"step/{name}", value, step)
                for tag, value in self.tags({**named, "learning_rate": rate}).items():
                    tf.summary.scalar(tag, value, step)
            if points:
                tf.summary.scalar("step/learning_rate", rate, int(points[-1][0]))

    def write_epoch(self, row: dict[str, Any]) -> None:
        """Write one row of the history."""
        for split, writer in (("train", self.train), ("validation", self.validation)):
            measured = {name.partition("/")[2]: row[name] for name in row if name.startswith(f"{split}/")}
            with writer.as_default():
                for name, value in measured.items():
                    tf.summary.scalar(f"epoch/{name}", value, row["epoch"])
                    if split == "validation":
                        tf.summary.scalar(f"step/{name}", value, row["step"])
                if split == "validation" and measured:
                    for tag, value in self.tags(measured).items():
                        tf.summary.scalar(tag, value, row["step"])
            writer.flush()

    def write_histograms(self, weights: dict[str, Any], epoch: int) -> None:
        """Write a histogram of each weight.

        They are counted in little memory: `tf.summary.histogram` takes 240 bytes for each number.
        """
        with self.train.as_default():
            for name, value in weights.items():
                metadata = create_summary_metadata(display_name=None, description=None)
                tf.summary.write(name, histogram(np.asarray(value)), epoch, metadata)

    def write_graph(self, graph: Any) -> None:
        """Write the graph of the network's forward pass."""
        with self.train.as_default():
            tf.summary.graph(graph)
        self.train.flush()

    def write_hparams(self, config: TrainerConfig, facts: dict[str, Any], metrics: dict[str, float]) -> None:
        """Write the settings and the last metrics as one row of the hparams table, called as the logs: RECIPE/RUN.

        Args:
            facts: of the training examples.
        """
        settings = hparams(config, facts)
        writer = tf.summary.create_file_writer(str(self.folder))
        with writer.as_default():
            api.hparams_config(
                hparams=[api.HParam(name) for name in settings], metrics=[api.Metric(name) for name in metrics]
            )
            # without a name of its own, a run with the same settings on other data goes into the same row
            api.hparams(settings, trial_id="/".join(self.folder.parts[-2:]))
            for name, value in metrics.items():
                tf.summary.scalar(name, value, 0)
        writer.close()

    def close(self) -> None:
        """Flush and close the files."""
        self.train.close()
        self.validation.close()


def histogram(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return left edge, right edge and number of values of each bucket, float64 [buckets, 3], of finite values."""
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(finite, BUCKETS)
    rows: NDArray[np.float64] = np.stack([edges[:-1], edges[1:], counts], axis=1).astype(np.float64)
    return rows


def hparams(config: TrainerConfig, facts: dict[str, Any]) -> dict[str, bool | int | float | str]:
    """Return the settings that describe a run, by dotted key, as the plain values that the hparams table takes."""
    names = (
        "network",
        "options",
        "epochs",
        "steps",
        "batch_size",
        "seed",
        "image_size",
        "loss",
        "interval",
        "class_weights",
        "optimizer",
        "fine_tune",
    )
    flat: dict[str, bool | int | float | str] = {
        f"data.{name}": facts[name] for name in ("history", "horizon") if name in facts
    }
    for name, value in config.model_dump(mode="json", include=set(names)).items():
        for key, item in value.items() if isinstance(value, dict) else [("", value)]:
            dotted = f"{name}.{key}" if key else name
            flat[dotted] = item if isinstance(item, bool | int | float | str) else str(item)
    return dict(sorted(flat.items()))
