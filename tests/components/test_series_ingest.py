"""Ingest of series: every window once and in the right split, the same whatever the workers, nothing of the test part in what is learnt."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy
import pytest

from components.tasks.forecasting.ingest import sources, write_examples
from data import series_cleaning, series_measuring, series_staging, series_workers
from data.beam import BeamConfig
from data.series_check import inspect
from data.series_data import SeriesDataConfig
from data.series_findings import KINDS
from data.series_records import Window, decode_window, read_series
from data.tfrecord import read_records
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.progress import Progress

QUIET = Progress(quiet=True)
DAYS = [str(day) for day in numpy.arange("2010-01-01", "2011-01-01", dtype="datetime64[D]")]


def ingest(folder: Path, path: Path | str, beam: BeamConfig | None = None, **settings: Any) -> Examples:
    examples = Examples.create(folder / "examples")
    config = SeriesDataConfig(path=str(path), **settings)
    write_examples(examples, config, beam or BeamConfig(), Context.standalone(folder / "context"))
    return examples


def windows(examples: Examples, split: str) -> list[Window]:
    sizes = len(examples.properties["values"]), len(examples.properties["covariates"])
    return [decode_window(data, *sizes) for shard in examples.shards(split) for data in read_records(shard)]


def digests(folder: Path, pattern: str = "*") -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob(pattern))}


def findings(examples: Examples) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in examples.read_json("rejected.json")}


def wave(rows: int) -> list[str]:
    steps = numpy.arange(rows)
    return [f"{value:.2f}" for value in 20 + 5 * numpy.sin(steps * 2 * numpy.pi / 7) + steps / 50]


def write_days(file: Path, values: list[str], days: list[str] = DAYS) -> Path:
    file.write_text("Date,Temp\n" + "".join(f"{day},{value}\n" for day, value in zip(days, values, strict=False)))
    return file


@pytest.fixture
def year(tmp_path: Path) -> Path:
    """A year of days with a weekly wave and a trend: 292 days to train, 36 to validate, 37 to test."""
    return write_days(tmp_path / "year.csv", wave(365))


@pytest.fixture(scope="module")
def milk(tmp_path_factory) -> Examples:
    return ingest(tmp_path_factory.mktemp("milk"), "milk", horizon=12)


# what is written


def test_the_shipped_sample_needs_no_download_and_has_the_facts(milk):
    facts = milk.properties
    assert (facts["task"], facts["values"], facts["covariates"]) == ("forecasting", ["Production"], [])
    assert (facts["history"], facts["horizon"], facts["stride"], facts["season"]) == (36, 12, 1, 12)
    assert facts["frequency"] == {"unit": "month", "count": 1}
    assert facts["cuts"] == {
        "validation": 134, "test": 151, "validation_time": "1973-03-01T00:00:00", "test_time": "1974-08-01T00:00:00",
    }  # fmt: skip
    assert facts["splits"] == {"train": 87, "validation": 6, "test": 6}
    assert (facts["series"], facts["rows"], facts["times"], facts["filled"], facts["rejected"]) == (1, 168, True, 0, 0)
    assert facts["source"] == "milk (csv_series)"
    series = read_series(milk)[0]
    assert series.values[[0, -1], 0].tolist() == [589, 843]
    assert series.values.sum() == 126_791
    training = series.values[:134, 0]
    assert facts["scaling"]["mean"] == pytest.approx([training.mean()])
    assert facts["scaling"]["scale"] == pytest.approx([abs(training[12:] - training[:-12]).mean()])


def test_every_window_holds_what_stands_in_the_series(milk):
    series = read_series(milk)[0]
    assert series.times is not None
    bounds = {"train": (36, 134), "validation": (134, 151), "test": (151, 168)}
    for split, (first, stop) in bounds.items():
        found = windows(milk, split)
        assert [window.row for window in found] == list(range(first, stop - 11))
        for window in found:
            assert numpy.array_equal(window.history, series.values[window.row - 36 : window.row])
            assert numpy.array_equal(window.target, series.values[window.row : window.row + 12])
            assert window.time == series.times[window.row - 1]
            assert window.id == series.id == "monthly_milk_production"
            assert window.scale == pytest.approx(milk.properties["scaling"]["scale"])


def test_the_files_are_shards_arrays_and_lists_and_nothing_else(milk):
    assert sorted(file.name for file in milk.path.iterdir()) == [
        "filled.npy", "rejected.json", "series.json", "test-00000-of-00001.tfrecord", "times.npy", "train-00000-of-00001.tfrecord",
        "validation-00000-of-00001.tfrecord", "values.npy",
    ]  # fmt: skip
    assert milk.read_json("rejected.json") == []


def test_the_bytes_do_not_depend_on_the_number_of_workers_or_the_size_of_blocks(year, tmp_path, monkeypatch):
    one = ingest(tmp_path / "one", year, examples_per_shard=50, horizon=3)
    for module in (series_cleaning, series_measuring, series_staging):
        monkeypatch.setattr(module, "BLOCK", 17)
    monkeypatch.setattr(series_workers, "BLOCK_BYTES", 1000)
    threads = BeamConfig(options={"direct_num_workers": 2, "direct_running_mode": "multi_threading"})
    two = ingest(tmp_path / "two", year, threads, examples_per_shard=50, horizon=3)
    assert len(one.shards("train")) == 6
    assert digests(one.path) == digests(two.path)
    assert one.properties == two.properties


def test_a_stride_takes_every_nth_window(year, tmp_path):
    rows = [window.row for window in windows(ingest(tmp_path, year, stride=5, horizon=3), "train")]
    assert rows == list(range(36, 290, 5))


def test_the_users_file_is_not_touched_and_decides_the_fingerprint(year):
    before = year.read_bytes()
    trees = sources(SeriesDataConfig(path=str(year)), BeamConfig(), QUIET)
    assert [(tree.root, tree.files) for tree in trees] == [(year.parent, [year])]
    assert year.read_bytes() == before
    names = [file.name for tree in sources(SeriesDataConfig(path="milk"), BeamConfig(), QUIET) for file in tree.files]
    assert names == ["monthly_milk_production.csv", "milk.yaml"]


# leakage


@pytest.mark.parametrize("fill", ["linear", "seasonal", "forward"])
def test_shuffling_the_test_part_changes_nothing_that_is_learnt(tmp_path, fill):
    values = wave(365)
    for row in (50, 51, 200, 290, 291, 292, 310, 326, 327):  # before both cuts, and over each of them
        values[row] = ""
    one = ingest(tmp_path / "one", write_days(tmp_path / "a.csv", values), fill=fill, horizon=3)
    (tmp_path / "other").mkdir()
    test = values[328:]
    shuffled = values[:328] + [test[number] for number in numpy.random.default_rng(0).permutation(len(test))]
    two = ingest(tmp_path / "two", write_days(tmp_path / "other" / "a.csv", shuffled), fill=fill, horizon=3)
    for split in ("train", "validation"):
        assert digests(one.path, f"{split}-*") == digests(two.path, f"{split}-*")
    assert digests(one.path, "test-*") != digests(two.path, "test-*")
    for fact in ("scaling", "splits", "cuts", "history", "season", "frequency", "filled"):
        assert one.properties[fact] == two.properties[fact]
    if fill != "forward":
        assert [item["label"] for item in findings(one)["gap_over_cut"]["examples"]] == ["a", "a"]


@pytest.mark.parametrize("fill", ["linear", "seasonal", "forward"])
def test_no_judged_window_shows_anything_of_its_target(tmp_path, fill):
    """Filling may look at the value behind a gap: the window that is to forecast this value must not show it."""
    values = wave(365)
    for row in (300, 301, 340, 350, 351):
        values[row] = ""
    judged = {}
    for name, change in (("one", 0.0), ("two", 50.0)):
        moved = [
            value and f"{float(value) + change * (row in (302, 341, 352)):.2f}" for row, value in enumerate(values)
        ]
        (tmp_path / name).mkdir()
        examples = ingest(tmp_path / name, write_days(tmp_path / name / "a.csv", moved), fill=fill)
        judged[name] = {window.row: window for split in ("validation", "test") for window in windows(examples, split)}
    assert judged["one"].keys() == judged["two"].keys()
    assert ({302, 341, 352} <= judged["one"].keys()) == (fill == "forward")
    for row in {302, 341, 352} & judged["one"].keys():
        assert judged["one"][row].history[-1] == judged["two"][row].history[-1]


# what is wrong


def test_all_lines_that_cannot_be_used_are_named_at_once(tmp_path):
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


def test_gaps_stop_the_run_unless_they_are_filled(tmp_path):
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
    assert numpy.flatnonzero(series.filled).tolist() == [7, 59, 155, 156]
    assert series.values[7, 0] == pytest.approx((series.values[6, 0] + series.values[8, 0]) / 2)
    assert series.times is not None
    assert (numpy.diff(series.times) == 86_400).all()
    assert (examples.properties["filled"], examples.properties["rows"]) == (4, 365)
    assert {name: item["count"] for name, item in findings(examples).items()} == {
        "filled_value": 1,
        "filled_time_step": 2,
    }
    window = next(window for window in windows(examples, "train") if window.row == 160)
    assert (window.filled, window.longest_gap) == (2, 2)


def test_only_the_first_lines_are_named_and_the_others_counted(tmp_path):
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "bad.csv", ["1", "NA"] * 100))
    assert caught.value.what.count("line ") == 20
    assert "and 80 more" in caught.value.what


@pytest.mark.parametrize(
    ("change", "fill", "says"),
    [
        ({0: "", 1: ""}, "linear", ["line 2: no value", "line 3: no value"]),
        ({364: ""}, "linear", ["line 366: 1 rows from 2010-12-31 on: nothing behind"]),
        ({3: ""}, "seasonal", ["line 5: 1 rows from 2010-01-04 on: not a season (7 rows)"]),
    ],
)
def test_what_cannot_be_filled_is_named(tmp_path, change, fill, says):
    values = [change.get(row, value) for row, value in enumerate(wave(365))]
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "bad.csv", values), fill=fill)
    assert all(text in caught.value.what for text in says)


def test_irregular_steps_are_named_and_rows_may_be_taken_as_equally_spaced(tmp_path):
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


def test_a_time_far_away_does_not_fill_the_disk(tmp_path):
    days = [*DAYS[:364], "9010-12-31"]
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, write_days(tmp_path / "far.csv", wave(365), days), fill="linear")
    assert "mostly_missing" in caught.value.what


def test_constant_and_short_series_are_left_out_and_reported(tmp_path):
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
def test_series_of_which_nothing_is_left_say_why(tmp_path, values, settings, what):
    with pytest.raises(UserError, match=what):
        ingest(tmp_path, write_days(tmp_path / "few.csv", values), **settings)


def test_columns_that_do_not_change_in_the_training_part_are_named_even_if_they_do_later(tmp_path):
    late = ["5.1"] * 300 + wave(65)
    lines = [f"{day},{a},{b}" for day, a, b in zip(DAYS, wave(365), late, strict=True)]
    (tmp_path / "late.csv").write_text("\n".join(["Date,moving,still", *lines]))
    found = findings(ingest(tmp_path, tmp_path / "late.csv", value_columns=("moving", "still"), horizon=3))
    assert found.keys() == {"constant_column"}
    assert [item["detail"] for item in found["constant_column"]["examples"]] == ["column `still`"]


def test_changes_that_numbers_of_32_bits_cannot_tell_are_a_warning(tmp_path):
    counter = [f"{1e9 + float(value):.2f}" for value in wave(365)]
    found = findings(ingest(tmp_path / "far", write_days(tmp_path / "far.csv", counter), horizon=3))
    assert (found["coarse_column"]["severity"], found.keys()) == ("warning", {"coarse_column"})
    near = [f"{1e5 + float(value):.2f}" for value in wave(365)]
    assert findings(ingest(tmp_path / "near", write_days(tmp_path / "near.csv", near), horizon=3)) == {}


# several columns, several series


@pytest.mark.parametrize(
    ("factor", "says", "fix"),
    [
        ("e-30", "too little", "multiplied by 1e"),
        ("e-310", "too little", "multiplied by 1e"),
        ("e36", "too much", "divided by 1e"),
    ],
)
def test_values_that_networks_of_32_bits_cannot_scale_are_asked_for_in_another_unit(tmp_path, factor, says, fix):
    file = write_days(tmp_path / "unit.csv", [value + factor for value in wave(365)])
    with pytest.raises(UserError, match=says) as caught:
        inspect(SeriesDataConfig(path=str(file)), QUIET)
    assert fix in caught.value.fix


def test_series_of_one_file_are_those_of_a_folder(tmp_path):
    folder = tmp_path / "shops"
    folder.mkdir()
    shops = {
        name: [str(float(value) * factor) for value in wave(365)] for name, factor in (("b", 2), ("a", 1), ("c", 3))
    }
    for name, values in shops.items():
        write_days(folder / f"{name}.csv", values, DAYS[100:] if name == "c" else DAYS)
    rows = [
        (day, name, shops[name][row - (100 if name == "c" else 0)])
        for row, day in enumerate(DAYS)
        for name in ("a", "b", "c")
        if name != "c" or row >= 100
    ]
    (tmp_path / "long.csv").write_text("Date,shop,Temp\n" + "".join(f"{','.join(row)}\n" for row in rows))
    one = ingest(tmp_path / "one", folder, horizon=3, history=30)
    two = ingest(tmp_path / "two", tmp_path / "long.csv", series_column="shop", horizon=3, history=30)
    assert digests(one.path) == digests(two.path)
    assert one.properties["series"] == 3
    train = windows(one, "train")
    assert {name: sum(window.id == name for window in train) for name in "abc"} == {"a": 260, "b": 260, "c": 160}
    last = {name: max(window.time or 0 for window in train if window.id == name) for name in "abc"}
    assert len(set(last.values())) == 1, "all series are cut at the same time"
    scales = {window.id: float(window.scale[0]) for window in train}
    assert scales["b"] == pytest.approx(2 * scales["a"])


def test_unsorted_series_of_one_file_need_their_column(tmp_path):
    rows = list(itertools.product(DAYS[:100], "ab"))
    text = "Date,shop,Temp\n" + "".join(f"{day},{shop},{number}\n" for number, (day, shop) in enumerate(rows))
    (tmp_path / "long.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, tmp_path / "long.csv")
    assert "100 x duplicate_time" in caught.value.what
    assert "data.series_column" in caught.value.fix


def test_several_columns_and_what_is_known_in_advance_go_into_the_records(tmp_path):
    lines = ["Date,holiday,low,high"]
    lines += [f"{day},{row % 7 == 0:d},{row % 5},{row % 5 + row % 3 + 1}" for row, day in enumerate(DAYS[:358])]
    lines += [f"{day},1,," for day in DAYS[358:]]
    (tmp_path / "two.csv").write_text("\n".join(lines))
    examples = ingest(
        tmp_path,
        tmp_path / "two.csv",
        value_columns=("high", "low"),
        covariate_columns=("holiday",),
        horizon=7,
        history=14,
    )
    assert (examples.properties["values"], examples.properties["covariates"]) == (["high", "low"], ["holiday"])
    assert examples.properties["rows"] == 358
    assert findings(examples)["future_row"]["count"] == 7
    window = windows(examples, "train")[0]
    assert (window.history.shape, window.target.shape, window.covariates.shape) == ((14, 2), (7, 2), (21, 1))
    assert window.history[3].tolist() == [4, 3]
    assert window.covariates[:, 0].tolist() == [row % 7 == 0 for row in range(21)]
    assert numpy.load(examples.file("covariates.npy")).shape == (358, 1)
    assert len(examples.properties["scaling"]["scale"]) == 2


# looking without writing, and real files


def test_a_data_check_sees_what_ingest_would_write(year, tmp_path):
    config = SeriesDataConfig(path=str(year), horizon=3)
    summary = inspect(config, QUIET)
    examples = ingest(tmp_path, year, horizon=3)
    assert summary["splits"] == examples.properties["splits"]
    assert (summary["frequency"], summary["season"], summary["history"]) == ("1 day", 7, 36)
    assert (summary["first"], summary["last"], summary["found"], summary["used"]) == (
        "2010-01-01",
        "2010-12-31",
        365,
        365,
    )
    assert summary["findings"] == []


@pytest.mark.parametrize(
    ("name", "settings", "rows", "step"),
    [
        ("beijing_hourly_temp_2010_2014.csv", {}, 43_824, "hour"),
        ("beijing_daily_mean_temp_2010_2014.csv", {}, 1_826, "day"),
        ("daily_min_temperatures.csv", {"fill": "linear"}, 3_652, "day"),
        ("monthly_milk_production_pounds.csv", {}, 168, "month"),
        ("PRSA_data_2010.1.1-2014.12.31.csv", {"value_columns": ("TEMP",)}, 43_824, "hour"),
    ],
)
def test_real_files_just_work(real_data, tmp_path, name, settings, rows, step):
    examples = ingest(tmp_path, real_data / "series" / name, horizon=7, **settings)
    assert examples.properties["rows"] == rows
    assert examples.properties["frequency"] == {"unit": step, "count": 1}
    assert all(examples.splits.values())


def test_the_two_missing_days_of_melbourne_are_named(real_data, tmp_path):
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, real_data / "series" / "daily_min_temperatures.csv")
    assert "line 1462: 1 time step is missing between 1984-12-30 and 1985-01-01" in caught.value.what
    assert "line 2922: 1 time step is missing between 1988-12-30 and 1989-01-01" in caught.value.what
