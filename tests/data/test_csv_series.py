"""Tables of series are read whatever their dialect, with the right line for everything that is wrong; what is unclear is asked, not guessed."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import pytest

from data import formats, series_text
from data.formats import csv_series
from data.series_data import SeriesDataConfig
from data.series_findings import SeriesFindings
from data.series_times import UNREADABLE, find_form, known_form, parse_times, show_time
from pipeline.errors import UserError

spec = importlib.util.spec_from_file_location("contracts_series", Path(__file__).parents[1] / "contracts_series.py")
assert spec and spec.loader
contracts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(contracts)

MONTHS = [f"{1962 + number // 12}-{number % 12 + 1:02d}" for number in range(24)]


class Read(NamedTuple):
    """All rows of a table."""

    names: tuple[str, ...]
    values: list[Any]
    covariates: list[Any]
    times: list[str] | None
    series: list[str] | None
    lines: list[int]
    findings: dict[str, list[str]]


def read(path: Path, text: str | bytes, **settings: Any) -> Read:
    """Write a file and read it as example_gen does; one value column gives plain numbers."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_path(path, **settings)


def read_path(path: Path, **settings: Any) -> Read:
    config = SeriesDataConfig(path=str(path), **settings)
    layout, findings = csv_series.open_layout(path, config), SeriesFindings()
    chunks = list(csv_series.read_chunks(layout, findings, config.missing))
    values = numpy.concatenate([chunk.values for chunk in chunks])
    times = None
    if layout.form:
        times = [show_time(time) for chunk in chunks for time in chunk.times]
    return Read(
        tuple(layout.names),
        (values[:, 0] if values.shape[1] == 1 else values).tolist(),
        numpy.concatenate([chunk.covariates for chunk in chunks]).tolist(),
        times,
        None if layout.series is None else [name for chunk in chunks for name in chunk.series],
        [int(line) for chunk in chunks for line in chunk.lines],
        {kind: [f"{item['file']}: {item['detail']}" for item in items] for kind, items in findings.examples.items()},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "milk.csv"


def plain(rows: list[tuple[str, str]], delimiter: str = ",", header: str = "Month,Production", end: str = "\n") -> str:
    lines = [header.replace(",", delimiter), *(f"{time}{delimiter}{value}" for time, value in rows)]
    return end.join(lines) + end


# dialects


def test_the_format_keeps_its_contract(file):
    file.write_text(plain(list(zip(MONTHS, map(str, range(24)), strict=True))))
    chunks = contracts.check_series_format(csv_series, file)
    assert chunks[0].values[:, 0].tolist() == list(range(24))
    assert formats.detect(file, "forecasting") == "csv_series"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "~"])
def test_any_delimiter(file, delimiter):
    settings = {"delimiter": "~"} if delimiter == "~" else {}
    found = read(file, plain([("1962-01", "589"), ("1962-02", "561")], delimiter), **settings)
    assert found.names == ("Month", "Production")
    assert found.values == [589, 561]
    assert found.times == ["1962-01-01", "1962-02-01"]
    assert found.lines == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark(file, end):
    text = plain([("1962-01", "589"), ("1962-02", "561")], end=end)
    for mark in (b"", b"\xef\xbb\xbf"):
        found = read(file, mark + text.encode())
        assert (found.names, found.values, found.lines) == (("Month", "Production"), [589, 561], [2, 3])


def test_quoted_cells_with_delimiters_and_newlines_in_them_keep_the_line_numbers(file):
    text = '"Month","Made, in\npounds",note\n"1962-01","589","two\nlines"\n\n1962-02,561,"say ""ten"""\n1962-03,x,\n'
    found = read(file, text, value_columns=("Made, in\npounds",))
    assert found.lines == [3, 6, 7]
    assert found.values[:2] == [589, 561]
    assert found.findings == {"not_a_number": ["milk.csv, line 7: `x` in column `Made, in\npounds`"]}


def test_regular_blocks_are_read_as_irregular_ones(file, monkeypatch):
    rows = [(f"2010-01-{day:02d} {hour:02d}:00", f"{day * hour / 7:.3f}") for day in range(1, 29) for hour in range(24)]
    text = plain(rows, header="date,value")
    fast = read(file, text)
    monkeypatch.setattr(series_text, "cut_regular", lambda *arguments: None)
    assert read(file, text) == fast
    monkeypatch.setattr(series_text, "BLOCK", 100)
    assert read(file, text) == fast
    assert len(fast.values) == 28 * 24


