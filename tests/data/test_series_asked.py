"""What could be two things is asked: dates in two forms, thousands with points, numbers that may be times or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.series.config import SeriesDataConfig
from data.series.ingest import Survey, survey
from pipeline.errors import UserError
from pipeline.progress import Progress


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sensor.csv"


def look(file: Path, columns: dict[str, Sequence[object]], **config: Any) -> Survey:
    """Write a table and look at its rows as a run does."""
    lines = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    file.write_text("\n".join([",".join(columns), *lines]) + "\n")
    settings = SeriesDataConfig.model_validate({"path": str(file), **config})
    return survey(file, settings, file.parent / "rows", Progress())


def stop(file: Path, columns: dict[str, Sequence[object]], **config: Any) -> UserError:
    """Return the error that a table is refused with."""
    with pytest.raises(UserError) as caught:
        look(file, columns, **config)
    return caught.value


def values(number: int) -> list[str]:
    return [f"{50 + step % 7 + step / 100:.2f}" for step in range(number)]


def days(number: int, step: timedelta = timedelta(days=1)) -> list[datetime]:
    return [datetime(2019, 1, 1) + number * step for number in range(number)]


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
    columns: dict[str, Sequence[object]] = {"time": [day for day, _ in cells], "value": [row for _, row in cells]}
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
