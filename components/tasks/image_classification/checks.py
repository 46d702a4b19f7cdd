"""Checks classes and amounts of images, and shows the images that findings name."""

from __future__ import annotations

from components.tasks.image_classification.config import ImageValidationConfig
from components.tasks.image_classification.facts import ImageExamplesFacts
from components.validation import classes
from components.validation.thumbnails import write_thumbnails
from data.findings import Finding
from data.validation.config import ValidationConfig
from pipeline.artifacts import Anomalies, Examples
from pipeline.settings import narrow


def check(examples: Examples, config: ValidationConfig) -> list[Finding]:
    """Return the findings that the counts of images by split and class give."""
    config = narrow(config, ImageValidationConfig)
    facts = examples.facts_as(ImageExamplesFacts)
    return check_counts(facts.labels, facts.label_counts, facts.splits, config)


def check_counts(
    labels: list[str], counts: dict[str, list[int]], splits: dict[str, int], config: ImageValidationConfig
) -> list[Finding]:
    """Return the findings that numbers give.

    Args:
        labels: the classes.
        counts: images of each class by split.
        splits: images by split.
    """
    limits = config.min_train_examples, config.min_class_examples, config.max_class_ratio
    return classes.check_counts(labels, counts, splits, *limits)


def illustrate(findings: list[Finding], examples: Examples, anomalies: Anomalies) -> None:
    """Write thumbnails of the images that findings name."""
    write_thumbnails(findings, examples, anomalies)
