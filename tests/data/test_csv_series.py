"""Tables of series are read whatever their dialect, with the right line for everything that is wrong.

What is unclear is asked, not guessed.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import formats
from data.formats import csv_series
from data.series.config import SeriesDataConfig
from data.series.ingest import describe_layout
from data.series.tables import text as series_text
from pipeline.errors import UserError
from tests.support import contracts_series
from tests.support.series_tables import known, plain, read, read_path

MONTHS = [f"{1962 + number // 12}-{number % 12 + 1:02d}" for number in range(24)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "milk.csv"


# dialects


def test_the_format_keeps_its_contract(file: Path) -> None:
    file.write_text(plain(list(zip(MONTHS, map(str, range(24)), strict=True))))
    chunks = contracts_series.check_series_format(csv_series, file)
    assert chunks[0].values[:, 0].tolist() == list(range(24))
    assert formats.detect(file, "forecasting") == "csv_series"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "~"])
def test_any_delimiter(file: Path, delimiter: str) -> None:
    settings = {"delimiter": "~"} if delimiter == "~" else {}
    found = read(file, plain([("1962-01", "589"), ("1962-02", "561")], delimiter), **settings)
    assert found.names == ("Month", "Production")
    assert found.values == [589, 561]
    assert found.times == ["1962-01-01", "1962-02-01"]
    assert found.lines == [2, 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark(file: Path, end: str) -> None:
    text = plain([("1962-01", "589"), ("1962-02", "561")], end=end)
    for mark in (b"", b"\xef\xbb\xbf"):
        found = read(file, mark + text.encode())
        assert (found.names, found.values, found.lines) == (("Month", "Production"), [589, 561], [2, 3])


def test_the_line_that_tells_excel_the_delimiter_is_no_row(file: Path) -> None:
    for header in ("Month;Production\r\n", ""):
        found = read(file, f"sep=;\r\n{header}1962-01;589,5\r\n1962-02;561,5\r\n")
        assert (found.values, found.findings) == ([589.5, 561.5], {})
        assert found.lines == ([3, 4] if header else [2, 3])


def test_quoted_cells_with_delimiters_and_newlines_in_them_keep_the_line_numbers(file: Path) -> None:
    text = '"Month","Made, in\npounds",note\n"1962-01","589","two\nlines"\n\n1962-02,561,"say ""ten"""\n1962-03,x,\n'
    found = read(file, text, value_columns=("Made, in\npounds",))
    assert found.lines == [3, 6, 7]
    assert found.values[:2] == [589, 561]
    assert found.findings["not_a_number"] == ["milk.csv, line 7: `x` in column `Made, in\npounds`"]


def test_regular_blocks_are_read_as_irregular_ones(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"2010-01-{day:02d} {hour:02d}:00", f"{day * hour / 7:.3f}") for day in range(1, 29) for hour in range(24)]
    text = plain(rows, header="date,value")
    fast = read(file, text)
    monkeypatch.setattr(series_text, "cut_regular", lambda *arguments: None)
    assert read(file, text) == fast
    monkeypatch.setattr(series_text, "BLOCK", 100)
    assert read(file, text) == fast
    assert len(fast.values) == 28 * 24


def test_small_blocks_do_not_cut_cells_or_lose_lines(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_text, "BLOCK", 7)
    text = 'a,b\n"1","x\ny"\n2,\n\n3,"z"\n4,ä\n'
    found = read(file, text, value_columns=("a",), time_column="none")
    assert (found.values, found.lines) == ([1, 2, 3, 4], [2, 4, 6, 7])


def test_gzipped_tables_are_read(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "milk.tsv.gz", "wt") as file:
        file.write(plain([("1962-01", "589"), ("1962-02", "561")], "\t"))
    assert read_path(tmp_path / "milk.tsv.gz").values == [589, 561]


def test_a_damaged_gzip_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "milk.csv.gz").write_bytes(b"\x1f\x8b\x08nothing")
    with pytest.raises(UserError, match="damaged"):
        read_path(tmp_path / "milk.csv.gz")


def test_a_table_without_header_gets_names_by_number(file: Path) -> None:
    found = read(file, "1962-01,5\n1962-02,6\n")
    assert (found.names, found.values, found.lines) == (("column_1", "column_2"), [5, 6], [1, 2])
    found = read(file, "1.5\n2.5\n3\n")
    assert (found.names, found.values, found.times) == (("column_1",), [1.5, 2.5, 3], None)


