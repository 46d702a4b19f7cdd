"""Charts of a forecaster's report: the series with its cuts, forecasts with bounds, errors, autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from markupsafe import Markup

from pipeline.pages.charts import WIDE, Chart, Mark, Point

MOST_DOTS = 60  # of more points the line alone is drawn


def series(drawn: dict[str, Any]) -> Markup:
    """Draw a whole series with the stretches of its splits."""
    chart = Chart(drawn["column"], drawn["ticks"], size=WIDE)
    starts = {"train": 0} | {name: drawn["cuts"][name] for name in ("validation", "test")}
    for name, start in starts.items():
        if start:
            chart.rule((start, -inf), (start, inf), "cut")
        if start is not None:
            chart.marks.append(Mark("text", [(start, inf)], "tick", name, 'dx="4" dy="10"'))
    low, high = points(drawn["values"], "low"), points(drawn["values"], "high")
    if low != high:
        chart.band(low, high, "envelope")
        chart.line(low, "truth")
    chart.line(high, "truth")
    return chart.drawn(f"the series {drawn['series']}")


def forecasts(drawn: dict[str, Any]) -> Markup:
    """Draw the forecasts of the next row over the last part of the judged stretch, with bounds, beside the truth."""
    part = drawn["stretch"]
    chart = Chart("one step ahead", part["ticks"], size=WIDE)
    chart.band(points(part, "lower"), points(part, "upper"))
    for kind, name in (("truth", "target"), ("forecast", "forecast")):
        chart.line(points(part, name), kind, kind, len(part["x"]) <= MOST_DOTS)
    return chart.drawn("forecasts one step ahead beside the truth")


def fan(origin: dict[str, Any]) -> Markup:
    """Draw the whole horizon from one origin, with the last rows before it."""
    first = origin["origin"] - len(origin["past"]) + 1
    past = [(first + place, value) for place, value in enumerate(origin["past"])]
    ahead = {name: [past[-1], *points(origin, name)] for name in ("lower", "upper", "target", "forecast")}
    chart = Chart(f"from {origin['from']} on")
    chart.band(ahead["lower"], ahead["upper"])
    chart.line(past, "past")
    chart.line(ahead["target"], "truth")
    chart.line(ahead["forecast"], "forecast")
    return chart.drawn(f"forecasts from {origin['from']} on")


def errors(drawn: dict[str, Any]) -> Markup:
    """Draw forecast minus truth, one step ahead, over the judged part."""
    part, named = drawn["judged"]["error"], drawn["judged"]["ticks"]
    chart = Chart("forecast - truth, one step ahead", named[:: max(len(named) - 1, 1)])
    for x, low, high in zip(part["x"], part["low"], part["high"], strict=True):
        chart.rule((x, low if low != high else 0), (x, high), "line")
    chart.rule((-inf, 0), (inf, 0), "line truth")
    return chart.drawn("errors over time")


def autocorrelation(residuals: dict[str, Any]) -> Markup:
    """Draw the autocorrelation of the errors with the bound that 95 % of those of pure noise keep."""
    values, bound = residuals["autocorrelation"], residuals["bound"]
    every = max(1, len(values) // 8)
    names = [(lag, str(lag)) for lag in range(every, len(values) + 1, every)]
    chart = Chart("autocorrelation of these errors by lag", names, across=(0, len(values) + 1))
    if values:
        chart.band([(-inf, -bound), (inf, -bound)], [(-inf, bound), (inf, bound)])
    for lag, value in enumerate(values, 1):
        chart.rule((lag, 0), (lag, value), "stem")
    return chart.drawn("autocorrelation of the errors")


def by_step(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Markup:
    """Draw the RMSE by step of the horizon beside that of some baselines."""
    steps = [(row["step"], str(row["step"])) for row in rows]
    chart = Chart("RMSE by step", steps[:: max(1, len(rows) // 12)], size=WIDE)
    lines = {"this model": [(row["step"], row["rmse"]) for row in rows]}
    for name in names:
        lines[name] = [(row["step"], row["baselines"][name]) for row in rows if row["baselines"].get(name) is not None]
    for kind, (name, line) in zip(("forecast", "second", "third", "fourth"), lines.items(), strict=False):
        chart.line(line, kind, name, len(line) <= MOST_DOTS)
    chart.rule((-inf, 0), (inf, 0), "grid")
    return chart.drawn("error by step of the horizon")


def points(part: dict[str, Any], name: str) -> list[Point]:
    """Return the values of that name with the rows they belong to."""
    return list(zip(part["x"], part[name], strict=True))
