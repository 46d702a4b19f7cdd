"""Charts as inline SVG, for pages that run no script; charts.css gives each kind of mark its colour, light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from markupsafe import Markup, escape

from pipeline.figures import write_figure, write_figures

Point = tuple[float, float]
NOTHING = Markup("")
WIDE, HALF = (960, 250), (460, 230)  # pixels
LETTER = 7.2  # pixels of a wide one
SHARES = (0, 0.25, 0.5, 0.75, 1)
NAMED_SHARES = [(share, f"{share:g}") for share in SHARES]


class Mark(NamedTuple):
    """An element of SVG.

    Attributes:
        points: its corners, in values; an infinite one lies at the end of its scale.
        kind: its classes in charts.css.
        words: are read out, and shown where it is pointed at; of a text what it says.
        more: further attributes.
    """

    tag: str
    points: Sequence[Point]
    kind: str
    words: str = ""
    more: str = ""


@dataclass
class Chart:
    """Marks over a scale across and one upwards.

    Attributes:
        names: values across with what they are called.
        unit: what is counted across.
        size: (width, height) in pixels; on a narrow page the drawing shrinks.
        across: the ends of that scale; if none are given, those of the marks.
        upwards: values in order at which a line is drawn; if none are given, round ones around the marks.
        edges: pixels left, right, above and below the marks of a chart without lines.
        corner: whether the legend stands in the lower left corner, one name below the other.
        legend: kind of line -> its name.
    """

    title: str = ""
    names: Sequence[tuple[float, str]] = ()
    unit: str = ""
    size: tuple[int, int] = HALF
    across: Point | None = None
    upwards: Sequence[float] = ()
    edges: tuple[int, int, int, int] | None = None
    corner: bool = False
    marks: list[Mark] = field(default_factory=list)
    legend: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.width, self.height = self.size
        self.left, self.right, self.above, self.below = self.edges or (54, 12, 30, 38 if self.unit else 26)

    def line(self, points: Sequence[Point], kind: str, name: str = "", dots: bool = False) -> None:
        """Draw a line through points; with dots at them if asked, or where there is but one."""
        if points:
            self.marks.append(Mark("polyline", points, f"line {kind}"))
        if dots or len(points) == 1:
            self.marks += [Mark("circle", [point], f"dot {kind}", more='r="2.2"') for point in points]
        if name:
            self.legend[kind] = name

    def rule(self, start: Point, end: Point, kind: str, words: str = "") -> None:
        """Draw a straight line."""
        self.marks.append(Mark("line", (start, end), kind, words))

    def band(self, lower: Sequence[Point], upper: Sequence[Point], kind: str = "") -> None:
        """Fill what lies between two lines."""
        self.marks.append(Mark("polygon", [*upper, *reversed(lower)], f"band {kind}"))

    def bar(self, start: float, end: float, value: float, words: str, strength: float = 1) -> None:
        """Draw a bar from 0 to a value, a little narrower than its place; a `strength` below 1 makes it paler."""
        gap = 0.04 * (end - start)
        corners = (start + gap, value), (end - gap, 0)
        self.marks.append(Mark("rect", corners, "bar", words, f'opacity="{strength:.2f}"' if strength < 1 else ""))

    def text(self, point: Point, words: str, kind: str) -> None:
        """Write words at a point."""
        self.marks.append(Mark("text", [point], kind, words))

    def drawn(self, label: str) -> Markup:
        """Return the drawing, or nothing where there is nothing to draw; `label` is for those who do not see it."""
        points = [point for mark in self.marks for point in mark.points]
        if not points and not self.legend:
            return NOTHING
        self.first, self.last = self.across or finite(x for x, _ in points)
        if self.first == self.last:
            self.first, self.last = self.first - 0.5, self.last + 0.5
        lines = self.upwards or ticks(*finite(y for _, y in points))
        self.low, self.high = lines[0], lines[-1]
        marks = [element(mark, [self.place(*point) for point in mark.points]) for mark in self.marks]
        inside = "".join([*self.axes(lines), *marks, *self.named_lines()])
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}"'
        return Markup(f'<svg class="chart" {size} role="img" aria-label="{escape(label)}">{inside}</svg>')

    def place(self, x: float, y: float) -> Point:
        """Return where values lie, in pixels from the upper left corner."""
        across = min(max((x - self.first) / (self.last - self.first), 0), 1)
        upwards = min(max((y - self.low) / (self.high - self.low), 0), 1)
        return (
            self.left + across * (self.width - self.left - self.right),
            self.height - self.below - upwards * (self.height - self.above - self.below),
        )

    def axes(self, lines: Sequence[float]) -> Iterable[str]:
        """Yield title, lines with their values, and the names below; those that would stick out are pulled in."""
        yield text(self.left, 16, self.title, "title")
        for value in () if self.edges else lines:
            (x, y), end = self.place(-math.inf, value), self.place(math.inf, value)
            yield element(Mark("line", (), "grid"), [(x, y), end])
            yield text(x - 6, y + 4, write_figure(value, 6), "tick end")
        for value, words in self.names:
            (x, y), half = self.place(value, -math.inf), LETTER * len(words) / 2
            early, late = x - half < self.left - 12, x + half > self.width - self.right + 12
            yield text(x, y + 18, words, "tick" if early else "tick end" if late else "tick middle")
        yield text((self.left + self.width - self.right) / 2, self.height - 4, self.unit, "tick middle")

    def named_lines(self) -> Iterable[str]:
        """Yield the legend."""
        x, y = float(self.width - self.right), 12
        if self.corner:
            x, y = self.left + 8, self.height - self.below - 14
        for kind, words in reversed(self.legend.items()):
            x -= 0 if self.corner else 30 + LETTER * len(words)
            yield element(Mark("line", (), f"line {kind}"), [(x, y), (x + 16, y)]) + text(x + 21, y + 4, words, "tick")
            y -= 17 if self.corner else 0


def element(mark: Mark, at: Sequence[Point]) -> str:
    """Return an element whose points lie at these pixels."""
    (x, y), (x2, y2) = at[0], at[-1]
    match mark.tag:
        case "circle":
            where = f'cx="{x:.1f}" cy="{y:.1f}"'
        case "line":
            where = f'x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        case "path":
            where = f'd="M{path(at[:1])} C{path(at[1:])}"'
        case "rect":
            where = f'x="{x:.1f}" y="{y:.1f}" width="{x2 - x:.1f}" height="{y2 - y:.1f}"'
        case "text":
            where = f'x="{x:.1f}" y="{y:.1f}"'
        case _:
            where = f'points="{path(at)}"'
    words = escape(mark.words) if mark.tag == "text" else f"<title>{escape(mark.words)}</title>" if mark.words else ""
    start = f'<{mark.tag} class="{mark.kind}" {where} {mark.more}'.rstrip()
    return f"{start}>{words}</{mark.tag}>" if words else f"{start}/>"


def path(at: Sequence[Point]) -> str:
    """Return points as SVG lists them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in at)


