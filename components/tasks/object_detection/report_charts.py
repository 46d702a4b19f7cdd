"""Inline SVG for a detector's report: precision over recall, figures over the score, sizes of boxes. Colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from labline.report.charts import svg, text

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 470, 280, 40, 12, 30, 36
CURVES = 6  # colours of the page; of more classes those with most boxes
QUARTERS = (0, 0.25, 0.5, 0.75, 1)


def precision_recall(classes: Sequence[dict[str, Any]]) -> Markup:
    """Draw precision over recall at an overlap of half, a line a class."""
    parts = axes("precision over recall at an overlap of .5", "recall")
    known = sorted((row for row in classes if row["boxes"]), key=lambda row: -row["boxes"])[:CURVES]
    for place, row in enumerate(known):
        name = f"{row['label']} {row['ap50']:.3f}"
        points = [(x_of(recall), y_of(precision)) for recall, precision, _ in row["curve"]]
        kind = f"arc arc{place}"
        if len(points) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline class="{kind}" style="stroke-width:2;opacity:1" points="{path}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points if len(points) < 3]
        y = HEIGHT - BOTTOM - 10 - 17 * (len(known) - 1 - place)
        parts.append(
            f'<line class="{kind}" style="stroke-width:3" x1="{LEFT + 8}" x2="{LEFT + 24}" y1="{y - 4}" y2="{y - 4}"/>'
        )
        parts.append(text(LEFT + 30, y, name, "tick"))
    return svg("".join(parts), WIDTH, HEIGHT, "precision over recall by class")


def score_curve(rows: Sequence[dict[str, float]], best: dict[str, float]) -> Markup:
    """Draw precision, recall and F1 over the score from which on boxes are kept, and where F1 is largest."""
    parts = axes("by the score kept from", "least score of a box")
    x = x_of(best["score"])
    parts.append(f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    for place, (name, kind) in enumerate((("precision", "forecast"), ("recall", "other0"), ("f1", "other1"))):
        path = " ".join(f"{x_of(row['score']):.1f},{y_of(row[name]):.1f}" for row in rows)
        parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        start = WIDTH - RIGHT - 200 + 76 * place
        parts.append(f'<line class="line {kind}" x1="{start}" x2="{start + 14}" y1="12" y2="12"/>')
        parts.append(text(start + 18, 16, "F1" if name == "f1" else name, "tick"))
    return svg("".join(parts), WIDTH, HEIGHT, "precision, recall and F1 by score")


def box_sizes(rows: Sequence[Sequence[float]], split: str) -> Markup:
    """Draw how many boxes of a split have which size."""
    most = max((row[2] for row in rows), default=0)
    if not most:
        return svg("", 0, 0)
    width, height, bottom, top = 300, 150, 34, 24
    step = (width - 12) / len(rows)
    parts = [text(6, 14, f"{split}: {sum(int(row[2]) for row in rows):,} boxes", "title")]
    for place, (low, high, count) in enumerate(rows):
        tall = count / most * (height - bottom - top)
        parts.append(
            f'<rect class="bar" x="{6 + place * step + 0.5:.1f}" y="{height - bottom - tall:.1f}" width="{step - 1:.1f}" height="{tall:.1f}">'
            f"<title>{low:.2f} to {high:.2f}: {count:,.0f}</title></rect>"
        )
    parts.append(f'<line class="axis" x1="6" x2="{width - 6}" y1="{height - bottom}" y2="{height - bottom}"/>')
    for mark in QUARTERS:
        parts.append(text(6 + mark * (width - 12), height - bottom + 14, f"{mark:g}", ends(mark)))
    parts.append(text(width / 2, height - 4, "side of a square as large, in a photo of side 1", "tick middle"))
    return svg("".join(parts), width, height, f"sizes of the boxes of {split}")


def axes(title: str, below: str) -> list[str]:
    """Return a title, lines and marks of two axes from 0 to 1."""
    parts = [text(LEFT, 16, title, "title")]
    for mark in QUARTERS:
        y = y_of(mark)
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(LEFT - 6, y + 4, f"{mark:g}", "tick end"))
        parts.append(text(x_of(mark), HEIGHT - BOTTOM + 16, f"{mark:g}", "tick middle"))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, below, "tick middle"))
    return parts


def ends(mark: float) -> str:
    """Return how a mark's text lies: within the drawing at both ends."""
    return "tick" if mark == 0 else "tick end" if mark == 1 else "tick middle"


def x_of(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def y_of(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
