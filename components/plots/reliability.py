"""A picture of whether the network is right as often as it says it is."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from components.plots.drawing import DOTS_PER_INCH, plain_axes, png
from components.tasks.image_classification.details import CalibrationBin


def draw_reliability(bins: Sequence[CalibrationBin], error: float) -> bytes:
    """Draw accuracy over confidence as PNG.

    Args:
        bins: of equal width.
        error: the expected calibration error.
    """
    figure = Figure(figsize=(3.8, 3.6), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.14, 0.14, 0.82, 0.76)
    axes.plot([0, 1], [0, 1], color="#888888", linewidth=1, linestyle="--")
    for part in bins:
        if part["count"]:
            width = part["high"] - part["low"]
            axes.bar(part["low"], part["accuracy"], width=width, align="edge", color="#5b8def", edgecolor="white")
            axes.plot([part["confidence"]], [part["accuracy"]], "o", color="#c62828", markersize=3)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("probability the network gives", fontsize=8)
    axes.set_ylabel("share that is right", fontsize=8)
    figure.text(0.14, 0.94, f"expected calibration error {error:.4f}", fontsize=9)
    return png(figure)
