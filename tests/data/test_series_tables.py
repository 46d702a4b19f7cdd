"""Tables come out of workbooks, zips, Parquet files and Excel's texts as out of a CSV file, and what stands above,
below and between their rows is passed over aloud.
"""

from __future__ import annotations

import bz2
import lzma
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas
import pytest

from components.tasks.forecasting.data_check import recognize
from data import formats
from data.formats import excel_series, parquet_series, zip_series
from pipeline.errors import UserError
from tests.support import contracts_series
from tests.support.series_tables import read, read_path
from tests.support.workbooks import Failed, write_ods, write_xlsx

DAYS = [date(2020, 1, 1) + timedelta(days=number) for number in range(40)]
VALUES = [0.1 + number / 3 for number in range(40)]
ROWS = list(zip(DAYS, VALUES, strict=True))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "milk.csv"


def csv_text(delimiter: str = ",", above: str = "", below: str = "") -> str:
    return above + f"Day{delimiter}Value\n" + "".join(f"{day}{delimiter}{value!r}\n" for day, value in ROWS) + below


# workbooks


@pytest.mark.parametrize("write", [write_xlsx, write_ods])
def test_a_workbook_gives_dates_and_numbers_as_they_are_stored(tmp_path: Path, write: Any) -> None:
    path = tmp_path / f"milk.{write.__name__.removeprefix('write_')}"
    write(path, {"Data": [("Day", "Value"), *ROWS], "Empty": []})
    contracts_series.check_series_format(excel_series, path)
    assert formats.detect(path, "forecasting") == "excel_series"
    assert recognize(path) == 1
    found = read_path(path)
    assert found.values == VALUES
    assert found.times == [str(day) for day in DAYS]
    assert found.findings == {}
    assert found.lines == list(range(2, 42))


def test_times_of_day_that_a_fraction_of_a_day_cannot_say_are_on_their_second(tmp_path: Path) -> None:
    moments = [datetime(2020, 1, 1) + timedelta(minutes=5 * number) for number in range(600)]
    for dates_from_1904 in (False, True):
        path = write_xlsx(
            tmp_path / "a.xlsx", {"Data": [("t", "v"), *((moment, 1) for moment in moments)]}, dates_from_1904
        )
        assert read_path(path).times == [str(moment).removesuffix(" 00:00:00") for moment in moments]


def test_numbers_and_texts_of_numbers_stand_in_one_column_of_a_workbook(tmp_path: Path) -> None:
    rows = [
        (day, f"{value:.2f}".replace(".", ",") if number % 2 else value) for number, (day, value) in enumerate(ROWS)
    ]
    found = read_path(write_xlsx(tmp_path / "a.xlsx", {"Data": [("Day", "Value"), *rows]}))
    assert found.values == [round(value, 2) if number % 2 else value for number, value in enumerate(VALUES)]


def test_a_workbook_with_a_title_merged_cells_units_and_a_source(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [
        ("Weather of Rome",),
        (),
        ("", "Temperature", None, "Rain"),
        ("Day", "min", "max", "sum"),
    ]
    rows += [(day, value, value + 1, 0) for day, value in ROWS]
    rows += [(), ("Source: the observatory",)]
    path = write_xlsx(tmp_path / "a.xlsx", {"Data": rows})
    found = read_path(path, value_columns=("Temperature max",), ignore_columns=("Temperature min", "Rain sum"))
    assert found.values == [value + 1 for value in VALUES]
    assert found.findings == {
        "left_out_line": [
            "a.xlsx/Data, line 1: above the header: Weather of Rome",
            "a.xlsx/Data, line 4: a second line of the header, joined to the first",
            "a.xlsx/Data, line 46: below the rows: Source: the observatory",
        ]
    }


def test_several_sheets_are_a_question_and_one_is_named_by_name_or_number(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"Notes": [("hello",)], "2020": [("Day", "Value"), *ROWS], "Empty": []})
    with pytest.raises(UserError) as caught:
        read_path(path)
    assert "`Notes`, `2020`" in caught.value.what
    assert "data.sheet" in caught.value.fix
    assert read_path(path, sheet="2020").values == read_path(path, sheet=2).values == VALUES
    with pytest.raises(UserError, match="no sheet `2019`"):
        read_path(path, sheet="2019")


