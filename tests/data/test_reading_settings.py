"""Whatever a setting of reading is, a model tells it, and files are read for the model by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from components.tasks.forecasting.facts import WindowFacts
from data.formats import csv_series
from data.series.config import SeriesDataConfig, TableReadingConfig
from data.series.frequency import Frequency
from data.series.reading import settings_of
from data.series.resolving import resolve

FIELDS = list(TableReadingConfig.model_fields)
# values of every kind that a setting of reading may take; a setting that takes none of them needs one more here
CANDIDATES: tuple[Any, ...] = (
    "2 weeks", "%d.%m.%Y", "cp1252", ("other",), "other", ";", ",", "forward", "long", True, False, 1, 2, 0.5,
    "Europe/Berlin", "de", "mean", "sum", "DE", "wide", "parts",
)  # fmt: skip
FOUND = {
    "time_column", "value_columns", "series_column", "covariate_columns", "decimal", "time_format", "time_language",
    "frequency",
}  # fmt: skip
OWN = {"values": ["a"], "covariates": [], "history": 2, "horizon": 1, "frequency": None, "season": 1, "times": True}


def other_than_default(name: str) -> Any:
    """Return a value that a setting takes and that is not its default."""
    default = TableReadingConfig.model_fields[name].get_default(call_default_factory=True)
    for value in CANDIDATES:
        try:
            taken = getattr(TableReadingConfig.model_validate({name: value}), name)
        except ValidationError:
            continue
        if taken != default:
            return taken
    raise AssertionError(f"no candidate is a value of `{name}`")


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_of_reading_is_told_by_a_model_and_reads_the_files_it_is_asked_about(
    tmp_path: Path, name: str
) -> None:
    value = other_than_default(name)
    told = TableReadingConfig.model_validate({name: value})
    facts = WindowFacts.model_validate({**OWN, "reading": told}).model_dump(mode="json", exclude_unset=True)
    assert getattr(settings_of(tmp_path / "new.csv", facts), name) == value


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_of_reading_that_a_recipe_gives_is_told_unless_what_was_found_says_it(
    tmp_path: Path, name: str
) -> None:
    found = {
        "time_column",
        "value_columns",
        "series_column",
        "covariate_columns",
        "decimal",
        "time_format",
        "time_language",
    }
    if name in found | {"frequency"}:
        pytest.skip("found out from the file")
    (tmp_path / "table.csv").write_text("day,sales\n2024-01-01,1\n2024-01-02,2\n")
    layout = csv_series.open_layout(tmp_path / "table.csv", SeriesDataConfig(path=str(tmp_path / "table.csv")))
    config = SeriesDataConfig.model_validate({"path": "table.csv", name: other_than_default(name)})
    assert getattr(resolve(config, layout, None), name) == getattr(config, name)


def test_what_was_found_out_is_told_in_the_place_of_auto(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("Tag;Umsatz\n01.02.2024;1,5\n13.02.2024;2,5\n")
    config = SeriesDataConfig(path=str(tmp_path / "table.csv"))
    told = resolve(config, csv_series.open_layout(tmp_path / "table.csv", config), Frequency("day"))
    assert (told.time_column, told.value_columns, told.decimal) == ("Tag", ("Umsatz",), ",")
    assert (told.time_format, told.frequency, told.delimiter) == ("%d.%m.%Y", "1 day", "auto")


def test_a_model_of_version_one_tells_its_fewer_settings_and_the_others_are_the_defaults() -> None:
    csv = {
        "time_column": None, "value_columns": ["a"], "series_column": None, "covariate_columns": [], "encoding": None,
        "delimiter": ";", "decimal": ",", "time_format": None, "fill": "linear", "missing": ["-1"],
    }  # fmt: skip
    step = {"unit": "week", "count": 2}
    reading = WindowFacts.model_validate({**OWN, "frequency": step, "csv": csv}).reading
    assert reading == TableReadingConfig(
        time_column="none", value_columns=("a",), decimal=",", fill="linear", missing=("-1",), frequency="2 weeks"
    )