def test_in_a_table_of_one_column_a_blank_line_is_a_missing_value_but_not_at_the_end(file: Path) -> None:
    found = read(file, "value\n1\n\n3\n\n\n")
    assert str(found.values) == "[1.0, nan, 3.0]"
    assert found.lines == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Month,Value\n1962-01,5\n1962-02,\xe96\n", "UTF-8: byte 0xe9"),
        (b"\xff\xfeM\0o\0n\0\0\xd8", "UTF-16"),
        (b"PK\x03\x04\0\0\xe9\0", "no text"),
        (b"", "empty"),
        (b"Month,Value\n", "no line below"),
        (b'Month,Value\n1962-01,5\n1962-02,"' + b"x\n" * 100_000, "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_refused(file: Path, content: bytes, says: str) -> None:
    with pytest.raises(UserError) as caught:
        read(file, content)
    assert says in caught.value.what
    assert caught.value.where.startswith(str(file))
    if b",\xe9" in content:
        assert caught.value.where.endswith("line 3")
        assert "data.encoding=cp1252" in caught.value.fix


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_table_that_windows_wrote_is_read_in_the_encoding_that_is_named_and_utf_8_as_utf_8(
    file: Path, quote: str
) -> None:
    lines = ["Tag,Umsatz €", "1962-01,5", "1962-02,6", f"{quote}1962-03{quote},7"]
    for written in ("cp1252", "utf-8"):
        found = read(file, "\n".join(lines).encode(written), encoding="cp1252")
        assert (found.names[-1], found.values) == ("Umsatz €", [5, 6, 7])
    stores = "Tag,Filiale,Wert\n" + "".join(
        f"1962-0{month},{name},1\n" for name in ("Köln", "Mölln") for month in (1, 2, 3)
    )
    found = read(file, stores.encode("cp1252"), encoding="cp1252", series_column="Filiale")
    assert sorted(set(known(found.series))) == ["Köln", "Mölln"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "klingon", "rot13"])
def test_an_encoding_that_no_table_can_be_cut_in_is_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match="ASCII|encoding that Python knows"):
        SeriesDataConfig(path="x.csv", encoding=encoding)


