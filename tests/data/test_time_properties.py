"""Whatever the form, the language, the zone and the order: times come back exactly, or the reading stops."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from babel.dates import format_date
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.series.config import SeriesDataConfig
from data.series.ingest import survey
from data.series.times.writing import write_time
from pipeline.errors import UserError
from pipeline.progress import Progress

QUIET = Progress(quiet=True)
ROWS = 60
DAILY = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y", "%y/%m/%d", "%Y%m%d", "%d %b %Y", "%B %d, %Y",
         "%a, %d %b %Y", "%Y年%m月%d日", "%Y-%j", "%d/%m/%y", "%m-%d-%Y", "%d%b%Y")  # fmt: skip
CLOCKS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%Y%m%dT%H%M%S",
          "%H:%M %d.%m.%Y",         "%a %b %d %H:%M:%S %Y")  # fmt: skip
WORDS = ("d MMMM y", "d. MMM y", "MMMM y", "LLLL y", "MMM y", "d 'de' MMMM 'de' y", "y MMM d")
LANGUAGES = ("de", "fr", "es", "pt", "it", "ru", "pl", "cs", "tr", "el", "fi", "hu", "vi", "ar", "hi", "uk", "hr", "lt")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")


def read_back(cells: list[str], **more: object) -> tuple[list[int], list[float], list[str]] | None:
    """Return the times, the values and the times written again; None where the reading stops."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "table.csv")
        lines = [f"{cell}\t{number + number % 5 / 10}" for number, cell in enumerate(cells)]
        file.write_text("date\tvalue\n" + "\n".join(lines) + "\n", "utf-8")
        config = SeriesDataConfig.model_validate({"path": str(file), "value_columns": ["value"], **more})
        try:
            found = survey(file, config, Path(name, "rows"), QUIET)
        except UserError:
            return None
        end = found.staged.offsets[-1]
        times, values = found.staged.read("times", 0, end).tolist(), found.staged.read("values", 0, end)[:, 0].tolist()
        form = found.staged.form
        assert form is not None
        return times, values, [write_time(time, form) for time in times]


def check(cells: list[str], moments: list[datetime], order: list[int], **more: object) -> bool:
    """Read cells in an order; say whether they were read, and assert that they were read right."""
    found = read_back([cells[place] for place in order], **more)
    if found is None:
        return False
    times, values, written = found
    assert times == [int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()) for moment in moments]
    rank = np.argsort(order)
    assert values == [float(number + number % 5 / 10) for number in rank.tolist()]
    assert written == cells
    return True


def arranged(kind: str, seed: int) -> list[int]:
    """Return the numbers of the rows as they stand in the file."""
    if kind == "shuffled":
        return [int(place) for place in np.random.default_rng(seed).permutation(ROWS)]
    return list(range(ROWS)) if kind == "oldest first" else list(range(ROWS))[::-1]


ORDERS = st.sampled_from(["oldest first", "newest first", "shuffled"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.datetimes(datetime(1975, 1, 1), datetime(2029, 1, 1)), st.sampled_from(DAILY), ORDERS, st.integers(0, 99))
def test_days_come_back_exactly_or_it_stops(start: datetime, form: str, kind: str, seed: int) -> None:
    moments = [datetime(start.year, start.month, start.day) + timedelta(days=day) for day in range(ROWS)]
    check([f"{moment:{form}}" for moment in moments], moments, arranged(kind, seed))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2029, 1, 1)),
    st.sampled_from(CLOCKS),
    st.sampled_from([1, 5, 15, 60, 360]),
    ORDERS,
    st.integers(0, 99),
)
def test_clocks_come_back_exactly_or_it_stops(start: datetime, form: str, minutes: int, kind: str, seed: int) -> None:
    first = datetime(start.year, start.month, start.day, start.hour)
    moments = [first + timedelta(minutes=minutes * step) for step in range(ROWS)]
    check([f"{moment:{form}}" for moment in moments], moments, arranged(kind, seed))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1975, 2028), st.sampled_from(WORDS), st.sampled_from(LANGUAGES), ORDERS, st.integers(0, 99))
def test_names_of_months_come_back_exactly_or_it_stops(
    year: int, pattern: str, language: str, kind: str, seed: int
) -> None:
    if "d" in pattern.replace("'de'", ""):
        moments = [datetime(year, 1, 1) + timedelta(days=7 * week) for week in range(ROWS)]
    else:
        moments = [datetime(year + month // 12, month % 12 + 1, 1) for month in range(ROWS)]
    cells = [format_date(moment, pattern, locale=language) for moment in moments]
    check(cells, moments, arranged(kind, seed))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.datetimes(datetime(1985, 1, 1), datetime(2029, 1, 1)),
    st.sampled_from(ZONES),
    st.sampled_from([15, 30, 60]),
    st.sampled_from(["oldest first", "newest first"]),
)
def test_clocks_of_a_zone_come_back_exactly_or_it_stops(start: datetime, zone: str, minutes: int, kind: str) -> None:
    first = datetime(start.year, start.month, start.day, tzinfo=timezone.utc)
    moments = [first + timedelta(minutes=minutes * step) for step in range(ROWS)]
    cells = [f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for moment in moments]
    check(cells, moments, arranged(kind, 0), time_zone=zone)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_month_of_a_language_is_read(language: str) -> None:
    moments = [datetime(2014 + month // 12, month % 12 + 1, 1) for month in range(ROWS)]
    for pattern in ("MMMM y", "LLLL y", "MMM y"):
        assert check([format_date(moment, pattern, locale=language) for moment in moments], moments, list(range(ROWS)))
