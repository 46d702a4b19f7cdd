"""Charts that every task's report can draw: curves of a training, shares with their intervals, lineage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from pipeline.figures import write_figure
from pipeline.pages.charts import NOTHING, Chart, Mark, Point

STEP_HEIGHT = 46  # pixels of a step in the drawing of the lineage
COLOURS = 6
MOST_DOTS = 30  # of more points the line alone is drawn


def curves(series: Mapping[str, Sequence[Point]], unit: str, title: str) -> Markup:
    """Draw lines over epochs or steps; `series` maps a name such as `train/loss` to points."""
    lines = {
        name.split("/")[0]: finite
        for name, points in series.items()
        if (finite := [(x, y) for x, y in points if y is not None and math.isfinite(y)])
    }
    chart = Chart(
        title, [(mark, f"{mark:,}") for mark in whole_ticks([x for line in lines.values() for x, _ in line])], unit
    )
    for kind, points in lines.items():
        chart.line(points, kind, kind, dots=len(points) <= MOST_DOTS)
    ends = ", ".join(f"{kind} {write_figure(points[-1][1])}" for kind, points in lines.items())
    return chart.drawn(f"{title} by {unit}, at the end {ends}")


def whole_ticks(values: Sequence[float]) -> Sequence[int]:
    """Return up to eight whole numbers among the values."""
    first, last = math.ceil(min(values, default=1)), math.floor(max(values, default=0))
    return range(first, last + 1, max(1, math.ceil((last - first) / 7)))


def scale(value: float, interval: Point | None, others: Sequence[tuple[str, float]]) -> Markup:
    """Draw a share on a line from 0 to 1 with its interval, and marks where others stand."""
    chart = Chart(size=(320, 42), across=(0, 1), upwards=(-20, 22), edges=(6, 6, 0, 0))
    chart.rule((0, 0), (1, 0), "axis")
    for mark in (0, 0.5, 1):
        chart.text((mark, -16), f"{mark:g}", "tick middle")
    for label, other in others:
        chart.rule((other, -9), (other, 9), "other", f"{label}: {other:.4f}")
    if interval:
        chart.rule((interval[0], 0), (interval[1], 0), "interval")
    chart.marks.append(Mark("circle", [(value, 0)], "dot", f"{value:.4f}", 'r="5"'))
    return chart.drawn(f"{value:.4f} between 0 and 1")


def interval_bar(value: float | None, interval: Point | None) -> Markup:
    """Draw a share and its interval as a small bar for a table's cell."""
    if value is None:
        return NOTHING
    chart = Chart(size=(90, 12), across=(0, 1), upwards=(0, 1), edges=(1, 1, 0, 0))
    chart.rule((0, 0.5), (1, 0.5), "axis")
    label = f"{value:.4f}"
    if interval:
        chart.rule((interval[0], 0.5), (interval[1], 0.5), "interval")
        label += f", interval from {interval[0]:.4f} to {interval[1]:.4f}"
    chart.rule((value, 0), (value, 1), "line")
    return chart.drawn(label)


def lineage(rows: Sequence[dict[str, Any]]) -> Markup:
    """Draw the steps one below the other, with an arc from the step that wrote an artifact to each that read it."""
    width, height, left = 860, 12 + STEP_HEIGHT * len(rows), 190
    chart = Chart(size=(width, height), across=(0, width), upwards=(height, 0), edges=(0, 0, 0, 0))
    middles = [26 + STEP_HEIGHT * place for place in range(len(rows))]
    arcs, outside = trace(rows)
    for start, end, artifact in arcs:
        bend = left - min(170, 24 + 18 * (end - start))
        corners = [(x, middles[step]) for x, step in ((left, start), (bend, start), (bend, end), (left, end))]
        words = f"{artifact}: {rows[start]['component']} to {rows[end]['component']}"
        chart.marks.append(Mark("path", corners, f"line colour{start % COLOURS}", words))
    for place, (row, y) in enumerate(zip(rows, middles, strict=True)):
        chart.marks.append(Mark("circle", [(left, y)], f"node colour{place % COLOURS}", more='r="6"'))
        chart.text((left + 16, y + 4), row["component"], "title")
        chart.text((left + 180, y - 5), f"from {row['fingerprint'][:8]}", "tick")
        wrote = "wrote " + ", ".join(map(named, row["outputs"].items()))
        chart.text((left + 180, y + 11), "; ".join([wrote, *outside[place]]), "tick")
    return chart.drawn("which step read what another wrote")


def trace(rows: Sequence[dict[str, Any]]) -> tuple[list[tuple[int, int, str]], list[list[str]]]:
    """Return (writer, reader, artifact) of each reading, the longest way first; and what each step reads of others."""
    makers: dict[str, tuple[int, str]] = {}
    arcs: set[tuple[int, int, str]] = set()
    outside = []
    for place, row in enumerate(rows):
        read = [(name, digest) for name, digest in row["inputs"].items() if digest]
        for writer, name, digest in ((*makers[digest], digest) for _, digest in read if digest in makers):
            arcs.add((writer, place, named((name, digest))))
        outside.append([f"reads an earlier run's {named(item)}" for item in read if item[1] not in makers])
        makers |= {digest: (place, name) for name, digest in row["outputs"].items() if digest}
    return sorted(arcs, key=lambda arc: (arc[0] - arc[1], arc)), outside


def named(item: tuple[str, str]) -> str:
    """Name an artifact with the first digits of its digest."""
    return f"{item[0]} {item[1][:8]}"
