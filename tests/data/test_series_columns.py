"""No column is left out without a word, and series that one table holds are told apart or asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data.series.config import SeriesDataConfig
from data.series.ingest import survey
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.series_tables import known, read

MONTHS = [f"{year}-{month:02d}" for year in (2020, 2021) for month in range(1, 13)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sales.csv"


def interleaved(header: str, rows: list[tuple[Any, ...]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_a_text_that_repeats_without_times_is_asked_about_and_both_answers_lead_on(file: Path) -> None:
    text = interleaved("region,sales", [(region, 10 * step) for step in range(8) for region in ("north", "south")])
    with pytest.raises(UserError) as caught:
        read(file, text)
    assert "`region`" in caught.value.what
    assert "`data.series_column=region`" in caught.value.fix
    assert "`data.ignore_columns=[region]`" in caught.value.fix
    assert known(read(file, text, series_column="region").series)[:2] == ["north", "south"]
    found = read(file, text, ignore_columns=("region",))
    assert (found.series, len(found.values), found.findings) == (None, 16, {})


def test_every_column_that_is_left_out_is_told_and_a_text_that_repeats_is_a_warning(file: Path) -> None:
    rows = [
        (month, number, "wet" if number % 3 else "dry", number * 7, f"n{number}") for number, month in enumerate(MONTHS)
    ]
    found = read(file, interleaved("Month,sales,sky,other,note", rows), value_columns=("sales",))
    assert found.findings["unused_text"] == ["sales.csv: `sky`, such as `dry`"]
    assert [item.split("`")[1] for item in found.findings["unused_column"]] == ["other", "note"]
    found = read(
        file,
        interleaved("Month,sales,sky,other,note", rows),
        value_columns=("sales",),
        ignore_columns=("sky", "other", "note"),
    )
    assert found.findings == {}


@pytest.mark.parametrize("stacked", [True, False])
def test_a_text_that_makes_times_come_twice_is_proposed_as_the_series(
    tmp_path: Path, file: Path, stacked: bool
) -> None:
    rows = [(month, shop, 5 + number % 4) for number, month in enumerate(MONTHS) for shop in ("a", "b", "c")]
    file.write_text(interleaved("Month,shop,sales", sorted(rows, key=lambda row: row[1]) if stacked else rows))
    with pytest.raises(UserError) as caught:
        survey(file, SeriesDataConfig(path=str(file)), tmp_path / "rows", Progress())
    assert caught.value.fix.startswith("Set `data.series_column=shop`")
    found = survey(file, SeriesDataConfig(path=str(file), series_column="shop"), tmp_path / "rows", Progress())
    assert found.staged.ids == ["a", "b", "c"]


def test_series_one_below_the_other_in_other_years_are_proposed_as_well(tmp_path: Path, file: Path) -> None:
    rows = [(month, "b", 3 + number % 4) for number, month in enumerate(MONTHS[12:])]
    rows += [(month, "a", 5 + number % 4) for number, month in enumerate(MONTHS[:12])]
    file.write_text(interleaved("Month,shop,sales", rows))
    with pytest.raises(UserError) as caught:
        survey(file, SeriesDataConfig(path=str(file)), tmp_path / "rows", Progress())
    assert "`data.series_column=shop`" in caught.value.fix


def test_several_columns_say_the_series_together(file: Path) -> None:
    rows = [(month, store, item, 9) for month in MONTHS for store in (1, 2) for item in (1, 2)]
    text = interleaved("date,store,item,sales", rows)
    with pytest.raises(UserError) as caught:
        read(file, text)
    assert "`data.series_column=store+item`" in caught.value.fix
    assert "`data.value_columns=[sales]`" in caught.value.fix
    found = read(file, text, series_column="store+item", value_columns=("sales",))
    assert known(found.series)[:4] == ["1/1", "1/2", "2/1", "2/2"]


def test_names_that_are_joined_stay_apart(file: Path) -> None:
    text = "date,one,two,value\n2020-01-01,a/b,c,1\n2020-01-01,a,b/c,2\n2020-01-01,a\\,/c,3\n2020-01-01,,c,4\n"
    found = read(file, text, series_column="one+two")
    assert len(set(known(found.series))) == 3
    assert found.findings["no_series"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("unique_id,ds,y,price", 4.0),
        ("item_id,timestamp,target", 4.0),
        ("series_id,date,value", 4.0),
        ("id,date,sales", 4.0),
    ],
)
def test_columns_named_as_tools_of_forecasting_name_them_are_known_and_told(
    file: Path, header: str, value: float
) -> None:
    more = [1] * (header.count(",") - 2)
    rows = [(key, f"2020-01-0{day}", 4, *more) for key in (1, 2) for day in range(1, 9)]
    found = read(file, interleaved(header, rows))
    assert known(found.series) == ["1"] * 8 + ["2"] * 8
    assert set(found.values) == {value}
    assert any(header.split(",")[0] in item for item in found.findings["chosen_column"])


def test_a_counter_of_rows_called_id_is_no_series(file: Path) -> None:
    found = read(
        file, interleaved("id,date,sales", [(n, month, 4) for n, month in enumerate(MONTHS)]), value_columns=("sales",)
    )
    assert found.series is None
    assert found.findings["unused_column"] == ["sales.csv: `id`, such as `0`"]


@pytest.mark.parametrize("key", ["ignore_columns", "covariate_columns", "value_columns"])
def test_a_column_that_is_not_there_is_an_error(file: Path, key: str) -> None:
    with pytest.raises(UserError, match="There is no column `weather`"):
        read(file, "date,sales\n2020-01-01,1\n2020-01-02,2\n", **{key: ("weather",)})


@pytest.mark.parametrize(("yes", "no"), [("yes", "no"), ("TRUE", "FALSE"), ("Ja", "Nein"), ("y", "n")])
def test_a_covariate_that_says_yes_or_no_is_one_and_zero(file: Path, yes: str, no: str) -> None:
    rows = [(month, yes if number % 3 else no, number) for number, month in enumerate(MONTHS)]
    found = read(file, interleaved("Month,holiday,sales", rows), covariate_columns=("holiday",))
    assert found.covariates == [[float(number % 3 > 0)] for number in range(24)]
    assert found.findings == {}
    text = interleaved("Month,holiday,sales", [*rows, ("2022-01", "perhaps", 5)])
    with pytest.raises(UserError, match="is text"):
        read(file, text, covariate_columns=("holiday",))


def test_a_covariate_of_texts_is_asked_for_in_numbers(file: Path) -> None:
    rows = [(month, "wet" if number % 3 else "dry", number) for number, month in enumerate(MONTHS)]
    with pytest.raises(UserError, match="The covariate `sky` is text, such as `dry`") as caught:
        read(file, interleaved("Month,sky,sales", rows), covariate_columns=("sky",))
    assert "1 where a row has it" in caught.value.fix
