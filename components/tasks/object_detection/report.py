"""What a detector's report shows: its figures beside one box for all images, classes, curves, what it found."""

from __future__ import annotations

from typing import Any

from components.tasks.object_detection import report_charts
from components.tasks.object_detection.details import DetectionDetails
from components.tasks.object_detection.facts import DetectionExamplesFacts, DetectorNetworkFacts
from components.tasks.object_detection.metric_list import METRICS
from components.tasks.shared_report import counted, headline, in_order, last_blessed, read, recorded
from components.tasks.task import Artifacts, Inline
from pipeline.artifacts import Artifact

CURVES = ("loss", "mAP", "classification_loss", "localization_loss")  # curves of the training
WIDE_IMAGES = True
SCALED = ("mAP", "mAP50", "mAP75")  # drawn on a line from 0 to 1
CLASSES = 60  # rows of the tables by class; a confusion matrix of more classes is shown as an image
MATRIX_CLASSES = 20
STRIPS = 8  # classes whose training images are shown


def figures(run: dict[str, Any], artifacts: Artifacts) -> list[dict[str, Any]]:
    """Return the headline figures with intervals, and what one box for all images and the last blessed model reach."""
    details = read(artifacts.get("evaluation"), "details.json") or {}
    constant, before = details.get("constant_box", {}).get("values", {}), last_blessed(artifacts)

    def others(name: str) -> list[tuple[str, float | None]]:
        return [
            ("one box for all", constant.get(name)),
            ("last blessed", before[name].value if name in before else None),
        ]

    return headline(run, artifacts, METRICS, others, SCALED)


def data(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return boxes by class and split with images, sizes of boxes, and the statistics of every feature side by side."""
    examples, statistics = artifacts.get("examples"), artifacts.get("statistics")
    if examples is None:
        return None
    facts = examples.facts_as(DetectionExamplesFacts)
    strips = [
        {"label": label, "picture": image}
        for place, label in enumerate(facts.labels[:STRIPS])
        if statistics and (image := inline(statistics, f"samples/{place}.png"))
    ]
    sizes = in_order((read(artifacts.get("evaluation"), "details.json") or {}).get("box_sizes", {}))
    rows = counted(facts.label_counts, facts.labels, CLASSES)
    return rows | recorded(facts, artifacts) | {"strips": strips, "sizes": sizes, "drawings": report_charts}


def images(model: Artifact, inline: Inline) -> dict[str, list[str]]:
    """Return images of what the network is taught and what it answers, by title."""
    groups = {
        "Training photos as the network sees them, with the anchors that belong to a box": "matched_anchors",
        "Truth beside prediction, as the training ended": "truth_beside_prediction",
    }
    return {title: [image] for title, name in groups.items() if (image := inline(model, f"pictures/{name}.png"))}


def remark(model: Artifact) -> str:
    """Say what the training started from."""
    start = model.facts_as(DetectorNetworkFacts).warm_start
    if start is None:
        return ""
    words = f"Started from {start.origin}: {start.loaded:,} variables loaded, {start.fresh:,} fresh"
    for name, number in (("missing", start.missing), ("mismatched", start.mismatched)):
        words += f", {number:,} {name}" if number else ""
    return words + "."


def evaluation(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return curves, confusion, classes, sizes and images, with the functions that draw them."""
    artifact = artifacts.get("evaluation")
    details: DetectionDetails | None = read(artifact, "details.json")
    if artifact is None or details is None:
        return None
    many = len(details["labels"]) > MATRIX_CLASSES
    return {
        **details,
        "names": [*details["labels"], "background"],
        "matrix_picture": inline(artifact, "plots/confusion_matrix.png") if many else "",
        "left_out": max(0, len(details["classes"]) - CLASSES),
        "by_class": sorted(details["classes"], key=lambda row: -row["boxes"])[:CLASSES],
        "worst": [{**row, "inline": inline(artifact, row["picture"])} for row in details["worst"]],
        "shown": [{**row, "inline": inline(artifact, row["picture"])} for row in details["shown"]],
        "drawings": report_charts,
    }


def queries(name: str, address: str, workspace: str) -> dict[str, str]:
    """Return what to type to ask the served model.

    Args:
        address: of its `:predict`.
        workspace: the option that names the workspace, or nothing.
    """
    return {
        "predict": f"labline predict {name} photo.jpg --out boxed.jpg{workspace}",
        "query": """(printf '{"instances": [{"b64": "'; base64 -w0 photo.jpg; printf '"}]}') | """
        f"curl -s -d @- {address}",
    }