def test_small_blocks_do_not_cut_cells_or_lose_lines(file, monkeypatch):
    monkeypatch.setattr(series_text, "BLOCK", 7)
    text = 'a,b\n"1","x\ny"\n2,\n\n3,"z"\n4,ä\n'
    found = read(file, text, value_columns=("a",), time_column="none")
    assert (found.values, found.lines) == ([1, 2, 3, 4], [2, 4, 6, 7])


def test_gzipped_tables_are_read(tmp_path):
    with gzip.open(tmp_path / "milk.tsv.gz", "wt") as file:
        file.write(plain([("1962-01", "589"), ("1962-02", "561")], "\t"))
    assert read_path(tmp_path / "milk.tsv.gz").values == [589, 561]


def test_a_damaged_gzip_file_is_named(tmp_path):
    (tmp_path / "milk.csv.gz").write_bytes(b"\x1f\x8b\x08nothing")
    with pytest.raises(UserError, match="damaged"):
        read_path(tmp_path / "milk.csv.gz")


def test_a_table_without_header_gets_names_by_number(file):
    found = read(file, "1962-01,5\n1962-02,6\n")
    assert (found.names, found.values, found.lines) == (("column_1", "column_2"), [5, 6], [1, 2])
    found = read(file, "1.5\n2.5\n3\n")
    assert (found.names, found.values, found.times) == (("column_1",), [1.5, 2.5, 3], None)


def test_in_a_table_of_one_column_a_blank_line_is_a_missing_value_but_not_at_the_end(file):
    found = read(file, "value\n1\n\n3\n\n\n")
    assert str(found.values) == "[1.0, nan, 3.0]"
    assert found.lines == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Month,Value\n1962-01,5\n1962-02,\xe96\n", "UTF-8: byte 0xe9"),
        ("Month,Value\n1962-01,5\n".encode("utf-16"), "UTF-16"),
        (b"", "empty"),
        (b"Month,Value\n", "no line below"),
        (b'Month,Value\n1962-01,5\n1962-02,"' + b"x\n" * 100_000, "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_refused(file, content, says):
    with pytest.raises(UserError) as caught:
        read(file, content)
    assert says in caught.value.what
    assert caught.value.where.startswith(str(file))
    if b"\xe9" in content:
        assert caught.value.where.endswith("line 3")
        assert "iconv" in caught.value.fix


def test_a_quote_that_is_not_closed_does_not_swallow_the_rest(file):
    with pytest.raises(UserError) as caught:
        read(
            file,
            'Month,Value,note\n1962-01,5,"fine"\n1962-02,6,"what\n1962-03,7,\n1962-04,8,\n',
            value_columns=("Value",),
        )
    assert caught.value.where.endswith("line 3")


def test_ragged_lines_are_named_and_lines_without_any_text_passed_over(file):
    found = read(file, "Month,Value\n1962-01,5\n1962-02\n1962-03,5,6\n,\n\n1962-04,7\n")
    assert found.values == [5, 7]
    assert found.findings["ragged_line"] == [
        "milk.csv, line 3: 1 cells instead of 2",
        "milk.csv, line 4: 3 cells instead of 2",
    ]


def test_a_title_above_the_header_is_refused_with_its_line(file):
    with pytest.raises(UserError) as caught:
        read(file, "Monthly milk\nMonth,Value\n1962-01,5\n1962-02,6\n1962-03,6\n")
    assert caught.value.where.endswith("line 1")
    assert "above the header" in caught.value.fix


# numbers


@pytest.mark.parametrize(
    ("cells", "settings", "expected"),
    [
        (["1.5", "-2", "+3e2", ".5"], {}, [1.5, -2, 300, 0.5]),
        (["1,5", "-2,25", "3"], {}, [1.5, -2.25, 3]),
        (["1.234,5", "12", "1.234.567"], {}, [1234.5, 12, 1234567]),
        (["1,234.5", "12"], {}, [1234.5, 12]),
        (["1 234,5", "12"], {}, [1234.5, 12]),
        (["1'234.5", "12"], {}, [1234.5, 12]),
        (["1,234", "2,345"], {"decimal": ","}, [1.234, 2.345]),
        (["1,234", "2,345"], {"decimal": "."}, [1234, 2345]),
        (["1,234", "0,5"], {}, [1.234, 0.5]),
    ],
)
def test_decimal_marks_and_thousands(file, cells, settings, expected):
    rows = [(f"1962-{number:02d}", cell) for number, cell in enumerate(cells, 1)]
    assert read(file, plain(rows, ";"), **settings).values == expected


def test_three_digits_behind_the_mark_are_a_question_where_they_could_be_thousands(file):
    rows = [("1962-01", "1,234"), ("1962-02", "2,345"), ("1962-03", "999")]
    with pytest.raises(UserError) as caught:
        read(file, plain(rows, ";"))
    assert "line 2: `1,234`" in caught.value.where
    assert "data.decimal" in caught.value.fix
    rows = [("1962-01", "1.234"), ("1962-02", "2.345")]
    assert read(file, plain(rows, ",")).values == [1.234, 2.345]


def test_the_whole_file_is_asked_for_the_decimal_mark(file):
    rows = [(f"{1000 + number}-01", "1,234") for number in range(3000)] + [("4001-01", "1,5")]
    assert read(file, plain(rows, ";")).values[-2:] == [1.234, 1.5]


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "NaN", "nan", "null", "None", "-", "?", " NA ", "n.a."])
def test_every_spelling_of_a_missing_value(file, cell):
    for others in ("1.5", "1,5"):
        text = f"Month;Value\n1962-01;{others}\n1962-02;{cell}\n1962-03;3\n"
        assert str(read(file, text, missing=("n.a.",)).values) == "[1.5, nan, 3.0]"


