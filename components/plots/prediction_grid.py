"""Pictures of answers: class probabilities for one image, and the wrong predictions the network was surest of."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.plots.drawing import DOTS_PER_INCH, as_rgb, draw_grid, plain_axes, png, shorten

CLASSES = 15


def draw_probabilities(
    image: NDArray[np.uint8], scores: NDArray[np.float32], label_names: list[str], label: int
) -> bytes:
    """Draw one picture [H, W, C] beside the vector of its class scores [classes], the true class marked, as PNG."""
    order = np.arange(len(scores)) if len(scores) <= CLASSES else np.argsort(-scores, kind="stable")[:CLASSES]
    height = 0.24 * len(order) + 0.55
    figure = Figure(figsize=(5.6, max(height, 1.9)), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0.02, 0.12, 0.28, 0.76))
    axes.imshow(as_rgb(image[np.newaxis])[0], interpolation="nearest")
    axes.set_axis_off()
    bars = plain_axes(figure, 0.5, 0.12, 0.46, 0.84)
    colours = ["#2e7d32" if number == label else "#7a8aa0" for number in order]
    bars.barh(range(len(order)), scores[order], color=colours)
    bars.set_yticks(range(len(order)), [shorten(label_names[number]) for number in order])
    bars.invert_yaxis()
    bars.set_xlim(min(0.0, float(scores.min())), max(1.0, float(scores.max())))
    figure.text(0.16, 0.06, f"truth: {shorten(label_names[label])}", ha="center", fontsize=8)
    return png(figure)


def draw_predictions(
    pixels: NDArray[np.uint8], probabilities: NDArray[np.float32], labels: NDArray[np.int64], label_names: list[str]
) -> bytes:
    """Draw pictures [n, H, W, C] with the predicted class, its probability and the true class as PNG."""
    predicted = probabilities.argmax(axis=1)
    captions = [
        f"{shorten(label_names[guess], 12)} {chances[guess]:.0%}\ntruth: {shorten(label_names[truth], 12)} "
        f"{chances[truth]:.0%}"
        for guess, truth, chances in zip(predicted, labels, probabilities, strict=True)
    ]
    return draw_grid(as_rgb(pixels), captions, columns=6, side=1.25)
