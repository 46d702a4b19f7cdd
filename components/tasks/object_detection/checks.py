"""Checks the numbers of images and boxes in splits and classes, and shows the images that findings name."""

from __future__ import annotations

from collections.abc import Mapping

from components.tasks.object_detection.config import DetectionValidationConfig
from components.tasks.object_detection.facts import DetectionExamplesFacts
from components.tasks.object_detection.labelled import draw, to_labelled
from components.validation.classes import imbalance
from components.validation.stopping import Unusable
from components.validation.thumbnails import as_png, write_thumbnails
from data.detection.findings import ABOUT_BOXES
from data.findings import Finding, make
from data.tfrecord import FeatureValue
from data.validation.config import ValidationConfig
from pipeline.artifacts import Anomalies, Examples
from pipeline.settings import narrow

SIDE = 128  # pixels of the images beside findings: smaller ones would not show boxes


def check(examples: Examples, config: ValidationConfig) -> list[Finding]:
    """Return the findings that the numbers of images and boxes by split and class give."""
    config = narrow(config, DetectionValidationConfig)
    facts = examples.facts_as(DetectionExamplesFacts)
    return check_counts(facts.labels, facts.label_counts, facts.splits, config)


def unusable(findings: list[Finding], splits: Mapping[str, int], boxes: Mapping[str, int]) -> Unusable:
    """Count the unusable images, or the unusable boxes if their share is larger.

    Args:
        findings: what ingest found.
        splits, boxes: images and boxes in each split.
    """
    bad = [finding for finding in findings if finding["severity"] == "error"]
    bad_boxes = sum(finding["count"] for finding in bad if finding["name"] in ABOUT_BOXES)
    bad_images = sum(finding["count"] for finding in bad if finding["name"] not in ABOUT_BOXES)
    return max(
        Unusable(bad_images, bad_images + sum(splits.values()), "photos"),
        Unusable(bad_boxes, bad_boxes + sum(boxes.values()), "boxes"),
        key=lambda found: found.share,
    )


def check_counts(
    labels: list[str], counts: dict[str, list[int]], splits: dict[str, int], config: DetectionValidationConfig
) -> list[Finding]:
    """Return the findings that numbers give.

    Args:
        labels: the classes.
        counts: boxes of each class by split.
        splits: images by split.
    """
    found = (
        empty_splits(counts),
        tiny_data(splits.get("train", 0), config.min_train_examples),
        few_judged(counts, config.min_judged_boxes),
        unused_classes(labels, counts),
        missing_from_train(labels, counts),
        missing_from_others(labels, counts),
        few_boxes(labels, counts, config.min_class_boxes),
        imbalance(labels, counts["train"], config.max_class_ratio, "boxes", "look at their own figures"),
    )
    return [finding for finding in found if finding is not None]


def empty_splits(counts: dict[str, list[int]]) -> Finding | None:
    """A split without boxes; without test boxes no model can be judged."""
    rows = [{"split": split, "detail": "no boxes"} for split, numbers in sorted(counts.items()) if not sum(numbers)]
    if not rows:
        return None
    needed = any(row["split"] in ("train", "test") for row in rows)
    return make("empty_split", "error" if needed else "warning", len(counts), "These splits have no boxes.", rows)


def tiny_data(number: int, min_number: int) -> Finding | None:
    """So few training images that results are a matter of luck, unless the network comes with weights."""
    if number >= min_number:
        return None
    row = {"split": "train", "detail": f"{number} training photos; fewer than {min_number}"}
    text = "There are few photos to learn from; start from trained weights (`trainer.warm_start`)."
    return make("tiny_data", "warning", 1, text, [row])


def few_judged(counts: dict[str, list[int]], min_boxes: int) -> Finding | None:
    """So few boxes in a split that its figures are a matter of luck."""
    rows = [
        {"split": split, "detail": f"{sum(numbers)} boxes; fewer than {min_boxes}"}
        for split, numbers in sorted(counts.items())
        if split != "train" and 0 < sum(numbers) < min_boxes
    ]
    return (
        make("few_judged", "warning", len(counts), "Figures of these splits rest on few boxes.", rows) if rows else None
    )


def unused_classes(labels: list[str], counts: dict[str, list[int]]) -> Finding | None:
    """Classes of a label map without a box anywhere: they cost a little time and learn nothing."""
    rows = [{"label": label, "detail": "no boxes"} for label, total in totals(labels, counts).items() if not total]
    text = "The label map has these classes, the photos do not."
    return make("unused_class", "info", len(labels), text, rows) if rows else None


def missing_from_train(labels: list[str], counts: dict[str, list[int]]) -> Finding | None:
    """Classes that cannot be learnt."""
    rows = [
        {"label": label, "split": "train", "detail": "no training boxes"}
        for label, number, total in zip(labels, counts["train"], totals(labels, counts).values(), strict=True)
        if number == 0 and total
    ]
    text = "These classes have no boxes in training and cannot be learnt."
    return make("class_missing_from_train", "error", len(labels), text, rows) if rows else None


def missing_from_others(labels: list[str], counts: dict[str, list[int]]) -> Finding | None:
    """Classes that cannot be judged in a split that has boxes of others."""
    rows = [
        {"label": label, "split": split, "detail": f"no boxes in {split}"}
        for split, numbers in sorted(counts.items())
        if split != "train" and any(numbers)
        for label, number, total in zip(labels, numbers, totals(labels, counts).values(), strict=True)
        if number == 0 and total
    ]
    text = "These classes have no boxes in a split, so it says nothing about them."
    return make("class_missing_from_split", "warning", len(labels) * len(counts), text, rows) if rows else None


def few_boxes(labels: list[str], counts: dict[str, list[int]], min_boxes: int) -> Finding | None:
    """Classes with few boxes."""
    rows = [
        {"label": label, "detail": f"{total} {'box' if total == 1 else 'boxes'} in all splits"}
        for label, total in totals(labels, counts).items()
        if 0 < total < min_boxes
    ]
    text = f"These classes have fewer than {min_boxes} boxes."
    return make("few_boxes_of_class", "warning", len(labels), text, rows) if rows else None


def totals(labels: list[str], counts: dict[str, list[int]]) -> dict[str, int]:
    """Return the boxes of each class in all splits."""
    return {label: sum(numbers[place] for numbers in counts.values()) for place, label in enumerate(labels)}


def illustrate(findings: list[Finding], examples: Examples, anomalies: Anomalies) -> None:
    """Write thumbnails, with boxes, of the images that findings concern."""
    write_thumbnails(findings, examples, anomalies, feature="image/filename", paint=paint)


def paint(features: dict[str, list[FeatureValue]]) -> bytes:
    """Return the image of an example with its boxes as PNG."""
    return as_png(draw(to_labelled(features), SIDE))
