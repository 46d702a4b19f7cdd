"""Pictures of a convolution's filters for an input channel: red positive, blue negative, one common scale."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.plots.drawing import DOTS_PER_INCH, mosaic, png

LAYERS = 64  # convolutions that are drawn, each in about a tenth of a second; the names of the rest are told
FILTERS = 64
COLOURS = 3  # input channels of a layer that sees red, green and blue


def convolutions(network: keras.Model) -> dict[str, Any]:
    """Return every convolution of a network by layer name, in order: 1 x 1, depthwise and those of nested networks too.

    Where nested networks have layers of one name, the later ones get a number.
    """
    found: dict[str, Any] = {}
    for layer in list_convolutions(network):
        name, number = layer.name, 2
        while name in found:
            name, number = f"{layer.name}_{number}", number + 1
        found[name] = layer
    return found


def list_convolutions(network: keras.Model) -> list[Any]:
    """Return the convolutions of a network and of the networks in it."""
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
    found: list[Any] = []
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            found += list_convolutions(layer)
        elif isinstance(layer, kinds) and layer.built:
            found.append(layer)
    return found


def kernel_of(layer: Any) -> tuple[NDArray[np.float32], bool]:
    """Return a convolution's kernel [height, width, input channels, filters], and whether it is depthwise.

    In a depthwise one each filter sees only its own channel; it is returned as [height, width, 1, channels]. Of a
    separable convolution it is the depthwise part.

    Such a depthwise kernel is returned as [height, width, 1, channels]. Of a separable convolution it is the depthwise
    part.
    """
    if isinstance(layer, keras.layers.Conv2D):
        return layer.kernel.numpy(), False
    kernel = (layer.kernel if isinstance(layer, keras.layers.DepthwiseConv2D) else layer.depthwise_kernel).numpy()
    return kernel.reshape(*kernel.shape[:2], 1, -1), True


def draw_filters(kernel: NDArray[np.float32], layer: str, channel: int = 0, depthwise: bool = False) -> bytes:
    """Draw the filters of one convolution as PNG: for each colour of a colour picture, else for one input channel.

    Args:
        kernel: [height, width, input channels, filters].
        channel: the input channel; the last one where the layer has fewer, which the picture then says.
        depthwise: each filter sees an input channel of its own, so all of them are shown.
    """
    inputs = kernel.shape[2]
    channels = range(COLOURS) if inputs == COLOURS else [min(channel, inputs - 1)]
    shown = min(FILTERS, kernel.shape[3])
    limit = float(np.abs(kernel).max()) or 1.0
    columns = min(16, shown)
    sheets = [
        mosaic(np.moveaxis(kernel[:, :, which, :shown], -1, 0).astype(np.float32), columns, np.nan)
        for which in channels
    ]
    rows = math.ceil(shown / columns)
    width, height = max(columns * 0.42, 3.6) + 0.9, rows * 0.42 + 0.32
    total = height * len(sheets) + 0.1
    figure = Figure(figsize=(width, total), dpi=DOTS_PER_INCH)
    for number, sheet in enumerate(sheets):
        bottom = (total - (number + 1) * height) / total
        axes = figure.add_axes((0.1 / width, bottom, (width - 0.9) / width, (height - 0.32) / total))
        image = axes.imshow(sheet, cmap="bwr", vmin=-limit, vmax=limit, interpolation="nearest")
        axes.set_axis_off()
        of = "each for its own channel" if depthwise else f"input channel {channels[number]} of {inputs}"
        some = f" ({shown} of {kernel.shape[3]})" if shown < kernel.shape[3] else ""
        figure.text(
            0.1 / width, bottom + (height - 0.28) / total, f"filters of {layer}, {of}{some}", fontsize=8, va="bottom"
        )
    scale = figure.add_axes(((width - 0.65) / width, 0.12, 0.12 / width, 0.72))
    bar = figure.colorbar(image, cax=scale)
    bar.ax.tick_params(labelsize=7)
    return png(figure)
