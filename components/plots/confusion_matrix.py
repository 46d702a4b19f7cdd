"""A picture of which classes are taken for which."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from components.plots.drawing import DOTS_PER_INCH, png, shorten

LABELLED = 30  # more classes than this leave no room for names and numbers


def draw_confusion_matrix(counts: NDArray[np.int64], label_names: list[str]) -> bytes:
    """Draw counts [true class, predicted class] as PNG; colour is the share of the true class."""
    size = len(label_names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(3.2, 0.42 * size), 9.0)
    figure = Figure(figsize=(side + 1.4, side + 1.2), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((1.2 / (side + 1.4), 1.0 / (side + 1.2), side / (side + 1.4), side / (side + 1.2)))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel("predicted", fontsize=9)
    axes.set_ylabel("truth", fontsize=9)
    if size <= LABELLED:
        names = [shorten(name, 12) for name in label_names]
        axes.set_xticks(range(size), names, rotation=90, fontsize=8)
        axes.set_yticks(range(size), names, fontsize=8)
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=7, color=colour)
    return png(figure)
