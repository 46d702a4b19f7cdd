"""Times are read as they are written everywhere, and are written again as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.formats import csv_series
from data.series.config import SeriesDataConfig
from data.series.times.forms import TimeForm
from data.series.times.parsing import parse_times, show_time
from data.series.times.writing import write_time
from pipeline.errors import UserError
from tests.support.series_tables import known, read


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def form_and_times(file: Path, cells: list[str], name: str = "time", **settings: object) -> tuple[TimeForm, list[str]]:
    """Return how a table's times are written, and what they say."""
    file.write_text(f"{name}\tvalue\n" + "".join(f"{cell}\t{number}.5\n" for number, cell in enumerate(cells)))
    config = SeriesDataConfig.model_validate({"path": str(file), "value_columns": ["value"], **settings})
    form = known(csv_series.open_layout(file, config).form)
    return form, [show_time(int(time)) for time in parse_times(cells, form)]


HOURS = ["2019-01-01", "2019-01-01 01:00:00"]
DAYS = ["2019-01-01", "2019-01-02"]
MONTHS = ["2019-01-01", "2019-02-01"]
YEARS = ["2019-01-01", "2020-01-01"]
QUARTERS = ["2019-01-01", "2019-04-01"]
WEEKS = ["2018-12-31", "2019-01-07"]
HALVES = ["2019-01-01", "2019-07-01"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        # letters, digits, dashes and blanks beyond ASCII
        (["2019年1月", "2019年2月"], MONTHS),
        (["2019年01月01日", "2019年01月02日"], DAYS),
        (["2019년 1월", "2019년 2월"], MONTHS),
        (["2019年", "2020年"], YEARS),
        (["2019年1月1日 0時00分", "2019年1月1日 1時00分"], HOURS),
        (["2019/1/1 上午 12:00:00", "2019/1/1 上午 01:00:00"], HOURS),
        (["2019-01-01 오전 12:00", "2019-01-01 오전 1:00"], HOURS),
        (["2019\u201301", "2019\u201302"], MONTHS),
        (["01.01.2019 г.", "02.01.2019 г."], None),
        (["13.01.2019 г.", "14.01.2019 г."], ["2019-01-13", "2019-01-14"]),
        (["2019-01-01\u00a000:00", "2019-01-01\u00a001:00"], HOURS),
        (["2019-01-01\u202f00:00", "2019-01-01\u202f01:00"], HOURS),
        (["1/13/2019, 12:00:00\u202fAM", "1/13/2019, 1:00:00\u202fAM"], ["2019-01-13", "2019-01-13 01:00:00"]),
        (["２０１９-０１-０１", "２０１９-０１-０２"], DAYS),
        (["٢٠١٩-٠١-٠١", "٢٠١٩-٠١-٠٢"], DAYS),
        (["२०१९-०१-०१", "२०१९-०१-०२"], DAYS),
        (["Q1’19", "Q2’19"], QUARTERS),
        # quarters, half years, weeks
        (["2019Q1", "2019Q2"], QUARTERS),
        (["2019-Q1", "2019-Q2"], QUARTERS),
        (["2019:Q1", "2019:Q2"], QUARTERS),
        (["Q1 2019", "Q2 2019"], QUARTERS),
        (["1Q19", "2Q19"], QUARTERS),
        (["1Q2019", "2Q2019"], QUARTERS),
        (["Q1/19", "Q2/19"], QUARTERS),
        (["1. Quartal 2019", "2. Quartal 2019"], QUARTERS),
        (["T1 2019", "T2 2019"], QUARTERS),
        (["2019K1", "2019K2"], QUARTERS),
        (["2019年第1四半期", "2019年第2四半期"], QUARTERS),
        (["2019H1", "2019H2"], HALVES),
        (["H1 2019", "H2 2019"], HALVES),
        (["S1 2019", "S2 2019"], HALVES),
        (["2019-W01", "2019-W02"], WEEKS),
        (["2019W01", "2019W02"], WEEKS),
        (["W01-2019", "W02-2019"], WEEKS),
        (["KW 1 2019", "KW 2 2019"], WEEKS),
        (["KW1/2019", "KW2/2019"], WEEKS),
        (["2019-W01-2", "2019-W01-3"], DAYS),
        # years that do not begin in January
        (["2019/20", "2020/21"], YEARS),
        (["2019-20", "2020-21"], YEARS),
        (["FY2019", "FY2020"], YEARS),
        (["FY19", "FY20"], YEARS),
        (["2019-11", "2019-12"], ["2019-11-01", "2019-12-01"]),
        # ISO 8601 and what the post, the web and spreadsheets write
        (["20190101T0000", "20190101T0100"], HOURS),
        (["20190101T000000Z", "20190101T010000Z"], HOURS),
        (["2019-001", "2019-002"], DAYS),
        (["1st January 2019", "2nd January 2019"], DAYS),
        (["January 1, 2019", "January 2, 2019"], DAYS),
        (["Mon, 1 Jan 2018", "Tue, 2 Jan 2018"], ["2018-01-01", "2018-01-02"]),
        (["Tue, 01 Jan 2019 00:00:00 GMT", "Tue, 01 Jan 2019 01:00:00 GMT"], HOURS),
        (["Tue, 01 Jan 2019 01:00:00 +0100", "Tue, 01 Jan 2019 02:00:00 +0100"], HOURS),
        (["Tue Jan  1 00:00:00 2019", "Tue Jan  1 01:00:00 2019"], HOURS),
        (["Tue Jan  1 00:00:00 UTC 2019", "Tue Jan  1 01:00:00 UTC 2019"], HOURS),
        (["Tue Jan 01 2019 01:00:00 GMT+0100 (CET)", "Tue Jan 01 2019 02:00:00 GMT+0100 (CET)"], HOURS),
        (["01/Jan/2019:00:00:00 +0000", "01/Jan/2019:01:00:00 +0000"], HOURS),
        (["01JAN2019:00:00:00", "01JAN2019:01:00:00"], HOURS),
        (["01JAN2019", "02JAN2019"], DAYS),
        (["1/13/2019 12:00 AM", "1/13/2019 1:00 AM"], ["2019-01-13", "2019-01-13 01:00:00"]),
        (["1/13/2019 12:00 a. m.", "1/13/2019 1:00 p. m."], ["2019-01-13", "2019-01-13 13:00:00"]),
        (["2019-01-01 23:00", "2019-01-01 24:00"], ["2019-01-01 23:00:00", "2019-01-02"]),
        (["00:00 13.01.2019", "01:00 13.01.2019"], ["2019-01-13", "2019-01-13 01:00:00"]),
        (["13.01.2019 00.00", "13.01.2019 01.00"], ["2019-01-13", "2019-01-13 01:00:00"]),
        (["2019-01-01 0000", "2019-01-01 0100"], HOURS),
        # zones
        (["2019-01-01T01:00+01:00", "2019-01-01T02:00+01:00"], HOURS),
        (["2019-01-01 01:00 CET", "2019-01-01 02:00 CET"], HOURS),
        (["2018-12-31 19:00 EST", "2018-12-31 20:00 EST"], HOURS),
        (["2018-12-31 16:00:00 PST", "2018-12-31 17:00:00 PST"], HOURS),
        (["2019-01-01T01:00:00+01:00[Europe/Berlin]", "2019-01-01T02:00:00+01:00[Europe/Berlin]"], HOURS),
        (["2019-01-01 00:00 UTC", "2019-01-01 01:00 UTC"], HOURS),
    ],
)
def test_times_of_all_kinds_are_read_and_written_again(
    file: Path, cells: list[str], expected: list[str] | None
) -> None:
    form, times = form_and_times(file, cells)
    if expected is not None:
        assert times == expected
    written = [write_time(int(time), form) for time in parse_times(cells, form)]
    again = ["2019-01-02 00:00" if cell == "2019-01-01 24:00" else cell.strip() for cell in cells]
    assert written == again
    said = form_and_times(file, cells, time_column="time", time_format=form.name, time_language=form.language or None)
    assert said == (form, times), "what is found out can be written down in the recipe"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["3 января 2020", "3 февраля 2020"], ["2020-01-03", "2020-02-03"]),
        (["январь 2020", "февраль 2020"], ["2020-01-01", "2020-02-01"]),
        (["janv. 2008", "févr. 2008"], ["2008-01-01", "2008-02-01"]),
        (["JANV. 2008", "FEVR. 2008"], ["2008-01-01", "2008-02-01"]),
        (["Mär 2009", "Apr 2009"], ["2009-03-01", "2009-04-01"]),
        (["Maerz 2009", "April 2009"], ["2009-03-01", "2009-04-01"]),
        (["diciembre 2019", "noviembre 2019"], ["2019-12-01", "2019-11-01"]),
        (["1 de enero de 2019", "2 de enero de 2019"], DAYS),
        (["ene-19", "feb-19"], MONTHS),
        (["dez/19", "jan/20"], ["2019-12-01", "2020-01-01"]),
        (["1. Januar 2019", "2. Januar 2019"], DAYS),
        (["Dienstag, 1. Januar 2019", "Mittwoch, 2. Januar 2019"], DAYS),
        (["Jänner 2019", "Feber 2019"], None),
        (["Ocak 2019", "Şubat 2019"], MONTHS),
        (["ARALIK 2019", "OCAK 2020"], ["2019-12-01", "2020-01-01"]),
        (["styczeń 2019", "luty 2019"], MONTHS),
        (["1 stycznia 2019", "2 stycznia 2019"], DAYS),
        (["tháng 1 2019", "tháng 2 2019"], MONTHS),
        (["tammikuu 2019", "helmikuu 2019"], MONTHS),
        (["जनवरी 2019", "फ़रवरी 2019"], MONTHS),
        (["يناير ٢٠١٩", "فبراير ٢٠١٩"], MONTHS),
        (["2019. január", "2019. február"], MONTHS),
        (["leden 2019", "únor 2019"], MONTHS),
        (["Ιανουάριος 2019", "Φεβρουάριος 2019"], MONTHS),
    ],
)
def test_months_are_read_in_all_languages(file: Path, cells: list[str], expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(UserError, match="in no known form"):
            form_and_times(file, cells)
        return
    form, times = form_and_times(file, cells, name="x")
    assert times == expected
    said = form_and_times(file, cells, "x", time_column="x", time_format=form.name, time_language=form.language or None)
    assert said == (form, times), "what is found out can be written down in the recipe"
    read_again = parse_times([write_time(int(time), form) for time in parse_times(cells, form)], form)
    assert [show_time(int(time)) for time in read_again] == expected


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        ("timestamp", ["1546300800", "1546304400"], HOURS),
        ("timestamp", ["1546300800.0", "1546304400.0"], HOURS),
        ("timestamp", ["1.5463008e9", "1.5463044e9"], HOURS),
        ("timestamp", ["1546300800000", "1546304400000"], HOURS),
        ("timestamp", ["1546300800000000", "1546304400000000"], HOURS),
        ("timestamp", ["1546300800000000000", "1546304400000000000"], HOURS),
        ("reading", ["1546300800", "1546304400"], HOURS),
        ("Date", ["43466", "43467"], DAYS),
        ("Date", ["43466.0", "43466.0416666667"], HOURS),
        ("date", ["201901", "201902"], MONTHS),
        ("date", ["20190101", "20190102"], DAYS),
        ("date", ["190130", "190131"], ["2019-01-30", "2019-01-31"]),
        ("date", ["31012019", "01022019"], ["2019-01-31", "2019-02-01"]),
        ("date", ["2019001", "2019002"], DAYS),
        ("decimal date", ["1958.2027", "1958.2877", "1958.3699"], ["1958-03-01", "1958-04-01", "1958-05-01"]),
        ("date", ["1960.00", "1960.25", "1960.5"], ["1960-01-01", "1960-04-01", "1960-07-01"]),
        ("date", ["2019.01", "2019.02"], MONTHS),
        ("date", ["2019-01", "2019-02"], MONTHS),
    ],
)
def test_numbers_are_times_of_their_kind(file: Path, name: str, cells: list[str], expected: list[str]) -> None:
    form, times = form_and_times(file, cells, name)
    assert times == expected
    assert [
        show_time(int(time)) for time in parse_times([write_time(int(t), form) for t in parse_times(cells, form)], form)
    ]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["2019-01-01 00:00 IST", "2019-01-01 01:00 IST"], "the time of several places"),
        (["listopad 2018", "listopad 2019"], "several languages"),
        (["2009-10", "2010-11"], "in several ways"),
        (["01/02/03", "02/03/03"], "day or with the month"),
        (["Oct-01", "Oct-02", "Oct-03"], "days of a year"),
        (["1 brumaire 2019", "2 brumaire 2019"], "in no known form"),
        (["Week one", "Week two"], "in no known form"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(file: Path, cells: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        form_and_times(file, cells)


def test_a_number_that_may_be_a_time_or_a_value_is_asked(file: Path) -> None:
    with pytest.raises(UserError, match="could be unix seconds"):
        read(file, "n,visits\n" + "".join(f"{row},{1_500_000_000 + 1000 * row}\n" for row in range(50)))
    with pytest.raises(UserError, match="counts the rows backwards"):
        read(file, "id,value\n" + "".join(f"{50 - row},{row % 7}\n" for row in range(50)))
    with pytest.raises(UserError, match="`1958.0000`, are in no known form"):
        read(file, "date,value\n" + "".join(f"{1958 + row / 52:.4f},{row % 7}\n" for row in range(50)))
    assert read(file, "value\n" + "".join(f"{50 - row}\n" for row in range(50))).times is None
    assert read(file, "period\n" + "".join(f"{row}.5\n" for row in range(50))).times is None


def test_the_language_that_the_recipe_names_says_what_months_mean(file: Path) -> None:
    cells = ["listopad 2018", "listopad 2019"]
    assert form_and_times(file, cells, time_language="hr")[1] == ["2018-10-01", "2019-10-01"]
    assert form_and_times(file, cells, time_language="pl")[1] == ["2018-11-01", "2019-11-01"]
    assert form_and_times(file, ["Jan 2019", "Feb 2019"], time_language="de")[1] == MONTHS
    assert form_and_times(file, ["2019-01", "2019-02"], time_language="de")[1] == MONTHS


def test_years_of_another_calendar_are_asked(file: Path) -> None:
    cells = [f"1398/01/{day:02d}" for day in range(1, 31)]
    with pytest.raises(UserError, match="another calendar"):
        form_and_times(file, cells)
    assert form_and_times(file, cells, time_format="%Y/%m/%d")[1][0] == "1398-01-01"


def test_a_zone_that_the_recipe_names_says_what_its_abbreviations_mean(file: Path) -> None:
    cells = ["2019-01-01 05:30 IST", "2019-01-01 06:30 IST"]
    assert form_and_times(file, cells, time_zone="Asia/Kolkata")[1] == HOURS
    assert (
        form_and_times(file, ["2019-01-01 02:00 IST", "2019-01-01 03:00 IST"], time_zone="Asia/Jerusalem")[1] == HOURS
    )


@pytest.mark.parametrize(
    ("text", "column", "first"),
    [
        ("Date,Hour,value\n2019-01-01,1,5\n2019-01-01,2,6\n2019-01-01,24,7\n", "Date+Hour", "2019-01-01 01:00:00"),
        ("Time,Date,value\n05:00,13.01.2019,5\n06:00,13.01.2019,6\n", "Date+Time", "2019-01-13 05:00:00"),
        ("year,month,value\n2019,Jan,5\n2019,Feb,6\n", "year+month", "2019-01-01"),
        ("year,quarter,value\n2019,Q1,5\n2019,Q2,6\n", "year+quarter", "2019-01-01"),
        ("Jahr,Monat,value\n2019,1,5\n2019,2,6\n", "Jahr+Monat", "2019-01-01"),
        ("year,week,value\n2019,1,5\n2019,2,6\n", "year+week", "2018-12-31"),
    ],
)
def test_times_in_several_columns_are_put_together(file: Path, text: str, column: str, first: str) -> None:
    found = read(file, text, value_columns=("value",))
    assert known(found.times)[0] == first
    assert (
        csv_series.open_layout(file, SeriesDataConfig(path=str(file), value_columns=("value",))).time_column == column
    )
