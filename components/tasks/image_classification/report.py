"""What a classifier's report shows: its figures beside guessing, classes with samples, filters, confusion, mistakes."""

from __future__ import annotations

from typing import Any

from components.tasks.image_classification import report_charts
from components.tasks.image_classification.details import ImageDetails
from components.tasks.image_classification.facts import ImageExamplesFacts, ImageStatisticsFacts
from components.tasks.image_classification.metric_list import METRICS
from components.tasks.shared_report import counted, headline, last_blessed, read, recorded
from components.tasks.task import Artifacts, Inline
from pipeline.artifacts import Artifact

CURVES = ("loss", "accuracy")  # curves of the training
WIDE_IMAGES = False
CLASSES = 60  # rows of the tables by class; a confusion matrix of more classes is shown as an image
MATRIX_CLASSES = 20
LAYERS = 8  # convolutions whose images the page shows; the others lie in the model's artifact


def figures(run: dict[str, Any], artifacts: Artifacts) -> list[dict[str, Any]]:
    """Return the headline figures with intervals, and what guessing and the last blessed model reach."""
    naive = (read(artifacts.get("evaluation"), "details.json") or {}).get("baselines", {})
    chance, majority, before = naive.get("chance", {}), naive.get("majority", {}), last_blessed(artifacts)

    def others(name: str) -> list[tuple[str, float | None]]:
        return [
            ("chance", chance.get(name)),
            (f"always “{majority.get('label', '')}”", majority.get(name)),
            ("last blessed", before[name].value if name in before else None),
        ]

    return headline(run, artifacts, METRICS, others, ("accuracy",))


def data(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return counts by class and split with samples, and the statistics of every feature side by side."""
    examples, statistics = artifacts.get("examples"), artifacts.get("statistics")
    if examples is None:
        return None
    facts = examples.facts_as(ImageExamplesFacts)
    rows = counted(facts.label_counts, facts.labels, CLASSES)
    for place, row in enumerate(rows["classes"]):
        row["samples"] = inline(statistics, f"samples/{place}.png") if statistics else ""
    pixels = statistics.facts_as(ImageStatisticsFacts).pixels if statistics else None
    return rows | recorded(facts, artifacts) | {"pixels": pixels}


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
    held = f"the first {drawn}" if left_out else "all"
    words += f" The model's folder `pictures` and TensorBoard hold those of {held}."
    return words


def evaluation(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return confusion, classes, slices, calibration and wrong predictions."""
    artifact = artifacts.get("evaluation")
    details: ImageDetails | None = read(artifact, "details.json")
    if artifact is None or details is None:
        return None
    classes, many = details["classes"], len(details["labels"]) > MATRIX_CLASSES
    if many:
        classes = sorted(classes, key=lambda row: row["f1"] if row["f1"] is not None else 2)[:CLASSES]
    return {
        **details,
        "classes": classes,
        "matrix_picture": inline(artifact, "plots/confusion_matrix.png") if many else "",
        "wrong": [{**row, "inline": inline(artifact, row["picture"])} for row in details["wrong"]],
        "confused": most_confused(details["confusion"], details["labels"]),
        "drawings": report_charts,
    }


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
        "query": """(printf '{"instances": [{"b64": "'; base64 -w0 picture.jpg; printf '"}]}') | """
        f"curl -s -d @- {address}",
    }
