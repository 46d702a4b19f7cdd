"""What is said of cells and files that cannot be read names what stands there, and what helps with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from data.series.config import SeriesDataConfig
from data.series.ingest import survey
from data.series.tables.encodings import propose_encodings
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.sensors import days, look, stop, values
from tests.support.workbooks import write_xlsx

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sensor.csv"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("日付,値\n2019年1月1日,5\n", "shift_jis"),
        ("データ,値\n", "shift_jis"),
        ("日期,数值\n2019年1月1日 上午,5\n", "gb18030"),
        ("날짜,값\n2019년 1월,5\n", "euc_kr"),
        ("日期,數值\n", "big5"),
        ("Дата,Значение\n1 янв 2019,5\n", "cp1251"),
        ("Größe,Wert\n5,ä\n", "cp1252"),
        ("Temp °C,5\n", "cp1252"),
        ("mês,valor\nação,5\n", "cp1252"),
        ("świat,żółć,ąę\n", "cp1250"),
    ],
)
def test_the_encoding_that_is_proposed_is_the_one_that_the_bytes_speak_for(text: str, encoding: str) -> None:
    block = text.encode(encoding)
    assert propose_encodings(block, None).startswith(f"`data.encoding={encoding}`")
    assert f"data.encoding={encoding}`" not in propose_encodings(block, encoding)


def test_the_encoding_that_is_proposed_leads_on(file: Path) -> None:
    lines = [f"{day:%Y-%m-%d},{value}" for day, value in zip(days(60), values(60), strict=True)]
    file.write_bytes("\n".join(["日付,値", *lines, ""]).encode("shift_jis"))
    with pytest.raises(UserError, match="no text in UTF-8") as caught:
        survey(file, SeriesDataConfig(path=str(file)), file.parent / "rows", Progress())
    setting = caught.value.fix.split("`data.encoding=")[1].split("`")[0]
    found = survey(file, SeriesDataConfig(path=str(file), encoding=setting), file.parent / "rows", Progress())
    assert found.layout.time_column == "日付"


@pytest.mark.parametrize(
    ("cell", "tail"),
    [("105.37%", "%"), ("900.00K", "K"), ("1.2M", "M"), ("115.71 p", "p"), ("12.5 kWh", "kWh"), ("EUR 12.50", "EUR")],
)
def test_what_stands_beside_a_number_is_named(file: Path, cell: str, tail: str) -> None:
    times = [f"{day:%Y-%m-%d}" for day in days(60)]
    error = stop(file, {"date": times, "value": [*values(50), *[cell] * 10]})
    assert f"`{tail}` stands beside these numbers" in error.fix
    assert "data.decimal" not in error.fix


def test_decimal_commas_among_points_are_still_told_as_such(file: Path) -> None:
    times = [f"{day:%Y-%m-%d}" for day in days(60)]
    assert "data.decimal=," in stop(file, {"date": times, "value": [*values(50), *['"3,25"'] * 10]}).fix


def test_offsets_in_a_column_of_their_own_belong_to_the_times(file: Path) -> None:
    start = datetime(2019, 10, 25, tzinfo=BERLIN)
    moments = [datetime.fromtimestamp(start.timestamp() + 3600 * hour, BERLIN) for hour in range(120)]
    columns = {
        "time": [f"{moment:%Y-%m-%d %H:%M}" for moment in moments],
        "tz": [f"{moment:%z}" for moment in moments],
        "value": values(120),
    }
    found = look(file, columns)
    assert found.layout.time_column == "time+tz"
    assert found.staged.read("times", 0, 120).tolist() == [int(moment.timestamp()) for moment in moments]


def test_steps_with_fewer_rows_than_most_are_told_where_they_are_summed(file: Path) -> None:
    moments = days(6 * 24 * 10, timedelta(minutes=10))
    kept = [moment for number, moment in enumerate(moments) if not 300 <= number < 304]
    columns = {"time": [f"{moment:%Y-%m-%d %H:%M}" for moment in kept], "value": values(len(kept))}
    told = look(file, columns, resample="1 hour", resample_by="sum").findings.examples["thin_step"]
    assert [item["detail"] for item in told] == ["2019-01-03 02:00:00: 2 rows, most have 6"]
    assert "thin_step" not in look(file, columns, resample="1 hour").findings.counts
    whole = {"date": [f"{day:%Y-%m-%d}" for day in days(730)], "value": values(730)}
    assert "thin_step" not in look(file, whole, resample="1 month", resample_by="sum", history=4).findings.counts
    cut = {name: cells[:719] for name, cells in whole.items()}
    told = look(file, cut, resample="1 month", resample_by="sum", history=4).findings.examples["thin_step"]
    assert [item["detail"] for item in told] == ["2020-12-01: 19 rows, most have 31"]


@pytest.mark.parametrize("together", [False, True])
def test_numbers_that_come_round_without_times_may_say_the_series(file: Path, together: bool) -> None:
    stores = [row // 60 + 1 if together else row % 3 + 1 for row in range(180)]
    columns: dict[str, Sequence[object]] = {"store": stores, "sales": values(180)}
    error = stop(file, columns, value_columns=["sales"])
    assert "`data.series_column=store`" in error.fix
    assert len(look(file, columns, value_columns=["sales"], series_column="store", history=4).staged.ids) == 3
    assert len(look(file, columns, value_columns=["sales"], ignore_columns=["store"]).staged.ids) == 1


def test_titles_and_totals_are_known_beside_empty_columns(tmp_path: Path) -> None:
    rows: list[list[str | float | date]] = [["", "Umsatz 2019", ""], ["", "", ""], ["", "Datum", "Wert"]]
    rows += [["", day.date(), float(value)] for day, value in zip(days(60), values(60), strict=True)]
    path = write_xlsx(tmp_path / "book.xlsx", {"Tabelle1": [*rows, ["", "Summe", 3000.0]]})
    found = survey(path, SeriesDataConfig(path=str(path)), tmp_path / "rows", Progress())
    assert found.layout.time_column == "Datum"
    assert found.staged.offsets[-1] == 60
    assert found.findings.counts["left_out_line"] == 2


def test_a_column_that_is_read_has_a_name_of_its_own(file: Path) -> None:
    lines = [f"{day:%Y-%m-%d},{value}" for day, value in zip(days(60), values(60), strict=True)]
    file.write_text("\n".join(["date,date", *lines, ""]))
    with pytest.raises(UserError, match="Several columns are called `date`"):
        survey(file, SeriesDataConfig(path=str(file)), file.parent / "rows", Progress())


def test_skipping_all_lines_is_refused(file: Path) -> None:
    file.write_text("value\n")
    with pytest.raises(UserError, match="leaves no line"):
        survey(file, SeriesDataConfig(path=str(file), skip_rows=(1,)), file.parent / "rows", Progress())


def test_lists_of_many_or_long_names_are_cut(file: Path) -> None:
    columns: dict[str, Sequence[object]] = {f"pixel {'x' * 80} {number}": values(40) for number in range(300)}
    error = stop(file, columns, layout="long")
    assert "and 280 more" in error.what
    assert len(error.what) < 2000
