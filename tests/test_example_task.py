"""A task outside of labline goes through the whole line: trained, proved, pushed and asked."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from components.recipes import load
from components.tasks import find_task
from components.tasks.task import PredictOptions
from labline.report.page import draw_report
from pipeline.progress import Progress
from pipeline.runner import Runner
from pipeline.settings import ROOT
from pipeline.workspace import Workspace
from serving.client import Client
from serving.launch import pushed_models, running_server

RECIPE = """
task: examples.regression
data: {path: POINTS}
trainer: {epochs: 20, optimizer: {learning_rate: 0.1}, histograms: false}
infra_validator: {engine: embedded}
serving: {name: line}
"""


def write_points(file: Path) -> Path:
    """Write points of y = 2 x - z + .5."""
    draw = random.Random(1).uniform
    rows = [(draw(-1, 1), draw(-1, 1)) for _ in range(400)]
    file.write_text("\n".join(f"{x},{z},{2 * x - z + 0.5}" for x, z in rows))
    return file


def test_a_task_of_ones_own_is_trained_proved_pushed_and_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("POINTS", str(write_points(tmp_path / "points.csv"))))
    workspace = Workspace(tmp_path / "workspace")
    record = Runner(load(str(recipe)), workspace, Progress(quiet=True), write_report=draw_report).run()
    assert [step.status for step in record.steps] == ["ran"] * 9
    assert record.metrics["test/mse"] < 0.01 and record.blessed
    assert record.pushed is not None and record.pushed["name"] == "line"
    assert "test/mse" in Path(record.report).read_text()
    (tmp_path / "new.csv").write_text("1,1\n0,0\n")
    with (
        running_server(pushed_models(workspace.path), tmp_path / "server.log", engine="embedded") as server,
        Client(server.url) as client,
    ):
        find_task("examples.regression").predict_command.predict(
            client, "line", [tmp_path / "new.csv"], PredictOptions()
        )
    said = capsys.readouterr().out
    assert [float(row[0]) for row in json.loads(said)] == pytest.approx([1.5, 0.5], abs=0.1)


def test_the_walk_through_quotes_the_example_as_it_is() -> None:
    words = (ROOT / "docs" / "add_a_task.md").read_text("utf-8")
    blocks = [block.partition("\n")[2] for block in words.split("```")[1::2] if block.startswith("python")]
    code = "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "examples" / "regression").glob("*.py")))
    assert len(blocks) >= 5
    for block in blocks:
        assert block.strip() in code, block
