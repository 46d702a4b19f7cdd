"""What each section of the report shows, as plain values; missing artifacts and files give None, never an error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.artifacts import Artifact

Artifacts = dict[str, Artifact | None]
Inline = Callable[[Artifact, str], str]
FIGURES = {
    "accuracy": "accuracy",
    "top_5_accuracy": "top-5 accuracy",
    "loss": "loss",
    "f1": "F1, mean of classes",
    "precision": "precision, mean of classes",
    "recall": "recall, mean of classes",
    "calibration_error": "calibration error",
}
CLASSES = 60  # rows of the tables by class; a confusion matrix of more classes is shown as a picture
MATRIX_CLASSES = 20
LAYERS = 8  # convolutions whose pictures the page shows; the others lie in the model's artifact


def figures(run: dict[str, Any], artifacts: Artifacts) -> list[dict[str, Any]]:
    """Return the headline figures with intervals, and what guessing and the last blessed model reach."""
    evaluation, blessing = artifacts.get("evaluation"), artifacts.get("blessing")
    metrics = run.get("metrics") or (evaluation.properties.get("metrics") if evaluation else None) or {}
    intervals = evaluation.properties.get("intervals", {}) if evaluation else {}
    details = read(evaluation, "details.json") or {}
    comparison = (blessing.properties.get("comparison") if blessing else None) or {}
    naive = details.get("baselines", {})
    split = details.get("split", "test")
    rows = []
    for name, words in FIGURES.items():
        key = f"{split}/{name}"
        if key not in metrics:
            continue
        others = [
            ("chance", naive.get("chance", {}).get(name)),
            (f"always “{naive.get('majority', {}).get('label', '')}”", naive.get("majority", {}).get(name)),
            ("last blessed", comparison.get("metrics", {}).get(name, {}).get("value")),
        ]
        rows.append({
            "key": key, "words": words, "value": metrics[key], "interval": intervals.get(name), "before": comparison.get("metrics", {}).get(name),
            "others": [(label, value) for label, value in others if value is not None],
        })  # fmt: skip
    return rows


def verdict(artifacts: Artifacts) -> dict[str, Any] | None:
    """Return blessing, reasons and checks."""
    blessing = artifacts.get("blessing")
    return dict(blessing.properties) if blessing and "blessed" in blessing.properties else None


def data(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return counts by class and split with samples, and the statistics of every feature side by side."""
    examples, statistics, schema = (artifacts.get(name) for name in ("examples", "statistics", "schema"))
    if examples is None:
        return None
    facts = examples.properties
    measured = read(statistics, "statistics.json") or {}
    counts = in_order(facts.get("label_counts") or measured.get("label_counts") or {})
    measures = in_order(measured.get("splits", {}))
    labels = facts.get("labels") or []
    most = max((count for numbers in counts.values() for count in numbers), default=0)
    rows = [
        {
            "label": label,
            "counts": [numbers[place] for numbers in counts.values()],
            "samples": inline(statistics, f"samples/{place}.png") if statistics else "",
        }
        for place, label in enumerate(labels[:CLASSES])
    ]
    text = schema.file("schema.pbtxt") if schema else None
    return {
        "facts": facts, "splits": list(counts), "classes": rows, "more": max(0, len(labels) - CLASSES), "most": most,
        "features": features(measures), "feature_splits": list(measures),
        "pixels": statistics.properties.get("pixels") if statistics else None,
        "schema": text.read_text("utf-8") if text and text.is_file() else "",
        "curated": bool(schema and schema.properties.get("curated")),
    }  # fmt: skip


def in_order(splits: dict[str, Any]) -> dict[str, Any]:
    """Put splits in the order people think of them."""
    order = {"train": 0, "validation": 1, "test": 2}
    return {name: splits[name] for name in sorted(splits, key=lambda name: (order.get(name, 3), name))}


