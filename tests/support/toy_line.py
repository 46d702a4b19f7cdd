"""A line of three quick steps for testing the framework, as a module and as a program of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from labline.report.page import draw_report
from pipeline.artifacts import Anomalies, Blessing, Evaluation, Examples, Model
from pipeline.component import Context, Out, component, latest_blessed
from pipeline.errors import UserError
from pipeline.facts import EvaluationFacts
from pipeline.progress import Progress
from pipeline.recipe import Resolved
from pipeline.runner import Runner
from pipeline.settings import NotFingerprinted, Settings, SourceFile
from pipeline.workspace import Workspace
from tests.support.facts import classifier_facts, image_facts


class DataConfig(Settings):
    path: Annotated[str, SourceFile()]
    modulo: int = 10
    workers: Annotated[int, NotFingerprinted()] = 1


class CheckConfig(Settings):
    largest: int = 1000


class TrainerConfig(Settings):
    steps: int = 20
    pause: Annotated[float, NotFingerprinted()] = 0.0
    fail: Annotated[str, NotFingerprinted()] = ""


class ServingConfig(Settings):
    name: str = "toy"


class Recipe(Settings):
    name: str = "toy"
    data: DataConfig
    validation: CheckConfig = CheckConfig()
    trainer: TrainerConfig = TrainerConfig()
    serving: ServingConfig = ServingConfig()


@component(requires=["pydantic"])
def reader(examples: Out[Examples], config: DataConfig) -> None:
    """Write the numbers of a folder's files, each modulo something."""
    files = sorted(Path(config.path).iterdir())
    if not files:
        raise UserError("There are no files.", config.path, "Put some there.")
    values = [int(file.read_text()) % config.modulo for file in files]
    examples.write_json("values.json", values)
    examples.write_facts(image_facts(splits={"train": len(values)}, label_counts={"train": [len(values), 0]}))


@component()
def checker(examples: Examples, anomalies: Out[Anomalies], config: CheckConfig) -> None:
    """Find numbers that are too large."""
    large = [value for value in examples.read_json("values.json") if value > config.largest]
    findings = [
        {
            "name": "too_large",
            "severity": "error",
            "count": len(large),
            "share": 1.0,
            "description": f"{large} are too large.",
            "examples": [],
        }
    ]
    anomalies.write_json("anomalies.json", findings if large else [])
    anomalies.properties = {"errors": len(large), "warnings": 0}


def prepare(config: TrainerConfig, progress: Progress) -> None:
    """Find what the trainer will read besides artifacts."""
    del config, progress
    find_weights()


def find_weights() -> None:
    """Find nothing, since nothing is needed."""


@component(prepare=prepare)
def trainer(examples: Examples, checked: Anomalies, model: Out[Model], config: TrainerConfig, context: Context) -> None:
    """Add up the numbers again and again, keeping a checkpoint of every step."""
    if config.fail:
        fail(config.fail)
    checkpoint = context.scratch / "checkpoint.json"
    state = json.loads(checkpoint.read_text()) if checkpoint.exists() else {"step": 0, "total": 0, "started": 0}
    state["started"] += 1
    for _ in range(state["step"], config.steps):
        state["total"] += sum(examples.read_json("values.json"))
        state["step"] += 1
        temporary = checkpoint.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        temporary.replace(checkpoint)
        time.sleep(config.pause)
    state["total"] += int(os.environ.get("TOY_LUCK", "0"))  # as a network trained twice is not the same everywhere
    model.write_facts(classifier_facts(["cat", "dog"], (8, 8, 1)))
    model.write_json("model.json", {"total": state["total"], "steps": state["step"]})
    with (context.workspace / "work.log").open("a") as file:
        file.write(f"trained, starts {state['started']}\n")


def fail(how: str) -> None:
    """Fail in one of the ways steps fail."""
    if how == "disk":
        raise OSError(28, "No space left on device", "/some/file")
    if how == "library":
        raise RuntimeError("tensor 7 is not nice [while running 'write']: OSError: No space left on device")
    if how == "bug":
        raise KeyError("a bug")
    if how == "memory":
        raise MemoryError


@component()
def judge(model: Model, baseline: Model | None, evaluation: Out[Evaluation], blessing: Out[Blessing]) -> None:
    """Bless a total that is not below the one before."""
    total = model.read_json("model.json")["total"]
    before = baseline.read_json("model.json")["total"] if baseline else 0
    evaluation.write_facts(EvaluationFacts(metrics={"test/total": total}, split="test", intervals={}))
    blessing.properties = {
        "blessed": total >= before,
        "reasons": [f"{total} against {before}"],
        "baseline": str(before) if baseline else None,
    }


def pipeline(recipe: Recipe) -> None:
    """Wire the four steps."""
    examples = reader(config=recipe.data)
    anomalies = checker(examples, config=recipe.validation)
    model = trainer(examples, checked=anomalies, config=recipe.trainer)
    judge(model, baseline=latest_blessed(model))


def runner_of(
    workspace: Path, values: dict[str, Any], fresh: set[str] | None = None, wire: Any = pipeline, until: str = ""
) -> Runner:
    """Make a runner for the toy recipe."""
    recipe = Recipe.model_validate(values)
    return Runner(
        Resolved(recipe, {}, wire),
        Workspace(workspace),
        Progress(quiet=True),
        fresh,
        write_report=draw_report,
        until=until,
    )


if __name__ == "__main__":
    print(os.getpid(), flush=True)
    result = runner_of(Path(sys.argv[1]), json.loads(sys.argv[2])).run()
    print(json.dumps([asdict(step) for step in result.steps]))
