"""Complete facts of artifacts that tests write themselves, without the step that would."""

from __future__ import annotations

from typing import Any

from components.tasks.forecasting.facts import WindowFacts
from components.tasks.image_classification.facts import ImageExamplesFacts, ImageModelFacts
from components.tasks.object_detection.facts import DetectorModelFacts
from data.series.config import TableReadingConfig

UNTRAINED = {"parameters": 0, "epochs": 0, "steps": 0, "best_epoch": 0, "metrics": {}, "validation_split": "validation"}


def image_facts(**changes: Any) -> ImageExamplesFacts:
    """Return the facts of examples with two classes and images of several sizes."""
    counts = {"train": [2, 1], "test": [1, 1]}
    own = {"task": "image_classification", "splits": {"train": 3, "test": 2}, "labels": ["cat", "dog"]}
    common = own | {"label_counts": counts, "image_shape": None, "channels": 3, "rejected": 0, "source": "drawn"}
    return ImageExamplesFacts.model_validate(common | changes)


def pixel_statistics(pixels: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of statistics as a manifest holds them."""
    return {"task": "image_classification", "splits": ["train"], "labels": ["cat", "dog"], "pixels": pixels}


def classifier_facts(labels: list[str], input_shape: tuple[int, int, int], **changes: Any) -> ImageModelFacts:
    """Return the facts of a classifier."""
    own = {"task": "image_classification", "network": "cnn", "output": "probabilities", "loss": "cross_entropy"}
    return ImageModelFacts.model_validate(UNTRAINED | own | {"labels": labels, "input_shape": input_shape} | changes)


def detector_facts(labels: list[str], size: int, **changes: Any) -> DetectorModelFacts:
    """Return the facts of a detector."""
    own = {"task": "object_detection", "network": "ssd_mobilenet_v1_025_160", "width": 0.25, "warm_start": None}
    return DetectorModelFacts.model_validate(UNTRAINED | own | {"labels": labels, "input_size": size} | changes)


def window_facts(**changes: Any) -> WindowFacts:
    """Return the facts of windows without times of one column `milk`."""
    table = TableReadingConfig(time_column="none", value_columns=("milk",), decimal=".")
    own = {"values": ["milk"], "covariates": [], "history": 24, "horizon": 6, "frequency": None, "season": 1}
    return WindowFacts.model_validate(own | {"times": False, "reading": table} | changes)
