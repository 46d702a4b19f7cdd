"""Pictures of the data: a grid of examples, and distortions of one, by the network's own augmentation if it has any."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from components.plots.drawing import as_rgb, draw_grid, shorten

SAMPLES = 32
DISTORTIONS = 9


def draw_samples(pixels: NDArray[np.uint8], captions: list[str]) -> bytes:
    """Draw up to 32 pictures [n, H, W, C] with their labels as PNG."""
    count = min(SAMPLES, len(pixels))
    return draw_grid(as_rgb(pixels[:count]), [shorten(caption, 14) for caption in captions[:count]], columns=8)


def distort(model: keras.Model, image: NDArray[np.uint8]) -> NDArray[Any] | None:
    """Send one picture [H, W, C] nine times through the layers before the first weights, as in training.

    Returns:
        [9, H', W', C] in whatever range those layers give, or None where the network has no random layers there.
    """
    values = np.repeat(image[np.newaxis].astype(np.float32), DISTORTIONS, axis=0)
    for layer in layers_before_weights(model):
        # a layer at a time and one picture at a time: a layer that draws one number a batch then still draws nine
        result = [np.asarray(layer(value[np.newaxis], training=True)) for value in values]
        if result[0].ndim != 4:
            break
        values = np.concatenate(result)
    return None if all(np.array_equal(value, values[0]) for value in values[1:]) else values


def layers_before_weights(model: keras.Model) -> list[keras.Layer]:
    """Return the layers that a picture passes before anything learnt, such as augmentation and normalisation."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        learnt = [variable for variable in layer.weights if "seed_generator" not in variable.path]
        if learnt and not isinstance(layer, keras.layers.Normalization):
            break
        found.append(layer)
    return found


def draw_distortions(image: NDArray[np.uint8], distorted: NDArray[Any] | None) -> bytes:
    """Draw the picture [H, W, C] and nine distortions as PNG.

    Args:
        image: uint8.
        distorted: [9, H', W', C] what the network's own layers made of it; None where it has none, and nine usual ones
            are drawn, with a title that says that the network does not do this.
    """
    original = as_rgb(image[np.newaxis])[0]
    if distorted is None:
        usual = usual_distortions(original)
        tiles = np.stack([original, *usual.values()])
        title = "The network itself does not distort its input; these are usual distortions."
        return draw_grid(tiles, ["original", *usual], columns=5, title=title, side=1.3)
    height, width = distorted.shape[1:3]
    rows = np.arange(height) * original.shape[0] // height
    columns = np.arange(width) * original.shape[1] // width
    tiles = np.concatenate([original[rows][:, columns][np.newaxis], np.clip(as_rgb(distorted), 0, 1)])
    title = "Distorted by the network itself, as in training"
    return draw_grid(tiles, ["original", *[""] * len(distorted)], columns=5, title=title, side=1.3)


def usual_distortions(image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return nine distortions of a picture [H, W, 3] in 0..1 by name: fixed amounts, the same in every run."""
    mean = image.mean(axis=(0, 1), keepdims=True)
    changed = {
        "shifted by a tenth": resample(image, shift=(0.1, 0.1)),
        "mirrored": image[:, ::-1],
        "turned by 15°": resample(image, degrees=15),
        "enlarged by a fifth": resample(image, scale=1.2),
        "shrunk by a fifth": resample(image, scale=0.8),
        "brighter": image + 0.2,
        "darker": image - 0.2,
        "more contrast": (image - mean) * 1.6 + mean,
        "less contrast": (image - mean) * 0.5 + mean,
    }
    return {name: np.clip(values, 0, 1) for name, values in changed.items()}


def resample(
    image: NDArray[np.float32], shift: tuple[float, float] = (0.0, 0.0), degrees: float = 0.0, scale: float = 1.0
) -> NDArray[np.float32]:
    """Shift by shares of (height, width), turn and scale a picture [H, W, 3] about its middle.

    The nearest pixel is taken; beyond the edges the outermost pixels go on.
    """
    height, width = image.shape[:2]
    down, right = np.mgrid[:height, :width].astype(np.float64)
    down -= (height - 1) / 2 + shift[0] * height
    right -= (width - 1) / 2 + shift[1] * width
    cosine, sine = np.cos(np.radians(degrees)) / scale, np.sin(np.radians(degrees)) / scale
    rows = np.rint(cosine * down - sine * right + (height - 1) / 2).astype(int)
    columns = np.rint(sine * down + cosine * right + (width - 1) / 2).astype(int)
    moved: NDArray[np.float32] = image[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return moved
