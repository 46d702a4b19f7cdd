"""Whatever an error advises, following it to the letter leads on: never back, never to an unknown key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.advice import NOT_HERE, Case, check_case, settle_recipe

ROWS = 120


def days(pattern: str = "%Y-%m-%d", start: date = date(2023, 1, 1), step: int = 1) -> list[str]:
    return [(start + timedelta(days=step * row)).strftime(pattern) for row in range(ROWS)]


def wave() -> list[str]:
    return [str(100 + row % 7 * 3 + row * 5 % 11) for row in range(ROWS)]


def table(
    head: str, *columns: Sequence[str], delimiter: str = ",", more: Sequence[str] = ()
) -> Callable[..., list[str]]:
    """Return what writes a table of columns, and looks at it with some settings."""

    def make(folder: Path) -> list[str]:
        rows = [delimiter.join(cells) for cells in zip(*columns, strict=True)]
        (folder / "table.csv").write_text("\n".join([head, *rows, ""]), "cp1252" if "ü" in head else "utf-8")
        return [str(folder / "table.csv"), *more]

    return make


def changed(cells: Sequence[str], changes: dict[int, str]) -> list[str]:
    return [changes.get(row, cell) for row, cell in enumerate(cells)]


def without(rows: Sequence[int], *columns: Sequence[str]) -> list[list[str]]:
    return [[cell for row, cell in enumerate(column) if row not in rows] for column in columns]


def hours_of_clocks() -> list[str]:
    """Return hours as clocks show them while summer time ends."""
    first = [f"2023-10-{day} {hour:02}:00" for day in (27, 28) for hour in range(24)]
    last = [f"2023-10-29 {hour:02}:00" for hour in (0, 1, 2, *range(2, 24))]
    return [*first, *last, *(f"2023-10-{day} {hour:02}:00" for day in (30, 31) for hour in range(24))][:ROWS]


MONTHS_FIRST_DAYS = [f"01/{row % 12 + 1:02}/{2010 + row // 12}" for row in range(ROWS)]
YEARS = [str(1900 + row) for row in range(ROWS)]
SHORT = without(range(20, ROWS), days(), wave())
SETTINGS_OF_COLUMNS = {
    "data.value_columns": "[sales]",
    "data.time_column": "day",
    "data.time_format": "%Y-%m-%d",
    "data.missing": "[broken]",
    "data.decimal": ",",
}

USUAL = {  # the mean, no place's calendar, the usual shares, and no line that is to be left out
    "data.resample_by": NOT_HERE,
    "data.skip_rows": NOT_HERE,
    "data.time_zone": NOT_HERE,
    "data.split": NOT_HERE,
    "data.split.validation": NOT_HERE,
}
SERIES = [
    Case("thousands_or_decimals", table("day;sales", days(), [f"1,{value}" for value in wave()], delimiter=";")),
    Case("two_columns_of_times", table("day,date,sales", days(), days(start=date(2023, 1, 2)), wave())),
    Case(
        "times_in_no_known_form",
        table("day,sales", [f"{day}x" for day in days()], wave()),
        {"data.time_format": "%Y-%m-%dx"},
    ),
    Case("days_or_months_first", table("day,sales", MONTHS_FIRST_DAYS, wave()), {"data.frequency": NOT_HERE}),
    Case(
        "several_columns_of_values",
        table("day,sales,visits", days(), wave(), wave()[::-1]),
        {"data.covariate_columns": "[visits]", "data.series_column": "visits", "data.frequency": "1 day"},
    ),
    Case(
        "no_column_of_numbers",
        table("day,sales", days(), ["many", "few"] * (ROWS // 2)),
        SETTINGS_OF_COLUMNS | {"data.missing": "[many]"},
        ends_well=False,
    ),
    Case("another_encoding", table("day,grüße", days(), wave())),
    Case("missing_steps", table("day,sales", *without([10, 11, 50], days(), wave()))),
    Case("missing_values", table("day,sales", days(), changed(wave(), {10: "", 50: "NA"}))),
    Case(
        "values_that_cannot_be_filled",
        table("day,sales", days(), changed(wave(), {3: ""}), more=["data.fill=seasonal"]),
        ends_well=False,
    ),
    Case(
        "irregular_steps",
        table("day,sales", changed(days("%Y-%m-%d %H:%M"), {30: "2023-01-31 07:30"}), wave()),
        {"data.frequency": "1 hour", "data.snap": "1 day", "data.resample": "1 day"},
    ),
    Case(
        "equal_times",
        table("day,shop,sales", sorted(days()[:60] * 2), ["a", "b"] * 60, wave()),
        {"data.series_column": "shop", "data.time_column": NOT_HERE},
    ),
    Case(
        "equal_times_without_a_series",
        table("day,sales", changed(days(), {30: days()[29]}), wave()),
        {"data.series_column": NOT_HERE, "data.time_column": NOT_HERE},
        ends_well=False,
    ),
    Case(
        "cells_that_are_no_numbers",
        table("day,sales", days(), changed(wave(), {30: "broken"})),
        {"data.missing": "[broken]", "data.decimal": ","},
    ),
    Case(
        "numbers_with_the_other_decimal_mark",
        table("day;sales", days(), [f"{value},5" for value in wave()], delimiter=";", more=["data.decimal=."]),
        {"data.missing": "['100,5']"},
    ),
    Case(
        "no_season_to_fill_by",
        table("year,sales", YEARS, changed(wave(), {50: ""}), more=["data.fill=seasonal"]),
        {"data.season": "10"},
    ),
    Case(
        "series_shorter_than_a_window",
        table("day,sales", *SHORT, more=["data.horizon=15"]),
        {"data.history": "4", "data.horizon": "2", "data.split": "{train: 0.6, validation: 0.2, test: 0.2}"},
    ),
    Case(
        "history_longer_than_a_series",
        table("day,sales", days(), wave(), more=["data.history=200"]),
        {"data.history": "20", "data.horizon": "2"},
    ),
    Case(
        "an_unknown_value_column",
        table("day,sales", days(), wave(), more=["data.value_columns=[sale]"]),
        SETTINGS_OF_COLUMNS,
        ends_well=False,
    ),
    Case(
        "an_unknown_time_column",
        table("day,sales", days(), wave(), more=["data.time_column=days"]),
        SETTINGS_OF_COLUMNS,
        ends_well=False,
    ),
    Case(
        "an_unknown_covariate",
        table("day,sales,rain", days(), wave(), wave(), more=["data.covariate_columns=[x]"]),
        {"data.covariate_columns": "[rain]"},
        ends_well=False,
    ),
    Case(
        "a_delimiter_that_is_none",
        table("day,sales", days(), wave(), more=["data.delimiter=;"]),
        {"data.delimiter": ",", "data.header_row": "1", **SETTINGS_OF_COLUMNS},
    ),
    Case(
        "an_hour_that_comes_twice",
        table("time,sales", hours_of_clocks(), wave()),
        {"data.season": "24", "data.time_zone": "Europe/Berlin"},
    ),
    Case(
        "unix_times_of_another_unit",
        table(
            "time,sales",
            [str(1_600_000_000 + 3600 * row) for row in range(ROWS)],
            wave(),
            more=["data.time_format=unix milliseconds"],
        ),
        {
            "data.time_format": "unix seconds",
            "data.covariate_columns": NOT_HERE,
            "data.series_column": NOT_HERE,
            "data.frequency": NOT_HERE,
            "data.time_column": NOT_HERE,
        },
    ),
    Case("a_mistyped_key", table("day,sales", days(), wave(), more=["data.horizons=3"])),
]


@pytest.mark.parametrize("case", SERIES, ids=lambda case: case.name)
def test_what_an_error_about_series_advises_leads_on(case: Case, tmp_path: Path) -> None:
    check_case(replace(case, choices={**USUAL, **case.choices}), tmp_path)


def recipe(text: str, *more: str) -> Callable[[Path], list[str]]:
    """Return what writes a recipe, and settles it with some settings."""

    def make(folder: Path) -> list[str]:
        (folder / "mine.yaml").write_text(text)
        return [str(folder / "mine.yaml"), *more]

    return make


FORECASTING = "task: forecasting\ndata:\n  path: milk\n"
RECIPES = [
    Case("a_mistyped_section", recipe(FORECASTING, "trainr.epochs=3")),
    Case("a_mistyped_key_of_a_section", recipe(FORECASTING, "trainer.epoch=3")),
    Case("an_unknown_network", recipe(FORECASTING, "trainer.network=lstn"), ends_well=False),
    Case("an_option_that_the_network_does_not_have", recipe(FORECASTING, "trainer.options.unit=3")),
    Case("a_word_for_a_number", recipe(FORECASTING, "trainer.epochs=many"), ends_well=False),
    Case("one_value_for_a_list", recipe(FORECASTING, "data.value_columns=sales")),
    Case("a_number_out_of_its_bounds", recipe(FORECASTING, "data.horizon=0"), ends_well=False),
    Case("shares_that_do_not_sum_to_one", recipe(FORECASTING, "data.split.train=0.2"), ends_well=False),
    Case("no_task", recipe("data:\n  path: milk\n"), ends_well=False),
    Case("a_mistyped_task", recipe(FORECASTING.replace("ing\n", "\n", 1)), ends_well=False),
    Case("a_setting_without_a_value", recipe(FORECASTING, "trainer.epochs"), ends_well=False),
    Case(
        "a_column_for_two_purposes",
        recipe(FORECASTING, "data.value_columns=[a]", "data.covariate_columns=[a]"),
        ends_well=False,
    ),
]


@pytest.mark.parametrize("case", RECIPES, ids=lambda case: case.name)
def test_what_an_error_about_a_recipe_advises_leads_on(case: Case, tmp_path: Path) -> None:
    check_case(replace(case, look=settle_recipe), tmp_path)
