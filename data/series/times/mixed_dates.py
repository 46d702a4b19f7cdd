"""Dates of which some have the day first and others the month, as programs write them that guess each for itself.

31/01/2019 01/02/2019 02/02/2019     read as they stand and turned where both readings are days: Excel, pandas
2019-01-31 2019-01-02 2019-02-02     the same, written back as ISO dates
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from data.series.grid import regularity
from data.series.staging import Staged
from data.series.times.clocks import to_wall
from data.series.times.forms import TimeForm
from data.series.times.parsing import first_day
from data.series.times.patterns import SWAPPED
from data.series.times.writing import write_time

DAY = 86_400
FEWEST_BREAKS = 3  # times out of order from which on dates are looked at for having two forms
CLEARLY = 4  # times as many breaks in the one reading as in the other
EVEN, LESS_EVEN = 0.99, 0.95  # shares of equal steps in the other reading and in this one, where a break is enough
ROUGHER = 2  # times as far from row to row as in the other reading
FEWEST_ROWS = 100  # with which values may tell that dates are in two forms
MOST_ROWS = 20_000  # of ISO dates, of which few are in two forms, whose values are looked at


def mixes_days(staged: Staged, config: SeriesDataConfig, findings: SeriesFindings) -> bool:
    """Report dates of which some seem to have the day first and others the month; tell whether there are any.

    It shows where those that can be read both ways, with days up to 12, are in order in the other way only. Sorted as
    they are read they look as good as any: then only the values show it, and only a clear difference counts.
    """
    form = staged.form
    if form is None or not has_days(form) or "no_such_time" in findings.counts:
        return False
    left = MOST_ROWS
    for number, name in enumerate(staged.ids):
        start, stop = staged.offsets[number], staged.offsets[number + 1]
        times = staged.read("times", start, stop)
        if len(times) < 3:
            continue
        if (breaks := breaks_order(times)) and mended(shown := on_clocks(times, form), breaks):
            change = np.diff(shown)
            rows = np.flatnonzero(change < 0 if (change > 0).sum() > (change < 0).sum() else change > 0) + 1
            for row in rows.tolist():
                file, line = staged.place(start + row)
                before, here = (write_time(int(times[place]), form) for place in (row - 1, row))
                findings.add("mixed_dates", file, line, f"`{here}` follows `{before}`", name)
            return True
        rows_looked_at = len(times) if form.name in SWAPPED else min(left, len(times))
        left -= rows_looked_at
        if not config.time_format and smoother(staged, start, times[:rows_looked_at], form):
            file, line = staged.place(start)
            findings.add("mixed_dates", file, line, "the values go on evenly only if days up to 12 are months", name)
            return True
    return False


def has_days(form: TimeForm) -> bool:
    """Tell whether times are dates with numbers for the day and the month."""
    return form.name in SWAPPED or all(part in form.name for part in ("%Y", "%m", "%d"))


def on_clocks(times: NDArray[np.int64], form: TimeForm) -> NDArray[np.int64]:
    return to_wall(times, form.zone) if form.zone and not form.wall else times


def mended(times: NDArray[np.int64], breaks: int) -> bool:
    """Tell whether times out of order come into it with day and month changed for each other.

    A few breaks are enough where the steps are then even.
    """
    other = with_days_swapped(times)
    left = breaks_order(other)
    if breaks >= FEWEST_BREAKS and breaks >= CLEARLY * left:
        return True
    return not left and regularity(other) >= EVEN and regularity(times) <= LESS_EVEN


def with_days_swapped(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return times with day and month changed for each other where that gives a date."""
    days = times // DAY
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    year = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    swapped, _ = first_day(year, np.where(day <= 12, day, month), np.where(day <= 12, month, day))
    return swapped * DAY + times % DAY


def breaks_order(times: NDArray[np.int64]) -> int:
    """Count how often times, which mostly rise or mostly fall, do the opposite."""
    change = np.diff(times)
    return int(min((change < 0).sum(), (change > 0).sum()))


def smoother(staged: Staged, start: int, times: NDArray[np.int64], form: TimeForm) -> bool:
    """Tell whether values change far less from row to row in the order of swapped days than in that of their own."""
    if len(times) < FEWEST_ROWS:
        return False
    times = on_clocks(times, form)
    other = with_days_swapped(times)
    apart = np.flatnonzero(times != other)
    if len(apart) < FEWEST_ROWS // 4 or len(np.unique(other)) < len(other):
        return False
    values = staged.read("values", start, start + len(times))[:, 0]
    with np.errstate(invalid="ignore"):
        steps = [np.abs(np.diff(values[np.argsort(item, kind="stable")])) for item in (times, other)]
        means = [float(np.nanmean(item)) if np.isfinite(item).any() else np.nan for item in steps]
    return bool(np.isfinite(means).all() and means[0] > ROUGHER * means[1])
