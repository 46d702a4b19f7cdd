"""Pictures of a convolution's filters for an input channel: red positive, blue negative, one common scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from components.callbacks.drawing import DOTS_PER_INCH, mosaic, png

if TYPE_CHECKING:
    import keras
    import numpy as np

LAYERS = 8  # of a deep network the first ones are shown
FILTERS = 64


def kernels(model: keras.Model) -> dict[str, np.ndarray]:
    """Return the kernels [height, width, input channels, filters] of the first convolutions by layer name."""
    return {layer.name: layer.kernel.numpy() for layer in convolutions(model)}


def convolutions(network: keras.Model) -> list[Any]:
    """Return the first convolutions of a network that see more than a pixel, those of nested networks included, in order."""
    import keras

    found: list[Any] = []
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            found += convolutions(layer)
        elif isinstance(layer, keras.layers.Conv2D) and layer.built and layer.kernel_size != (1, 1):
            found.append(layer)
    return found[:LAYERS]


def draw_filters(kernel: np.ndarray, layer: str) -> bytes:
    """Draw the filters of one convolution as PNG: for each colour of a colour picture, else for the first input channel.

    Args:
        kernel: [height, width, input channels, filters].
    """
    import numpy as np
    from matplotlib.figure import Figure

    channels = range(kernel.shape[2]) if kernel.shape[2] == 3 else range(1)
    shown = min(FILTERS, kernel.shape[3])
    limit = float(np.abs(kernel).max()) or 1.0
    columns = min(16, shown)
    sheets = [
        mosaic(np.moveaxis(kernel[:, :, channel, :shown], -1, 0).astype(np.float32), columns, np.nan)
        for channel in channels
    ]
    rows = math.ceil(shown / columns)
    width, height = max(columns * 0.42, 3.2) + 0.9, rows * 0.42 + 0.32
    figure = Figure(figsize=(width, height * len(sheets) + 0.1), dpi=DOTS_PER_INCH)
    total = height * len(sheets) + 0.1
    for number, sheet in enumerate(sheets):
        bottom = (total - (number + 1) * height) / total
        axes = figure.add_axes((0.1 / width, bottom, (width - 0.9) / width, (height - 0.32) / total))
        picture = axes.imshow(sheet, cmap="bwr", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_axis_off()
        which = f"filters of {layer}, input channel {channels[number]}" + (
            f" ({shown} of {kernel.shape[3]})" if shown < kernel.shape[3] else ""
        )
        figure.text(0.1 / width, bottom + (height - 0.28) / total, which, fontsize=8, va="bottom")
    scale = figure.add_axes(((width - 0.65) / width, 0.12, 0.12 / width, 0.72))
    bar = figure.colorbar(picture, cax=scale)
    bar.ax.tick_params(labelsize=7)
    return png(figure)
