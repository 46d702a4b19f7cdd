"""Ingest of series: each window once and in the right split, whatever the workers; nothing learnt of the test part."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.example_gen import sources
from data.config import BeamConfig
from data.series import cleaning as series_cleaning
from data.series import measuring as series_measuring
from data.series import staging as series_staging
from data.series import workers as series_workers
from data.series.check import inspect
from data.series.config import SeriesDataConfig
from data.series.records import read_series
from pipeline.artifacts import Examples
from pipeline.errors import UserError
from pipeline.progress import Progress
from tests.support.series_ingest import DAYS, digests, findings, ingest, wave, windows, write_days

QUIET = Progress(quiet=True)


@pytest.fixture
def year(tmp_path: Path) -> Path:
    """A year of days with a weekly wave and a trend: 292 days to train, 36 to validate, 37 to test."""
    return write_days(tmp_path / "year.csv", wave(365))


@pytest.fixture(scope="module")
def milk(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return ingest(tmp_path_factory.mktemp("milk"), "milk", horizon=12)


# what is written


def test_the_shipped_sample_needs_no_download_and_has_the_facts(milk: Examples) -> None:
    facts = milk.properties
    assert (facts["task"], facts["values"], facts["covariates"]) == ("forecasting", ["Production"], [])
    assert (facts["history"], facts["horizon"], facts["stride"], facts["season"]) == (36, 12, 1, 12)
    assert facts["frequency"] == {"unit": "month", "count": 1}
    assert facts["cuts"] == {
        "validation": 134,
        "test": 151,
        "validation_time": "1973-03-01T00:00:00",
        "test_time": "1974-08-01T00:00:00",
    }
    assert facts["splits"] == {"train": 87, "validation": 6, "test": 6}
    assert (facts["series"], facts["rows"], facts["times"], facts["filled"], facts["rejected"]) == (1, 168, True, 0, 0)
    assert facts["source"] == "milk (csv_series)"
    series = read_series(milk)[0]
    assert series.values[[0, -1], 0].tolist() == [589, 843]
    assert series.values.sum() == 126_791
    training = series.values[:134, 0]
    assert facts["scaling"]["mean"] == pytest.approx([training.mean()])
    assert facts["scaling"]["scale"] == pytest.approx([abs(training[12:] - training[:-12]).mean()])


def test_every_window_holds_what_stands_in_the_series(milk: Examples) -> None:
    series = read_series(milk)[0]
    assert series.times is not None
    bounds = {"train": (36, 134), "validation": (134, 151), "test": (151, 168)}
    for split, (first, stop) in bounds.items():
        found = windows(milk, split)
        assert [window.row for window in found] == list(range(first, stop - 11))
        for window in found:
            assert np.array_equal(window.history, series.values[window.row - 36 : window.row])
            assert np.array_equal(window.target, series.values[window.row : window.row + 12])
            assert window.time == series.times[window.row - 1]
            assert window.id == series.id == "monthly_milk_production"
            assert window.scale == pytest.approx(milk.properties["scaling"]["scale"])


def test_the_files_are_shards_arrays_and_lists_and_nothing_else(milk: Examples) -> None:
    assert sorted(file.name for file in milk.path.iterdir()) == [
        "filled.npy",
        "rejected.json",
        "series.json",
        "test-00000-of-00001.tfrecord",
        "times.npy",
        "train-00000-of-00001.tfrecord",
        "validation-00000-of-00001.tfrecord",
        "values.npy",
    ]
    assert milk.read_json("rejected.json") == []


def test_the_bytes_do_not_depend_on_the_number_of_workers_or_the_size_of_blocks(
    year: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ingest(tmp_path / "one", year, examples_per_shard=50, horizon=3)
    for module in (series_cleaning, series_measuring, series_staging):
        monkeypatch.setattr(module, "BLOCK", 17)
    monkeypatch.setattr(series_workers, "BLOCK_BYTES", 1000)
    threads = BeamConfig(options={"direct_num_workers": 2, "direct_running_mode": "multi_threading"})
    two = ingest(tmp_path / "two", year, threads, examples_per_shard=50, horizon=3)
    assert len(one.shards("train")) == 6
    assert digests(one.path) == digests(two.path)
    assert one.properties == two.properties


def test_a_stride_takes_every_nth_window(year: Path, tmp_path: Path) -> None:
    rows = [window.row for window in windows(ingest(tmp_path, year, stride=5, horizon=3), "train")]
    assert rows == list(range(36, 290, 5))


def test_the_users_file_is_not_touched_and_decides_the_fingerprint(year: Path) -> None:
    before = year.read_bytes()
    trees = sources(SeriesDataConfig(path=str(year)), BeamConfig(), QUIET)
    assert [(tree.root, tree.files) for tree in trees] == [(year.parent, [year])]
    assert year.read_bytes() == before
    names = [file.name for tree in sources(SeriesDataConfig(path="milk"), BeamConfig(), QUIET) for file in tree.files]
    assert names == ["monthly_milk_production.csv", "milk.yaml"]


# leakage


@pytest.mark.parametrize("fill", ["linear", "seasonal", "forward"])
def test_shuffling_the_test_part_changes_nothing_that_is_learnt(tmp_path: Path, fill: str) -> None:
    values = wave(365)
    for row in (50, 51, 200, 290, 291, 292, 310, 326, 327):  # before both cuts, and over each of them
        values[row] = ""
    one = ingest(tmp_path / "one", write_days(tmp_path / "a.csv", values), fill=fill, horizon=3)
    (tmp_path / "other").mkdir()
    test = values[328:]
    shuffled = values[:328] + [test[number] for number in np.random.default_rng(0).permutation(len(test))]
    two = ingest(tmp_path / "two", write_days(tmp_path / "other" / "a.csv", shuffled), fill=fill, horizon=3)
    for split in ("train", "validation"):
        assert digests(one.path, f"{split}-*") == digests(two.path, f"{split}-*")
    assert digests(one.path, "test-*") != digests(two.path, "test-*")
    for fact in ("scaling", "splits", "cuts", "history", "season", "frequency", "filled"):
        assert one.properties[fact] == two.properties[fact]
    if fill != "forward":
        assert [item["label"] for item in findings(one)["gap_over_cut"]["examples"]] == ["a", "a"]


@pytest.mark.parametrize("fill", ["linear", "seasonal", "forward"])
def test_no_judged_window_shows_anything_of_its_target(tmp_path: Path, fill: str) -> None:
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


# several columns, several series


def test_series_of_one_file_are_those_of_a_folder(tmp_path: Path) -> None:
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


def test_unsorted_series_of_one_file_need_their_column(tmp_path: Path) -> None:
    rows = list(itertools.product(DAYS[:100], "ab"))
    text = "Date,shop,Temp\n" + "".join(f"{day},{shop},{number}\n" for number, (day, shop) in enumerate(rows))
    (tmp_path / "long.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, tmp_path / "long.csv")
    assert "100 x duplicate_time" in caught.value.what
    assert "data.series_column" in caught.value.fix


def test_several_columns_and_what_is_known_in_advance_go_into_the_records(tmp_path: Path) -> None:
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
    assert np.load(examples.file("covariates.npy")).shape == (358, 1)
    assert len(examples.properties["scaling"]["scale"]) == 2


# looking without writing, and real files


def test_a_data_check_sees_what_ingest_would_write(year: Path, tmp_path: Path) -> None:
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
def test_real_files_just_work(
    real_data: Path, tmp_path: Path, name: str, settings: dict[str, Any], rows: int, step: str
) -> None:
    examples = ingest(tmp_path, real_data / "series" / name, horizon=7, **settings)
    assert examples.properties["rows"] == rows
    assert examples.properties["frequency"] == {"unit": step, "count": 1}
    assert all(examples.splits.values())


def test_the_two_missing_days_of_melbourne_are_named(real_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        ingest(tmp_path, real_data / "series" / "daily_min_temperatures.csv")
    assert "line 1462: 1 time step is missing between 1984-12-30 and 1985-01-01" in caught.value.what
    assert "line 2922: 1 time step is missing between 1988-12-30 and 1989-01-01" in caught.value.what