def test_texts_and_infinite_values_are_named_with_line_and_column(file):
    cells = ["1", "abc", "-inf", "1e999", "1_0", "1e39"]
    found = read(file, plain([(f"1962-{number:02d}", cell) for number, cell in enumerate(cells, 1)]))
    assert found.findings == {
        "not_a_number": ["milk.csv, line 3: `abc` in column `Production`", "milk.csv, line 6: `1_0` in column `Production`"],
        "infinite_value": [
            "milk.csv, line 4: `-inf` in column `Production`", "milk.csv, line 5: `1e999` in column `Production`",
            "milk.csv, line 7: `1e39` in column `Production`",
        ],
    }  # fmt: skip


def test_a_number_is_read_as_python_reads_it(file):
    cells = [repr(value) for value in numpy.random.default_rng(0).normal(size=300) * 10.0 ** numpy.arange(-150, 150)]
    rows = [(f"{1700 + number}", cell) for number, cell in enumerate(cells)]
    assert read(file, plain(rows, header="year,value")).values == [float(cell) for cell in cells]


# times


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1962-01-01", "1962-01-02"], ["1962-01-01", "1962-01-02"]),
        (["2010-01-01 05:00:00", "2010-01-01 06:00:00"], ["2010-01-01 05:00:00", "2010-01-01 06:00:00"]),
        (["2010-01-01T05:00Z", "2010-01-01T06:00Z"], ["2010-01-01 05:00:00", "2010-01-01 06:00:00"]),
        (["2010-03-28T01:00:00+01:00", "2010-03-28T03:00:00+02:00"], ["2010-03-28", "2010-03-28 01:00:00"]),
        (["2010-01-01T00:00:00.000-0500"], ["2010-01-01 05:00:00"]),
        (["1962-01", "1962-02"], ["1962-01-01", "1962-02-01"]),
        (["13/02/1962", "14/02/1962"], ["1962-02-13", "1962-02-14"]),
        (["01/31/1962", "02/01/1962"], ["1962-01-31", "1962-02-01"]),
        (["1/31/62 1:30 PM", "1/31/62 12:00 AM"], ["1962-01-31 13:30:00", "1962-01-31"]),
        (["31.12.2014 23:00", "1.1.2015 0:00"], ["2014-12-31 23:00:00", "2015-01-01"]),
        (["Jan-62", "Feb-62"], ["1962-01-01", "1962-02-01"]),
        (["Dec-29", "Jan-30"], ["2029-12-01", "1930-01-01"]),
        (["January 1962", "Sept 1962"], ["1962-01-01", "1962-09-01"]),
        (["5 Jan 1962", "12 Jan 1962"], ["1962-01-05", "1962-01-12"]),
        (["1962 Q1", "1962 Q4"], ["1962-01-01", "1962-10-01"]),
        (["1962Q1", "1962Q2"], ["1962-01-01", "1962-04-01"]),
        (["2014-W01", "2014-W53"], ["2013-12-30", "2014-12-29"]),
        (["1700", "1701"], ["1700-01-01", "1701-01-01"]),
        (["196201", "196202"], ["1962-01-01", "1962-02-01"]),
        (["19620131", "19620201"], ["1962-01-31", "1962-02-01"]),
        (["201001312300", "201002010000"], ["2010-01-31 23:00:00", "2010-02-01"]),
        (["1388534400", "1388538000"], ["2014-01-01", "2014-01-01 01:00:00"]),
        (["1388534400000", "1388538000000"], ["2014-01-01", "2014-01-01 01:00:00"]),
    ],
)
def test_every_common_way_to_write_times(file, cells, expected):
    text = "time;value\n" + "".join(f"{cell};{number}\n" for number, cell in enumerate(cells))
    found = read(file, text)
    assert found.times == expected
    assert found.findings == {}


