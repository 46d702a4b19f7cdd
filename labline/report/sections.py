"""What the sections that all tasks share show, as plain values; missing artifacts and files give None."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.tasks.shared_report import read
from components.tasks.task import Artifacts, Inline, ReportPart
from pipeline.artifacts import Anomalies, Blessing, InfraBlessing, Model, PushedModel, SavedModel
from pipeline.facts import VerdictFacts


def verdict(artifacts: Artifacts) -> VerdictFacts | None:
    """Return blessing, reasons and checks."""
    blessing = artifacts.get("blessing")
    return blessing.facts if isinstance(blessing, Blessing) else None


def findings(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return the anomalies with thumbnails of their culprits."""
    anomalies = artifacts.get("anomalies")
    rows = read(anomalies, "anomalies.json")
    if not isinstance(anomalies, Anomalies) or rows is None:
        return None
    for row in rows:
        for example in row["examples"]:
            example["picture"] = inline(anomalies, example["thumbnail"]) if example.get("thumbnail") else ""
    return {"rows": rows, "summary": anomalies.facts.summary}


def training(task: ReportPart, run: dict[str, Any], artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return curves, the network's summary and the task's images of what was learnt."""
    model = artifacts.get("model")
    if not isinstance(model, Model):
        return None
    summary = model.file("summary.txt")
    history = read(model, "history.json") or {}
    return {
        "facts": model.facts,
        "epochs": history.get("epochs", []),
        "steps": history.get("steps", []),
        "metrics": task.CURVES,
        "summary": summary.read_text("utf-8") if summary.is_file() else "",
        "pictures": {title: group for title, group in task.images(model, inline).items() if group},
        "remark": task.remark(model),
        "wide": task.WIDE_IMAGES,
        "time": training_seconds(run.get("logs") or ""),
    }


def training_seconds(logs: str) -> float | None:
    """Return how long the training took, which stands beside its logs; None where they are gone."""
    try:
        return float(json.loads((Path(logs) / "training_time.json").read_text("utf-8"))["seconds"])
    except (OSError, ValueError):
        return None


def curve_series(epochs: list[dict[str, Any]], metric: str) -> dict[str, list[tuple[float, float]]]:
    """Return a metric by epoch for each split that has it."""
    names = [f"{split}/{metric}" for split in ("train", "validation", "test")]
    return {name: [(row["epoch"], row[name]) for row in epochs if row.get(name) is not None] for name in names}


def step_series(steps: list[list[float]], column: int) -> list[tuple[float, float]]:
    """Return a value by step, thinned to what a small drawing can show."""
    every = max(1, len(steps) // 400)
    return [(row[0], row[column]) for row in steps[::every]]


def served(run: dict[str, Any], artifacts: Artifacts) -> dict[str, Any] | None:
    """Return what was exported, how it was proved and where it was pushed."""
    exported, proof, pushed = (artifacts.get(name) for name in ("saved_model", "infra_blessing", "pushed_model"))
    if exported is None and proof is None and pushed is None:
        return None
    return {
        "exported": exported.facts if isinstance(exported, SavedModel) else {},
        "proof": proof.facts if isinstance(proof, InfraBlessing) else {},
        "pushed": pushed.facts if isinstance(pushed, PushedModel) else run.get("pushed") or {},
        "digest": exported.digest if exported else "",
    }


def recipe(run: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Return every recipe value with its origin: those somebody set, and all."""
    rows = [
        (key, json.dumps(value, ensure_ascii=False), origin)
        for key, (value, origin) in (run.get("recipe_values") or {}).items()
    ]
    return {"set": [row for row in rows if row[2] != "default"], "all": rows}
