"""The equally spaced times that a series' rows must lie on, and the step found out from the times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data.series.frequency import BUSINESS_DAY, DAY, MEAN_MONTH, MONTHS, SECONDS, Frequency


@dataclass(frozen=True)
class Grid:
    """The equally spaced times that a series' rows lie on, numbered.

    Attributes:
        frequency: the step.
        phase: where the numbering starts: seconds within the step; for months a month's number within the step.
        clock: for months and business days, seconds within the day.
    """

    frequency: Frequency
    phase: int = 0
    clock: int = 0

    def index(self, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the number of the last grid time not after each of `times`, and whether it is that time exactly."""
        if self.frequency.unit in SECONDS:
            step = self.frequency.count * SECONDS[self.frequency.unit]
            index = (times - self.phase) // step
        elif self.frequency.unit == BUSINESS_DAY:
            days = (times - self.clock) // DAY
            index = (business_days(days + 1) - 1 - self.phase) // self.frequency.count
        else:
            months = month_numbers(times)
            index = (months - self.phase) // (self.frequency.count * MONTHS[self.frequency.unit])
            index = np.where(self.times(index) > times, index - 1, index)
        return index, self.times(index) == times

    def times(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the times of grid numbers, in unix seconds."""
        if self.frequency.unit in SECONDS:
            return index * (self.frequency.count * SECONDS[self.frequency.unit]) + self.phase
        if self.frequency.unit == BUSINESS_DAY:
            number = index * self.frequency.count + self.phase
            return ((number // 5) * 7 + number % 5 - 3) * DAY + self.clock  # day -3 is the Monday before 1970-01-01
        months = index * (self.frequency.count * MONTHS[self.frequency.unit]) + self.phase
        first, following = month_starts(months), month_starts(months + 1)
        day = np.minimum(self.frequency.day or 1, following - first)
        times: NDArray[np.int64] = (first + day - 1) * DAY + self.clock
        return times


def business_days(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the days from Monday to Friday that lie before each day, from the Monday before 1970-01-01 on."""
    since_monday = days + 3
    working: NDArray[np.int64] = since_monday // 7 * 5 + np.minimum(since_monday % 7, 5)
    return working


def month_numbers(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return months since January 1970."""
    return times.astype("datetime64[s]").astype("datetime64[M]").astype("int64")


def month_starts(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the day number, from 1970-01-01 on, of each month's first day."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype("int64")


def infer_frequency(steps: Counter[int], times: NDArray[np.int64]) -> Frequency:
    """Return the frequency of the most frequent step.

    Args:
        steps: how often each step, in seconds, occurs.
        times: some of the times, in their order; they decide between months and a number of days.
    """
    step = max(steps, key=lambda seconds: (steps[seconds], -seconds))
    candidates = [fixed_frequency(step)]
    if step % DAY == 0 and step >= 28 * DAY:
        months = round(step / MEAN_MONTH)
        candidates.append(calendar_frequency(months))
    if step == DAY:
        candidates.append(Frequency(BUSINESS_DAY))
    return max(candidates, key=lambda item: share_on_grid(item, times))  # the first one, where they are as good


def fixed_frequency(seconds: int) -> Frequency:
    """Write a number of seconds in the largest unit that divides it."""
    unit = next(unit for unit in reversed(SECONDS) if seconds % SECONDS[unit] == 0)
    return Frequency(unit, seconds // SECONDS[unit])


def calendar_frequency(months: int) -> Frequency:
    unit = next(unit for unit in reversed(MONTHS) if months % MONTHS[unit] == 0)
    return Frequency(unit, months // MONTHS[unit])


def share_on_grid(frequency: Frequency, times: NDArray[np.int64]) -> float:
    """Return the share of neighbouring times that follow each other by exactly one step of the grid."""
    index, exact = fit_grid(frequency, times).index(times)
    return float(np.mean((np.diff(index) == 1) & exact[1:] & exact[:-1]))


def regularity(times: NDArray[np.int64]) -> float:
    """Return the share of equal steps between times, in the unit that makes most of them equal; 0 without steps."""
    ordered = np.unique(times)
    steps = Counter(np.diff(ordered).tolist())
    return share_on_grid(infer_frequency(steps, ordered), ordered) if steps else 0.0


def fit_grid(frequency: Frequency, times: NDArray[np.int64]) -> Grid:
    """Return the grid on which most of `times` lie."""
    if frequency.unit in SECONDS:
        return Grid(frequency, mode(times % (frequency.count * SECONDS[frequency.unit])))
    clock = mode(times % DAY)
    days = (times - clock) // DAY
    if frequency.unit == BUSINESS_DAY:
        working = days[(days + 3) % 7 < 5]
        return Grid(frequency, mode(business_days(working) % frequency.count) if len(working) else 0, clock)
    months = month_numbers(times)
    day = days - month_starts(months) + 1
    phase = mode(months % (frequency.count * MONTHS[frequency.unit]))
    choices = [*([frequency.day] if frequency.day else []), *sorted({mode(day), int(day.max())})]
    grids = [Grid(Frequency(frequency.unit, frequency.count, number), phase, clock) for number in choices]
    return max(grids, key=lambda grid: int(np.sum(grid.index(times)[1])))  # the first one, where they are as good


def mode(values: NDArray[np.int64]) -> int:
    """Return the most frequent value, the smallest where several are."""
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])
