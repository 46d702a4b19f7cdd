"""Inline SVG for the report: curves, histograms, intervals, calibration, lineage. Colours come from the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

Points = list[tuple[float, float]]


def curves(series: dict[str, Points], unit: str, title: str) -> Markup:
    """Draw lines over epochs or steps with axes and a legend; `series` maps a name such as `train/loss` to points."""
    series = {
        name: [(x, y) for x, y in points if y is not None and math.isfinite(y)] for name, points in series.items()
    }
    series = {name: points for name, points in series.items() if points}
    if not series:
        return svg("", 0, 0)
    xs, ys = zip(*(point for points in series.values() for point in points), strict=True)
    low, high, marks = ticks(min(ys), max(ys))
    first, last = min(xs), max(xs)
    if first == last:
        first, last = first - 0.5, last + 0.5
    width, height, left, right, top, bottom = 460, 240, 52, 12, 30, 34

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + (x - first) / (last - first) * (width - left - right),
            height - bottom - (y - low) / (high - low) * (height - top - bottom),
        )

    parts = [text(left, 16, title, "title")]
    for mark in marks:
        _, y = place(first, mark)
        parts.append(f'<line class="rule" x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text(left - 6, y + 4, f"{mark:.4g}", "tick end"))
    for mark in whole_ticks(first, last):
        x, _ = place(mark, low)
        parts.append(text(x, height - bottom + 16, f"{mark:,}", "tick middle"))
    parts.append(text((left + width - right) / 2, height - 4, unit, "tick middle"))
    for name, points in series.items():
        kind = name.split("/")[0]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        if len(points) <= 30:
            parts += [
                f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>'
                for x, y in (place(*point) for point in points)
            ]
    for number, name in enumerate(series):
        x = width - right - 92 * (len(series) - number)
        kind = name.split("/")[0]
        parts.append(
            f'<line class="line {kind}" x1="{x}" x2="{x + 16}" y1="12" y2="12"/>' + text(x + 21, 16, kind, "tick")
        )
    return svg("".join(parts), width, height, f"{title} by {unit}")


def ticks(low: float, high: float) -> tuple[float, float, list[float]]:
    """Return round ends around a range, and the round values between them."""
    if high - low < 1e-12:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    start, end = math.floor(low / step), math.ceil(high / step)
    return start * step, end * step, [number * step for number in range(start, end + 1)]


def whole_ticks(first: float, last: float) -> list[int]:
    """Return up to eight whole numbers in a range."""
    step = max(1, math.ceil((last - first) / 7))
    return list(range(math.ceil(first), math.floor(last) + 1, step))


def histogram(bars: Sequence[Sequence[float]], label: str) -> Markup:
    """Draw counts of equally wide bins as small bars."""
    most = max((bar[2] for bar in bars), default=0)
    if not most:
        return svg("", 0, 0)
    width, height = 132, 40
    step = width / len(bars)
    parts = [
        f'<rect class="bar" x="{place * step + 0.5:.1f}" y="{height - bar[2] / most * height:.1f}" width="{step - 1:.1f}" '
        f'height="{bar[2] / most * height:.1f}"><title>{bar[0]:.4g} to {bar[1]:.4g}: {bar[2]:,.0f}</title></rect>'
        for place, bar in enumerate(bars)
    ]
    parts.append(f'<line class="axis" x1="0" x2="{width}" y1="{height}" y2="{height}"/>')
    return svg("".join(parts), width, height + 1, label)


def scale(value: float, interval: Sequence[float] | None, others: Sequence[tuple[str, float]]) -> Markup:
    """Draw a share on a line from 0 to 1 with its interval, and marks where others stand."""
    width, height, y = 320, 56, 22

    def place(share: float) -> float:
        return 6 + min(max(share, 0), 1) * (width - 12)

    parts = [f'<line class="axis" x1="6" x2="{width - 6}" y1="{y}" y2="{y}"/>']
    for mark in (0, 0.5, 1):
        parts.append(text(place(mark), y + 16, f"{mark:g}", "tick middle"))
    for label, other in others:
        parts.append(f'<line class="other" x1="{place(other):.1f}" x2="{place(other):.1f}" y1="{y - 9}" y2="{y + 9}">')
        parts.append(f"<title>{escaped(label)}: {other:.4f}</title></line>")
    if interval:
        parts.append(
            f'<line class="interval" x1="{place(interval[0]):.1f}" x2="{place(interval[1]):.1f}" y1="{y}" y2="{y}"/>'
        )
    parts.append(f'<circle class="value" cx="{place(value):.1f}" cy="{y}" r="5"><title>{value:.4f}</title></circle>')
    return svg("".join(parts), width, height - 14, f"{value:.4f} between 0 and 1")


def interval_bar(value: float | None, interval: Sequence[float] | None) -> Markup:
    """Draw a share and its interval as a small bar for a table's cell."""
    if value is None:
        return svg("", 0, 0)
    width, height = 90, 12
    low, high = interval or (value, value)
    parts = f'<rect class="track" x="0" y="4" width="{width}" height="4"/>'
    parts += f'<rect class="interval-box" x="{low * width:.1f}" y="2" width="{max((high - low) * width, 1):.1f}" height="8"/>'
    parts += f'<rect class="value" x="{min(value * width, width - 2):.1f}" y="0" width="2" height="12"/>'
    return svg(parts, width, height, f"{value:.4f}")


