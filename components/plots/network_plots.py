"""Pictures of what a network sees, learns and answers, as PNG files and in TensorBoard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from components.plots import feature_maps, filters, prediction_grid, random_state, samples
from components.plots.drawing import save

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def write_images(
    keras_model: keras.Model,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    label_names: list[str],
    folder: Path,
    writer: tf.summary.SummaryWriter | None,
    step: int,
    channel: int = 0,
) -> None:
    """Write what a network sees, distorts, filters and answers, as PNG and as image summaries.

    The files are `samples`, `distortions`, `filters_<layer>`, `feature_maps_<layer>` and `probabilities`.

    Every convolution has its pictures, up to `filters.LAYERS` of them. `layers.json` lists those that are drawn, in the
    network's order, and those that are left out, which TensorBoard tells under `left_out`.

    The model is left as it was, random states included, so calling this changes nothing in the training around it.

    Args:
        pixels: uint8 [n, H, W, C]; the first picture is the one that distortions, feature maps and probabilities show.
        labels: [n] class numbers.
        folder: where the PNG files go.
        writer: a TensorBoard writer, or none.
        step: the training step the pictures belong to.
        channel: the input channel that filters are shown for; a layer that sees three colours shows all three.
    """
    layers = filters.convolutions(keras_model)
    drawn = dict(list(layers.items())[: filters.LAYERS])
    with random_state.kept(keras_model):
        images = {"samples": samples.draw_samples(pixels, [label_names[int(label)] for label in labels])}
        images["distortions"] = samples.draw_distortions(pixels[0], samples.distort(keras_model, pixels[0]))
        for name, layer in drawn.items():
            kernel, depthwise = filters.kernel_of(layer)
            images[f"filters_{file_name(name)}"] = filters.draw_filters(kernel, name, channel, depthwise)
        maps, scores = feature_maps.outputs_of(drawn, keras_model, pixels[:1])
        for name, values in maps.items():
            images[f"feature_maps_{file_name(name)}"] = feature_maps.draw_feature_maps(values[0], name)
        images["probabilities"] = prediction_grid.draw_probabilities(pixels[0], scores[0], label_names, int(labels[0]))
    save(images, folder, writer, step)
    tell_layers(list(drawn), [name for name in layers if name not in drawn], folder, writer, step)


def tell_layers(
    drawn: list[str], left_out: list[str], folder: Path, writer: tf.summary.SummaryWriter | None, step: int
) -> None:
    """Write which layers are drawn, as the file names have them, and which are left out."""
    told = {"drawn": [file_name(name) for name in drawn], "left_out": left_out}
    (folder / "layers.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    if writer is None or not left_out:
        return
    words = f"Only the first {len(drawn)} convolutions have pictures. Left out: {', '.join(left_out)}"
    with writer.as_default(step=step):
        tf.summary.text("left_out", words)
    writer.flush()


def file_name(layer: str) -> str:
    """Return a layer's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", layer)
