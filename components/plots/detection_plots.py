"""Pictures of how a detector trades missed objects for false boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.figure import Figure

from components.plots.drawing import DOTS_PER_INCH, plain_axes, png, shorten
from components.tasks.object_detection.details import ClassRow, ScorePoint

Curve = Literal["precision", "recall", "f1"]

CLASSES = 10  # curves in one picture; of more classes those with most boxes
COLOURS = ("#2f6fde", "#d9722c", "#2f9e6e", "#b4569d", "#c9a227", "#7a6ff0", "#8c564b", "#17becf", "#7f7f7f", "#e377c2")


def draw_precision_recall(classes: Sequence[ClassRow]) -> bytes:
    """Draw precision over recall at an overlap of half, a line a class, as PNG."""
    figure = Figure(figsize=(5.6, 4.2), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.1, 0.13, 0.86, 0.82)
    known = sorted((row for row in classes if row["boxes"]), key=lambda row: -row["boxes"])[:CLASSES]
    for row, colour in zip(known, COLOURS, strict=False):
        recall, precision = ([point[place] for point in row["curve"]] for place in (0, 1))
        name = f"{shorten(row['label'])} {row['ap50']:.3f}"
        axes.plot(recall, precision, color=colour, linewidth=1.6, label=name, marker="." if len(recall) < 3 else "")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall", fontsize=8)
    axes.set_ylabel("precision", fontsize=8)
    if known:
        axes.legend(title="AP at .5", title_fontsize=8, fontsize=8, frameon=False, loc="lower left")
    return png(figure)


def draw_score_curve(rows: Sequence[ScorePoint], best: ScorePoint) -> bytes:
    """Draw precision, recall and F1 over the score from which on boxes are kept, the best one marked, as PNG."""
    figure = Figure(figsize=(5.6, 3.4), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.1, 0.15, 0.86, 0.8)
    curves: tuple[tuple[Curve, str], ...] = (("precision", "#2f6fde"), ("recall", "#d9722c"), ("f1", "#1b7f4b"))
    for name, colour in curves:
        label = "F1" if name == "f1" else name
        axes.plot([row["score"] for row in rows], [row[name] for row in rows], color=colour, linewidth=1.6, label=label)
    axes.axvline(best["score"], color="#888888", linewidth=1, linestyle="--")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(f"least score (best {best['score']:.3f}: F1 {best['f1']:.3f})", fontsize=8)
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    return png(figure)
