"""Pictures of what a network sees, learns and answers, as PNG files and in TensorBoard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf


def write_pictures(
    keras_model: keras.Model,
    pixels: np.ndarray,
    labels: np.ndarray,
    label_names: list[str],
    folder: Path,
    writer: tf.summary.SummaryWriter | None,
    step: int,
) -> None:
    """Write `samples`, `distortions`, `filters_<layer>`, `feature_maps_<layer>` and `probabilities` as PNG and as image summaries.

    The model is left as it was, random states included, so calling this changes nothing in the training around it.
    `distortions` is written only for networks that distort their input.

    Args:
        pixels: uint8 [n, H, W, C]; the first picture is the one that distortions, feature maps and probabilities show.
        labels: [n] class numbers.
        folder: where the PNG files go.
        writer: a TensorBoard writer, or none.
        step: the training step the pictures belong to.
    """
    from components.callbacks import feature_maps, filters, prediction_grid, random_state, samples

    with random_state.kept(keras_model):
        pictures = {"samples": samples.draw_samples(pixels, [label_names[int(label)] for label in labels])}
        distorted = samples.distort(keras_model, pixels[0])
        if distorted is not None:
            pictures["distortions"] = samples.draw_distortions(pixels[0], distorted)
        for layer, kernel in filters.kernels(keras_model).items():
            pictures[f"filters_{file_name(layer)}"] = filters.draw_filters(kernel, layer)
        maps, scores = feature_maps.outputs_of_convolutions(keras_model, pixels[:1])
        for layer, values in maps.items():
            pictures[f"feature_maps_{file_name(layer)}"] = feature_maps.draw_feature_maps(values[0], layer)
        pictures["probabilities"] = prediction_grid.draw_probabilities(
            pixels[0], scores[0], label_names, int(labels[0])
        )
    save(pictures, folder, writer, step)


def file_name(layer: str) -> str:
    """Return a layer's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", layer)


def save(pictures: dict[str, bytes], folder: Path, writer: tf.summary.SummaryWriter | None, step: int) -> None:
    """Write PNG bytes by name as files and, where there is a writer, as TensorBoard images of the same names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in pictures.items():
        (folder / f"{name}.png").write_bytes(png)
    if writer is None:
        return
    import tensorflow as tf

    with writer.as_default(step=step):
        for name, png in pictures.items():
            tf.summary.image(name, tf.io.decode_png(png, channels=3)[tf.newaxis])
    writer.flush()
