"""The data of the drawings of a series and its forecasts, thinned to what an image can show."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.tasks.forecasting.details import DrawnSeries, Envelope, Fan, Tick
from components.tasks.forecasting.facts import TimeFormFacts
from components.tasks.forecasting.metrics import Forecasts

Floats = NDArray[np.float32] | NDArray[np.float64]

POINTS = 700  # across an image; more rows are drawn as the least and greatest value of so many groups
IN_FULL = 240  # windows that are drawn one by one, with their intervals
FANS = 6  # origins from which the whole horizon is drawn
PAST = 36  # rows before a fan that are drawn, its origin the last of them
TICKS = 6
DIGITS = 6  # significant ones of each number


@dataclass(frozen=True)
class Line:
    """One column of one series.

    Attributes:
        number: the series' number.
        id: its name.
        column: the column's number.
        name: its name.
        why: `first` or `worst`.
        values: float64 [T].
        times: int64 [T] unix seconds; None where unknown.
        cuts: row at which validation and test begin; None where there is no such part.
        form: how the raw data write times; None where it is not known.
    """

    number: int
    id: str
    column: int
    name: str
    why: str
    values: NDArray[np.float64]
    times: NDArray[np.int64] | None
    cuts: dict[str, int | None]
    form: TimeFormFacts | None = None

    def name_row(self, row: int) -> str:
        """Name a row by its time, or by its number without times."""
        return f"{row:,}" if self.times is None else name(self.form, int(self.times[row]), hourly([self.times]))


def draw_line(line: Line, forecasts: Forecasts) -> DrawnSeries:
    """Return the whole series, its forecasts one step ahead over the judged part, some of them in full, and fans."""
    windows = np.flatnonzero(forecasts.series == line.number)
    windows = windows[np.argsort(forecasts.row[windows], kind="stable")]
    rows = forecasts.row[windows]
    target, forecast, lower, upper = (
        values[windows, :, line.column]
        for values in (forecasts.target, forecasts.forecast, forecasts.lower, forecasts.upper)
    )
    full = slice(max(0, len(rows) - IN_FULL), None)
    horizon = target.shape[1]
    return {
        "series": line.id,
        "column": line.name,
        "why": line.why,
        "rows": len(line.values),
        "cuts": line.cuts,
        "values": envelope(np.arange(len(line.values)), line.values),
        "ticks": ticks(line, 0, len(line.values) - 1),
        "judged": {
            "windows": len(rows),
            "ticks": ticks(line, int(rows[0]), int(rows[-1])),
            "target": envelope(rows, target[:, 0]),
            "forecast": envelope(rows, forecast[:, 0]),
            "error": envelope(rows, forecast[:, 0].astype(np.float64) - target[:, 0]),
        },
        "stretch": {
            "x": rows[full].tolist(),
            "ticks": ticks(line, int(rows[full][0]), int(rows[-1])),
            "target": shorten(target[full, 0]),
            "forecast": shorten(forecast[full, 0]),
            "lower": shorten(lower[full, 0]),
            "upper": shorten(upper[full, 0]),
        },
        "fans": [
            draw_fan(line, int(rows[place]), target[place], forecast[place], lower[place], upper[place])
            for place in fan_origins(rows, horizon)
        ],
    }


def draw_fan(line: Line, row: int, target: Floats, forecast: Floats, lower: Floats, upper: Floats) -> Fan:
    """Return the forecasts of the whole horizon, the first of them for `row`, and the values before it."""
    origin = row - 1
    return {
        "origin": origin,
        "from": line.name_row(origin),
        "past": shorten(line.values[max(0, row - PAST) : row]),
        "x": list(range(row, row + len(target))),
        "target": shorten(target),
        "forecast": shorten(forecast),
        "lower": shorten(lower),
        "upper": shorten(upper),
    }


def envelope(x: NDArray[np.int64], values: Floats) -> Envelope:
    """Return values, or, of many, least and greatest of each group of neighbours: a peak stays a peak."""
    if len(values) <= POINTS:
        numbers = shorten(values)
        return {"x": x.tolist(), "low": numbers, "high": numbers}
    starts = np.linspace(0, len(values), POINTS // 2, endpoint=False).astype(np.int64)
    return {
        "x": x[starts].tolist(),
        "low": shorten(np.minimum.reduceat(values, starts)),
        "high": shorten(np.maximum.reduceat(values, starts)),
    }


def shorten(values: Floats) -> list[float]:
    """Return numbers with six significant digits."""
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def fan_origins(rows: NDArray[np.int64], horizon: int) -> list[int]:
    """Choose windows whose targets do not overlap, evenly over the part; none one step ahead."""
    if horizon == 1:
        return []
    apart: list[int] = []
    for place, row in enumerate(rows.tolist()):
        if not apart or row >= rows[apart[-1]] + horizon:
            apart.append(place)
    return [apart[int(number)] for number in np.unique(np.linspace(0, len(apart) - 1, FANS).round())]


def ticks(line: Line, first: int, last: int) -> list[Tick]:
    """Return rows with what to write below them: dates, with the hour where the range is short, or the row's number."""
    rows = np.unique(np.linspace(first, last, TICKS).round().astype(int)).tolist()
    if (times := line.times) is None:
        return [(row, f"{row:,}") for row in rows]
    short = len(rows) == 1 or times[rows[1]] - times[rows[0]] < 2 * 86400
    hours, clocks = short and hourly([times]), line.form.on_clocks if line.form else int
    return [(row, name_time(clocks(int(times[row])), hours)) for row in rows]


def hourly(times: Sequence[NDArray[np.int64] | None]) -> bool:
    """Say whether there are times that are not at midnight."""
    return any(stamps is not None and bool((np.asarray(stamps[:1000]) % 86400).any()) for stamps in times)


def name(form: TimeFormFacts | None, seconds: int, hours: bool) -> str:
    """Return a time as the raw data have it."""
    return form.write(seconds) if form else name_time(seconds, hours)


def name_moments(
    times: Sequence[NDArray[np.int64] | None], forecasts: Forecasts, form: TimeFormFacts | None = None
) -> list[str]:
    """Name each window's first target row: by its time, or its number where times are unknown."""
    hours = hourly([times[number] for number in np.unique(forecasts.series).tolist()])
    names = []
    for number, row in zip(forecasts.series.tolist(), forecasts.row.tolist(), strict=True):
        stamps = times[number]
        names.append(f"row {row:,}" if stamps is None else name(form, int(stamps[row]), hours))
    return names


def name_time(seconds: int, hours: bool) -> str:
    """Return unix seconds as `2014-07-31` or `2014-07-31 18:00`."""
    # a sum, for years before 1970 too, on every system
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%d %H:%M" if hours else "%Y-%m-%d")
