"""What a served version was trained on: statistics, schema and facts of the run that made it, found by its lineage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.artifacts import Examples, Schema, Statistics
from pipeline.errors import UserError, did_you_mean
from pipeline.workspace import Workspace


@dataclass(frozen=True)
class TrainingData:
    """What a version was trained on.

    Attributes:
        run: that trained it.
        facts: the properties of the examples: `task`, `labels`, `history` ...
    """

    run: str
    statistics: Statistics
    schema: Schema
    facts: dict[str, Any]

    @property
    def task(self) -> str:
        return str(self.facts["task"])


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
    trainer = makers.get(made_from(makers, exported, "model"))
    if trainer is None:
        raise UserError(f"The lineage of `{name}` version {version} names no training.", str(workspace.path))
    inputs = trainer["inputs"]
    checks = makers.get(inputs["checked"]["digest"])
    schema = checks["inputs"]["schema"] if checks else None
    if schema is None:
        raise UserError(f"The lineage of `{name}` version {version} names no schema.", str(workspace.path))
    examples, statistics = (folder(workspace, inputs[part]["uri"]) for part in ("examples", "statistics"))
    return TrainingData(
        trainer["run"],
        Statistics.open(statistics),
        Schema.open(folder(workspace, schema["uri"])),
        Examples.open(examples).properties,
    )


def made_from(makers: dict[str, Any], digest: str, parameter: str) -> str:
    """Return the digest of the input that an artifact was made of; empty where that is not known."""
    inputs = makers[digest]["inputs"] if digest in makers else {}
    return inputs[parameter]["digest"] if parameter in inputs else ""


def folder(workspace: Workspace, uri: str) -> Path:
    """Return an artifact's folder.

    Raises:
        UserError: it is gone.
    """
    path = workspace.path / uri
    if not path.is_dir():
        raise UserError(
            "What the version was trained on is gone.",
            str(path),
            "Run the recipe again: equal steps give equal artifacts.",
        )
    return path


def pushed_names(workspace: Workspace) -> list[str]:
    """List the models of a workspace."""
    return sorted(path.name for path in (workspace.path / "served_models").iterdir() if path.is_dir())