def text(x: float, y: float, words: str, kind: str) -> str:
    """Return words at a place in pixels."""
    return element(Mark("text", (), kind, words), [(x, y)]) if words else ""


def histogram(bars: Sequence[tuple[float, float, float]], label: str, chart: Chart | None = None) -> Markup:
    """Draw counts of equally wide bins as bars, small ones unless a chart from 0 to 1 is given.

    Args:
        bars: (from, to, count) of each bin.
    """
    most = max((count for *_, count in bars), default=0)
    if not most:
        return NOTHING
    chart = chart or Chart(size=(132, 41), across=(0, 1), edges=(0, 0, 0, 1))
    chart.upwards = (0, most)
    for place, (low, high, count) in enumerate(bars):
        words = f"{' to '.join(write_figures([low, high]))}: {count:,.0f}"
        chart.bar(place / len(bars), (place + 1) / len(bars), count, words)
    chart.rule((0, 0), (1, 0), "axis")
    return chart.drawn(label)


def finite(values: Iterable[float]) -> Point:
    """Return the least and the greatest value, infinite ones left out."""
    known = [value for value in values if math.isfinite(value)]
    return min(known), max(known)


def ticks(low: float, high: float) -> list[float]:
    """Return round values from at most `low` to at least `high`."""
    if high - low < 1e-12:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [number * step for number in range(math.floor(low / step), math.ceil(high / step) + 1)]
