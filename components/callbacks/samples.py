"""Pictures of the data: a grid of examples, and distortions of one of them by the network's own augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.callbacks.drawing import as_rgb, draw_grid, shorten

if TYPE_CHECKING:
    import keras
    import numpy as np

SAMPLES = 32
DISTORTIONS = 9


def draw_samples(pixels: np.ndarray, captions: list[str]) -> bytes:
    """Draw up to 32 pictures [n, H, W, C] with their labels as PNG."""
    count = min(SAMPLES, len(pixels))
    return draw_grid(as_rgb(pixels[:count]), [shorten(caption, 14) for caption in captions[:count]], columns=8)


def distort(model: keras.Model, picture: np.ndarray) -> np.ndarray | None:
    """Send one picture [H, W, C] nine times through the layers before the first weights, as in training.

    Returns:
        [9, H', W', C] in whatever range those layers give, or None where the network has no random layers there.
    """
    import numpy as np

    values = np.repeat(picture[np.newaxis].astype(np.float32), DISTORTIONS, axis=0)
    for layer in layers_before_weights(model):
        # a layer at a time and one picture at a time: a layer that draws one number a batch then still draws nine
        result = [np.asarray(layer(value[np.newaxis], training=True)) for value in values]
        if result[0].ndim != 4:
            break
        values = np.concatenate(result)
    return None if all(np.array_equal(value, values[0]) for value in values[1:]) else values


def layers_before_weights(model: keras.Model) -> list[keras.Layer]:
    """Return the layers that a picture passes before anything learnt, such as augmentation and normalisation."""
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        learnt = [variable for variable in layer.weights if "seed_generator" not in variable.path]
        if learnt and not isinstance(layer, keras.layers.Normalization):
            break
        found.append(layer)
    return found


def draw_distortions(picture: np.ndarray, distorted: np.ndarray) -> bytes:
    """Draw the picture [H, W, C] and its nine distortions [9, H', W', C] as PNG."""
    import numpy as np

    height, width = distorted.shape[1:3]
    original = as_rgb(picture[np.newaxis])[0]
    rows = np.arange(height) * original.shape[0] // height
    columns = np.arange(width) * original.shape[1] // width
    tiles = np.concatenate([original[rows][:, columns][np.newaxis], np.clip(as_rgb(distorted), 0, 1)])
    return draw_grid(tiles, ["original", *[""] * len(distorted)], columns=5, side=1.3)
