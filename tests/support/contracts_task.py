"""The contract of a task: what every task keeps, whatever kind of problem it is."""

from __future__ import annotations

import importlib
from pathlib import Path

from components.config import StandardRecipe
from components.tasks import find_task
from components.tasks.task import Task
from pipeline.metric import LOSS, find_metric
from pipeline.settings import ROOT

PARTS = (
    "ingest", "statistics", "schema", "checks", "training", "evaluation", "export", "serving_check", "predict_command",
    "monitoring", "data_check", "report",
)  # fmt: skip


def check_task(name: str) -> None:
    """Hold a task to what the steps, the commands and the fingerprints take for granted."""
    task = find_task(name)
    assert task.name == name
    check_recipe(task)
    check_metrics(task)
    for part in PARTS:
        module = getattr(task, part)
        assert module is importlib.import_module(task.module_of(part)), f"{part}: its code is not what is fingerprinted"
        assert Path(str(module.__file__)).is_relative_to(ROOT)
    assert set(task.requires) <= set(PARTS)
    assert task.predict_takes <= {"out", "min_score", "settings"}
    assert bool(task.extra) == bool(task.extra_packages)


def check_recipe(task: Task) -> None:
    """A recipe says whose it is, in every section that a step finds the task by."""
    assert issubclass(task.recipe, StandardRecipe)
    fields = task.recipe.model_fields
    assert fields["task"].default == task.name
    assert list(fields) == list(StandardRecipe.model_fields), "sections keep their order"
    for section in ("data", "trainer"):
        kind = fields[section].annotation
        assert kind is not None and kind.task == task.name


def check_metrics(task: Task) -> None:
    """Whatever is watched, limited or drawn is a metric whose direction is known."""
    assert task.metrics[task.primary_metric.name] is task.primary_metric
    assert all(name == metric.name for name, metric in task.metrics.items())
    known = {LOSS.name: LOSS, **task.metrics}
    trainer = task.recipe.model_fields["trainer"].annotation
    assert trainer is not None
    for name in (trainer.metric, trainer.model_fields["keep_metric"].default):
        find_metric(name, known)
    evaluator = task.recipe.model_fields["evaluator"].annotation
    assert evaluator is not None
    for name in evaluator.metric_names:
        find_metric(name, task.metrics)
