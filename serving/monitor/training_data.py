"""What a served version was trained on: statistics, schema and facts of the run that made it, found by its lineage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import Examples, Schema, Statistics
from pipeline.errors import UserError, did_you_mean
from pipeline.workspace import Workspace
from serving.model_config import FOLDER


@dataclass(frozen=True)
class TrainingData:
    """What a version was trained on, and the name of the run that trained it."""

    run: str
    statistics: Statistics
    schema: Schema
    examples: Examples

    @property
    def task(self) -> str:
        return self.examples.task


def find_training_data(workspace: Workspace, name: str, version: int) -> TrainingData:
    """Return what a pushed version was trained on.

    Raises:
        UserError: this workspace did not push it, or its artifacts are gone.
    """
    digest = workspace.store.pushed_digest(name, version)
    if not digest:
        raise UserError(
            f"This workspace does not know of what version {version} of `{name}` was made.",
            str(workspace.path),
            "Name the workspace that pushed it with --workspace. " + did_you_mean(name, pushed_names(workspace)),
        )
    makers = {
        item["digest"]: execution
        for execution in workspace.store.lineage(digest)
        for item in execution["outputs"].values()
    }
    # the lineage may hold earlier runs, too: an opponent's, the ones whose statistics this one was compared with
    exported = made_from(makers, digest, "saved_model")
    model = made_from(makers, exported, "model")
    checks = made_from(makers, model, "checked")
    examples, statistics = (made_from(makers, model, part) for part in ("examples", "statistics"))
    return TrainingData(
        makers[model]["run"] if model in makers else "",
        Statistics.open(folder(workspace, makers, statistics, "statistics")),
        Schema.open(folder(workspace, makers, made_from(makers, checks, "schema"), "schema")),
        Examples.open(folder(workspace, makers, examples, "examples")),
    )


def made_from(makers: dict[str, Any], digest: str, parameter: str) -> str:
    """Return the digest of the input that an artifact was made of; empty where that is not known."""
    inputs = makers[digest]["inputs"] if digest in makers else {}
    return inputs[parameter]["digest"] if parameter in inputs else ""


def folder(workspace: Workspace, makers: dict[str, Any], digest: str, name: str) -> Path:
    """Return an artifact's folder.

    Raises:
        UserError: it is not known, or gone.
    """
    outputs = makers[digest]["outputs"].values() if digest in makers else ()
    uri = next((item["uri"] for item in outputs if item["digest"] == digest), None)
    if uri is None:
        raise UserError(
            f"The lineage of this version names no {name} that it was trained on.",
            str(workspace.path),
            "Versions that the standard pipeline made can be monitored.",
        )
    path = workspace.path / str(uri)
    if not path.is_dir():
        raise UserError(
            f"The {name} that the version was trained on are gone.",
            str(path),
            "Run the recipe again: equal steps give equal artifacts.",
        )
    return path


def pushed_names(workspace: Workspace) -> list[str]:
    """List the models of a workspace."""
    return sorted(path.name for path in (workspace.path / FOLDER).iterdir() if path.is_dir())