def test_times_agree_with_numpys_own_over_two_centuries():
    days = numpy.arange("1880-01-01", "2080-01-01", dtype="datetime64[D]")
    form, share = find_form([str(day) for day in days[:9]], numbers=False)
    assert share == 1
    assert (parse_times([str(day) for day in days], form) == days.astype("datetime64[s]").astype(int)).all()


@pytest.mark.parametrize(
    "cell",
    ["2010-02-30", "2010-13-01", "2010-01-01 24:00", "2010-01-01 10:60", "yesterday", "", "2010-01-01 10:00:00.5"],
)
def test_what_is_no_time_is_not_read_as_one(cell):
    assert parse_times([cell, "2012-02-29"], known_form("%Y-%m-%d")).tolist() == [UNREADABLE, 1_330_473_600]


def test_day_or_month_first_is_decided_over_the_whole_column(file):
    rows = [(f"{day:02d}/{month:02d}/1962", "5") for month in range(1, 13) for day in range(1, 13)]
    found = read(file, plain(rows * 10) + "13/12/1962,5\n")
    assert found.times is not None
    assert found.times[1] == "1962-01-02"
    with pytest.raises(UserError) as caught:
        read(file, plain(rows))
    assert "day or with the month" in caught.value.what
    assert "data.time_format=%d/%m/%Y" in caught.value.fix
    assert "data.time_format=%m/%d/%Y" in caught.value.fix
    american = read(file, plain(rows * 10) + "12/13/1962,5\n")
    assert american.times is not None
    assert american.times[1] == "1962-02-01"
    found = read(file, plain(rows), time_format="%m/%d/%Y")
    assert found.times is not None
    assert found.times[1] == "1962-02-01"


def test_a_time_in_another_form_than_the_others_is_named(file):
    found = read(file, plain([("1962-01", "1"), ("1962-02", "2"), ("March", "3"), ("", "4"), ("1962-05", "5")]))
    assert found.values == [1, 2, 5]
    assert [text.split(": ")[0] for text in found.findings["not_a_time"]] == ["milk.csv, line 4", "milk.csv, line 5"]


def test_fractions_of_a_second_are_named(file):
    times = [f"2010-01-01T00:00:0{number // 2}.{number % 2 * 5}" for number in range(10)]
    found = read(file, plain([(time, "1") for time in times], header="t,v"))
    assert found.times == [show_time(1_262_304_000 + number) for number in range(5)]
    assert len(found.findings["not_a_time"]) == 5


def test_times_in_an_unknown_form_are_not_passed_over(file):
    with pytest.raises(UserError) as caught:
        read(file, plain([("Jänner 62", "1"), ("Feber 62", "2")]))
    assert "such as `Jänner 62`" in caught.value.what
    assert "data.time_column=none" in caught.value.fix
    assert read(file, plain([("Jänner 62", "1"), ("Feber 62", "2")]), time_column="none").values == [1, 2]


