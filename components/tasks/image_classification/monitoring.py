"""Measures logged requests of a classifier as the statistics of training measured the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.tasks.image_classification.facts import DepthFacts
from data.images.depth import FULL
from serving.monitor.measured_images import measure_images

if TYPE_CHECKING:
    from pipeline.artifacts import Examples
    from serving.monitor.task import LoggedRequest, Row


# features that come from answers: what they are compared with is what training was told
PREDICTED = {"image/class/text": "predicted class"}


def measure(request: LoggedRequest, examples: Examples) -> list[Row | None]:
    """Return a row of features for each image of a request; None for one that cannot be read.

    Args:
        examples: that the model was trained on.
    """
    bits = examples.facts_as(DepthFacts).deep_bits
    rows = list(measure_images(request.inputs, bits or FULL))
    labels = request.outputs.get("label")
    if labels is None or labels.shape != (len(rows),):
        return rows
    return [row and row | {"image/class/text": [label]} for row, label in zip(rows, labels.tolist(), strict=True)]
