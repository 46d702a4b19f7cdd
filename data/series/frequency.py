"""How far apart a series' rows are: a fixed step or a calendar one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pipeline.errors import did_you_mean

SECONDS = {"step": 1, "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
BUSINESS_DAY = "business day"
UNITS = (*SECONDS, *MONTHS, BUSINESS_DAY)
# steps of a unit that make a season: a day for hours and shorter ones, a week for days, a year for the rest
PERIODS = {
    "step": 1,
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
        day: for months and longer, the day of the month that every row stands for; months too short for it take their
            last day. Where it is known beforehand, times that do not tell it are taken so.
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