def test_the_recipe_says_how_times_are_written(file):
    found = read(file, plain([("62:1", "1"), ("62:2", "2")]), time_column="Month", time_format="%y:%m")
    assert found.times == ["1962-01-01", "1962-02-01"]
    with pytest.raises(UserError) as caught:
        read(file, plain([("62:1", "1"), ("62:2", "2")]), time_column="Month")
    assert "data.time_format" in caught.value.fix


@pytest.mark.parametrize("pattern", ["%m/%d", "%Y-%x", "%Y-%Y"])
def test_a_time_format_that_cannot_be_is_refused(pattern):
    with pytest.raises(ValueError, match="time_format"):
        SeriesDataConfig(path="x", time_format=pattern)


def test_separate_columns_make_up_the_time(file):
    text = "No,year,month,day,hour,TEMP\n1,2010,1,1,0,-11\n2,2010,1,1,1,-12\n"
    found = read(file, text, value_columns=("TEMP",))
    assert found.times == ["2010-01-01", "2010-01-01 01:00:00"]
    text = "day,clock,value\n2010-01-01,05:00,1\n2010-01-01,06:00,2\n"
    assert read(file, text, time_column="day+clock").times == ["2010-01-01 05:00:00", "2010-01-01 06:00:00"]


def test_numbers_are_times_only_under_a_name_that_says_so(file):
    assert read(file, "year,value\n2010,1\n2011,2\n").times == ["2010-01-01", "2011-01-01"]
    with pytest.raises(UserError, match="Several columns could be forecast: `price`, `value`"):
        read(file, "price,value\n2010,1\n2011,2\n")
    assert read(file, "12.1234\n11.2345\n").times is None, "a number is not December 1234"


# columns


def test_the_one_numeric_column_is_the_value_and_several_are_a_question(file):
    found = read(file, "date,place,temp\n2010-01-01,Rome,1\n2010-01-02,Rome,2\n")
    assert found.values == [1, 2]
    with pytest.raises(UserError) as caught:
        read(file, "date,low,high\n2010-01-01,0,1\n2010-01-02,1,2\n")
    assert "`low`, `high`" in caught.value.what
    assert "data.value_columns" in caught.value.fix
    found = read(file, "date,low,high\n2010-01-01,0,1\n2010-01-02,1,2\n", value_columns=("high", "low"))
    assert found.values == [[1, 0], [2, 1]]


def test_series_and_covariates_are_read_beside_the_values(file):
    text = "date,shop,holiday,sales\n2010-01-01,a,1,5\n2010-01-01,b,1,7\n2010-01-02,a,0,6\n2010-01-02,,0,6\n"
    found = read(file, text, series_column="shop", covariate_columns=("holiday",))
    assert found.series == ["a", "b", "a"]
    assert (found.values, found.covariates) == ([5, 7, 6], [[1], [1], [0]])
    assert found.findings == {"no_series": ["milk.csv, line 5: the cell with the series is empty"]}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"value_columns": ("Prodction",)}, "Did you mean `Production`?"),
        ({"time_column": "month"}, "Did you mean `Month`?"),
        ({"series_column": "shop"}, "There are: `Month`, `Production`."),
    ],
)
def test_a_column_that_is_not_there_is_answered_with_those_that_are(file, settings, says):
    with pytest.raises(UserError) as caught:
        read(file, plain([("1962-01", "1"), ("1962-02", "2")]), **settings)
    assert says in caught.value.fix


def test_a_folder_is_one_series_a_file_with_the_same_columns(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(plain([("1962-01", "1"), ("1962-02", "2")]))
    (tmp_path / "read.me").write_text("not a table")
    config = SeriesDataConfig(path=str(tmp_path))
    assert [path.name for path in csv_series.sources(tmp_path, config)] == ["a.csv", "b.csv"]
    assert [chunk.file for chunk in contracts.check_series_format(csv_series, tmp_path)] == [0, 1]
    (tmp_path / "c.csv").write_text(plain([("1962-01", "1")], header="Month,Other"))
    with pytest.raises(UserError, match="`Other`"):
        csv_series.open_layout(tmp_path, config)


def test_what_is_no_series_at_all_is_refused(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        formats.detect(tmp_path / "photos", "forecasting")
    assert "CSV" in caught.value.fix


def test_one_column_cannot_have_two_purposes():
    with pytest.raises(ValueError, match="two purposes"):
        SeriesDataConfig(path="x", value_columns=("a", "b"), covariate_columns=("b",))
