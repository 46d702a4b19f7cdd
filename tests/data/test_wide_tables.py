"""Tables with several time steps in a row come out as tables with a row for each: every value at its time, in its
series.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.formats import csv_series
from data.series.config import SeriesDataConfig
from data.series.ingest import survey
from data.series.resolving import resolve
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support import contracts_series
from tests.support.series_tables import Read, known, read, read_path
from tests.support.workbooks import write_xlsx

YEARS = [str(year) for year in range(1990, 2020)]
NUMBERS = np.arange(90).reshape(3, 30) * 1.5 + 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def points(found: Read) -> dict[tuple[str, str], float]:
    """Return the values by series and time."""
    series = found.series or [""] * len(found.values)
    return {(name, time): value for name, time, value in zip(series, known(found.times), found.values, strict=True)}


def row(cells: list[Any], delimiter: str = ",") -> str:
    return delimiter.join(str(cell) for cell in cells) + "\n"


def test_a_column_a_year_as_the_world_bank_writes_it(file: Path) -> None:
    text = '"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-05-30",\n\n'
    text += '"Country Name","Country Code","Indicator Name","Indicator Code",'
    text += row([f'"{year}"' for year in YEARS]).rstrip() + ",\n"
    for number, country in enumerate(("Aruba", "Korea, Rep.", "Chad")):
        values = ['""' if number == 2 and place < 5 else f'"{value}"' for place, value in enumerate(NUMBERS[number])]
        text += f'"{country}","{country[:3].upper()}","GDP","NY.GDP",' + row(values).rstrip() + ",\n"
    found = read(file, text)
    assert points(found)["Korea, Rep.", "1991-01-01"] == NUMBERS[1, 1]
    assert len(points(found)) == 90
    assert np.isnan(points(found)["Chad", "1994-01-01"])
    assert points(found)["Chad", "1995-01-01"] == NUMBERS[2, 5]
    assert found.findings["wide_table"] == ["table.csv: data.layout=wide_times, 30 steps in a row"]
    assert found.findings["chosen_column"] == ["table.csv: `Country Name` as data.series_column"]
    assert len(found.findings["left_out_line"]) == 2
    contracts_series.check_series_format(csv_series, file)


@pytest.mark.parametrize(
    "names",
    [
        [f"X{year}" for year in YEARS],
        [f"{year} [YR{year}]" for year in YEARS],
        [f"{int(year) % 12 + 1}/22/{20 + int(year) // 12 - 165}" for year in YEARS],
        [str(np.datetime64("2020-01-30") + number) for number in range(30)],
        [f"{2000 + number // 4}Q{number % 4 + 1}" for number in range(30)],
    ],
)
def test_names_of_times_as_programs_write_them(file: Path, names: list[str]) -> None:
    text = row(["page", "rank", *names]) + "".join(row([f"p{n}", n, *NUMBERS[n]]) for n in range(3))
    found = read(file, text)
    assert known(found.series) == [f"p{n}" for n in range(3) for _ in range(30)]
    assert found.values == NUMBERS.ravel().tolist()
    assert len(set(known(found.times))) == 30
    assert known(found.times)[:30] == known(found.times)[30:60]


def test_columns_with_empty_cells_name_the_rows_together(file: Path) -> None:
    rows = [("", "Chad"), ("Alberta", "Canada"), ("Quebec", "Canada")]
    text = row(["Province", "Country", "Lat", *YEARS]) + "".join(
        row([*rows[n], 1.5 + n, *NUMBERS[n]]) for n in range(3)
    )
    found = read(file, text)
    assert list(dict.fromkeys(known(found.series))) == ["/Chad", "Alberta/Canada", "Quebec/Canada"]
    assert found.values == NUMBERS.ravel().tolist()


@pytest.mark.parametrize(
    "names",
    [
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
        "1 2 3 4 5 6 7 8 9 10 11 12",
    ],
)
@pytest.mark.parametrize("stations", [False, True])
def test_a_column_a_month_is_in_the_order_of_time(file: Path, names: str, stations: bool) -> None:
    places = ["Rome", "Oslo"] if stations else [""]
    text = row([*(["Station"] if stations else []), "Year", *names.split(), "Annual"])
    values = np.arange(len(places) * 5 * 12).reshape(len(places), 5, 12) / 4
    for place, name in enumerate(places):
        for year in range(5):
            text += row([*([name] if stations else []), 2001 + year, *values[place, year], 99])
    found = read(file, text)
    assert found.values == values.ravel().tolist()
    assert points(found)[places[-1], "2003-02-01"] == values[-1, 2, 1]
    assert found.findings["wide_table"] == ["table.csv: data.layout=wide_months, 12 steps in a row"]
    assert found.findings["unused_column"] == ["table.csv: `Annual`, such as `99`"]


def test_rows_of_numbered_steps_are_series_when_the_recipe_says_so(tmp_path: Path, file: Path) -> None:
    text = row([f'"V{n}"' for n in range(1, 42)])
    lengths = (40, 35, 38)
    for number, length in enumerate(lengths):
        values = [f'"{number + step / 8}"' if step < length else "" for step in range(40)]
        text += row([f'"Y{number}"', *values])
    with pytest.raises(UserError) as caught:
        read(file, text)
    assert "data.layout=wide_steps" in caught.value.fix
    file.write_text(text)
    found = survey(
        file, SeriesDataConfig(path=str(file), layout="wide_steps", history=4), tmp_path / "rows", Progress()
    )
    assert found.staged.ids == ["Y0", "Y1", "Y2"]
    assert tuple(item.span.rows for item in found.kept) == lengths
    assert found.staged.read("values", 40, 42).tolist() == [[1.0], [1.125]]


def test_a_workbook_with_dates_in_its_header_and_commas_among_its_texts(tmp_path: Path) -> None:
    days = [date(2020, 1, 1 + number) for number in range(30)]
    rows: list[list[Any]] = [["page", *days], *(["p" + str(n), *NUMBERS[n]] for n in range(3))]
    rows[2][3] = "7,25"
    found = read_path(write_xlsx(tmp_path / "a.xlsx", {"Data": rows}))
    assert points(found)["p2", "2020-01-30"] == NUMBERS[2, 29]
    assert points(found)["p1", "2020-01-03"] == 7.25


def test_a_wrong_cell_is_named_with_its_time(file: Path) -> None:
    rows = "".join(row([f"p{n}", *NUMBERS[n]]) for n in range(3))
    text = row(["page", *YEARS]) + rows.replace("46.0,", "lost,")
    found = read(file, text)
    assert found.findings["not_a_number"] == ["table.csv, line 3: `lost` in column `1990`"]


def test_a_model_reads_other_wide_tables_as_its_own(file: Path) -> None:
    file.write_text(row(["page", *YEARS]) + "".join(row([f"p{n}", *NUMBERS[n]]) for n in range(3)))
    config = SeriesDataConfig(path=str(file))
    told = resolve(config, csv_series.open_layout(file, config), None)
    assert (told.layout, told.series_column, told.value_columns) == ("wide_times", "page", ("value",))
    more = [str(year) for year in range(2020, 2030)]
    text = row(["page", *YEARS[5:], *more]) + row(["p7", *range(35)])
    found = read(file, text, **told.model_dump())
    assert points(found)["p7", "2029-01-01"] == 34


def test_rows_of_months_and_columns_of_years_are_asked_for_in_another_form(file: Path) -> None:
    text = row(["Month", *YEARS[:5]]) + "".join(
        row([name, 1, 2, 3, 4, 5])
        for name in ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    )
    with pytest.raises(UserError, match="a row a month and a column a longer time"):
        read(file, text)


def test_rows_without_a_name_and_layouts_that_are_not_there_are_errors(file: Path) -> None:
    text = row(YEARS) + row([*NUMBERS[0]]) + row([*NUMBERS[1]])
    with pytest.raises(UserError, match="nothing that names the rows"):
        read(file, text, layout="wide_times", header_row=1)
    for layout in ("wide_times", "wide_months", "wide_steps"):
        with pytest.raises(UserError, match=f"`data.layout={layout}`"):
            read(file, "day,sales\n2020-01-01,1\n2020-01-02,2\n", layout=layout)


@pytest.mark.parametrize(
    "text",
    [
        "day,2019,2020,2021\n" + "".join(f"2022-01-{day:02d},1,2,{day}\n" for day in range(1, 29)),
        "date,s1,s2,s3,s4\n" + "".join(f"2022-01-{day:02d},1,2,3,{day}\n" for day in range(1, 29)),
    ],
)
def test_a_table_with_a_row_a_time_stays_one(file: Path, text: str) -> None:
    with pytest.raises(UserError, match="Several columns could be forecast"):
        read(file, text)
    name = text.split("\n")[0].split(",")[-1]
    assert read(file, text, value_columns=(name,)).values == list(range(1, 29))


@pytest.mark.parametrize("first", [4, 7, 10])
def test_months_that_begin_within_a_year_are_asked_about(file: Path, first: int) -> None:
    months = [f"{date(2000, number % 12 + 1, 1):%b}" for number in range(first - 1, first + 11)]
    text = row(["FY", *months]) + "".join(row([2000 + year, *NUMBERS[0][year : year + 12]]) for year in range(9))
    with pytest.raises(UserError, match=f"begin with `{months[0]}`"):
        read(file, text)
    assert points(read(file, text, layout="wide_months"))["", f"2000-{first:02d}-01"] == NUMBERS[0][0]
    backwards = months[::-1]
    text = row(["year", *backwards]) + "".join(row([2000 + year, *NUMBERS[0][:12]]) for year in range(9))
    with pytest.raises(UserError, match="are all twelve"):
        read(file, text)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Quarter", ["Q1", "Q2", "Q3", "Q4"]),
        ("Quartal", ["1. Quartal", "2. Quartal", "3. Quartal", "4. Quartal"]),
        ("Q", ["1Q", "2Q", "3Q", "4Q"]),
        ("week", [str(week) for week in range(1, 53)]),
        ("KW", [f"KW{week}" for week in range(1, 53)]),
        ("hour", [str(hour) for hour in range(24)]),
        ("day", [f"{day:02d}" for day in range(1, 32)]),
    ],
)
def test_rows_that_are_parts_of_the_columns_times_are_no_series(file: Path, name: str, cells: list[str]) -> None:
    text = row([name, *YEARS]) + "".join(row([cell, *NUMBERS[0]]) for cell in cells)
    with pytest.raises(UserError, match="and a column a longer time, such as `1990`"):
        read(file, text)
    assert len(points(read(file, text, layout="wide_times"))) == 30 * len(cells)


def test_a_header_of_days_above_fractions_is_a_header(file: Path) -> None:
    days = [f"1971-01-0{day}" for day in range(1, 6)]
    found = read(file, f"shop,{','.join(days)}\nnorth,,-1.25,-0.25,0.75,1.3125\n")
    assert found.times == days[1:] or found.times == days
    assert found.values[-4:] == [-1.25, -0.25, 0.75, 1.3125]
