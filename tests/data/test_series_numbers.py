"""Numbers are read as their author wrote them, whatever the habit, or the run stops; what stands for a missing value
and far from all others is told.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.series.config import SeriesDataConfig
from data.series.ingest import Survey, survey
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.series_tables import read

DAYS = [str(day) for day in np.arange("2020-01-01", "2022-01-01", dtype="datetime64[D]")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "temp.csv"


def table(cells: list[str], delimiter: str = ";") -> str:
    return f"day{delimiter}temp\n" + "".join(
        f"{day}{delimiter}{cell}\n" for day, cell in zip(DAYS, cells, strict=False)
    )


def surveyed(file: Path, **settings: Any) -> Survey:
    return survey(file, SeriesDataConfig(path=str(file), **settings), file.parent / "rows", Progress())


def told(found: Survey, kind: str) -> list[str]:
    return [item["detail"] for item in found.findings.examples.get(kind, [])]


@pytest.mark.parametrize(
    ("cell", "others", "value"),
    [
        ("(12.5)", "1.5", -12.5),
        ("(1,234.5)", "1.5", -1234.5),
        ("12.5-", "1.5", -12.5),
        ("12,5-", "1,5", -12.5),
        ("−12.5", "1.5", -12.5),
        ("–12.5", "1.5", -12.5),
        ("1,23,456", "1.5", 123456),
        ("1,23,456.5", "2", 123456.5),
        ("1'234", "1.5", 1234),
        ("1’234.5", "2", 1234.5),
        ("1\u00a0234,5", "2", 1234.5),
        ("1\u202f234\u202f567", "1,5", 1234567),
        ("1\u2009234", "1,5", 1234),
        ("1.5E+03", "1.5", 1500),
        ("1,5E+03", "1,5", 1500),
        ("1,234E+03", "2", 1234),
        ("１２．５", "1.5", 12.5),
        ("1.234.567,89", "2", 1234567.89),
        ("\u200b12.5", "1.5", 12.5),
    ],
)
def test_numbers_as_people_and_programs_write_them(file: Path, cell: str, others: str, value: float) -> None:
    found = read(file, table([others, cell, others]))
    assert found.findings == {}
    assert found.values[1] == value


@pytest.mark.parametrize("cell", [".", "..", "n.a.", "#N/A", "#DIV/0!", "(blank)", ":", "–", "\\N", "<NA>"])
def test_usual_spellings_of_a_missing_value_need_no_setting(file: Path, cell: str) -> None:
    for others in ("1.5", "1,5"):
        found = read(file, table([others, cell, others]))
        assert str(found.values) == "[1.5, nan, 1.5]"


@pytest.mark.parametrize("cell", ["10²", "½", "1_000", "12 kWh", "1,5,6", "1..5", "--5", "(p)", "12 34", "5 (p)"])
def test_what_is_no_number_stays_none(file: Path, cell: str) -> None:
    assert list(read(file, table(["1.5", cell, "1.5", "2", "3"])).findings) == ["not_a_number"]


@pytest.mark.parametrize("cell", ["<1", "> 100", "~5.5", "≤2", ">=1,000.5"])
def test_a_bound_is_no_value(file: Path, cell: str) -> None:
    found = read(file, table(["1.5", cell, "2.5"]))
    assert found.findings == {"censored_value": [f"temp.csv, line 3: `{cell}` in column `temp`"]}
    assert str(read(file, table(["1.5", cell, "2.5"]), missing=(cell,)).values) == "[1.5, nan, 2.5]"


def test_a_number_beyond_32_bits_is_not_called_infinite(file: Path) -> None:
    assert list(read(file, table(["1", "1e39", "2"])).findings) == ["too_large_value"]
    assert list(read(file, table(["1", "1e999", "2"])).findings) == ["infinite_value"]
    assert list(read(file, table(["1", "abc", "1e39"])).findings) == ["not_a_number", "too_large_value"]


def test_the_first_number_with_a_mark_that_could_be_thousands_is_asked_about_wherever_it_stands(file: Path) -> None:
    cells = [str(number % 900) for number in range(3000)] + ["1,234", "2,345"]
    days = [str(day) for day in np.arange("2000-01-01", "2009-01-01", dtype="datetime64[D]")]
    for delimiter in ";\t":
        text = "day\ttemp\n".replace("\t", delimiter) + "".join(
            f"{day}{delimiter}{cell}\n" for day, cell in zip(days, cells, strict=False)
        )
        assert read(file, text, decimal=".").values[-2:] == [1234, 2345]
        assert read(file, text, decimal=",").values[-2:] == [1.234, 2.345]
        try:
            found = read(file, text)
        except UserError as error:
            assert "`1,234`" in error.where
            assert "data.decimal" in error.fix
        else:
            assert list(found.findings) == ["unclear_number"]
    text = "day;temp\n" + "".join(f"{day};{cell}\n" for day, cell in zip(days, [*cells[:3000], "1.234"], strict=False))
    with pytest.raises(UserError, match="decimal commas or thousands"):
        read(file, text)


def test_decimal_points_and_commas_in_one_table_stop(file: Path) -> None:
    for cells in (["1.5", "2.25", "3,5"], ["1,5", "2,25", "3.5"]):
        assert list(read(file, table(cells)).findings) == ["not_a_number"]


@pytest.mark.parametrize("stand_in", ["-999", "9999.9", "-999.0", "1e20", "99999", "-1", "-32768", "-99.99"])
def test_a_stand_in_for_missing_values_is_told_with_the_setting_that_reads_it(file: Path, stand_in: str) -> None:
    cells = [f"{2000 + number % 8 if stand_in == '-1' else 20 + number % 8}.5" for number in range(730)]
    cells = [stand_in if number % 61 == 5 else cell for number, cell in enumerate(cells)]
    file.write_text(table(cells, ","))
    (detail,) = told(surveyed(file), "sentinel_value")
    assert "12 times" in detail
    spelling = detail.split("data.missing=[")[1].rstrip("]")
    found = surveyed(file, missing=(spelling,), fill="linear")
    assert found.findings.counts["filled_value"] == 12
    assert not told(found, "sentinel_value")
    assert not told(found, "unused_missing")


@pytest.mark.parametrize(
    "cells",
    [
        [str(number % 40 - 5) for number in range(700)],  # -1 is one of many
        [str(number % 1000) for number in range(700)],  # and so is 99
        ["0"] * 600 + ["999"] + ["3"] * 99,  # once
        [str(number % 7) if number % 20 else str(90 + number % 13) for number in range(700)],
        [f"{2.0 ** (number % 40):.0f}" for number in range(700)],
        ["0" if number % 7 == 6 else f"{1000 + number % 29}" for number in range(700)],  # closed on Sundays
        [f"{20 + number % 29 / 10}" if number % 8 else "180" for number in range(700)],  # another state, too often
        [f"{number % 4}" if number % 50 else "40" for number in range(700)],  # of few sizes
    ],
)
def test_numbers_that_are_no_stand_ins_are_not_told(file: Path, cells: list[str]) -> None:
    file.write_text(table(cells, ","))
    assert not told(surveyed(file), "sentinel_value")


@pytest.mark.parametrize("stand_ins", [["-127"], ["-127.0", "85"], ["-1000"], ["850.5"], ["-999", "85"]])
def test_numbers_that_come_again_far_from_all_others_are_told_whatever_they_look_like(
    file: Path, stand_ins: list[str]
) -> None:
    cells = [f"{20 + number % 29 / 10}" for number in range(730)]
    for number in range(5, 730, 61):
        cells[number] = stand_ins[number % len(stand_ins)]
    file.write_text(table(cells, ","))
    assert len(told(surveyed(file), "sentinel_value")) == len(stand_ins)


def test_a_spelling_of_a_missing_value_that_stands_nowhere_is_told(file: Path) -> None:
    found = read(file, table(["1", "gone", "-999.00", "2"]), missing=("-999", "gone", "lost"))
    assert str(found.values) == "[1.0, nan, nan, 2.0]"
    assert found.findings == {"unused_missing": ["temp.csv: `lost`"]}


def test_stand_ins_are_read_alike_in_regular_blocks_and_others(file: Path) -> None:
    for quote in ("", '"'):
        text = table([f"{quote}{cell}{quote}" for cell in ("1.5", "-999.0", "gone", "-999", "2.5")], ",")
        found = read(file, text, missing=("-999", "gone"))
        assert str(found.values) == "[1.5, nan, nan, nan, 2.5]"
        assert found.findings == {}


def test_stand_ins_are_told_where_most_values_are_one(file: Path) -> None:
    cells = [f"{number % 29 * 0.37:.3f}{number}" if number % 3 == 0 else "0" for number in range(730)]
    file.write_text(table(["-999" if number % 90 == 1 else cell for number, cell in enumerate(cells)], ","))
    (detail,) = told(surveyed(file), "sentinel_value")
    assert detail.startswith("-999 in column `temp`, 9 times")
