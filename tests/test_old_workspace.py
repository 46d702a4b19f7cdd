"""A workspace that the version before wrote opens: its figures are read as they were, its steps run anew for a reason.

`old_workspace/README.md` says how it was made.
"""

from __future__ import annotations

import json
import shlex
import tarfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.recipes import load
from components.tasks.forecasting import facts as forecasting
from components.tasks.image_classification import facts as images
from components.tasks.object_detection import facts as detection
from data.tfrecord import read_records
from labline.cli.doctor import workspace_state
from labline.cli.main import app
from pipeline.artifacts import (
    Anomalies,
    Artifact,
    Blessing,
    Evaluation,
    Examples,
    InfraBlessing,
    Model,
    PushedModel,
    SavedModel,
    Schema,
    Statistics,
    read_manifest,
)
from pipeline.component import Context
from pipeline.facts import (
    AnomaliesFacts,
    EvaluationFacts,
    Facts,
    InfraVerdictFacts,
    PushedFacts,
    SchemaFacts,
    VerdictFacts,
)
from pipeline.figures import write_metric
from pipeline.fingerprint import fingerprint
from pipeline.progress import Progress
from pipeline.runner import Runner
from pipeline.workspace import EXECUTION, Workspace
from tests.conftest import CommandLine

ARCHIVE = Path(__file__).with_name("old_workspace") / "workspace.tar.xz"
RECIPES = ("old_digits", "old_milk", "old_shapes")
KINDS: dict[str, type[Artifact]] = {
    kind.type_name: kind
    for kind in (
        Anomalies, Blessing, Evaluation, Examples, InfraBlessing, Model, PushedModel, SavedModel, Schema, Statistics,
    )
}  # fmt: skip
COMMON: dict[str, type[Facts]] = {
    "Anomalies": AnomaliesFacts, "Blessing": VerdictFacts, "Evaluation": EvaluationFacts,
    "InfraBlessing": InfraVerdictFacts, "PushedModel": PushedFacts, "Schema": SchemaFacts,
}  # fmt: skip
OF_TASKS: dict[str, dict[str, type[Facts]]] = {
    "old_digits": {
        "Examples": images.ImageExamplesFacts, "Statistics": images.ImageStatisticsFacts,
        "Model": images.ImageModelFacts, "SavedModel": images.ImageExportFacts,
    },
    "old_milk": {
        "Examples": forecasting.ForecastExamplesFacts, "Statistics": forecasting.ForecastStatisticsFacts,
        "Model": forecasting.ForecastModelFacts, "SavedModel": forecasting.ForecastExportFacts,
    },
    "old_shapes": {
        "Examples": detection.DetectionExamplesFacts, "Statistics": detection.DetectionStatisticsFacts,
        "Model": detection.DetectorModelFacts, "SavedModel": detection.DetectorExportFacts,
        "Evaluation": detection.DetectionEvaluationFacts,
    },
}  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The old workspace, as it was packed."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "workspace"


def record_of(old: Path, recipe: str) -> dict[str, Any]:
    """Return what the old run of a recipe wrote into its run.json."""
    records = [json.loads(path.read_text("utf-8")) for path in (old / "runs").glob("*/run.json")]
    [found] = [record for record in records if record["recipe"] == recipe]
    return dict(found)


def executions(old: Path, recipe: str = "") -> list[tuple[Path, dict[str, Any]]]:
    """Return folder and record of every step that was sealed, of one recipe or of all."""
    found = [
        (path.parent, json.loads(path.read_text("utf-8"))) for path in (old / "artifacts").glob(f"*/*/{EXECUTION}")
    ]
    return [(folder, record) for folder, record in found if recipe in ("", record["recipe"])]


