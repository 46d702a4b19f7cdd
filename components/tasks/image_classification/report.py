"""What the report of a classifier shows: its figures beside guessing, classes with samples, filters, confusion, mistakes."""

from __future__ import annotations

from typing import Any

from components.tasks.image_classification.metric_list import METRICS
from labline.report.sections import Artifacts, Inline, features, in_order, read
from pipeline.artifacts import Artifact

CURVES = ("loss", "accuracy")  # curves of the training
WIDE_IMAGES = False
CLASSES = 60  # rows of the tables by class; a confusion matrix of more classes is shown as an image
MATRIX_CLASSES = 20
LAYERS = 8  # convolutions whose images the page shows; the others lie in the model's artifact


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
    for name, metric in METRICS.items():
        key = f"{split}/{name}"
        if key not in metrics or not metric.title:
            continue
        others = [
            ("chance", naive.get("chance", {}).get(name)),
            (f"always “{naive.get('majority', {}).get('label', '')}”", naive.get("majority", {}).get(name)),
            ("last blessed", comparison.get("metrics", {}).get(name, {}).get("value")),
        ]
        rows.append({
            "key": key, "words": metric.title, "value": metrics[key], "interval": intervals.get(name), "before": comparison.get("metrics", {}).get(name),
            "others": [(label, value) for label, value in others if value is not None], "scale": name == "accuracy",
        })  # fmt: skip
    return rows


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


def images(model: Artifact, inline: Inline) -> dict[str, list[str]]:
    """Return images of what the network sees and learnt, by title."""
    layers = read(model, "pictures/layers.json") or {"drawn": [], "left_out": []}
    first = layers["drawn"][:LAYERS]
    groups = {
        "Distortions of one picture": ["distortions"],
        "Filters: red positive, blue negative, one scale a layer": [f"filters_{layer}" for layer in first],
        "What each convolution gives for one picture": [f"feature_maps_{layer}" for layer in first],
        "Class scores for that picture": ["probabilities"],
    }
    return {
        title: [image for name in group if (image := inline(model, f"pictures/{name}.png"))]
        for title, group in groups.items()
    }


def remark(model: Artifact) -> str:
    """Say which convolutions the page does not show; empty if it shows all."""
    layers = read(model, "pictures/layers.json") or {"drawn": [], "left_out": []}
    drawn, left_out = len(layers["drawn"]), len(layers["left_out"])
    if drawn + left_out <= LAYERS:
        return ""
    words = f"Filters and outputs are those of the first {LAYERS} of {drawn + left_out} convolutions."
    words += f" The model's folder `pictures` and TensorBoard hold those of {'all' if not left_out else f'the first {drawn}'}."
    return words


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


def queries(name: str, address: str, workspace: str) -> dict[str, str]:
    """Return what to type to ask the served model.

    Args:
        address: of its `:predict`.
        workspace: the option that names the workspace, or nothing.
    """
    return {
        "predict": f"labline predict {name} picture.jpg{workspace}",
        "query": f"""(printf '{{"instances": [{{"b64": "'; base64 -w0 picture.jpg; printf '"}}]}}') | curl -s -d @- {address}""",
    }