def calibration(bins: Sequence[dict[str, Any]]) -> Markup:
    """Draw the share that is right over the probability given; on the diagonal they agree."""
    width, height, left, bottom, top = 340, 300, 44, 38, 10
    side_x, side_y = width - left - 10, height - bottom - top
    most = max((row["count"] for row in bins), default=0) or 1
    parts = []
    for mark in (0, 0.25, 0.5, 0.75, 1):
        y = height - bottom - mark * side_y
        parts.append(
            f'<line class="rule" x1="{left}" x2="{left + side_x}" y1="{y:.1f}" y2="{y:.1f}"/>'
            + text(left - 6, y + 4, f"{mark:g}", "tick end")
        )
        parts.append(text(left + mark * side_x, height - bottom + 16, f"{mark:g}", "tick middle"))
    for row in bins:
        if row["count"]:
            x, box = left + row["low"] * side_x, (row["high"] - row["low"]) * side_x
            tall = row["accuracy"] * side_y
            parts.append(
                f'<rect class="bar" style="opacity:{0.3 + 0.7 * math.sqrt(row["count"] / most):.2f}" x="{x + 1:.1f}" y="{height - bottom - tall:.1f}" '
                f'width="{box - 2:.1f}" height="{tall:.1f}"><title>{row["count"]:,} predictions at {row["confidence"]:.1%}: '
                f"{row['accuracy']:.1%} right</title></rect>"
            )
    parts.append(f'<line class="other" x1="{left}" y1="{height - bottom}" x2="{left + side_x}" y2="{top}"/>')
    parts.append(text(left + side_x / 2, height - 4, "probability the network gives", "tick middle"))
    return svg("".join(parts), width, height, "share of right answers by probability")


def lineage(rows: Sequence[dict[str, Any]]) -> Markup:
    """Draw the steps one below the other, with an arc from the step that wrote an artifact to each that read it."""
    makers: dict[str, tuple[int, str]] = {}
    arcs, parts, outside = [], [], []
    for place, row in enumerate(rows):
        for name, digest in row["inputs"].items():
            if digest in makers:
                arcs.append((*makers[digest], place, digest))
            elif digest:
                outside.append((place, name, digest))
        makers |= {digest: (place, name) for name, digest in row["outputs"].items() if digest}
    row_height, left, width = 46, 190, 860
    for start, name, end, digest in sorted(set(arcs), key=lambda arc: arc[0] - arc[2]):
        y1, y2 = 26 + start * row_height, 26 + end * row_height
        reach = min(170, 24 + 18 * (end - start))
        parts.append(
            f'<path class="arc arc{start % 6}" d="M{left},{y1} C{left - reach},{y1} {left - reach},{y2} {left},{y2}">'
            f"<title>{escaped(name)} {digest[:8]}: {escaped(rows[start]['component'])} to {escaped(rows[end]['component'])}</title></path>"
        )
    for place, row in enumerate(rows):
        y = 26 + place * row_height
        parts.append(f'<circle class="node arc{place % 6}" cx="{left}" cy="{y}" r="6"/>')
        parts.append(
            text(left + 16, y + 4, row["component"], "step")
            + text(left + 180, y - 5, f"from {row['fingerprint'][:8]}", "tick")
        )
        made = ", ".join(f"{name} {digest[:8]}" for name, digest in row["outputs"].items())
        others = "".join(f"; reads an earlier run's {name} {digest[:8]}" for at, name, digest in outside if at == place)
        parts.append(text(left + 180, y + 11, f"wrote {made}{others}", "tick"))
    return svg("".join(parts), width, 12 + row_height * len(rows), "which step read what another wrote")


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return an SVG text."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escaped(words)}</text>'


def escaped(words: Any) -> str:
    """Return text that is safe inside SVG."""
    return str(escape(words))


def svg(content: str, width: float, height: float, label: str = "") -> Markup:
    """Wrap drawings as inline SVG that shrinks with the page."""
    if not content:
        return Markup("")
    return Markup(
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{escaped(label)}">{content}</svg>'
    )
