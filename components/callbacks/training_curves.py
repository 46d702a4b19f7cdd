"""A picture of loss and accuracy by epoch, training and validation together."""

from __future__ import annotations

from typing import Any

from components.callbacks.drawing import DOTS_PER_INCH, plain_axes, png

COLOURS = {"train": "#5b8def", "validation": "#e07b39"}


def draw_training_curves(epochs: list[dict[str, Any]]) -> bytes:
    """Draw the epochs of a `history.json` as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), dpi=DOTS_PER_INCH)
    for position, metric in ((0.08, "loss"), (0.58, "accuracy")):
        axes = plain_axes(figure, position, 0.16, 0.4, 0.72)
        for split, colour in COLOURS.items():
            points = [(row["epoch"], row[f"{split}/{metric}"]) for row in epochs if f"{split}/{metric}" in row]
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    color=colour,
                    label=split,
                    marker="o" if len(points) < 20 else None,
                    markersize=3,
                )
        axes.set_xlabel("epoch", fontsize=8)
        axes.set_title(metric, fontsize=9)
        axes.legend(fontsize=8, frameon=False)
    return png(figure)
