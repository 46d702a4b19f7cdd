"""What is wrong with series is named by file and line, mended only as the recipe says, and stops what is untrue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.series.check import inspect
from data.series.config import SeriesDataConfig
from data.series.findings import KINDS
from data.series.records import read_series
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.series_ingest import DAYS, digests, findings, ingest, wave, windows, write_days


def test_all_lines_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    lines = ["Date,Temp", *(f"{day},{value}" for day, value in zip(DAYS[:60], wave(60), strict=True))]
    lines[10] = lines[9]  # line 11: duplicate
    lines[20], lines[21] = lines[21], lines[20]  # line 22: earlier than line 21
    lines[30] += ",x"  # line 31: ragged
    lines[40] = "2010-02-09,cold"  # line 41
    lines[45] = "2010-02-14,inf"  # line 46
    lines[50] = "somewhen,5"  # line 51
    (tmp_path / "bad.csv").write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, tmp_path / "bad.csv")
    for line in (11, 22, 31, 41, 46, 51):
        assert f"bad.csv, line {line}: " in caught.value.what
    for kind in ("duplicate_time", "unordered_time", "ragged_line", "not_a_number", "infinite_value", "not_a_time"):
        assert f"1 x {kind}" in caught.value.what
    assert caught.value.where == str(tmp_path / "bad.csv")


def test_gaps_stop_the_run_unless_they_are_filled(tmp_path: Path) -> None:
    days = [day for day in DAYS if day not in ("2010-03-01", "2010-06-05", "2010-06-06")]
    file = write_days(tmp_path / "gaps.csv", [value if n != 7 else "NA" for n, value in enumerate(wave(362))], days)
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, file)
    assert "gaps.csv, line 9: no value in column `Temp`" in caught.value.what
    assert "gaps.csv, line 61: 1 time step is missing between 2010-02-28 and 2010-03-02" in caught.value.what
    assert "gaps.csv, line 156: 2 time steps are missing between 2010-06-04 and 2010-06-07" in caught.value.what
    assert "data.fill=linear" in caught.value.fix
    examples = ingest(tmp_path / "filled", file, fill="linear", horizon=3)
    series = read_series(examples)[0]
    assert np.flatnonzero(series.filled).tolist() == [7, 59, 155, 156]
    assert series.values[7, 0] == pytest.approx((series.values[6, 0] + series.values[8, 0]) / 2)
    assert series.times is not None
    assert (np.diff(series.times) == 86_400).all()
    assert (examples.properties["filled"], examples.properties["rows"]) == (4, 365)
    assert {name: item["count"] for name, item in findings(examples).items()} == {
        "filled_value": 1,
        "filled_time_step": 2,
    }
    window = next(window for window in windows(examples, "train") if window.row == 160)
    assert (window.filled, window.longest_gap) == (2, 2)


def test_only_the_first_lines_are_named_and_the_others_counted(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "bad.csv", ["NA", "1"] * 100))
    assert caught.value.what.count("line ") == 3
    assert "and 96 more" in caught.value.what


@pytest.mark.parametrize(
    ("change", "fill", "says"),
    [
        ({3: ""}, "seasonal", ["line 5: 1 rows from 2010-01-04 on: not a season (7 rows)"]),
    ],
)
def test_what_cannot_be_filled_is_named(tmp_path: Path, change: dict[int, str], fill: str, says: list[str]) -> None:
    values = [change.get(row, value) for row, value in enumerate(wave(365))]
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "bad.csv", values), fill=fill)
    assert all(text in caught.value.what for text in says)


def test_what_lies_at_the_end_of_one_column_alone_is_filled_forward_and_told_or_named(tmp_path: Path) -> None:
    file = tmp_path / "two.csv"
    rows = [f"{day},{value},{value}" for day, value in zip(DAYS, wave(365), strict=True)]
    rows[-1] = rows[-1].rpartition(",")[0] + ","
    file.write_text("\n".join(["day,a,b", *rows, ""]))
    columns = ("a", "b")
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, file, fill="linear", value_columns=columns)
    assert "line 366: 1 rows from 2010-12-31 on: nothing behind" in caught.value.what
    examples = ingest(tmp_path / "forward", file, fill="forward", value_columns=columns)
    told = findings(examples)
    assert told["unfinished_row"]["severity"] == "warning" and told["unfinished_row"]["count"] == 1


@pytest.mark.parametrize("fill", ["error", "forward", "linear", "seasonal"])
def test_rows_without_values_at_the_end_are_never_filled(tmp_path: Path, fill: str) -> None:
    values = [*wave(355), *[""] * 10]
    examples = ingest(tmp_path, write_days(tmp_path / "future.csv", values), fill=fill)
    assert (examples.properties["rows"], examples.properties["filled"]) == (355, 0)
    assert {name: item["count"] for name, item in findings(examples).items()} == {"future_row": 10}


def test_irregular_steps_are_named_and_rows_may_be_taken_as_equally_spaced(tmp_path: Path) -> None:
    days = [f"{day} 00:00" for day in DAYS]
    days[100] = "2010-04-11 07:30"
    file = write_days(tmp_path / "odd.csv", wave(365), days)
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, file)
    assert (
        "odd.csv, line 102: 2010-04-11 07:30:00 is off the steps of 1 day, 2010-04-11 and 2010-04-12"
        in caught.value.what
    )
    examples = ingest(tmp_path / "rows", file, time_column="none", value_columns=("Temp",))
    assert (examples.properties["frequency"], examples.properties["times"]) == (None, False)
    assert windows(examples, "train")[0].time is None
    assert not (examples.path / "times.npy").exists()


def test_a_time_far_away_does_not_fill_the_disk(tmp_path: Path) -> None:
    days = [*DAYS[:364], "9010-12-31"]
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "far.csv", wave(365), days), fill="linear")
    assert "mostly_missing" in caught.value.what


def test_constant_and_short_series_are_left_out_and_reported(tmp_path: Path) -> None:
    folder = tmp_path / "shops"
    folder.mkdir()
    write_days(folder / "good.csv", wave(365))
    write_days(folder / "flat.csv", ["5"] * 365)
    write_days(folder / "short.csv", wave(9))
    examples = ingest(tmp_path, folder, horizon=3)
    assert [series.id for series in read_series(examples)] == ["good"]
    found = findings(examples)
    assert {name: item["severity"] for name, item in found.items()} == {
        "short_series": "warning",
        "constant_series": "warning",
    }
    assert found["constant_series"]["examples"][0]["detail"] == "365 rows of 5"
    assert found["short_series"]["examples"][0]["file"] == "short.csv, line 2"
    assert examples.properties["rejected"] == 2
    assert set(found) <= set(KINDS)


@pytest.mark.parametrize(
    ("values", "settings", "what"),
    [
        (["5"] * 365, {}, "never change"),
        (wave(1), {}, "single row"),
        (wave(365), {"time_column": "none", "value_columns": ("Temp",), "fill": "seasonal"}, "no season"),
        (wave(40), {"horizon": 33}, "32 rows, too few for a horizon"),
        (wave(365), {"history": 400, "horizon": 12}, "400 \\+ 12 rows; the training part has 292"),
        (wave(100), {"horizon": 12}, "No window fits into the validation part: it has 10 rows"),
    ],
)
def test_series_of_which_nothing_is_left_say_why(
    tmp_path: Path, values: list[str], settings: dict[str, Any], what: str
) -> None:
    with pytest.raises(UserError, match=what):
        ingest(tmp_path, write_days(tmp_path / "few.csv", values), **settings)


def test_columns_that_do_not_change_in_the_training_part_are_named_even_if_they_do_later(tmp_path: Path) -> None:
    late = ["5.1"] * 300 + wave(65)
    lines = [f"{day},{a},{b}" for day, a, b in zip(DAYS, wave(365), late, strict=True)]
    (tmp_path / "late.csv").write_text("\n".join(["Date,moving,still", *lines]))
    found = findings(ingest(tmp_path, tmp_path / "late.csv", value_columns=("moving", "still"), horizon=3))
    assert found.keys() == {"constant_column"}
    assert [item["detail"] for item in found["constant_column"]["examples"]] == ["column `still`"]


def test_changes_that_numbers_of_32_bits_cannot_tell_are_a_warning(tmp_path: Path) -> None:
    counter = [f"{1e9 + float(value):.2f}" for value in wave(365)]
    found = findings(ingest(tmp_path / "far", write_days(tmp_path / "far.csv", counter), horizon=3))
    assert found.keys() == {"coarse_column"}
    assert found["coarse_column"]["severity"] == "warning"
    near = [f"{1e5 + float(value):.2f}" for value in wave(365)]
    assert findings(ingest(tmp_path / "near", write_days(tmp_path / "near.csv", near), horizon=3)) == {}


@pytest.mark.parametrize(
    ("factor", "says", "fix"),
    [
        ("e-30", "too little", "multiplied by 1e"),
        ("e-310", "too little", "multiplied by 1e"),
        ("e36", "too much", "divided by 1e"),
    ],
)
def test_values_that_networks_of_32_bits_cannot_scale_are_asked_for_in_another_unit(
    tmp_path: Path, factor: str, says: str, fix: str
) -> None:
    file = write_days(tmp_path / "unit.csv", [value + factor for value in wave(365)])
    with pytest.raises(UserError, match=says) as caught:
        inspect(SeriesDataConfig(path=str(file)), Progress(quiet=True))
    assert fix in caught.value.fix


@pytest.mark.parametrize("block", [7, 1 << 16])
def test_a_file_written_newest_first_gives_what_one_in_order_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("data.series.row_order.BLOCK", block)
    right = ingest(tmp_path / "right", write_days(tmp_path / "right.csv", wave(365)), horizon=3)
    turned = write_days(tmp_path / "turned.csv", wave(365)[::-1], DAYS[:365][::-1])
    examples = ingest(tmp_path / "turned", turned, horizon=3)
    [one], [other] = read_series(examples), read_series(right)
    assert np.array_equal(one.values, other.values)
    assert one.times is not None and other.times is not None
    assert np.array_equal(one.times, other.times)
    found = findings(examples)["newest_first"]
    assert (found["severity"], found["examples"][0]["detail"]) == ("info", "365 rows, the newest first")


def test_lines_of_a_file_written_newest_first_are_named_as_they_stand(tmp_path: Path) -> None:
    values = [value if row != 7 else "NA" for row, value in enumerate(wave(365)[::-1])]
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "turned.csv", values, DAYS[:365][::-1]))
    assert "turned.csv, line 9: no value in column `Temp`" in caught.value.what


def test_a_file_that_is_newest_first_but_for_a_line_is_not_put_in_order(tmp_path: Path) -> None:
    days = DAYS[:365][::-1]
    days[100] = days[99]
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "turned.csv", wave(365), days))
    assert "363 x unordered_time" in caught.value.what
    assert "1 x duplicate_time" in caught.value.what
    assert caught.value.what.count("turned.csv, line ") == 4


@pytest.mark.parametrize("minutes", [60, 15])
def test_the_hour_that_comes_twice_where_clocks_go_back_is_told_from_a_line_that_stands_there_twice(
    tmp_path: Path, minutes: int
) -> None:
    start, end = np.datetime64("2023-10-20T00:00"), np.datetime64("2023-10-29T01:00")  # in UTC, of the change
    real = start + np.arange(15 * 24 * 60 // minutes) * np.timedelta64(minutes, "m")
    clocks = real + np.where(real < end, np.timedelta64(120, "m"), np.timedelta64(60, "m"))
    lines = ["time,load", *(f"{time},{value}" for time, value in zip(clocks, wave(len(clocks)), strict=True))]
    (tmp_path / "clocks.csv").write_text("\n".join(lines))
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, tmp_path / "clocks.csv")
    line = 2 + int((end - start) / np.timedelta64(minutes, "m"))
    assert f"(1 x clock_change):\n    clocks.csv, line {line}: 2023-10-29 02:00:00" in caught.value.what
    assert "data.time_column=none" in caught.value.fix
    assert ingest(tmp_path / "spaced", tmp_path / "clocks.csv", time_column="none").properties["rows"] == len(clocks)
    (tmp_path / "twice.csv").write_text("\n".join([*lines[:40], *lines[39:99]]))
    with pytest.raises(UserError, match="1 x duplicate_time"):
        ingest(tmp_path, tmp_path / "twice.csv")


@pytest.mark.parametrize("fill", ["error", "linear", "seasonal"])
def test_a_series_begins_with_its_first_value_and_the_rows_before_it_are_told(tmp_path: Path, fill: str) -> None:
    values = ["NA", "", *wave(363)]
    examples = ingest(tmp_path / "late", write_days(tmp_path / "late.csv", values), fill=fill)
    assert [item["file"] for item in findings(examples)["leading_row"]["examples"]] == [
        "late.csv, line 2",
        "late.csv, line 3",
    ]
    whole = ingest(tmp_path / "whole", write_days(tmp_path / "whole.csv", values[2:], DAYS[2:]), fill=fill)
    assert digests(examples.path, "*.npy") == digests(whole.path, "*.npy")
    assert examples.properties["rows"] == 363