def test_a_quote_that_is_not_closed_does_not_swallow_the_rest(file: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(
            file,
            'Month,Value,note\n1962-01,5,"fine"\n1962-02,6,"what\n1962-03,7,\n1962-04,8,\n',
            value_columns=("Value",),
        )
    assert caught.value.where.endswith("line 3")


def test_ragged_lines_are_named_and_lines_without_any_text_passed_over(file: Path) -> None:
    found = read(file, "Month,Value\n1962-01,5\n1962-02\n1962-03,5,6\n,\n\n1962-04,7\n")
    assert found.values == [5, 7]
    assert found.findings["ragged_line"] == [
        "milk.csv, line 3: 1 cells instead of 2",
        "milk.csv, line 4: 3 cells instead of 2",
    ]


def test_a_title_above_the_header_is_refused_with_its_line(file: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(file, "Month\tValue\n1962-01,5,a\n1962-02,6,b\n1962-03,6,c\n", delimiter=",")
    assert caught.value.where.endswith("line 1")


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
def test_decimal_marks_and_thousands(
    file: Path, cells: list[str], settings: dict[str, Any], expected: list[float]
) -> None:
    rows = [(f"1962-{number:02d}", cell) for number, cell in enumerate(cells, 1)]
    assert read(file, plain(rows, ";"), **settings).values == expected


def test_three_digits_behind_the_mark_are_a_question_where_they_could_be_thousands(file: Path) -> None:
    rows = [("1962-01", "1,234"), ("1962-02", "2,345"), ("1962-03", "999")]
    with pytest.raises(UserError) as caught:
        read(file, plain(rows, ";"))
    assert "line 2: `1,234`" in caught.value.where
    assert "data.decimal" in caught.value.fix
    rows = [("1962-01", "1.234"), ("1962-02", "2.345")]
    assert read(file, plain(rows, ",")).values == [1.234, 2.345]


def test_a_point_among_decimal_commas_is_no_infinite_value(file: Path) -> None:
    found = read(file, plain([("1962-01", "589.25"), ("1962-02", "561.5")], ";"), decimal=",")
    assert list(found.findings) == ["not_a_number"]


def test_the_whole_file_is_asked_for_the_decimal_mark(file: Path) -> None:
    rows = [(f"{1000 + number}-01", "1,234") for number in range(3000)] + [("4001-01", "1,5")]
    assert read(file, plain(rows, ";")).values[-2:] == [1.234, 1.5]


@pytest.mark.parametrize("cell", ["", "NA", "N/A", "NaN", "nan", "null", "None", "-", "?", " NA ", "n.a."])
def test_every_spelling_of_a_missing_value(file: Path, cell: str) -> None:
    for others in ("1.5", "1,5"):
        text = f"Month;Value\n1962-01;{others}\n1962-02;{cell}\n1962-03;3\n"
        assert str(read(file, text, missing=("n.a.",)).values) == "[1.5, nan, 3.0]"


def test_texts_and_infinite_values_are_named_with_line_and_column(file: Path) -> None:
    cells = ["1", "abc", "-inf", "1e999", "1_0", "1e39"]
    found = read(file, plain([(f"1962-{number:02d}", cell) for number, cell in enumerate(cells, 1)]))
    assert found.findings == {
        "not_a_number": [
            "milk.csv, line 3: `abc` in column `Production`",
            "milk.csv, line 6: `1_0` in column `Production`",
        ],
        "infinite_value": [
            "milk.csv, line 4: `-inf` in column `Production`",
            "milk.csv, line 5: `1e999` in column `Production`",
        ],
        "too_large_value": ["milk.csv, line 7: `1e39` in column `Production`"],
    }


def test_a_number_is_read_as_python_reads_it(file: Path) -> None:
    cells = [repr(value) for value in np.random.default_rng(0).normal(size=300) * 10.0 ** np.arange(-150, 150)]
    rows = [(f"{1700 + number}", cell) for number, cell in enumerate(cells)]
    assert read(file, plain(rows, header="year,value")).values == [float(cell) for cell in cells]


# columns


def test_the_one_numeric_column_is_the_value_and_several_are_a_question(file: Path) -> None:
    found = read(file, "date,place,temp\n2010-01-01,Rome,1\n2010-01-02,Rome,2\n")
    assert found.values == [1, 2]
    with pytest.raises(UserError) as caught:
        read(file, "date,low,high\n2010-01-01,0,1\n2010-01-02,1,2\n")
    assert "`low`, `high`" in caught.value.what
    assert "data.value_columns" in caught.value.fix
    found = read(file, "date,low,high\n2010-01-01,0,1\n2010-01-02,1,2\n", value_columns=("high", "low"))
    assert found.values == [[1, 0], [2, 1]]


def test_series_and_covariates_are_read_beside_the_values(file: Path) -> None:
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
def test_a_column_that_is_not_there_is_answered_with_those_that_are(
    file: Path, settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError) as caught:
        read(file, plain([("1962-01", "1"), ("1962-02", "2")]), **settings)
    assert says in caught.value.fix


def test_a_folder_is_one_series_a_file_with_the_same_columns(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(plain([("1962-01", "1"), ("1962-02", "2")]))
    (tmp_path / "read.me").write_text("not a table")
    config = SeriesDataConfig(path=str(tmp_path))
    assert [path.name for path in csv_series.sources(tmp_path, config)] == ["a.csv", "b.csv"]
    assert [chunk.file for chunk in contracts_series.check_series_format(csv_series, tmp_path)] == [0, 1]
    (tmp_path / "c.csv").write_text(plain([("1962-01", "1")], header="Month,Other"))
    with pytest.raises(UserError, match="`Other`"):
        csv_series.open_layout(tmp_path, config)


def test_what_is_no_series_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        formats.detect(tmp_path / "photos", "forecasting")
    assert "CSV" in caught.value.fix


def test_columns_that_nothing_is_read_from_are_named(file: Path) -> None:
    file.write_text("height,value,note\n12,1,a\n13,2,b\n")
    layout = csv_series.open_layout(file, SeriesDataConfig(path=str(file), value_columns=("value",)))
    assert layout.unused == ["height", "note"]
    assert describe_layout(layout, file, "csv_series").endswith("values value, no times, left out height, note")


def test_one_column_cannot_have_two_purposes() -> None:
    with pytest.raises(ValueError, match="two purposes"):
        SeriesDataConfig(path="x", value_columns=("a", "b"), covariate_columns=("b",))


# signs of currency and per cent


@pytest.mark.parametrize(
    ("cells", "delimiter", "values"),
    [
        (["$1,101.50", "-$2.25", "$ 3"], ";", [1101.5, -2.25, 3]),
        (["€ 1.101,50", "€ -2,25", "NA"], ";", [1101.5, -2.25, np.nan]),
        (["1 101,50 €", "2,25 €", ""], ";", [1101.5, 2.25, np.nan]),
        (["12.5%", "7 %", "0%"], ",", [12.5, 7, 0]),
    ],
)
def test_a_sign_that_all_cells_have_is_part_of_the_numbers(
    file: Path, cells: list[str], delimiter: str, values: list[float]
) -> None:
    found = read(file, plain(list(zip(MONTHS, cells * 8, strict=True)), delimiter))
    assert found.findings == {}
    assert np.array_equal(found.values, values * 8, equal_nan=True)


def test_cells_without_the_sign_of_the_others_are_no_numbers(file: Path) -> None:
    found = read(file, plain([*((month, "5%") for month in MONTHS), ("1964-01", "0.05"), ("1964-02", "$5")]))
    assert found.findings["not_a_number"]
    assert found.values[:24] == [5.0] * 24
    assert np.isinf(found.values[24:]).all()


def test_a_column_of_different_signs_is_told(file: Path) -> None:
    rows = [
        (month, name, f"{'$€'[number % 2]}5")
        for number, (month, name) in enumerate(zip(MONTHS, "ab" * 12, strict=True))
    ]
    file.write_text("Month,Shop,Price\n" + "".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(UserError, match="No column of numbers is left") as caught:
        read_path(file)
    assert "column `Price` have different signs, `$` and `€`" in caught.value.fix
