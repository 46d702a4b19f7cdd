"""Pictures of what each convolution gives for one image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.plots.drawing import DOTS_PER_INCH, mosaic, png

if TYPE_CHECKING:
    import keras


CHANNELS = 32


def outputs_of(
    layers: dict[str, Any], model: keras.Model, pixels: NDArray[np.uint8]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Return the outputs [n, H, W, channels] of some of a network's convolutions by name, and its scores [n, classes].

    Each layer's `call` is listened to while the network runs, which works for nested networks too.
    """
    maps: dict[str, NDArray[np.float32]] = {}
    try:
        for name, layer in layers.items():
            listen(layer, name, maps)
        scores = np.asarray(model(pixels.astype(np.float32), training=False), np.float32)
    finally:
        for layer in layers.values():
            layer.__dict__.pop("call", None)
    return maps, scores


def listen(layer: Any, name: str, maps: dict[str, NDArray[np.float32]]) -> None:
    """Note what a layer returns under a name, past Keras's tracking of attributes."""
    call = layer.call

    def noting(*arguments: Any, **keywords: Any) -> Any:
        result = call(*arguments, **keywords)
        maps[name] = np.asarray(result, np.float32)
        return result

    layer.__dict__["call"] = noting


def draw_feature_maps(values: NDArray[np.float32], layer: str) -> bytes:
    """Draw the output [H, W, channels] of one convolution for one image as PNG, all channels on one scale."""
    shown = min(CHANNELS, values.shape[-1])
    columns = min(8, shown)
    sheet = mosaic(np.moveaxis(values[..., :shown], -1, 0), columns, np.nan)
    rows = math.ceil(shown / columns)
    width, height = columns * 0.8 + 0.2, rows * 0.8 * values.shape[0] / values.shape[1] + 0.35
    figure = Figure(figsize=(max(width, 3.4), height), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0.02, 0.02, 0.96, (height - 0.35) / height))
    axes.imshow(
        sheet, cmap="viridis", interpolation="nearest", vmin=float(values.min()), vmax=float(values.max()) or 1.0
    )
    axes.set_axis_off()
    which = f"output of {layer}: {values.shape[0]} x {values.shape[1]} x {values.shape[2]}"
    figure.text(
        0.02,
        1 - 0.06 / height,
        which + (f", the first {shown}" if shown < values.shape[-1] else ""),
        fontsize=8,
        va="top",
    )
    return png(figure)
