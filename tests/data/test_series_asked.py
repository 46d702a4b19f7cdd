"""What could be two things is asked: dates in two forms, thousands with points, numbers that may be times or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.series.config import SeriesDataConfig
from data.series.ingest import Survey, survey
from data.series.times.writing import write_time
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.sensors import days, look, stop, values


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sensor.csv"


def turned(day: datetime) -> datetime:
    """Return a date as a program has it that took its day for the month, where it could be one."""
    return day.replace(month=day.day, day=day.month) if day.day <= 12 else day


@pytest.mark.parametrize(("number", "hours"), [(60, 24), (365, 24), (730, 24), (2000, 1)])
@pytest.mark.parametrize("backwards", [False, True])
def test_iso_dates_of_which_some_have_day_and_month_turned_are_not_sorted(
    file: Path, number: int, hours: int, backwards: bool
) -> None:
    cells = [f"{turned(moment):%Y-%m-%d %H:%M}" for moment in days(number, timedelta(hours=hours))]
    error = stop(file, {"time": cells[::-1] if backwards else cells, "value": values(number)})
    assert "mixed_dates" in error.what
    noise = np.random.default_rng(1).permutation(number).tolist()
    assert "mixed_dates" in stop(file, {"time": cells, "value": noise}).what


def test_iso_dates_that_were_turned_and_then_sorted_are_known_by_their_values(file: Path) -> None:
    cells = sorted((f"{turned(day):%Y-%m-%d}", number) for number, day in enumerate(days(365)))
    columns: Mapping[str, Sequence[object]] = {"time": [day for day, _ in cells], "value": [row for _, row in cells]}
    assert "mixed_dates" in stop(file, columns).what
    assert look(file, columns, time_format="%Y-%m-%d").frequency is not None


def test_iso_dates_in_another_order_are_still_put_into_theirs(file: Path) -> None:
    shuffled = np.random.default_rng(1).permutation(365).tolist()
    cells = [f"{day:%Y-%m-%d}" for day in days(365)]
    orders = (shuffled, [*range(200, 365), *range(200)], sorted(range(365), key=lambda row: cells[row][8:]))
    for order in orders:
        found = look(file, {"time": [cells[row] for row in order], "value": [row * row % 97 for row in order]})
        assert "unordered_rows" in found.findings.counts
        assert found.staged.read("values", 0, 365)[:, 0].tolist() == [row * row % 97 for row in range(365)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 700), number=st.integers(45, 400))
def test_turned_dates_are_never_read_in_silence(file: Path, start: int, number: int) -> None:
    moments = [datetime(2018, 1, 1) + timedelta(days=start + day) for day in range(number)]
    cells = [f"{turned(moment):%Y-%m-%d}" for moment in moments]
    if cells != sorted(cells):
        assert "mixed_dates" in stop(file, {"time": cells, "value": values(number)}).what


def test_points_beside_whole_numbers_below_a_thousand_may_part_thousands(file: Path) -> None:
    times = [f"{day:%Y-%m-%d}" for day in days(200)]
    cells = [f"{number:,}".replace(",", ".") for number in range(900, 1100)]
    assert "thousands" in stop(file, {"time": times, "visitors": cells}).what
    found = look(file, {"time": times, "visitors": cells}, decimal=",")
    assert found.staged.read("values", 0, 200)[:, 0].tolist() == list(range(900, 1100))
    found = look(file, {"time": times, "visitors": cells}, decimal=".")
    assert found.staged.read("values", 100, 101)[0, 0] == 1.0
    places = [f"{number / 1000 + 1:.3f}" for number in range(200)]
    assert look(file, {"time": times, "value": places}).staged.read("values", 199, 200)[0, 0] == 1.199


@pytest.mark.parametrize("step", [1, 7, 45, 3600])
@pytest.mark.parametrize("name", ["order_no", "customer", "Telefon"])
def test_long_numbers_that_count_on_are_no_times_by_themselves(file: Path, step: int, name: str) -> None:
    columns: dict[str, Sequence[object]] = {name: [1_500_000_000 + step * row for row in range(200)]}
    columns["amount"] = values(200)
    error = stop(file, columns)
    assert "could be unix seconds" in error.what
    assert look(file, columns, ignore_columns=[name]).layout.form is None
    assert look(file, columns, time_column=name).layout.form is not None


def test_full_hours_and_days_are_unix_times_whatever_their_column_is_called(file: Path) -> None:
    for step in (60, 900, 3600, 86400):
        cells = [1_546_300_800 + step * row for row in range(200)]
        assert look(file, {"reading": cells, "amount": values(200)}).layout.dated


@pytest.mark.parametrize("name", ["week", "Kalenderwoche", "KW", "year_week", "ISO week", "Semaine"])
def test_weeks_are_not_read_as_months(file: Path, name: str) -> None:
    few = {name: [f"2019{week:02d}" for week in range(1, 13)], "value": values(12)}
    assert "%G%V" in stop(file, few, time_column=name).fix
    year = {name: [f"2019{week:02d}" for week in range(1, 53)], "value": values(52)}
    assert "data.time_format=%G%V" in stop(file, year, time_column=name).fix
    found = look(file, year, time_column=name, time_format="%G%V", history=4)
    assert str(found.frequency) == "1 week"


@pytest.mark.parametrize("name", ["Quarter", "Quartal", "period"])
def test_a_year_and_a_quarter_in_one_number_are_quarters(file: Path, name: str) -> None:
    cells = [f"{2010 + row // 4}{row % 4 + 1}" for row in range(40)]
    for rows in (cells, cells[::-1]):
        found = look(file, {name: rows, "value": values(40)})
        assert str(found.frequency) == "1 quarter"
        assert found.staged.show(found.staged.read("times", 0, 1)[0]) == "2010-01-01"


def test_days_of_excel_are_no_quarters(file: Path) -> None:
    found = look(file, {"date": range(20101, 20301), "value": values(200)})
    assert str(found.frequency) == "1 day"


FALLING = {
    "ranks": [str(rank) for rank in range(40, 0, -1)],
    "days of the year": [f"2019{day:03d}" for day in range(140, 100, -1)],
    "months behind a point": [f"{2019 - row // 12}.{12 - row % 12}" for row in range(40)],
    "days since another year": [str(58_555 - row) for row in range(40)],
    "steps": [f"{4 - row // 10}-{10 - row % 10:02d}" for row in range(40)],
    "dates": [f"{day:%d.%m.%Y}" for day in days(40)[::-1]],
    "reigns": [f"令和{2 - row // 12}年{12 - row % 12}月" for row in range(24)],
}


@pytest.mark.parametrize("cells", FALLING.values(), ids=FALLING)
def test_rows_beside_a_column_that_falls_are_not_taken_as_the_oldest_first(file: Path, cells: list[str]) -> None:
    columns = {"Nr": cells, "value": values(len(cells))}
    error = stop(file, columns, time_column="none", value_columns=["value"])
    assert "the first as the oldest" in error.what
    assert "data.ignore_columns=[Nr]" in error.fix
    found = look(file, columns, time_column="none", value_columns=["value"], ignore_columns=["Nr"], history=4)
    assert found.layout.form is None
    rising = {"Nr": cells[::-1], "value": values(len(cells))}
    assert look(file, rising, time_column="none", value_columns=["value"], history=4).layout.form is None


def test_unreadable_times_that_fall_are_not_offered_as_rows_without_times(file: Path) -> None:
    cells = [f"{row // 12 + 1}-{row % 12 + 1:02d}" for row in range(36)]
    rising = stop(file, {"Month": cells, "value": values(36)}).fix
    assert "`data.time_column=none` takes the rows in their order, the first as the oldest" in rising
    assert "data.time_column=Month" not in rising
    falling = stop(file, {"Month": cells[::-1], "value": values(36)}).fix
    assert "data.time_column=none" not in falling
    assert "turn the rows round" in falling


def test_iso_dates_among_others_are_told_as_two_forms(file: Path) -> None:
    cells = [f"{turned(day):%Y-%m-%d}" if day.day <= 12 else f"{day:%d/%m/%Y}" for day in days(60)]
    error = stop(file, {"date": cells, "value": values(60)})
    assert "in two forms at once, such as `2019-01-01` and `13/01/2019`" in error.what


def test_months_are_known_as_excel_shortens_them(file: Path) -> None:
    names = ("Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")
    cells = [f"{names[row % 12]} {17 + row // 12}" for row in range(36)]
    found = look(file, {"Monat": cells, "value": values(36)}, history=4)
    assert str(found.frequency) == "1 month"
    assert found.staged.form is not None
    times = found.staged.read("times", 0, 36).tolist()
    assert [write_time(time, found.staged.form) for time in times] == cells


def test_columns_of_year_month_day_and_hour_as_weather_services_shorten_them(file: Path) -> None:
    moments = days(80, timedelta(hours=1))
    parts = {"YEAR": "%Y", "MO": "%m", "DY": "%d", "HR": "%H"}
    columns = {name: [int(f"{moment:{part}}") for moment in moments] for name, part in parts.items()}
    found = look(file, {**columns, "T2M": values(80)})
    assert found.layout.time_column == "YEAR+MO+DY+HR"
    assert str(found.frequency) == "1 hour"


@pytest.mark.parametrize(("first", "told"), [(40, True), (62, True), (70, False), (90, False)])
def test_years_of_two_digits_that_may_be_of_either_century_are_told(file: Path, first: int, told: bool) -> None:
    cells = [f"01.01.{(first + row) % 100:02d}" for row in range(36)]
    found = look(file, {"Datum": cells, "Kurs": values(36)}, history=4)
    assert ("unclear_century" in found.findings.counts) == told
    if told:
        example = found.findings.examples["unclear_century"][0]["detail"]
        assert example.endswith("data.time_format=%d.%m.%y")
        said = look(file, {"Datum": cells, "Kurs": values(36)}, history=4, time_format="%d.%m.%y")
        assert "unclear_century" not in said.findings.counts


@pytest.mark.parametrize(("first", "told"), [(1550, True), (1690, True), (1700, False), (2070, True), (2060, False)])
def test_years_far_from_ours_are_told(file: Path, first: int, told: bool) -> None:
    columns: dict[str, Sequence[object]] = {"year": [first + row for row in range(40)], "value": values(40)}
    found = look(file, columns, history=4)
    assert ("far_year" in found.findings.counts) == told


def write_months(folder: Path, backwards: bool = False) -> list[str]:
    """Write a file a month, and return all values in the order of their times."""
    folder.mkdir()
    cells = values(181)
    rows = [f"{day:%Y-%m-%d},{cell}" for day, cell in zip(days(181), cells, strict=True)]
    for month in range(1, 7):
        part = [row for row in rows if row[5:7] == f"{month:02d}"]
        text = "\n".join(["date,value", *(part[::-1] if backwards else part)]) + "\n"
        (folder / f"{datetime(2019, month, 1):%b}.csv").write_text(text)
    return cells


@pytest.mark.parametrize("backwards", [False, True])
def test_a_file_a_month_is_one_series_or_several_as_it_is_said(tmp_path: Path, backwards: bool) -> None:
    folder = tmp_path / "sales"
    cells = write_months(folder, backwards)

    def read(**config: Any) -> Survey:
        settings = SeriesDataConfig.model_validate({"path": str(folder), "history": 4, **config})
        return survey(folder, settings, tmp_path / "rows", Progress())

    with pytest.raises(UserError, match="`Jan` end with 2019-01-31, those of `Feb` begin with 2019-02-01") as caught:
        read()
    assert "`data.files=parts`" in caught.value.fix
    found = read(files="parts")
    assert found.staged.ids == ["sales"]
    assert found.staged.read("values", 0, 181)[:, 0].tolist() == list(map(float, cells))
    assert len(read(files="series").staged.ids) == 6


def test_files_called_by_months_without_times_are_asked_about(tmp_path: Path) -> None:
    for name in ("jan", "feb", "mar"):
        (tmp_path / f"{name}.csv").write_text("\n".join(["value", *values(40)]) + "\n")
    for config in ({}, {"files": "parts"}):
        settings = SeriesDataConfig.model_validate({"path": str(tmp_path), **config})
        with pytest.raises(UserError, match="no times"):
            survey(tmp_path, settings, tmp_path / "rows", Progress())
    settings = SeriesDataConfig.model_validate({"path": str(tmp_path), "files": "series"})
    assert len(survey(tmp_path, settings, tmp_path / "rows", Progress()).staged.ids) == 3


def test_a_file_alone_is_no_part(file: Path) -> None:
    assert "data.files" in stop(file, {"value": values(40)}, files="parts").where


@pytest.mark.parametrize("form", ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p"])
def test_steps_that_go_on_over_midnights_tell_which_number_is_the_day(file: Path, form: str) -> None:
    moments = days(240, timedelta(hours=1))
    found = look(file, {"time": [f"{moment:{form}}" for moment in moments], "value": values(240)})
    assert str(found.frequency) == "1 hour"
    assert found.staged.show(found.staged.read("times", 239, 240)[0]) == "2019-01-10 23:00:00"
    columns = {"time": [f"{day:{form}}" for day in days(12)], "value": values(12)}
    assert "could begin with the day or with the month" in stop(file, columns).what
