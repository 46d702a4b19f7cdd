"""`labline predict` answers about every file that it can read, names the others, and writes forecasts where told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from components.tasks.forecasting import predict_command as forecasts
from components.tasks.forecasting.facts import ServedFacts
from components.tasks.image_classification import predict_command as classes
from components.tasks.task import PredictOptions
from pipeline.errors import UsageError, UserError
from serving.client import Client, Forecast, Prediction

NOBODY = SimpleNamespace()  # a client that is asked nothing
FACTS = {
    "values": ["sales", "visits"],
    "covariates": [],
    "history": 3,
    "horizon": 2,
    "season": 7,
    "times": True,
    "level": 0.8,
    "frequency": {"unit": "day", "count": 1},
    "reading": {
        "time_column": "day",
        "value_columns": ["sales", "visits"],
        "series_column": None,
        "covariate_columns": [],
        "decimal": ".",
        "time_format": "%Y-%m-%d",
        "frequency": "1 day",
        "fill": "error",
        "missing": [],
    },
}


class Classifier:
    """A stand-in for a client: everything is a cat."""

    def classify(self, name: str, encoded: Sequence[bytes], version: int | None) -> list[Prediction]:
        return [Prediction("cat", 0, [0.9, 0.1]) for _ in encoded]


class Forecaster:
    """A stand-in for a client: forecasts the last row, with bounds of 1 about it."""

    url = "http://127.0.0.1:8501"

    def metadata(self, name: str, version: int | None) -> dict[str, Any]:
        return {}

    def forecast(
        self, name: str, history: NDArray[np.float64], times: Any, covariates: Any, version: int | None
    ) -> list[Forecast]:
        return [
            Forecast(*[[(row[-1] + change).tolist()] * 2 for change in (0, -1, 1)])  # forecast, lower, upper
            for row in history
        ]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    (tmp_path / "good.png").write_bytes(stream.getvalue())
    return tmp_path / "good.png"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(forecasts, "read_facts", lambda *_: ServedFacts.model_validate(FACTS))
    rows = "".join(f"2024-01-0{day},{10 * day},{day}\n" for day in range(1, 5))
    (tmp_path / "shop.csv").write_text("day,sales,visits\n" + rows)
    return tmp_path / "shop.csv"


def forecast(files: list[Path], out: Path | None = None, as_json: bool = False, settings: Sequence[str] = ()) -> None:
    options = PredictOptions(version=1, as_json=as_json, out=out, settings=tuple(settings))
    forecasts.predict(cast(Client, Forecaster()), "shop", files, options)


@pytest.mark.parametrize("as_json", [False, True])
def test_pictures_beside_broken_ones_are_answered_and_the_broken_ones_named(
    image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    bad = [tmp_path / "scan.tif", tmp_path / "gone.jpg"]
    bad[0].write_bytes(b"II*\0a scan")
    with pytest.raises(UserError, match="2 of 3 files could not be read; the others are answered") as error:
        classes.predict(
            cast(Client, Classifier()), "cats", [bad[0], image, bad[1]], PredictOptions(top=1, as_json=as_json)
        )
    said = capsys.readouterr()
    assert error.value.exit_status == 1 and error.value.where == f"{bad[0]}, {bad[1]}"
    assert all(f"error: {file}: " in said.err for file in bad)
    assert [row["file"] for row in json.loads(said.out)] == [str(image)] if as_json else f"{image}: cat" in said.out


def test_the_only_file_tells_its_own_error_and_files_none_of_which_can_be_read_end_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="no such file") as error:
        classes.predict(cast(Client, NOBODY), "cats", [tmp_path / "gone.jpg"], PredictOptions())
    assert "relative to the working directory" in error.value.fix and not capsys.readouterr().err
    with pytest.raises(UserError, match="None of the 2 files can be read"):
        classes.predict(cast(Client, NOBODY), "cats", [tmp_path / "gone.jpg", tmp_path / "too.jpg"], PredictOptions())


def test_series_beside_a_file_that_does_not_fit_are_forecast(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.csv").write_text("day,sales\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")
    with pytest.raises(UserError, match="1 of 2 files") as error:
        forecast([tmp_path / "other.csv", table])
    said = capsys.readouterr()
    assert "2024-01-05" in said.out and str(tmp_path / "other.csv") in error.value.where
    assert "There is no column `visits`" in said.err


def lines(*rows: str, head: str = "day,sales,visits") -> str:
    return "\n".join([head, *rows, ""])


@pytest.mark.parametrize(
    ("text", "can", "settings"),
    [
        (
            lines("2024-01-01,1,1", "2024-01-02,2,2", "2024-01-03,3,3", head="day,Sales,visits"),
            "Give the file's columns the names",
            ["data.value_columns=[Sales, visits]"],
        ),
        (lines("2024-01-01,1,1", "2024-01-02,2,2", "2024-01-04,3,3"), "Add the lines", ["data.fill=linear"]),
        (lines("2024-01-01,1,1", "2024-01-02,,2", "2024-01-03,3,3"), "Fill in the cells", ["data.fill=linear"]),
        (
            lines("2024-01-01;1;1", "2024-01-02;2,5;2", "2024-01-03;3;3", head="day;sales;visits"),
            "If the decimal mark is another one: `data.decimal=,`",
            ["data.decimal=,"],
        ),
        (
            lines("1/13/2024,1,1", "1/14/2024,2,2", "1/15/2024,3,3"),
            "Say how they are written with `data.time_format`",
            ["data.time_format=%m/%d/%Y"],
        ),
    ],
)
def test_advice_about_a_file_is_what_can_be_done_here_and_following_it_leads_on(
    table: Path, tmp_path: Path, text: str, can: str, settings: list[str]
) -> None:
    (tmp_path / "other.csv").write_text(text)
    with pytest.raises(UserError) as error:
        forecast([tmp_path / "other.csv"])
    assert can in error.value.fix and "anew" not in error.value.fix and "recipe" not in error.value.fix
    assert f"`other.csv {settings[0].partition('=')[0]}=" in error.value.fix
    forecast([tmp_path / "other.csv"], settings=settings)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("trainer.epochs=3", "does not say how a file is read"),
        ("data.horizon=9", "does not say how a file is read"),
        ("data.path=other.csv", "does not say how a file is read"),
        ("data.decimals=,", "Did you mean `data.decimal`"),
        ("data.frequency=1 week", "The step between rows is the model's own, 1 day"),
        ("data.decimal=;", "`data.decimal` must be"),
        ("data.value_columns=[sales]", "names 1 columns, the model has 2: sales, visits"),
    ],
)
def test_settings_for_a_file_are_about_reading_alone(table: Path, setting: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        forecast([table], settings=[setting])
    assert told in str(error.value)


def test_a_file_is_read_with_the_decimal_mark_of_the_run(table: Path, tmp_path: Path) -> None:
    table.write_text("".join(line.replace("0,", "0.612,") for line in table.read_text().splitlines(keepends=True)))
    thousands = tmp_path / "thousands.csv"
    thousands.write_text("day,sales,visits\n" + "".join(f'2024-01-0{day},"1{day},612",{day}\n' for day in range(1, 5)))
    forecast([thousands], tmp_path / "next.csv")
    assert (tmp_path / "next.csv").read_text().splitlines()[1].startswith("thousands,2024-01-05,14612.0,")


def test_forecasts_are_written_as_a_table(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forecast([table], tmp_path / "new" / "next.csv")
    with (tmp_path / "new" / "next.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "series",
        "time",
        "sales",
        "sales_lower",
        "sales_upper",
        "visits",
        "visits_lower",
        "visits_upper",
    ]
    assert [row["time"] for row in rows] == ["2024-01-05", "2024-01-06"]
    assert [float(rows[0][name]) for name in ("sales", "sales_lower", "visits_upper")] == [40.0, 39.0, 5.0]
    assert f"written to {tmp_path / 'new' / 'next.csv'}" in capsys.readouterr().out


def test_a_table_of_several_files_says_of_which_each_line_is(table: Path, tmp_path: Path) -> None:
    (tmp_path / "twin.csv").write_text(table.read_text())
    forecast([table, tmp_path / "twin.csv"], tmp_path / "next.csv", as_json=True)
    lines = (tmp_path / "next.csv").read_text().splitlines()
    assert lines[0].startswith("file,series,time,sales") and len(lines) == 5


@pytest.mark.parametrize("name", ["shop.csv", "next.png", ""])
def test_forecasts_never_replace_a_file_that_is_read_and_have_a_kind_that_can_be_written(
    table: Path, tmp_path: Path, name: str
) -> None:
    before = table.read_text()
    with pytest.raises(UsageError, match="replace the file|one CSV file"):
        forecast([table], tmp_path / name)
    assert table.read_text() == before
