"""Charts of a forecaster's report: the series with its cuts, forecasts with bounds, errors, autocorrelation."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from markupsafe import Markup

from components.tasks.forecasting.details import DrawnSeries, Fan, Residuals, StepRow
from pipeline.pages.charts import WIDE, Chart, Mark, Point

MAX_DOTS = 60  # of more points the line alone is drawn


def series(drawn: DrawnSeries) -> Markup:
    """Draw a whole series with the stretches of its splits."""
    chart = Chart(drawn["column"], drawn["ticks"], size=WIDE)
    starts = {"train": 0, "validation": drawn["cuts"]["validation"], "test": drawn["cuts"]["test"]}
    for name, start in starts.items():
        if start:
            chart.rule((start, -inf), (start, inf), "cut")
        if start is not None:
            chart.marks.append(Mark("text", [(start, inf)], "tick", name, 'dx="4" dy="10"'))
    values = drawn["values"]
    low, high = points(values["x"], values["low"]), points(values["x"], values["high"])
    if low != high:
        chart.band(low, high, "envelope")
        chart.line(low, "truth")
    chart.line(high, "truth")
    return chart.drawn(f"the series {drawn['series']}")


def forecasts(drawn: DrawnSeries) -> Markup:
    """Draw the forecasts of the next row over the last part of the judged stretch, with bounds, beside the truth."""
    part = drawn["stretch"]
    chart = Chart("one step ahead", part["ticks"], size=WIDE)
    chart.band(points(part["x"], part["lower"]), points(part["x"], part["upper"]))
    for kind, values in (("truth", part["target"]), ("forecast", part["forecast"])):
        chart.line(points(part["x"], values), kind, kind, len(part["x"]) <= MAX_DOTS)
    return chart.drawn("forecasts one step ahead beside the truth")


def fan(origin: Fan) -> Markup:
    """Draw the whole horizon from one origin, with the last rows before it."""
    first = origin["origin"] - len(origin["past"]) + 1
    past = points(range(first, origin["origin"] + 1), origin["past"])

    def ahead(values: list[float]) -> list[Point]:
        return [past[-1], *points(origin["x"], values)]

    chart = Chart(f"from {origin['from']} on")
    chart.band(ahead(origin["lower"]), ahead(origin["upper"]))
    chart.line(past, "past")
    chart.line(ahead(origin["target"]), "truth")
    chart.line(ahead(origin["forecast"]), "forecast")
    return chart.drawn(f"forecasts from {origin['from']} on")


def errors(drawn: DrawnSeries) -> Markup:
    """Draw forecast minus truth, one step ahead, over the judged part."""
    part, named = drawn["judged"]["error"], drawn["judged"]["ticks"]
    chart = Chart("forecast - truth, one step ahead", named[:: max(len(named) - 1, 1)])
    for x, low, high in zip(part["x"], part["low"], part["high"], strict=True):
        chart.rule((x, low if low != high else 0), (x, high), "line")
    chart.rule((-inf, 0), (inf, 0), "line truth")
    return chart.drawn("errors over time")


def autocorrelation(residuals: Residuals) -> Markup:
    """Draw the autocorrelation of the errors with the bound that 95 % of those of pure noise keep."""
    values, bound = residuals["autocorrelation"], residuals["bound"]
    every = max(1, len(values) // 8)
    names = [(lag, str(lag)) for lag in range(every, len(values) + 1, every)]
    chart = Chart("autocorrelation of these errors by lag", names, across=(0, len(values) + 1))
    if values and bound is not None:
        chart.band([(-inf, -bound), (inf, -bound)], [(-inf, bound), (inf, bound)])
    for lag, value in enumerate(values, 1):
        chart.rule((lag, 0), (lag, value), "stem")
    return chart.drawn("autocorrelation of the errors")


def by_step(rows: Sequence[StepRow], names: Sequence[str]) -> Markup:
    """Draw the RMSE by step of the horizon beside that of some baselines."""
    steps = [(row["step"], str(row["step"])) for row in rows]
    chart = Chart("RMSE by step", steps[:: max(1, len(rows) // 12)], size=WIDE)
    errors = {"this model": [row["rmse"] for row in rows]}
    errors |= {name: [row["baselines"].get(name) for row in rows] for name in names}
    lines = {
        name: [(float(row["step"]), value) for row, value in zip(rows, values, strict=True) if value is not None]
        for name, values in errors.items()
    }
    for kind, (name, line) in zip(("forecast", "second", "third", "fourth"), lines.items(), strict=False):
        chart.line(line, kind, name, len(line) <= MAX_DOTS)
    chart.rule((-inf, 0), (inf, 0), "grid")
    return chart.drawn("error by step of the horizon")


def points(rows: Sequence[int], values: Sequence[float]) -> list[Point]:
    """Return values with the rows they belong to."""
    return list(zip(rows, values, strict=True))