def ask(old: Path, *arguments: str) -> str:
    """Return what a command prints about the old workspace."""
    result = CliRunner().invoke(app, [*arguments, "--workspace", str(old)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("recipe", RECIPES)
def test_an_old_run_is_listed_shown_and_explained(old: Path, recipe: str) -> None:
    record = record_of(old, recipe)
    assert record["run"] in ask(old, "runs") and recipe in ask(old, "runs")
    shown = ask(old, "show", record["run"])
    for step in record["steps"]:
        assert f"{step['component']} " in shown and step["fingerprint"][:12] in shown
    for name, value in record["metrics"].items():
        assert name.count("/") > 1 or (name in shown and write_metric(value) in shown), name
    step = record["steps"][-1]["component"]
    assert ask(old, "why", step, "--run", record["run"]).startswith(f"ran {step} in run {record['run']}: first run")


def test_an_old_push_leads_back_to_the_raw_data(old: Path) -> None:
    told = ask(old, "lineage", "old_digits/1")
    assert "PushedModel" in told and "raw data" in told
    for step in record_of(old, "old_digits")["steps"]:
        assert f"{step['component']} {step['fingerprint'][:6]}" in told


def test_the_doctor_misses_only_what_was_not_packed(old: Path) -> None:
    found = workspace_state(old, verify=False)
    assert found["what"] == "workspace"
    assert all("is missing" in part for part in found["found"].split("; ")), found


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_old_fact_is_read_as_it_was_written(old: Path, recipe: str) -> None:
    seen = set()
    for folder, record in executions(old, recipe):
        for name in record["outputs"]:
            manifest = read_manifest(folder / name)
            kind = manifest["type"]
            artifact = KINDS[kind].open(folder / name)
            facts = artifact.facts_as((COMMON | OF_TASKS[recipe])[kind])
            told, written = facts.model_dump(mode="json", exclude_unset=True), dict(manifest["properties"])
            if csv := written.pop("csv", None):  # what `reading` says now, but that every file shows its own delimiter
                reading = told.pop("reading")
                assert all(value in (None, reading.get(name)) for name, value in csv.items() if name != "delimiter")
            assert told == written, (recipe, kind)
            seen.add(kind)
    assert seen == set(KINDS)


@pytest.mark.parametrize("recipe", RECIPES)
def test_steps_of_an_old_run_run_anew_since_their_code_is_another(old: Path, recipe: str) -> None:
    runner = runner_for(old, recipe)
    sealed = {record["component"]: record for _, record in executions(old, recipe)}
    for node in runner.graph.nodes[1:]:  # the first would read the raw data
        before = sealed[node.spec.name]
        parts = fingerprint(node, before["inputs"], runner.sections(node), runner.store, runner.progress, runner.task)
        assert parts.value != before["fingerprint"]
        assert runner.workspace.sealed(node.spec.name, parts.value) is None
        assert "code of " in runner.why(node, parts), node.spec.name
        assert parts.config.items() >= before["parts"]["config"].items(), "an old setting means what it meant"


def runner_for(old: Path, recipe: str) -> Runner:
    """Return what would run an old recipe again, as its command line says."""
    _, _, name, *overrides = shlex.split(record_of(old, recipe)["command"])
    return Runner(load(name, overrides), Workspace(old), Progress(quiet=True))


@pytest.mark.parametrize("recipe", ["old_digits", "old_milk"])
def test_an_old_model_gets_its_old_figures_and_is_compared_with(old: Path, tmp_path: Path, recipe: str) -> None:
    runner, record = runner_for(old, recipe), record_of(old, recipe)
    paths = {name: old / place for name, place in record["artifacts"].items()}
    model = Model.open(paths["model"])
    evaluation, blessing = Evaluation.create(tmp_path / "evaluation"), Blessing.create(tmp_path / "blessing")
    [judge] = [node for node in runner.graph.nodes if node.spec.name == "evaluator"]
    judge.spec.function(
        examples=Examples.open(paths["examples"]),
        model=model,
        baseline=model,
        evaluation=evaluation,
        blessing=blessing,
        context=Context.standalone(tmp_path / "elsewhere"),
        **judge.settings,
    )
    assert evaluation.facts.metrics == pytest.approx(record["metrics"], rel=1e-4, abs=1e-6)
    comparison = blessing.facts.comparison
    assert comparison is not None and not comparison.skipped
    assert {name: change.difference for name, change in comparison.metrics.items()} == dict.fromkeys(
        comparison.metrics, 0.0
    )


def test_the_blessed_model_of_an_old_run_is_the_opponent_of_the_next(old: Path) -> None:
    found = Workspace(old).store.latest_blessed("f" * 64, "old_digits")
    assert found == old / record_of(old, "old_digits")["artifacts"]["model"]


def test_an_old_pushed_model_still_answers_as_it_did(old: Path) -> None:
    import numpy as np
    import tensorflow as tf

    record = record_of(old, "old_digits")
    served = tf.saved_model.load(str(old / record["pushed"]["path"]))
    [shard] = Examples.open(old / record["artifacts"]["examples"]).shards("test")
    answers = served.signatures["examples"](tf.constant(list(read_records(shard))))
    with np.load(old / record["artifacts"]["evaluation"] / "predictions.npz") as predicted:
        np.testing.assert_allclose(answers["probabilities"], predicted["probabilities"], atol=1e-5)


def test_old_metadata_that_are_gone_are_made_again_with_the_same_lineage(old: Path) -> None:
    digests = [item["digest"] for _, record in executions(old) for item in record["outputs"].values()]
    before = {digest: Workspace(old).store.lineage(digest) for digest in digests}
    for path in old.glob("metadata.sqlite*"):
        path.unlink()
    made = Workspace(old)
    assert {digest: made.store.lineage(digest) for digest in digests} == before
    assert made.store.latest_blessed("f" * 64, "old_digits") is not None


@pytest.mark.slow
def test_an_old_recipe_runs_again_beside_its_old_model(old: Path, digits_data: Path) -> None:
    record = record_of(old, "old_digits")
    command = CommandLine(old, {"LABLINE_DATA_DIR": str(digits_data), "CUDA_VISIBLE_DEVICES": ""})
    again = json.loads(command(*shlex.split(record["command"])[1:], "trainer.epochs=6", "--json").stdout)
    for step in again["steps"]:
        assert step["status"] == "ran" and "code of " in step["reason"], step
    [verdict] = [path for name, path in command_artifacts(old, again["run"]).items() if name == "blessing"]
    facts = Blessing.open(Path(verdict)).facts
    assert facts.baseline == Model.open(old / record["artifacts"]["model"]).digest
    assert facts.comparison is not None and facts.comparison.metrics


def command_artifacts(old: Path, run: str) -> dict[str, str]:
    """Return the folders of a run's artifacts."""
    [found] = [record for record in Workspace(old).runs() if record["run"] == run]
    return dict(found["artifacts"])
