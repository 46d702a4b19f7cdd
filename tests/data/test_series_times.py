"""Times are read in every common form; what could be two times is asked, not guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.series.config import SeriesDataConfig
from data.series.times.form_choice import find_form
from data.series.times.forms import known_form
from data.series.times.parsing import UNREADABLE, parse_times, show_time
from pipeline.errors import UserError
from tests.support.series_tables import known, plain, read

MONTHS = [f"{1962 + number // 12}-{number % 12 + 1:02d}" for number in range(24)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "milk.csv"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1962-01-01", "1962-01-02"], ["1962-01-01", "1962-01-02"]),
        (["2010-01-01 05:00:00", "2010-01-01 06:00:00"], ["2010-01-01 05:00:00", "2010-01-01 06:00:00"]),
        (["2010-01-01T05", "2010-01-01T06"], ["2010-01-01 05:00:00", "2010-01-01 06:00:00"]),
        (["2010-01-01 5", "2010-01-01 16"], ["2010-01-01 05:00:00", "2010-01-01 16:00:00"]),
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
        (["2014-W01", "2015-W53"], ["2013-12-30", "2015-12-28"]),
        (["1700", "1701"], ["1700-01-01", "1701-01-01"]),
        (["196201", "196202"], ["1962-01-01", "1962-02-01"]),
        (["19620131", "19620201"], ["1962-01-31", "1962-02-01"]),
        (["2010013123", "2010020100"], ["2010-01-31 23:00:00", "2010-02-01"]),
        (["201001312300", "201002010000"], ["2010-01-31 23:00:00", "2010-02-01"]),
        (["1388534400", "1388538000"], ["2014-01-01", "2014-01-01 01:00:00"]),
        (["1388534400000", "1388538000000"], ["2014-01-01", "2014-01-01 01:00:00"]),
    ],
)
def test_every_common_way_to_write_times(file: Path, cells: list[str], expected: list[str]) -> None:
    text = "time;value\n" + "".join(f"{cell};{number}\n" for number, cell in enumerate(cells))
    found = read(file, text)
    assert found.times == expected
    assert found.findings == {}


def test_times_agree_with_numpys_own_over_two_centuries() -> None:
    days = np.arange("1880-01-01", "2080-01-01", dtype="datetime64[D]")
    seen = find_form([str(day) for day in days[:9]], numbers=False)
    assert seen is not None
    form, share = seen
    assert share == 1
    assert (parse_times([str(day) for day in days], form) == days.astype("datetime64[s]").astype(int)).all()


@pytest.mark.parametrize(
    "cell",
    ["2010-02-30", "2010-13-01", "2010-01-01 24:01", "2010-01-01 10:60", "yesterday", "", "2010-01-01 10:00:00.5"],
)
def test_what_is_no_time_is_not_read_as_one(cell: str) -> None:
    assert parse_times([cell, "2012-02-29"], known_form("%Y-%m-%d")).tolist() == [UNREADABLE, 1_330_473_600]


def test_day_or_month_first_is_decided_over_the_whole_column(file: Path) -> None:
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


def test_a_time_in_another_form_than_the_others_is_named(file: Path) -> None:
    found = read(file, plain([("1962-01", "1"), ("1962-02", "2"), ("March", "3"), ("", "4"), ("1962-05", "5")]))
    assert found.values == [1, 2, 5]
    assert [text.split(": ")[0] for text in found.findings["not_a_time"]] == ["milk.csv, line 4", "milk.csv, line 5"]


def test_fractions_of_a_second_are_named(file: Path) -> None:
    times = [f"2010-01-01T00:00:0{number // 2}.{number % 2 * 5}" for number in range(10)]
    found = read(file, plain([(time, "1") for time in times], header="t,v"))
    assert found.times == [show_time(1_262_304_000 + number) for number in range(5)]
    assert len(found.findings["not_a_time"]) == 5


def test_times_in_an_unknown_form_are_not_passed_over(file: Path) -> None:
    with pytest.raises(UserError) as caught:
        read(file, plain([("Jänner 62", "1"), ("Feber 62", "2")]))
    assert "such as `Jänner 62`" in caught.value.what
    assert "data.time_column=none" in caught.value.fix
    assert read(file, plain([("Jänner 62", "1"), ("Feber 62", "2")]), time_column="none").values == [1, 2]


def test_the_recipe_says_how_times_are_written(file: Path) -> None:
    found = read(file, plain([("62:1", "1"), ("62:2", "2")]), time_column="Month", time_format="%y:%m")
    assert found.times == ["1962-01-01", "1962-02-01"]
    with pytest.raises(UserError) as caught:
        read(file, plain([("62:1", "1"), ("62:2", "2")]), time_column="Month")
    assert "data.time_format" in caught.value.fix


@pytest.mark.parametrize("pattern", ["%m/%d", "%Y-%x", "%Y-%Y"])
def test_a_time_format_that_cannot_be_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="time_format"):
        SeriesDataConfig(path="x", time_format=pattern)


def test_separate_columns_make_up_the_time(file: Path) -> None:
    text = "No,year,month,day,hour,TEMP\n1,2010,1,1,0,-11\n2,2010,1,1,1,-12\n"
    found = read(file, text, value_columns=("TEMP",))
    assert found.times == ["2010-01-01", "2010-01-01 01:00:00"]
    text = "day,clock,value\n2010-01-01,05:00,1\n2010-01-01,06:00,2\n"
    assert read(file, text, time_column="day+clock").times == ["2010-01-01 05:00:00", "2010-01-01 06:00:00"]


def test_numbers_are_times_only_under_a_name_that_says_so(file: Path) -> None:
    assert read(file, "year,value\n2010,1\n2011,2\n").times == ["2010-01-01", "2011-01-01"]
    with pytest.raises(UserError, match="Several columns could be forecast: `price`, `value`"):
        read(file, "price,value\n2010,1\n2011,2\n")
    assert read(file, "12.1234\n11.2345\n").times is None, "a number is not December 1234"


def test_a_given_way_to_write_times_finds_their_column(file: Path) -> None:
    text = "t,value\n" + "".join(f"2010-01-01 {hour:02d}:00 CET,{hour}\n" for hour in range(24))
    found = read(file, text, time_format="%Y-%m-%d %H:%M CET")
    assert known(found.times)[-1] == "2010-01-01 23:00:00"
    seconds = "t,value\n" + "".join(f"{1388534400 + 3600 * hour},{hour}\n" for hour in range(24))
    assert known(read(file, seconds, time_format="unix seconds").times)[-1] == "2014-01-01 23:00:00"


@pytest.mark.parametrize(("odd", "usual", "asked"), [("", "Z", "with a zone"), ("+01:00", "", "without a zone")])
def test_times_with_a_zone_among_times_without_are_named(file: Path, odd: str, usual: str, asked: str) -> None:
    hours = [f"2024-01-01T{hour:02d}:00{odd if hour == 3 else usual}" for hour in range(6)]
    found = read(file, plain([(hour, "1.5") for hour in hours])).findings["not_a_time"]
    assert found == [f"milk.csv, line 5: `{hours[3]}` is no time in the form %Y-%m-%d {asked}, as the other times are"]


def test_zones_may_change_with_the_clock(file: Path) -> None:
    hours = ["2024-03-31T01:00+01:00", "2024-03-31T03:00+02:00", "2024-03-31T04:00+02:00"]
    assert read(file, plain([(hour, "1.5") for hour in hours])).times == [
        "2024-03-31",
        "2024-03-31 01:00:00",
        "2024-03-31 02:00:00",
    ]


def test_a_text_that_may_say_when_the_rows_were_is_never_passed_over(file: Path) -> None:
    text = "Fecha;Ventas\n" + "".join(f"quartidi {1962 + number};{number}\n" for number in range(9))
    with pytest.raises(UserError) as caught:
        read(file, text)
    assert "The times in column `Fecha`, such as `quartidi 1962`, are in no known form" in caught.value.what
    assert read(file, text, time_column="none").values == list(range(9))
    with pytest.raises(UserError, match="`step 0`"):
        read(file, "when,value\n" + "".join(f"step {number},5\n" for number in range(9)))
    with pytest.raises(UserError, match="No column is written as `%d/%m/%y`"):
        read(file, "value\n1\n2\n", time_format="%d/%m/%y")


def test_names_and_remarks_are_no_times(file: Path) -> None:
    text = "name,value\nOak,1\nElm,2\nAsh,3\n"
    found = read(file, text)
    assert (found.times, found.values) == (None, [1, 2, 3])
