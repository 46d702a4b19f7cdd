"""TensorBoard logs: the same tags for every run, in the folders `train` and `validation` of the run's logs.

| tag | folders | horizontal axis |
|---|---|---|
| `epoch/loss`, `epoch/<metric>` | train, validation | epoch |
| `step/loss`, `step/<metric>` | train, validation | training step |
| `step/learning_rate` | train | training step |
| graph `network`, histograms `<layer>/<weight>`, pictures | train | epoch; pictures: training step |
| hparams | run folder itself | - |

A tag of the folder `train` is what reports call `train/<metric>`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.training.config import TrainerConfig

if TYPE_CHECKING:
    import keras


class TensorBoard:
    """Writes a run's logs.

    Args:
        metric: what is measured beside the loss.
    """

    def __init__(self, folder: Path, metric: str) -> None:
        import tensorflow as tf

        self.folder, self.metric = folder, metric
        self.train = tf.summary.create_file_writer(str(folder / "train"))
        self.validation = tf.summary.create_file_writer(str(folder / "validation"))

    def write_points(self, points: list[tuple[int, float, float]], rate: float) -> None:
        """Write (step, loss, metric) of the training and the learning rate at the last of them."""
        import tensorflow as tf

        with self.train.as_default():
            for step, loss, metric in points:
                tf.summary.scalar("step/loss", loss, step)
                tf.summary.scalar(f"step/{self.metric}", metric, step)
            if points:
                tf.summary.scalar("step/learning_rate", rate, points[-1][0])

    def write_epoch(self, row: dict[str, Any]) -> None:
        """Write one row of the history."""
        import tensorflow as tf

        for split, writer in (("train", self.train), ("validation", self.validation)):
            with writer.as_default():
                for metric in ("loss", self.metric):
                    if f"{split}/{metric}" in row:
                        tf.summary.scalar(f"epoch/{metric}", row[f"{split}/{metric}"], row["epoch"])
                    if split == "validation" and f"{split}/{metric}" in row:
                        tf.summary.scalar(f"step/{metric}", row[f"{split}/{metric}"], row["step"])
            writer.flush()

    def write_histograms(self, model: keras.Model, epoch: int) -> None:
        """Write a histogram of each weight."""
        import tensorflow as tf

        with self.train.as_default():
            for weight in model.weights:
                tf.summary.histogram(weight.path.removeprefix(f"{model.name}/"), weight.value, epoch)

    def write_graph(self, model: keras.Model) -> None:
        """Write the graph of the network's forward pass."""
        import tensorflow as tf

        forward = tf.function(lambda inputs: model(inputs, training=False))
        shapes = {item.name: tf.TensorSpec(item.shape, item.dtype) for item in model.inputs}
        concrete = forward.get_concrete_function(shapes if takes_dictionary(model) else next(iter(shapes.values())))
        with self.train.as_default():
            tf.summary.graph(concrete.graph)
        self.train.flush()

    def write_hparams(self, config: TrainerConfig, metrics: dict[str, float]) -> None:
        """Write the settings and the last metrics as one row of the hparams table."""
        import tensorflow as tf
        from tensorboard.plugins.hparams import api

        writer = tf.summary.create_file_writer(str(self.folder))
        with writer.as_default():
            api.hparams_config(
                hparams=[api.HParam(name) for name in hparams(config)], metrics=[api.Metric(name) for name in metrics]
            )
            api.hparams(hparams(config))
            for name, value in metrics.items():
                tf.summary.scalar(name, value, 0)
        writer.close()

    def close(self) -> None:
        """Flush and close the files."""
        self.train.close()
        self.validation.close()


def takes_dictionary(model: keras.Model) -> bool:
    """Say whether a model's inputs are given by name; those of a Sequential are not, and it does not tell."""
    import keras

    return not isinstance(model, keras.Sequential) and isinstance(model.input, dict)


def hparams(config: TrainerConfig) -> dict[str, bool | int | float | str]:
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
    flat: dict[str, bool | int | float | str] = {}
    for name, value in config.model_dump(mode="json", include=set(names)).items():
        for key, item in value.items() if isinstance(value, dict) else [("", value)]:
            dotted = f"{name}.{key}" if key else name
            flat[dotted] = item if isinstance(item, bool | int | float | str) else str(item)
    return dict(sorted(flat.items()))
