"""Rows come into the order of time and onto even steps only where their times prove it, or where it is asked for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from data.series.config import SeriesDataConfig
from data.series.ingest import Survey, survey
from data.series.times.writing import write_time
from pipeline.errors import UserError
from pipeline.progress import Progress

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sensor.csv"


def look(file: Path, cells: list[str], values: list[float] | None = None, **settings: Any) -> Survey:
    """Write a table of times and values and look at its rows as a run does."""
    numbers = values if values is not None else [50 + number % 7 + number / 100 for number in range(len(cells))]
    lines = [f"{cell},{value:.4f}" for cell, value in zip(cells, numbers, strict=True)]
    file.write_text("\n".join(["time,value", *lines]) + "\n")
    config = SeriesDataConfig.model_validate({"path": str(file), **settings})
    return survey(file, config, file.parent / "rows", Progress())


def rows_of(found: Survey) -> tuple[list[int], list[float]]:
    """Return the staged times and values."""
    end = found.staged.offsets[-1]
    return found.staged.read("times", 0, end).tolist(), found.staged.read("values", 0, end)[:, 0].tolist()


def days(number: int) -> list[datetime]:
    return [datetime(2018, 1, 1, tzinfo=timezone.utc) + timedelta(days=day) for day in range(number)]


def test_shuffled_rows_are_put_in_order_and_told(file: Path) -> None:
    order = np.random.default_rng(1).permutation(200)
    cells = [f"{days(200)[place]:%Y-%m-%d}" for place in order]
    found = look(file, cells, [float(place) + place % 3 for place in order])
    assert rows_of(found)[1] == [place + place % 3 for place in range(200)]
    assert "unordered_rows" in found.findings.counts
    with pytest.raises(UserError, match="duplicate_time"):
        look(file, [*cells, cells[0]])


def test_times_with_years_of_two_digits_are_put_in_order_only_where_the_recipe_says_how_they_are_written(
    file: Path,
) -> None:
    cells = [f"{day:%d.%m.%y}" for day in [*days(200)[100:], *days(200)[:100]]]
    with pytest.raises(UserError) as caught:
        look(file, cells)
    assert "unordered_time" in caught.value.what
    assert "data.time_format" in caught.value.fix
    assert "unordered_rows" in look(file, cells, time_format="%d.%m.%y").findings.counts


def test_dates_with_the_day_first_and_others_with_the_month_first_are_told_from_rows_out_of_order(file: Path) -> None:
    mixed = [f"{day:%m/%d/%Y}" if day.day <= 12 else f"{day:%d/%m/%Y}" for day in days(365)]
    with pytest.raises(UserError) as caught:
        look(file, mixed)
    assert "mixed_dates" in caught.value.what
    assert "`13/01/2018` follows `01/12/2018`" in caught.value.what
    assert "Sort" not in caught.value.fix
    with pytest.raises(UserError, match="mixed_dates"):
        look(file, mixed[::-1])
    with pytest.raises(UserError, match="mixed_dates"):
        look(file, [*mixed, "02/13/2019"])


def test_dates_that_alternate_between_both_ways_are_told_as_that(file: Path) -> None:
    mixed = [f"{day:%d/%m/%Y}" if place % 2 else f"{day:%m/%d/%Y}" for place, day in enumerate(days(120))]
    with pytest.raises(UserError, match="day first and others the month"):
        look(file, mixed)


@pytest.mark.parametrize("more", [{"time_zone": "Europe/Berlin"}, {"snap": "1 hour"}, {"resample": "1 day"}])
def test_what_is_asked_for_of_times_that_are_not_there_is_refused(file: Path, more: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="no times"):
        look(file, [f"{row}.5" for row in range(50)], time_column="none", value_columns=["value"], **more)


def test_mixed_dates_that_were_sorted_are_known_by_their_values(file: Path) -> None:
    mixed = [f"{day:%m/%d/%Y}" if day.day <= 12 else f"{day:%d/%m/%Y}" for day in days(365)]
    rows = sorted(zip(mixed, range(100, 465), strict=True), key=lambda row: (row[0][3:5], row[0][:2]))
    cells, values = [cell for cell, _ in rows], [float(value) for _, value in rows]
    with pytest.raises(UserError, match="mixed_dates"):
        look(file, cells, values)
    assert look(file, cells, values, time_format="%d/%m/%Y").frequency is not None
    right = [f"{day:%d/%m/%Y}" for day in days(365)]
    found = look(file, right, [float(value) for value in range(100, 465)])
    assert "mixed_dates" not in found.findings.counts


@pytest.mark.parametrize("minutes", [15, 60])
@pytest.mark.parametrize("backwards", [False, True])
def test_local_times_are_followed_over_both_changes_of_clocks(file: Path, minutes: int, backwards: bool) -> None:
    start = datetime(2019, 3, 30, tzinfo=timezone.utc)
    moments = [start + timedelta(minutes=minutes * step) for step in range(220 * 24 * 60 // minutes)]
    cells = [f"{moment.astimezone(BERLIN):%Y-%m-%d %H:%M}" for moment in moments]
    found = look(file, cells[::-1] if backwards else cells, time_zone="Europe/Berlin")
    assert rows_of(found)[0] == [int(moment.timestamp()) for moment in moments]
    assert found.frequency is not None
    assert found.frequency.seconds == minutes * 60
    assert found.staged.form is not None
    assert [write_time(int(moment.timestamp()), found.staged.form) for moment in moments] == cells
    with pytest.raises(UserError, match="data.time_zone=Europe/Berlin"):
        look(file, cells)


def test_an_hour_that_clocks_leave_out_is_no_time(file: Path) -> None:
    cells = [f"2019-03-31 {hour:02d}:00" for hour in range(24)]
    with pytest.raises(UserError, match="no_such_time"):
        look(file, cells, time_zone="Europe/Berlin")


def test_days_go_by_the_calendar_of_their_zone(file: Path) -> None:
    first = datetime(2019, 1, 1, tzinfo=BERLIN)
    cells = [(first + timedelta(days=day)).isoformat() for day in range(365)]
    with pytest.raises(UserError, match="data.time_zone"):
        look(file, cells)
    found = look(file, cells, time_zone="Europe/Berlin")
    assert str(found.frequency) == "1 day"
    assert found.staged.form is not None
    written = [write_time(time, found.staged.form) for time in rows_of(found)[0]]
    assert written == cells
    named = [f"{cell}[Europe/Berlin]" for cell in cells]
    assert str(look(file, named).frequency) == "1 day"
    plain = [f"{first + timedelta(days=day):%Y-%m-%d}" for day in range(365)]
    assert str(look(file, plain, time_zone="Europe/Berlin").frequency) == "1 day"


def test_unix_times_and_spreadsheets_days_follow_a_zone(file: Path) -> None:
    first = datetime(2019, 3, 1, tzinfo=BERLIN)
    days_there = [first + timedelta(days=day) for day in range(60)]
    cells = [str(int(day.timestamp())) for day in days_there]
    found = look(file, cells, time_zone="Europe/Berlin")
    assert str(found.frequency) == "1 day"
    assert found.staged.form is not None
    assert [write_time(time, found.staged.form) for time in rows_of(found)[0]] == cells
    hours = [datetime(2019, 3, 30, tzinfo=timezone.utc) + timedelta(hours=hour) for hour in range(60)]
    clocks = [hour.astimezone(BERLIN).replace(tzinfo=timezone.utc) for hour in hours]
    cells = [f"{25_569 + clock.timestamp() / 86_400:.6f}" for clock in clocks]
    found = look(file, cells, time_zone="Europe/Berlin")
    assert rows_of(found)[0] == [int(hour.timestamp()) for hour in hours]
    assert found.staged.form is not None
    assert [write_time(time, found.staged.form) for time in rows_of(found)[0]] == cells


def test_a_file_with_the_newest_row_first_and_months_in_spanish_is_turned(file: Path) -> None:
    months = ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
              "noviembre", "diciembre"]  # fmt: skip
    cells = [f"{months[month % 12]} {2008 + month // 12}" for month in range(144)]
    found = look(file, cells[::-1], [float(month + month % 5) for month in range(144)][::-1])
    assert rows_of(found)[1] == [month + month % 5 for month in range(144)]
    assert str(found.frequency) == "1 month"
    assert "newest_first" in found.findings.counts


def test_times_a_little_off_and_irregular_ones_get_advice_that_works(file: Path) -> None:
    generator = np.random.default_rng(2)
    start = datetime(2019, 1, 1, tzinfo=timezone.utc)
    jitter = [start + timedelta(minutes=step, seconds=int(generator.integers(-9, 10))) for step in range(1, 600)]
    with pytest.raises(UserError) as caught:
        look(file, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in jitter])
    assert "`data.snap=1 minute`" in caught.value.fix
    found = look(file, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in jitter], snap="1 minute")
    assert str(found.frequency) == "1 minute"
    assert rows_of(found)[0][:2] == [int(start.timestamp()) + 60, int(start.timestamp()) + 120]
    assert "snapped_time" in found.findings.counts
    loose = [start + timedelta(seconds=int(second)) for second in np.cumsum(generator.integers(60, 900, 2000))]
    with pytest.raises(UserError) as caught:
        look(file, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in loose])
    assert "`data.resample=" in caught.value.fix
    step = caught.value.fix.split("`data.resample=")[1].split("`")[0]
    assert str(look(file, [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in loose], resample=step, fill="linear").frequency)


def test_two_rows_on_one_step_are_refused(file: Path) -> None:
    cells = [f"2019-01-01 00:{minute:02d}:{second:02d}" for minute in range(60) for second in (2, 20)]
    with pytest.raises(UserError, match="same_step"):
        look(file, cells, snap="1 minute")


@pytest.mark.parametrize(
    ("method", "expected"), [("mean", 1.5), ("sum", 6.0), ("first", 0.0), ("last", 3.0), ("min", 0.0), ("max", 3.0)]
)
def test_rows_are_gathered_step_by_step(file: Path, method: str, expected: float) -> None:
    start = datetime(2019, 1, 1, tzinfo=timezone.utc)
    cells = [f"{start + timedelta(minutes=15 * step):%Y-%m-%d %H:%M}" for step in range(400)]
    found = look(file, cells, [step % 4 + step // 4 for step in range(400)], resample="1 hour", resample_by=method)
    assert rows_of(found)[1][0] == expected
    assert len(rows_of(found)[1]) == 100
    assert str(found.frequency) == "1 hour"
    assert "resampled" in found.findings.counts


def test_days_that_rows_are_gathered_to_are_those_of_their_zone(file: Path) -> None:
    start = datetime(2019, 3, 1, tzinfo=BERLIN).astimezone(timezone.utc)
    hours = [start + timedelta(hours=hour) for hour in range(24 * 60 - 1)]  # one day has 23
    days_there = [hour.astimezone(BERLIN) for hour in hours]
    cells = [f"{day:%Y-%m-%d %H:%M}" for day in days_there]
    found = look(file, cells, [float(day.day) for day in days_there], time_zone="Europe/Berlin", resample="1 day")
    times, values = rows_of(found)
    assert values == [float((datetime(2019, 3, 1) + timedelta(days=day)).day) for day in range(60)]
    assert found.staged.show(times[0]) == "2019-03-01"
    assert str(found.frequency) == "1 day"


def test_fractions_of_a_second_are_rounded_or_gathered_where_it_is_asked_for(file: Path) -> None:
    cells = [f"{1_577_836_800 + step}.{step % 3}" for step in range(300)]
    with pytest.raises(UserError) as caught:
        look(file, cells)
    assert "not_a_time" in caught.value.what
    assert "data.snap=1 second" in caught.value.fix
    assert rows_of(look(file, cells, snap="1 second"))[0] == list(range(1_577_836_800, 1_577_837_100))
    halves = [f"2019-01-01 00:{step // 120:02d}:{step // 2 % 60:02d}.{step % 2 * 5}" for step in range(400)]
    assert str(look(file, halves, resample="1 second").frequency) == "1 second"


def test_numbers_that_count_the_rows_show_gaps_and_are_no_dates(file: Path) -> None:
    found = look(file, [str(step) for step in range(1, 200)])
    assert str(found.frequency) == "1 step"
    assert not found.layout.dated
    with pytest.raises(UserError, match="in no known form"):
        look(file, [f"{step / 10:.1f}" for step in range(100)], value_columns=["value"])
    with pytest.raises(UserError, match="missing_time_step"):
        look(file, [str(step) for step in [*range(1, 100), *range(101, 200)]])
