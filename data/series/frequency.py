"""How far apart a series' rows are: a fixed step or a calendar one, found out from the times, and the grid they must lie on."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import did_you_mean

if TYPE_CHECKING:
    import numpy as np

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
BUSINESS_DAY = "business day"
UNITS = (*SECONDS, *MONTHS, BUSINESS_DAY)
# steps of a unit that make a season: a day for hours and shorter ones, a week for days, a year for the rest
PERIODS = {
    "second": 86_400,
    "minute": 1440,
    "hour": 24,
    "day": 7,
    "week": 52,
    "month": 12,
    "quarter": 4,
    "year": 1,
    BUSINESS_DAY: 5,
}
ADVERBS = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
}
DAY = 86_400
MEAN_MONTH = 30.436875 * DAY


@dataclass(frozen=True)
class Frequency:
    """A number of calendar units between two rows.

    Attributes:
        unit: one of UNITS.
        count: how many.
        day: for months and longer, the day of the month that every row stands for; months too short for it take their last day.
            Where it is known beforehand, times that do not tell it are taken so.
    """

    unit: str
    count: int = 1
    day: int | None = None

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"

    @property
    def season(self) -> int:
        """Rows in a season; 1 where the steps do not add up to one."""
        return PERIODS[self.unit] // self.count if PERIODS[self.unit] % self.count == 0 else 1

    @property
    def seconds(self) -> float:
        """Mean seconds of a step."""
        if self.unit == BUSINESS_DAY:
            return DAY * 7 / 5
        return self.count * (SECONDS[self.unit] if self.unit in SECONDS else MONTHS[self.unit] * MEAN_MONTH)

    def as_property(self) -> dict[str, Any]:
        """Return what the manifest keeps; `day` only where the times themselves may not show it (the 29th to 31st)."""
        known: dict[str, Any] = {"unit": self.unit, "count": self.count}
        return known | {"day": self.day} if self.day and self.day > 28 else known


def read_frequency(text: str) -> Frequency:
    """Read `15 minutes`, `month` or `monthly`.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"\s*(\d+)?\s*([a-z ]+?)\s*", text.lower())
    word = ADVERBS.get(match[2], match[2]) if match else text
    unit = word if word in UNITS else word.removesuffix("s")
    if match is None or unit not in UNITS or match[1] == "0":
        raise ValueError(f"`{text}` is no frequency such as `1 month` or `15 minutes`. {did_you_mean(unit, UNITS)}")
    return Frequency(unit, int(match[1] or 1))


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

    def index(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of the last grid time that is not after each of `times`, and whether it is that time exactly."""
        import numpy as np

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

    def times(self, index: np.ndarray) -> np.ndarray:
        """Return the times of grid numbers, in unix seconds."""
        import numpy as np

        if self.frequency.unit in SECONDS:
            return index * (self.frequency.count * SECONDS[self.frequency.unit]) + self.phase
        if self.frequency.unit == BUSINESS_DAY:
            number = index * self.frequency.count + self.phase
            return ((number // 5) * 7 + number % 5 - 3) * DAY + self.clock  # day -3 is the Monday before 1970-01-01
        months = index * (self.frequency.count * MONTHS[self.frequency.unit]) + self.phase
        first, following = month_starts(months), month_starts(months + 1)
        day = np.minimum(self.frequency.day or 1, following - first)
        return (first + day - 1) * DAY + self.clock


def business_days(days: np.ndarray) -> np.ndarray:
    """Count the days from Monday to Friday that lie before each day, from the Monday before 1970-01-01 on."""
    import numpy as np

    since_monday = days + 3
    return since_monday // 7 * 5 + np.minimum(since_monday % 7, 5)


def month_numbers(times: np.ndarray) -> np.ndarray:
    """Return months since January 1970."""
    return times.astype("datetime64[s]").astype("datetime64[M]").astype("int64")


def month_starts(months: np.ndarray) -> np.ndarray:
    """Return the day number, from 1970-01-01 on, of each month's first day."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype("int64")


def infer_frequency(steps: Counter[int], times: np.ndarray) -> Frequency:
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


def share_on_grid(frequency: Frequency, times: np.ndarray) -> float:
    """Return the share of neighbouring times that follow each other by exactly one step of the grid."""
    import numpy as np

    index, exact = fit_grid(frequency, times).index(times)
    return float(np.mean((np.diff(index) == 1) & exact[1:] & exact[:-1]))


def fit_grid(frequency: Frequency, times: np.ndarray) -> Grid:
    """Return the grid on which most of `times` lie."""
    import numpy as np

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


def mode(values: np.ndarray) -> int:
    """Return the most frequent value, the smallest where several are."""
    import numpy as np

    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])