def test_errors_and_blank_cells_of_a_workbook_are_missing_values(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [*ROWS[:20], (DAYS[20], Failed("#DIV/0!")), (DAYS[21], None), *ROWS[22:]]
    found = read_path(write_xlsx(tmp_path / "a.xlsx", {"Data": [("Day", "Value"), *rows]}))
    assert [number for number, value in enumerate(found.values) if value != value] == [20, 21]


def test_what_is_no_workbook_and_a_sheet_of_a_text_are_errors(tmp_path: Path, file: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"no workbook")
    with pytest.raises(UserError, match="no workbook"):
        read_path(tmp_path / "a.xlsx")
    with pytest.raises(UserError, match="no workbook"):
        read(file, csv_text(), sheet="Data")


# Parquet, Feather, zip and packed files


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_file_with_types_gives_its_numbers_and_times_with_their_zone(tmp_path: Path, suffix: str) -> None:
    hours = pandas.date_range("2020-10-25 00:00", periods=40, freq="h", tz="Europe/Berlin")
    frame = pandas.DataFrame({"when": hours, "shop": pandas.Categorical(["a"] * 40), "value": VALUES})
    path = tmp_path / f"a.{suffix}"
    getattr(frame, f"to_{suffix}")(path)
    contracts_series.check_series_format(parquet_series, path)
    found = read_path(path, series_column="shop")
    assert found.values == VALUES
    assert found.times is not None
    assert (found.times[0], found.times[4]) == ("2020-10-24 22:00:00", "2020-10-25 02:00:00")
    assert found.findings == {}


def test_a_zip_gives_its_one_table_and_several_are_a_question(tmp_path: Path) -> None:
    path = tmp_path / "milk.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data/milk.csv", csv_text(";"))
        archive.writestr("__MACOSX/data/._milk.csv", "x")
        archive.writestr("README.md", "about")
    contracts_series.check_series_format(zip_series, path)
    assert recognize(path) == 1
    assert read_path(path).values == VALUES
    write_xlsx(tmp_path / "a.xlsx", {"Data": [("Day", "Value"), *ROWS]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(tmp_path / "a.xlsx", "a.xlsx")
    with pytest.raises(UserError) as caught:
        read_path(path)
    assert "`data/milk.csv`, `a.xlsx`" in caught.value.what
    assert read_path(path, sheet="a.xlsx").values == read_path(path, sheet="milk.csv").values == VALUES
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("photo.jpg", "x")
    assert recognize(path) == 0


def test_packed_texts_are_read_and_damaged_ones_named(tmp_path: Path) -> None:
    for name, pack in (("a.csv.bz2", bz2.compress), ("b.csv.xz", lzma.compress)):
        (tmp_path / name).write_bytes(pack(csv_text().encode()))
        assert read_path(tmp_path / name).values == VALUES
        (tmp_path / name).write_bytes(pack(csv_text().encode())[:100])
        with pytest.raises(UserError, match="damaged"):
            read_path(tmp_path / name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_texts_as_excel_writes_unicode_are_read(file: Path, encoding: str) -> None:
    text = csv_text("\t").replace("Value", "Größe")
    found = read(file, text.encode(encoding))
    assert (found.names, found.values) == (("Day", "Größe"), VALUES)


def test_a_folder_of_tables_of_several_kinds_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(csv_text())
    write_xlsx(tmp_path / "b.xlsx", {"Data": [("Day", "Value"), *ROWS]})
    write_xlsx(tmp_path / "~$b.xlsx", {"Data": [("Day", "Value"), *ROWS]})
    with pytest.raises(UserError, match=r"several kinds: a.csv and b.xlsx"):
        read_path(tmp_path)
    (tmp_path / "b.xlsx").unlink()
    assert read_path(tmp_path).values == VALUES


# lines that are no rows


@pytest.mark.parametrize(
    ("above", "below", "told"),
    [
        ("Monthly milk\n", "", ["line 1: above the header: Monthly milk"]),
        ("Monthly milk,\n\nStation: Rome\n", "", ["line 1: above", "line 3: above"]),
        ("# made 2020-01-01, by us\n% x\n// y\n", "", ["line 1: ", "line 2: ", "line 3: "]),
        ("", "\nSource: the dairy\n", ["line 43: below the rows: Source: the dairy"]),
        ("", "Source: the dairy,\nStand: 2021-01-01,\n", ["line 42: ", "line 43: "]),
        ("", "Total,123.5\n", ["line 42: below the rows: Total 123.5"]),
        ("", "# the end\n", ["line 42: "]),
    ],
)
def test_titles_comments_and_sources_are_passed_over_and_told(
    file: Path, above: str, below: str, told: list[str]
) -> None:
    found = read(file, csv_text(above=above, below=below))
    assert (found.names, found.values) == (("Day", "Value"), VALUES)
    assert list(found.findings) == ["left_out_line"]
    assert [
        item.startswith(f"milk.csv, {start}") for item, start in zip(found.findings["left_out_line"], told, strict=True)
    ]


@pytest.mark.parametrize("units", [",[°C]", ",kWh", "(date),(mm)", "UTC,m/s"])
def test_a_line_of_units_below_the_header_is_no_row(file: Path, units: str) -> None:
    text = csv_text().replace("Value\n", f"Value\n{units}\n")
    found = read(file, text)
    assert found.values == VALUES
    assert found.findings["left_out_line"][0].startswith("milk.csv, line 2: units: ")


@pytest.mark.parametrize("last", ["2020-02-1", "2020-02-10", "2020-02-10,", "2020-02", ",5", "x,y,z", "not measured,5"])
def test_a_last_row_that_was_cut_off_or_is_wrong_is_not_taken_for_a_note(file: Path, last: str) -> None:
    found = read(file, csv_text(below=last + "\n"))
    assert "left_out_line" not in found.findings
    assert found.findings or len(found.values) == 41


def test_the_beginning_of_a_name_that_was_cut_off_is_no_note(file: Path) -> None:
    rows = "".join(f"northern,{day},{value}\n" for day, value in ROWS)
    found = read(file, f"shop,day,value\n{rows}north\n", series_column="shop")
    assert list(found.findings) == ["ragged_line"]


def test_which_line_is_the_header_is_asked_where_it_cannot_be_told_and_the_answer_is_taken(file: Path) -> None:
    text = csv_text(above="Station,Rome\n")
    with pytest.raises(UserError) as caught:
        read(file, text)
    assert "`data.header_row=2`" in caught.value.fix
    found = read(file, text, header_row=2)
    assert (found.names, found.values) == (("Day", "Value"), VALUES)
    with pytest.raises(UserError, match="Line 900 is no header"):
        read(file, text, header_row=900)
    found = read(file, "".join(f"{day},{value!r}\n" for day, value in ROWS), header_row=0)
    assert (found.names, found.values) == (("column_1", "column_2"), VALUES)


def test_the_header_in_a_comment_names_the_columns(file: Path) -> None:
    found = read(file, csv_text().replace("Day,Value", "# Day,Value"))
    assert (found.names, found.values) == (("Day", "Value"), VALUES)


def test_lines_that_the_recipe_leaves_out_are_no_rows_and_those_that_are_not_there_are_told(file: Path) -> None:
    text = csv_text().splitlines()
    text.insert(10, "in all,77")
    text.insert(20, "what a mess")
    found = read(file, "\n".join(text), skip_rows=(11, 21, 99))
    assert found.values == VALUES
    assert found.findings == {"unused_skip": ["milk.csv, line 99: not there"]}


def test_the_header_once_more_between_joined_exports_is_passed_over_and_told(file: Path) -> None:
    lines = csv_text().splitlines()
    found = read(file, "\n".join([*lines[:21], lines[0], *lines[21:]]))
    assert found.values == VALUES
    assert found.findings == {"repeated_header": ["milk.csv, line 22: the header once more"]}


def test_a_delimiter_at_the_end_of_the_lines_makes_no_column(file: Path) -> None:
    for header in ("Day,Value", "Day,Value,"):
        text = csv_text().replace("\n", ",\n").replace("Day,Value,", header)
        found = read(file, text)
        assert (found.values, found.findings) == (VALUES, {})
    found = read(file, csv_text().replace("Day,Value", "Day,Value,"))
    assert (found.names, found.values) == (("Day", "Value"), VALUES)


def test_two_columns_of_one_name_are_asked_about(file: Path) -> None:
    text = "Day,Value,Value\n" + "".join(f"{day},{value},{value}\n" for day, value in ROWS)
    with pytest.raises(UserError):
        read(file, text)
    with pytest.raises(UserError, match="Several columns are called `Value`"):
        read(file, text, value_columns=("Value",))


@pytest.mark.parametrize("marks", ["'{}'", "“{}”", '="{}"', "'{}"])
def test_marks_that_programs_put_around_cells_are_no_part_of_them(file: Path, marks: str) -> None:
    rows = [(marks.format(day), marks.format(value)) if len(marks) > 3 else (day, f"'{value}") for day, value in ROWS]
    found = read(file, "Day,Value\n" + "".join(f"{day},{value}\n" for day, value in rows))
    assert (found.values, found.findings) == (VALUES, {})


def test_lines_about_an_account_above_the_header_are_passed_over(file: Path) -> None:
    text = "Account;DE12\nSince;01.01.2020\n\n" + "Day;Purpose;Value\n"
    text += "".join(f"{day};rent;{value!r}\n" for day, value in ROWS)
    found = read(file, text, ignore_columns=("Purpose",))
    assert found.values == VALUES
    assert len(found.findings["left_out_line"]) == 2


def test_a_column_without_a_name_that_counts_the_rows_is_not_forecast(file: Path) -> None:
    for name in ("", "Unnamed: 0", "index"):
        text = f"{name},Day,Value\n" + "".join(
            f"{number},{day},{value!r}\n" for number, (day, value) in enumerate(ROWS)
        )
        found = read(file, text)
        assert found.values == VALUES
        assert len(found.findings["unused_column"]) == 1


def test_the_mark_at_the_end_of_a_file_of_dos_is_no_row(file: Path) -> None:
    found = read(file, csv_text() + "\x1a")
    assert (found.values, found.findings) == (VALUES, {})


@pytest.mark.parametrize("text", ["<!DOCTYPE html>\n<p>404, sorry</p>\n", '[{"day": 1, "value": 2}]\n', '{"a": [1,2]}'])
def test_a_page_or_json_is_named_as_such(file: Path, text: str) -> None:
    with pytest.raises(UserError, match="HTML, XML or JSON"):
        read(file, text)


def test_decimal_commas_without_quotes_between_commas_are_named(file: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(file, "Day,Value\n" + "".join(f"{day},{value:.2f}\n".replace(".", ",") for day, value in ROWS))
    assert "decimal commas need quotes" in caught.value.fix


def test_a_first_row_that_was_cut_off_is_no_title(file: Path) -> None:
    rows = "".join(f"{day},{value!r}\n" for day, value in ROWS)
    with pytest.raises(UserError, match="The first line has 1 cells"):
        read(file, f"2019-12-31\n{rows}")
    found = read(file, f"Sales of 2020\n{rows}")
    assert (found.values, list(found.findings)) == (VALUES, ["left_out_line"])


def test_a_first_row_with_texts_among_its_numbers_is_no_header(file: Path) -> None:
    text = "".join(f"{day},north,{value!r}\n" for day, value in ROWS)
    found = read(file, text)
    assert (found.values, found.lines[0]) == (VALUES, 1)
    found = read(file, "".join(f"n{number},{value!r}\n" for number, (_, value) in enumerate(ROWS)), time_column="none")
    assert found.values == VALUES


def test_a_header_with_one_name_is_one(file: Path) -> None:
    found = read(file, csv_text().replace("Day,Value", "Day,"))
    assert (found.names, found.values, found.findings) == (("Day", "column_2"), VALUES, {})
