"""Pictures of a judged forecaster: series and splits, forecasts against what came, residuals, errors of baselines.

They are drawn from the plain values of an evaluation's details.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from components.plots.drawing import DOTS_PER_INCH, plain_axes, png, shorten
from pipeline.figures import write_figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from components.tasks.forecasting.details import (
        BaselineRow,
        DrawnSeries,
        Envelope,
        ModelRow,
        Residuals,
        StepRow,
        Tick,
    )


WIDTH = 8.0  # inches
TRUTH, FORECAST, BAND, BETTER, WORSE = "#444444", "#1565c0", "#5b8def", "#b0b0b0", "#c62828"
PARTS = {"validation": "#fff3d6", "test": "#dfeaff"}  # background of each part; the training part has none


def draw_series(drawn: DrawnSeries, split: str) -> bytes:
    """Draw a whole series with its validation and test part as PNG.

    Args:
        drawn: a series of `series_drawn`.
        split: the part that was judged.
    """
    figure = Figure(figsize=(WIDTH, 2.8), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.08, 0.16, 0.87, 0.7)
    last = drawn["rows"] - 1
    begins = {part: row for part, row in drawn["cuts"].items() if row is not None}
    for part, row in begins.items():
        end = begins["test"] if part == "validation" and "test" in begins else last
        words = f"{part} (judged)" if part == split else part
        axes.axvspan(row - 0.5, end - (0.5 if end != last else -0.5), color=PARTS[part], label=words, linewidth=0)
        axes.axvline(row - 0.5, color="#888888", linewidth=0.8)
    draw_envelope(axes, drawn["values"], TRUTH, "")
    axes.set_xlim(0, last)
    finish(figure, axes, drawn["ticks"], f"{name(drawn)}: {drawn['rows']:,} rows", bool(begins))
    return png(figure)


def name(drawn: DrawnSeries, length: int = 60) -> str:
    """Return what a picture is of."""
    series, column = drawn["series"], drawn["column"]
    return shorten(column if series in ("", column) else f"{series}, {column}", length)


def draw_envelope(axes: Axes, values: Envelope, colour: str, label: str) -> None:
    """Draw a line, or the band between least and greatest value where rows were put together."""
    if values["low"] == values["high"]:
        axes.plot(values["x"], values["low"], color=colour, linewidth=0.9, label=label)
    else:
        axes.fill_between(
            values["x"], values["low"], values["high"], color=colour, alpha=0.6, linewidth=0.6, label=label
        )


def finish(figure: Figure, axes: Axes, ticks: list[Tick], title: str, legend: bool) -> None:
    """Add dates, title and legend."""
    axes.set_xticks([row for row, _ in ticks], [words for _, words in ticks])
    figure.text(0.08, 0.93, title, fontsize=9)
    if legend:
        place = axes.get_position()
        axes.legend(
            fontsize=7, frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), bbox_transform=axes.transAxes
        )
        axes.set_position(place)


def draw_forecast(drawn: DrawnSeries, level: float) -> bytes:
    """Draw forecasts one step ahead against what came.

    The whole judged part, and its end in full with intervals, if that is less.
    """
    stretch, judged = drawn["stretch"], drawn["judged"]
    both = judged["windows"] > len(stretch["x"])
    figure = Figure(figsize=(WIDTH, 5.2 if both else 3.0), dpi=DOTS_PER_INCH)
    if both:
        above = plain_axes(figure, 0.08, 0.58, 0.87, 0.31)
        draw_envelope(above, judged["target"], TRUTH, "truth")
        draw_envelope(above, judged["forecast"], FORECAST, "forecast")
        above.set_xticks([row for row, _ in judged["ticks"]], [words for _, words in judged["ticks"]])
        figure.text(0.08, 0.475, f"The last {len(stretch['x'])} windows", fontsize=9)
    axes = plain_axes(figure, 0.08, 0.08 if both else 0.14, 0.87, 0.37 if both else 0.7)
    axes.fill_between(
        stretch["x"],
        stretch["lower"],
        stretch["upper"],
        color=BAND,
        alpha=0.3,
        linewidth=0,
        label=f"{level:.0%} interval",
    )
    dots = "." if len(stretch["x"]) <= 60 else ""
    axes.plot(stretch["x"], stretch["target"], color=TRUTH, linewidth=1, marker=dots, markersize=4, label="truth")
    axes.plot(
        stretch["x"], stretch["forecast"], color=FORECAST, linewidth=1, marker=dots, markersize=4, label="forecast"
    )
    finish(figure, axes, stretch["ticks"], f"{name(drawn)}: {judged['windows']:,} forecasts one step ahead", True)
    return png(figure)


def draw_fans(drawn: DrawnSeries, level: float) -> bytes:
    """Draw forecasts of the whole horizon from a few origins against what came."""
    fans = drawn["fans"]
    columns = min(3, len(fans))
    rows = -(-len(fans) // columns)
    figure = Figure(figsize=(WIDTH, 2.1 * rows + 0.5), dpi=DOTS_PER_INCH)
    high = 2.1 * rows + 0.5
    for number, fan in enumerate(fans):
        row, column = divmod(number, columns)
        left = (0.6 + column * (WIDTH - 0.2) / columns) / WIDTH
        axes = plain_axes(
            figure,
            left,
            (high - 0.5 - 2.1 * (row + 1) + 0.45) / high,
            (WIDTH - 0.2) / columns / WIDTH - 0.09,
            1.45 / high,
        )
        x, known = [fan["origin"], *fan["x"]], fan["past"][-1]
        axes.fill_between(
            x,
            [known, *fan["lower"]],
            [known, *fan["upper"]],
            color=BAND,
            alpha=0.3,
            linewidth=0,
            label=f"{level:.0%} interval",
        )
        axes.plot(x, [known, *fan["target"]], color=TRUTH, linewidth=1, label="truth")
        axes.plot(x, [known, *fan["forecast"]], color=FORECAST, linewidth=1.2, label="forecast")
        axes.set_title(fan["from"], fontsize=8)
        axes.set_xticks([fan["x"][0], fan["x"][-1]], ["1", f"{len(fan['x'])} ahead"])
    figure.text(
        0.02,
        1 - 0.22 / high,
        f"{name(drawn)}: the whole horizon from {len(fans)} origin{'s' if len(fans) > 1 else ''}",
        fontsize=9,
    )
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="upper right", fontsize=7, frameon=False, ncols=3)
    return png(figure)


def draw_residuals(residuals: Residuals, drawn: DrawnSeries) -> bytes:
    """Draw errors one step ahead over time and their autocorrelation with the 95 % bounds of white noise."""
    figure = Figure(figsize=(WIDTH, 2.8), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.08, 0.16, 0.5, 0.7)
    axes.axhline(0, color="#888888", linewidth=0.8)
    draw_envelope(axes, drawn["judged"]["error"], FORECAST, "")
    finish(figure, axes, drawn["judged"]["ticks"][::2], f"{name(drawn, 26)}: forecast minus truth", False)
    beside = plain_axes(figure, 0.66, 0.16, 0.32, 0.7)
    correlations, bound, chance = residuals["autocorrelation"], residuals["bound"], residuals["ljung_box_p"]
    if bound is None or chance is None:
        beside.set_axis_off()
        beside.text(0.5, 0.5, "too few windows", ha="center", fontsize=8)
        return png(figure)
    lags = range(1, len(correlations) + 1)
    beside.axhspan(-bound, bound, color=BAND, alpha=0.25, linewidth=0)
    beside.axhline(0, color="#888888", linewidth=0.8)
    beside.bar(lags, correlations, width=0.6, color=FORECAST)
    beside.set_ylim(min(-1.4 * bound, *correlations) - 0.05, max(1.4 * bound, *correlations) + 0.05)
    beside.set_xlim(0.3, max(len(correlations), 4) + 0.7)
    beside.xaxis.get_major_locator().set_params(integer=True)
    beside.set_xlabel("lag", fontsize=8)
    words = "< 0.001" if chance < 0.001 else f"= {chance:.2g}"
    figure.text(0.66, 0.93, f"autocorrelation; Ljung-Box p {words}", fontsize=9)
    return png(figure)


def draw_error_by_step(rows: list[StepRow]) -> bytes:
    """Draw the RMSE at each step ahead, the model's and every baseline's."""
    figure = Figure(figsize=(WIDTH * 0.75, 3.4), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.1, 0.13, 0.56, 0.76)
    steps = [row["step"] for row in rows]
    for other in rows[0]["baselines"]:
        values = [row["baselines"][other] for row in rows]
        if None not in values:
            axes.plot(steps, values, linewidth=1, label=other)
    axes.plot(steps, [row["rmse"] for row in rows], color="black", linewidth=2, label="the model")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("steps ahead", fontsize=8)
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    figure.text(0.1, 0.93, "RMSE by step ahead", fontsize=9)
    return png(figure)


def draw_baselines(model: ModelRow, baselines: list[BaselineRow]) -> bytes:
    """Draw the RMSE of the model and of each baseline as bars; red ones are not beaten."""
    figures = [(model["rmse"], "the model", FORECAST)]
    figures += [(row["rmse"], row["name"], BETTER if row["beaten"] else WORSE) for row in baselines]
    rows = sorted(((value, words, colour) for value, words, colour in figures if value is not None), reverse=True)
    high = 0.32 * len(rows) + 0.8
    figure = Figure(figsize=(WIDTH * 0.75, high), dpi=DOTS_PER_INCH)
    axes = plain_axes(figure, 0.34, 0.3 / high, 0.58, 1 - 0.75 / high)
    axes.barh([words for _, words, _ in rows], [value for value, _, _ in rows], color=[colour for _, _, colour in rows])
    figures_of = write_figures([value for value, _, _ in rows])
    for place, ((value, _, _), words) in enumerate(zip(rows, figures_of, strict=True)):
        axes.text(value, place, f" {words}", va="center", fontsize=8)
    unbeaten = sum(colour == WORSE for _, _, colour in rows)
    verdict = "the model is better than every baseline" if not unbeaten else f"red: {unbeaten} not beaten"
    figure.text(0.02, 1 - 0.25 / high, f"RMSE over all steps; {verdict}", fontsize=9)
    return png(figure)
