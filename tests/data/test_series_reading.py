"""What a served forecaster is asked with is the end of the user's file, read as the training data were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.series.config import SeriesDataConfig, TimeSplitConfig
from data.series.reading import Recent, read_recent
from pipeline.errors import UserError
from pipeline.progress import Progress

FACTS: dict[str, Any] = {
    "values": ["sales"],
    "covariates": ["holiday"],
    "history": 3,
    "horizon": 2,
    "season": 7,
    "times": True,
    "frequency": {"unit": "day", "count": 1},
    "reading": {
        "time_column": "day",
        "value_columns": ["sales"],
        "series_column": None,
        "covariate_columns": ["holiday"],
        "decimal": ".",
        "time_format": "%Y-%m-%d",
        "frequency": "1 day",
        "fill": "error",
        "missing": [],
    },
}


def write(folder: Path, ahead: list[str]) -> Path:
    path = folder / "sales.csv"
    rows = [f"2024-01-0{day},{10 * day},{day % 2}" for day in range(1, 6)]
    path.write_text("day,sales,holiday\n" + "\n".join([*rows, *ahead]) + "\n")
    return path


def read(path: Path, **changes: Any) -> list[Recent]:
    return read_recent(path, {**FACTS, **changes}, Progress(quiet=True))


def test_the_last_rows_are_read_with_the_times_and_covariates_of_the_rows_that_follow(tmp_path: Path) -> None:
    recent = read(write(tmp_path, ["2024-01-06,,1", "2024-01-07,,0"]))[0]
    assert recent.history.tolist() == [[30.0], [40.0], [50.0]]
    assert recent.covariates.tolist() == [[1.0], [0.0], [1.0], [1.0], [0.0]]
    assert recent.ahead is not None
    assert recent.ahead.astype("datetime64[s]").astype("datetime64[D]").tolist() == [
        np.datetime64("2024-01-06").item(),
        np.datetime64("2024-01-07").item(),
    ]


def test_covariates_that_are_not_known_ahead_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holiday must be known for the 2 rows after the last value"):
        read(write(tmp_path, ["2024-01-06,,1"]))


def test_covariates_of_another_day_are_refused_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2024-01-08.*where.*2024-01-07") as error:
        read(write(tmp_path, ["2024-01-06,,1", "2024-01-08,,0"]))
    assert "sales.csv, line 8" in error.value.where


def test_a_file_without_the_models_column_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("day,income\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    with pytest.raises(UserError, match="no column `(holiday|sales)`"):
        read(path)


def test_series_too_short_for_the_model_are_left_out_as_in_training_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shops.csv"
    rows = [f"{shop},2024-01-0{day},{day}" for shop, last in (("long", 5), ("new", 2)) for day in range(1, last + 1)]
    path.write_text("shop,day,sales\n" + "\n".join(rows) + "\n")
    reading = {**FACTS["reading"], "series_column": "shop", "covariate_columns": []}
    recent = read_recent(path, {**FACTS, "reading": reading, "covariates": []}, Progress())
    assert [series.id for series in recent] == ["long"]
    assert "Series `new` has 2 rows, the model looks at 3: left out" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"Series `long` has 5 rows; the model looks at 6\. All 2 series are too short"):
        read(path, reading=reading, covariates=[], history=6)


def test_rows_without_values_at_the_end_are_those_to_forecast_whatever_is_filled(tmp_path: Path) -> None:
    for fill in ("error", "forward", "linear", "seasonal"):
        reading = {**FACTS["reading"], "fill": fill, "covariate_columns": []}
        recent = read(write(tmp_path, ["2024-01-06,,", "2024-01-07,,"]), reading=reading, covariates=[])[0]
        assert recent.history[:, 0].tolist() == [30.0, 40.0, 50.0], fill
        assert days(recent) == ["2024-01-06", "2024-01-07"], fill


def test_rows_without_values_that_are_none_of_the_next_steps_are_refused_with_their_line(tmp_path: Path) -> None:
    reading = {**FACTS["reading"], "covariate_columns": []}
    with pytest.raises(UserError, match="2024-01-08 stands where 2024-01-07") as error:
        read(write(tmp_path, ["2024-01-06,,", "2024-01-08,,"]), reading=reading, covariates=[])
    assert "sales.csv, line 8" in error.value.where


def test_what_is_filled_and_more_rows_than_are_forecast_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(
        "day,sales\n" + "".join(f"2024-01-0{day},{'' if day in (3, 7, 8, 9) else day}\n" for day in range(1, 10))
    )
    reading = {**FACTS["reading"], "fill": "linear", "covariate_columns": []}
    recent = read_recent(path, {**FACTS, "reading": reading, "covariates": []}, Progress())[0]
    told = capsys.readouterr().err
    assert recent.history[:, 0].tolist() == [4.0, 5.0, 6.0]
    assert "1 x filled_value" in told and "sales.csv, line 4" in told
    assert "`sales` has 3 rows without values; the model forecasts 2" in told


def test_last_rows_with_values_in_some_columns_are_an_error_or_told_as_filled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "two.csv"
    path.write_text("day,sales,visits\n2024-01-01,1,1\n2024-01-02,2,2\n2024-01-03,3,\n")
    columns = {"value_columns": ["sales", "visits"], "covariate_columns": []}
    facts = {**FACTS, "values": ["sales", "visits"], "covariates": [], "history": 2}
    with pytest.raises(UserError, match="line 4: no value in column `visits`"):
        read_recent(path, {**facts, "reading": {**FACTS["reading"], **columns}}, Progress(quiet=True))
    reading = {**FACTS["reading"], **columns, "fill": "forward"}
    recent = read_recent(path, {**facts, "reading": reading}, Progress())[0]
    assert recent.history.tolist() == [[2.0, 2.0], [3.0, 2.0]] and days(recent) == ["2024-01-04", "2024-01-05"]
    assert "1 x unfinished_row" in capsys.readouterr().err


def test_a_file_without_a_single_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("day,sales\n2024-01-01,\n2024-01-02,\n")
    with pytest.raises(UserError, match="no row with a value"):
        read(path, reading={**FACTS["reading"], "covariate_columns": []}, covariates=[])


def days(recent: Recent) -> list[str]:
    assert recent.ahead is not None
    return [str(day) for day in recent.ahead.astype("datetime64[s]").astype("datetime64[D]")]


def test_a_look_at_the_data_tells_what_would_stop_the_run_later() -> None:
    from components.tasks.forecasting.config import ForecastValidationConfig
    from components.tasks.forecasting.data_check import inspect

    config = SeriesDataConfig(path="milk", split=TimeSplitConfig(train=0.9, validation=0.1, test=0.0))
    found = {
        item["name"]: item for item in inspect(config, ForecastValidationConfig(), Progress(quiet=True))["findings"]
    }
    assert (found["empty_split"]["severity"], found["empty_split"]["examples"][0]["split"]) == ("error", "test")


def test_rows_at_the_ends_of_quarters_are_followed_by_such_though_both_are_30ths(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("day,sales\n2023-06-30,1\n2023-09-30,2\n")
    quarters = {"unit": "quarter", "count": 1, "day": 31}
    reading = {**FACTS["reading"], "covariate_columns": [], "frequency": "1 quarter"}
    recent = read(path, frequency=quarters, reading=reading, covariates=[], history=2, season=4)[0]
    assert recent.ahead is not None
    assert recent.ahead.astype("datetime64[s]").astype("datetime64[D]").astype(str).tolist() == [
        "2023-12-31",
        "2024-03-31",
    ]
