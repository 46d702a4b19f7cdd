"""A run as small as they get, for the report: an artifact of each kind, sealed, and the run's record."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from components.tasks.task import Artifacts
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
    Statistics,
    write_manifest,
)
from tests.support.facts import classifier_facts, pixel_statistics

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
NASTY = "<script>alert('cat')</script>"
STEPS = (
    "example_gen",
    "statistics_gen",
    "example_validator",
    "trainer",
    "evaluator",
    "exporter",
    "infra_validator",
    "pusher",
)


def seal(artifact: Artifact, properties: dict[str, Any]) -> Artifact:
    artifact.properties = properties
    write_manifest(artifact, created=0.0)
    return artifact


COMPARISON: dict[str, Any] = {
    "metrics": {
        "accuracy": {
            "value": 0.9,
            "interval": [0.8, 0.95],
            "difference": -0.5667,
            "difference_interval": [-1, 0.0123],
        },
        "loss": {"value": 0.2, "interval": [0.15, 0.25], "difference": 0.8, "difference_interval": [0.5, 1.1]},
    },
    "difference": -0.5667,
    "interval": [-1, 0],
    "won": 0,
    "lost": 2,
    "p_worse": 0.25,
}


def small_artifacts(folder: Path) -> Artifacts:
    """One sealed artifact of each kind, as small as they get."""
    labels = ["ant", NASTY]
    counts = {"train": [4, 6], "test": [1, 2]}
    kinds = {
        "examples": Examples,
        "statistics": Statistics,
        "anomalies": Anomalies,
        "model": Model,
        "evaluation": Evaluation,
        "blessing": Blessing,
        "saved_model": SavedModel,
        "infra_blessing": InfraBlessing,
        "pushed_model": PushedModel,
    }
    created = {name: kind.create(folder / name) for name, kind in kinds.items()}
    fill_statistics(created["statistics"], labels, counts)
    fill_anomalies(created["anomalies"])
    fill_model(created["model"])
    fill_evaluation(created["evaluation"], labels)
    check = {"name": "test/accuracy above chance", "value": 0.1, "limit": 0.5, "passed": False}
    properties: dict[str, dict[str, Any]] = {
        "examples": {
            "labels": labels,
            "splits": {"train": 10, "test": 3},
            "label_counts": counts,
            "image_shape": [8, 8, 1],
            "channels": 1,
            "task": "image_classification",
            "source": "ants",
        },
        "statistics": pixel_statistics({"mean": 0.3, "std": 0.2, "channel_mean": [0.3], "channel_std": [0.2]}),
        "anomalies": {"errors": 0, "warnings": 1, "summary": "One warning."},
        "model": classifier_facts(labels, (8, 8, 1), parameters=121_930, epochs=2, steps=3).model_dump(mode="json"),
        "evaluation": {
            "metrics": {"test/accuracy": 0.3333, "test/loss": 1.0},
            "split": "test",
            "intervals": {"accuracy": [0.0615, 0.7923]},
        },
        "blessing": {
            "blessed": False,
            "reasons": ["It guesses."],
            "checks": [check],
            "comparison": COMPARISON,
            "baseline": "ab" * 32,
        },
        "saved_model": {"task": "image_classification", "signatures": ["serving_default"]},
        "infra_blessing": {
            "blessed": True,
            "reason": "",
            "engine": "embedded",
            "examples": 8,
            "max_difference": 1e-7,
            "tolerance": 1e-5,
        },
        "pushed_model": {"pushed": False, "reason": "not blessed"},
    }
    return {"schema": None} | {name: seal(artifact, properties[name]) for name, artifact in created.items()}


def made(artifacts: Artifacts, name: str) -> Artifact:
    artifact = artifacts[name]
    assert artifact
    return artifact


def fill_statistics(statistics: Artifact, labels: list[str], counts: dict[str, list[int]]) -> None:
    column = {
        "name": "image/brightness",
        "kind": "number",
        "count": 10,
        "missing": 1,
        "mean": 0.5,
        "std": 0.1,
        "min": 0.1,
        "median": 0.4,
        "max": 0.9,
        "zeros": 0,
        "histogram": [[0.1, 0.5, 4], [0.5, 0.9, 6]],
    }
    words = {
        "name": "image/class/text",
        "kind": "text",
        "count": 10,
        "missing": 0,
        "unique": 2,
        "average_length": 3,
        "top": [["ant", 6], [NASTY, 4]],
    }
    splits = {split: {"examples": 10, "features": [column, words]} for split in counts}
    statistics.write_json("statistics.json", {"labels": labels, "label_counts": counts, "splits": splits})
    statistics.file("samples").mkdir()
    statistics.file("samples", "0.png").write_bytes(PNG)


def fill_anomalies(anomalies: Artifact) -> None:
    anomalies.file("thumbnails").mkdir()
    anomalies.file("thumbnails", "0.png").write_bytes(PNG)
    culprit = {
        "file": "ant/one.png",
        "detail": "same bytes",
        "split": "test",
        "label": "ant",
        "thumbnail": "thumbnails/0.png",
    }
    row = {
        "name": "duplicate_across_splits",
        "severity": "warning",
        "count": 3,
        "share": 0.2,
        "description": "Twice.",
        "examples": [culprit],
    }
    anomalies.write_json("anomalies.json", [row])


def fill_model(model: Artifact) -> None:
    epochs = [
        {"epoch": n, "train/loss": 1 / n, "validation/loss": 2 / n, "train/accuracy": 0.5, "validation/accuracy": 0.4}
        for n in (1, 2)
    ]
    model.write_json("history.json", {"epochs": epochs, "steps": [[1, 2.0, 0.1], [2, 1.0, 0.2], [3, 0.9, 0.3]]})
    model.file("summary.txt").write_text("Layer (type)")
    model.file("pictures").mkdir()
    for name in ("distortions", "filters_first", "feature_maps_first", "probabilities"):
        model.file("pictures", f"{name}.png").write_bytes(PNG)
    model.write_json("pictures/layers.json", {"drawn": ["first"], "left_out": []})


def fill_evaluation(evaluation: Artifact, labels: list[str]) -> None:
    share = {
        "precision": 0.5,
        "recall": None,
        "f1": 0.4,
        "precision_interval": [0.1, 0.9],
        "recall_interval": None,
        "f1_interval": [0, 1],
    }
    evaluation.write_json(
        "details.json",
        {
            "labels": labels,
            "split": "test",
            "count": 3,
            "confusion": [[1, 0], [2, 0]],
            "calibration_error": 0.1,
            "classes": [{"label": label, "count": 1, **share} for label in labels],
            "calibration": [{"low": 0.5, "high": 1.0, "count": 3, "confidence": 0.8, "accuracy": 0.3}],
            "slices": [
                {
                    "feature": "image/brightness",
                    "slice": "0 to 1",
                    "count": 3,
                    "values": {"accuracy": 0.3, "loss": 1, "f1": 0.2},
                    "intervals": {"accuracy": [0.1, 0.8]},
                }
            ],
            "baselines": {"chance": {"accuracy": 0.5, "loss": 0.69}, "majority": {"accuracy": 0.66, "label": NASTY}},
            "wrong": [
                {
                    "picture": "plots/wrong/00.png",
                    "file": "a",
                    "label": "ant",
                    "predicted": NASTY,
                    "probability": 0.9,
                    "probability_of_label": 0.1,
                }
            ],
        },
    )
    evaluation.file("plots", "wrong").mkdir(parents=True)
    evaluation.file("plots", "wrong", "00.png").write_bytes(PNG)


def record(artifacts: Artifacts, **changes: Any) -> dict[str, Any]:
    """Return a run's record as the runner gives it."""
    digest = {name: artifact.digest for name, artifact in artifacts.items() if artifact}
    rows = [
        {
            "component": "example_gen",
            "fingerprint": "1" * 64,
            "inputs": {},
            "outputs": {"examples": digest.get("examples", "")},
        },
        {
            "component": "trainer",
            "fingerprint": "2" * 64,
            "inputs": {"examples": digest.get("examples", "")},
            "outputs": {"model": "9" * 64},
        },
    ]
    steps = [
        {"component": name, "status": "ran", "seconds": 1.5, "fingerprint": "f" * 64, "reason": "trainer.epochs 3 -> 5"}
        for name in STEPS
    ]
    return {
        "run": "20300101-000000-abcd",
        "recipe": "ants",
        "command": "/usr/bin/labline run ants trainer.epochs=5",
        "started": "2030-01-01T00:00:00",
        "seconds": 75.2,
        "steps": steps,
        "metrics": {"test/accuracy": 0.3333, "test/loss": 1.0},
        "blessed": False,
        "pushed": None,
        "lineage": rows,
        "recipe_values": {"trainer.epochs": [5, "command line"], "trainer.seed": [7, "default"]},
        "error": "",
        "logs": "",
        **changes,
    }