def features(splits: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row a feature with its statistics in each split; None where a split lacks it."""
    names = sorted({row["name"] for split in splits.values() for row in split["features"]})
    by_split = [{row["name"]: row for row in split["features"]} for split in splits.values()]
    return [{"name": name, "splits": [rows.get(name) for rows in by_split]} for name in names]


def findings(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return the anomalies with thumbnails of their culprits."""
    anomalies = artifacts.get("anomalies")
    rows = read(anomalies, "anomalies.json")
    if anomalies is None or rows is None:
        return None
    for row in rows:
        for example in row["examples"]:
            example["picture"] = inline(anomalies, example["thumbnail"]) if example.get("thumbnail") else ""
    return {"rows": rows, **anomalies.properties}


def training(run: dict[str, Any], artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return curves, the network's summary and pictures of data, filters and feature maps."""
    model = artifacts.get("model")
    if model is None:
        return None
    summary = model.file("summary.txt")
    history = read(model, "history.json") or {}
    layers = read(model, "pictures/layers.json") or {"drawn": [], "left_out": []}
    first = layers["drawn"][:LAYERS]
    groups = {
        "Distortions of one picture": ["distortions"],
        "Filters: red positive, blue negative, one scale a layer": [f"filters_{layer}" for layer in first],
        "What each convolution gives for one picture": [f"feature_maps_{layer}" for layer in first],
        "Class scores for that picture": ["probabilities"],
    }
    shown = {
        title: [picture for name in group if (picture := inline(model, f"pictures/{name}.png"))]
        for title, group in groups.items()
    }
    return {
        "facts": model.properties, "epochs": history.get("epochs", []), "steps": history.get("steps", []),
        "summary": summary.read_text("utf-8") if summary.is_file() else "",
        "pictures": {title: group for title, group in shown.items() if group}, "more_layers": describe_layers(layers),
        "time": training_seconds(run.get("logs") or ""),
    }  # fmt: skip


def describe_layers(layers: dict[str, list[str]]) -> str:
    """Say which convolutions the page does not show; empty if it shows all."""
    drawn, left_out = len(layers["drawn"]), len(layers["left_out"])
    if drawn + left_out <= LAYERS:
        return ""
    words = f"Filters and outputs are those of the first {LAYERS} of {drawn + left_out} convolutions."
    words += f" The model's folder `pictures` and TensorBoard hold those of {'all' if not left_out else f'the first {drawn}'}."
    return words


def training_seconds(logs: str) -> float | None:
    """Return how long the training took, which stands beside its logs; None where they are gone."""
    try:
        return json.loads((Path(logs) / "training_time.json").read_text("utf-8"))["seconds"]
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


def evaluation(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return confusion, classes, slices, calibration and wrong predictions."""
    artifact = artifacts.get("evaluation")
    details = read(artifact, "details.json")
    if artifact is None or details is None:
        return None
    details["matrix_picture"] = ""
    if len(details["labels"]) > MATRIX_CLASSES:
        details["matrix_picture"] = inline(artifact, "plots/confusion_matrix.png")
        details["classes"] = sorted(details["classes"], key=lambda row: row["f1"] if row["f1"] is not None else 2)[
            :CLASSES
        ]
    for row in details["wrong"]:
        row["inline"] = inline(artifact, row["picture"])
    details["confused"] = most_confused(details["confusion"], details["labels"])
    return details


def most_confused(confusion: list[list[int]], labels: list[str]) -> list[dict[str, Any]]:
    """Return the pairs of classes that are confused most often."""
    pairs: list[dict[str, Any]] = [
        {"label": labels[row], "predicted": labels[column], "count": count, "share": count / max(sum(counts), 1)}
        for row, counts in enumerate(confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return sorted(pairs, key=lambda pair: pair["count"], reverse=True)[:8]


def served(run: dict[str, Any], artifacts: Artifacts) -> dict[str, Any] | None:
    """Return what was exported, how it was proved and where it was pushed."""
    exported, proof, pushed = (artifacts.get(name) for name in ("saved_model", "infra_blessing", "pushed_model"))
    if exported is None and proof is None and pushed is None:
        return None
    return {
        "exported": exported.properties if exported else {}, "proof": proof.properties if proof else {},
        "pushed": (pushed.properties if pushed else None) or run.get("pushed") or {}, "digest": exported.digest if exported else "",
    }  # fmt: skip


def recipe(run: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Return every recipe value with its origin: those somebody set, and all."""
    rows = [
        (key, json.dumps(value, ensure_ascii=False), origin)
        for key, (value, origin) in (run.get("recipe_values") or {}).items()
    ]
    return {"set": [row for row in rows if row[2] != "default"], "all": rows}


def read(artifact: Artifact | None, name: str) -> Any:
    """Return one of an artifact's JSON files, or None where there is no such artifact or file."""
    if artifact is None or not artifact.file(name).is_file():
        return None
    return artifact.read_json(name)
