"""Checks classes and amounts of images, and shows the images that findings name."""

from __future__ import annotations

from pydantic import Field

from components.validation import classes
from components.validation.config import ValidationConfig
from components.validation.thumbnails import write_thumbnails
from data.finding import Finding
from pipeline.artifacts import Anomalies, Examples


class ImageValidationConfig(ValidationConfig):
    """Which findings stop the run (errors), and which are only told (warnings)."""

    min_class_examples: int = Field(
        10, ge=0, description="fewer pictures of a class than this, over all splits, are a warning"
    )
    max_class_ratio: float = Field(
        10.0,
        gt=1,
        description="largest class over smallest class of the training split, above which a warning is given",
    )


def check(examples: Examples, config: ImageValidationConfig) -> list[Finding]:
    """Return the findings that the counts of images by split and class give."""
    return check_counts(examples.labels, examples.properties["label_counts"], examples.splits, config)


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
