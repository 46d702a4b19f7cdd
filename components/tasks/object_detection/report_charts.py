"""Charts of a detector's report: precision over recall, figures over the score, sizes of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup

from components.tasks.object_detection.details import ClassRow, ScorePoint
from pipeline.pages.charts import NAMED_SHARES, SHARES, Chart, histogram

SIZE = (470, 280)
CURVES = 6  # colours of the page; of more classes those with most boxes


def precision_recall(classes: Sequence[ClassRow]) -> Markup:
    """Draw precision over recall at an overlap of half, a line a class."""
    title = "precision over recall at an overlap of .5"
    chart = Chart(title, NAMED_SHARES, "recall", SIZE, (0, 1), SHARES, corner=True)
    known = sorted((row for row in classes if row["boxes"]), key=lambda row: -row["boxes"])[:CURVES]
    for place, row in enumerate(known):
        curve = [(recall, precision) for recall, precision, _ in row["curve"]]
        chart.line(curve, f"colour{place}", f"{row['label']} {row['ap50']:.3f}", len(curve) < 3)
    return chart.drawn("precision over recall by class")


def score_curve(rows: Sequence[ScorePoint], best: ScorePoint) -> Markup:
    """Draw precision, recall and F1 over the score from which on boxes are kept, and where F1 is largest."""
    chart = Chart("by the score kept from", NAMED_SHARES, "least score of a box", SIZE, (0, 1), SHARES)
    chart.rule((best["score"], 0), (best["score"], 1), "cut")
    curves: tuple[tuple[str, Literal["precision", "recall", "f1"], str], ...] = (
        ("forecast", "precision", "precision"),
        ("second", "recall", "recall"),
        ("third", "f1", "F1"),
    )
    for kind, figure, name in curves:
        chart.line([(row["score"], row[figure]) for row in rows], kind, name)
    return chart.drawn("precision, recall and F1 by score")


def box_sizes(rows: Sequence[tuple[float, float, float]], split: str) -> Markup:
    """Draw how many boxes of a split have which size.

    Args:
        rows: (from, to, count) of equally wide bins of the side of a square as large, in a photo of side 1.
    """
    title = f"{split}: {sum(int(count) for *_, count in rows):,} boxes"
    unit = "side of a square as large, in a photo of side 1"
    chart = Chart(title, NAMED_SHARES, unit, (300, 150), (0, 1), edges=(6, 6, 24, 34))
    return histogram(rows, f"sizes of the boxes of {split}", chart)
