"""Inline SVG for a forecaster's report: the series with its cuts, forecasts with bounds, errors, autocorrelation. Colours come from the page's style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labline.report.charts import svg, text, ticks

if TYPE_CHECKING:
    from markupsafe import Markup

LEFT, RIGHT, TOP, BOTTOM = 58, 12, 30, 26
SPLITS = ("train", "validation", "test")


@dataclass
class Chart:
    """A drawing with rows across and values upwards, of a fixed size.

    Attributes:
        first, last: rows at the ends.
        low, high: values at the ends; `marks` are the round ones between.
    """

    width: int
    height: int
    first: float
    last: float
    low: float
    high: float
    marks: list[float]
    parts: list[str] = field(default_factory=list)

    @classmethod
    def spanning(cls, xs: Sequence[float], ys: Sequence[float], width: int, height: int, title: str) -> Chart:
        """Return a chart with axis and title that holds these values."""
        low, high, marks = ticks(min(ys), max(ys))
        chart = cls(width, height, min(xs), max(max(xs), min(xs) + 1), low, high, marks)
        chart.parts.append(text(LEFT, 16, title, "title"))
        for mark in marks:
            y = chart.y(mark)
            chart.parts.append(f'<line class="rule" x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            chart.parts.append(text(LEFT - 6, y + 4, f"{mark:,.6g}", "tick end"))
        return chart

    def x(self, row: float) -> float:
        return LEFT + (row - self.first) / (self.last - self.first) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return self.height - BOTTOM - (value - self.low) / (self.high - self.low) * (self.height - TOP - BOTTOM)

    def line(self, xs: Sequence[float], ys: Sequence[float], kind: str, dots: bool = False) -> None:
        """Draw a line, with dots where they are few."""
        points = [(self.x(x), self.y(y)) for x, y in zip(xs, ys, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        if dots or len(points) == 1:
            self.parts += [f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>' for x, y in points]

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float], kind: str) -> None:
        """Fill what lies between two lines."""
        there = [f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, high, strict=True)]
        back = [f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, low, strict=True)]
        self.parts.append(f'<polygon class="{kind}" points="{" ".join([*there, *reversed(back)])}"/>')

    def name_rows(self, named: Sequence[Sequence[Any]]) -> None:
        """Write what rows are called below the axis."""
        for place, (row, words) in enumerate(named):
            kind = (
                "tick middle" if 0 < place < len(named) - 1 or len(named) == 1 else "tick" if place == 0 else "tick end"
            )
            self.parts.append(text(self.x(row), self.height - 8, words, kind))

    def legend(self, names: dict[str, str]) -> None:
        """Name the lines: kind -> words."""
        x = float(self.width - RIGHT)
        for kind, words in reversed(names.items()):
            x -= 30 + 7.2 * len(words)
            self.parts.append(
                f'<line class="line {kind}" x1="{x:.0f}" x2="{x + 16:.0f}" y1="12" y2="12"/>'
                + text(x + 21, 16, words, "tick")
            )

    def drawn(self, label: str) -> Markup:
        return svg("".join(self.parts), self.width, self.height, label)


def series(drawn: dict[str, Any]) -> Markup:
    """Draw a whole series with the stretches of its splits."""
    values = drawn["values"]
    chart = Chart.spanning(values["x"], [*values["low"], *values["high"]], 960, 230, drawn["column"])
    starts = [0, *(drawn["cuts"][name] for name in SPLITS[1:])]
    for number, name in enumerate(SPLITS):
        start = starts[number]
        if start is None:
            continue
        if number:
            x = chart.x(start)
            chart.parts.append(f'<line class="cut" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{chart.height - BOTTOM}"/>')
        chart.parts.append(text(chart.x(start) + 4, TOP + 10, name, "tick"))
    if values["low"] != values["high"]:
        chart.band(values["x"], values["low"], values["high"], "envelope")
    chart.line(values["x"], values["high"], "truth")
    if values["low"] != values["high"]:
        chart.line(values["x"], values["low"], "truth")
    chart.name_rows(drawn["ticks"])
    return chart.drawn(f"the series {drawn['series']}")


def forecasts(drawn: dict[str, Any]) -> Markup:
    """Draw the forecasts of the next row over the last part of the judged stretch, with bounds, beside the truth."""
    part = drawn["stretch"]
    ys = [*part["target"], *part["lower"], *part["upper"]]
    chart = Chart.spanning(part["x"], ys, 960, 260, "one step ahead")
    few = len(part["x"]) <= 60
    chart.band(part["x"], part["lower"], part["upper"], "bounds")
    chart.line(part["x"], part["target"], "truth", few)
    chart.line(part["x"], part["forecast"], "forecast", few)
    chart.name_rows(part["ticks"])
    chart.legend({"truth": "truth", "forecast": "forecast"})
    return chart.drawn("forecasts one step ahead beside the truth")


def fan(origin: dict[str, Any]) -> Markup:
    """Draw the whole horizon from one origin, with the last rows before it."""
    past = origin["past"]
    before = list(range(origin["origin"] - len(past) + 1, origin["origin"] + 1))
    ahead = [origin["origin"], *origin["x"]]
    ys = [*past, *origin["target"], *origin["lower"], *origin["upper"]]
    chart = Chart.spanning([*before, *ahead], ys, 460, 220, f"from {origin['from']} on")
    chart.band(ahead, [past[-1], *origin["lower"]], [past[-1], *origin["upper"]], "bounds")
    chart.line(before, past, "past")
    chart.line(ahead, [past[-1], *origin["target"]], "truth")
    chart.line(ahead, [past[-1], *origin["forecast"]], "forecast")
    return chart.drawn(f"forecasts from {origin['from']} on")


def errors(drawn: dict[str, Any]) -> Markup:
    """Draw forecast minus truth, one step ahead, over the judged part."""
    part = drawn["judged"]["error"]
    chart = Chart.spanning(part["x"], [0.0, *part["low"], *part["high"]], 460, 220, "forecast - truth, one step ahead")
    zero = chart.y(0)
    for x, low, high in zip(part["x"], part["low"], part["high"], strict=True):
        ends = (low, high) if low != high else (0.0, high)
        chart.parts.append(
            f'<line class="line forecast" x1="{chart.x(x):.1f}" x2="{chart.x(x):.1f}" y1="{chart.y(ends[0]):.1f}" y2="{chart.y(ends[1]):.1f}"/>'
        )
    chart.parts.append(
        f'<line class="line truth" x1="{LEFT}" x2="{chart.width - RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
    )
    named = drawn["judged"]["ticks"]
    chart.name_rows([named[0], named[-1]] if len(named) > 1 else named)
    return chart.drawn("errors over time")


def autocorrelation(residuals: dict[str, Any]) -> Markup:
    """Draw the autocorrelation of the errors with the bound that 95 % of those of pure noise keep."""
    values, bound = residuals["autocorrelation"], residuals["bound"]
    if not values:
        return svg("", 0, 0)
    chart = Chart.spanning(
        [0, len(values) + 1], [-bound, bound, 0.0, *values], 460, 220, "autocorrelation of these errors by lag"
    )
    chart.band([0, len(values) + 1], [-bound, -bound], [bound, bound], "bounds")
    for lag, value in enumerate(values, 1):
        x = chart.x(lag)
        chart.parts.append(
            f'<line class="stem" x1="{x:.1f}" x2="{x:.1f}" y1="{chart.y(0):.1f}" y2="{chart.y(value):.1f}"/>'
        )
    step = max(1, len(values) // 8)
    for lag in range(step, len(values) + 1, step):
        chart.parts.append(text(chart.x(lag), chart.height - 8, str(lag), "tick middle"))
    return chart.drawn("autocorrelation of the errors")


def by_step(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Markup:
    """Draw the RMSE by step of the horizon beside that of some baselines."""
    lines = {"forecast": [row["rmse"] for row in rows]}
    kinds = ("other0", "other1", "other2")
    words = {"forecast": "this model"}
    for kind, name in zip(kinds, names, strict=False):
        lines[kind] = [row["baselines"].get(name) for row in rows]
        words[kind] = name
    xs = [row["step"] for row in rows]
    chart = Chart.spanning(
        xs,
        [0.0, *(value for values in lines.values() for value in values if value is not None)],
        960,
        240,
        "RMSE by step",
    )
    for kind, values in lines.items():
        known = [(x, value) for x, value in zip(xs, values, strict=True) if value is not None]
        if known:
            chart.line([x for x, _ in known], [y for _, y in known], kind, len(known) <= 60)
    step = max(1, len(xs) // 12)
    chart.name_rows([(x, str(x)) for x in xs[::step]])
    chart.legend(words)
    return chart.drawn("error by step of the horizon")
