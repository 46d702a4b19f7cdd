"""What is printed can be read: figures of any size, each reason once, and nothing asked for that was given."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components.tasks.forecasting import predict_command
from components.tasks.task import PredictOptions
from labline.cli import output
from labline.cli.main import app
from pipeline.artifacts import Anomalies, Blessing, PushedModel, write_manifest
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98871, "0.9887"),
        (45.4, "45.4000"),
        (0.0, "0.0000"),
        (-3.25, "-3.2500"),
        (float("nan"), "nan"),
        (6.08e-11, "6.08e-11"),
        (1.4613378438065230e16, "1.461e+16"),
    ],
)
def test_figures_of_any_size_show_their_digits(value: float, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.show_metrics({"test/rmse": value})
    assert capsys.readouterr().out.split() == ["test/rmse", text]


def test_runs_are_listed_with_their_figure(capsys: pytest.CaptureFixture[str]) -> None:
    record = {
        "run": "20240101-000000-aaaa",
        "recipe": "sales",
        "status": "succeeded",
        "seconds": 1.0,
        "steps": [],
        "pushed": None,
        "blessed": True,
        "metrics": {"test/mae": 1e-12, "test/rmse": 2.5e-12},
        "values": {},
    }
    output.show_runs([record])
    assert "test/rmse 2.5e-12" in capsys.readouterr().out


def test_names_from_the_data_are_shown_with_their_own_letters(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_recipe({"data.value_columns": (["Größe in €"], "command line")}, {})
    assert '["Größe in €"]' in capsys.readouterr().out


def test_runs_of_a_recipe_are_told_apart_by_what_was_set_otherwise() -> None:
    same = {"data.path": ["sales.csv", "command line"], "trainer.epochs": [8, "network seasonal_lstm"]}
    longer = same | {"data.horizon": [3, "sales.yaml line 2"], "data.value_columns": [["Größe"], "command line"]}
    other = {"data.path": ["milk", "command line"], "trainer.seed": [7, "default"]}
    runs = (("sales", same), ("milk", other), ("sales", longer))
    records = [{"recipe": recipe, "values": values} for recipe, values in runs]
    assert output.distinct_settings(records) == ["", "", 'data.horizon=3 data.value_columns=["Größe"]']


def test_reasons_against_a_push_are_not_told_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blessing, pushed = Blessing.create(tmp_path / "blessing"), PushedModel.create(tmp_path / "pushed")
    blessing.properties = {"blessed": False, "reasons": ["No better than drift."]}
    pushed.properties = {"pushed": False, "reason": "not blessed by the evaluator: No better than drift."}
    for artifact in (blessing, pushed):
        write_manifest(artifact, created=0.0)
    artifacts = {"blessing": str(blessing.path), "pushed_model": str(pushed.path)}
    output.show_verdict(SimpleNamespace(artifacts=artifacts, blessed=False, pushed=None))  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert said.count("No better than drift.") == 1
    assert "not pushed: not blessed by the evaluator\n" in said


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:8501"])
def test_a_forecaster_is_asked_with_the_workspace_that_was_named_whatever_the_server(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature: dict[str, Any] = {"serving_default": {"outputs": {"forecast": {}}}}
    client = SimpleNamespace(url=url, metadata=lambda name, version: signature, version_of=lambda name, label: 1)
    monkeypatch.setattr("serving.client.connect", lambda address, token: contextlib.nullcontext(client))
    monkeypatch.setattr(output, "server_of", lambda workspace: "http://127.0.0.1:1")
    asked = []
    monkeypatch.setattr(predict_command, "predict", lambda *given: asked.append(given[3].workspace))
    output.show_predictions("sales", [Path("sales.csv")], PredictOptions(workspace=Path("mine")), url)
    assert asked == [Path("mine")]


@pytest.mark.parametrize(("wish", "told"), [({"out": Path("a.csv")}, "--out"), ({"min_score": 0.3}, "--score")])
def test_what_only_models_of_another_task_know_is_refused(
    monkeypatch: pytest.MonkeyPatch, wish: dict[str, Any], told: str
) -> None:
    signature: dict[str, Any] = {"serving_default": {"outputs": {"probabilities": {}}}}
    client = SimpleNamespace(metadata=lambda name, version: signature, version_of=lambda name, label: 1)
    monkeypatch.setattr("serving.client.connect", lambda address, token: contextlib.nullcontext(client))
    with pytest.raises(UsageError, match=f"`digits` knows no {told}"):
        options = PredictOptions(workspace=Path("mine"), **wish)
        output.show_predictions("digits", [Path("a.png")], options, "http://h:1")


@pytest.mark.parametrize(("label", "version"), [("stable", 7), ("", 1)])
def test_a_label_or_none_is_asked_as_the_version_that_it_means_so_that_its_own_facts_are_used(
    monkeypatch: pytest.MonkeyPatch, label: str, version: int
) -> None:
    signature: dict[str, Any] = {"serving_default": {"outputs": {"forecast": {}}}}
    client = SimpleNamespace(
        metadata=lambda name, version: signature, version_of=lambda name, label: {"stable": 7, "": 1}[label]
    )
    monkeypatch.setattr("serving.client.connect", lambda address, token: contextlib.nullcontext(client))
    asked = []
    monkeypatch.setattr(predict_command, "predict", lambda *given: asked.append(given[3].version))
    options = PredictOptions(workspace=Path("mine"))
    output.show_predictions("sales", [Path("a.csv")], options, "http://h:1", label=label)
    assert asked == [version]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["predict", "m", "f", "--version", "-1"], "--version"),
        (["predict", "m", "f", "--top", "0"], "--top"),
        (["bench-serve", "m", "--version", "-1"], "--version"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: list[str], told: str) -> None:
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 2 and told in result.output


def test_a_version_and_a_label_are_too_much() -> None:
    result = CliRunner().invoke(app, ["predict", "m", "f", "--version", "1", "--label", "stable"])
    assert isinstance(result.exception, UsageError)


def test_warnings_about_the_data_are_told_at_the_end_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anomalies = Anomalies.create(tmp_path / "anomalies")
    anomalies.properties = {
        "errors": 0,
        "warnings": 1,
        "summary": "Nothing that stops the run; warnings: tiny_data (1).",
    }
    write_manifest(anomalies, created=0.0)
    output.show_warnings(SimpleNamespace(artifacts={"anomalies": str(anomalies.path)}))  # type: ignore[arg-type]
    assert "warnings: tiny_data (1)" in capsys.readouterr().out
