"""Measures logged requests of a detector as the statistics of training measured the labelled photos."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.artifacts import Examples
from serving.monitor.measured_images import measure_images
from serving.monitor.task import LoggedRequest, Row

# features that come from answers: what they are compared with is what training was told
PREDICTED = {
    "image/object/class/text": "detected class",
    "image/boxes": "objects found in a photo",
    "image/box/smallest": "smallest object found",
    "image/box/largest": "largest object found",
}
LEAST_SCORE = 0.5  # of what counts as found; `labline detect` and the page draw from there on, too


def measure(request: LoggedRequest, examples: Examples) -> list[Row | None]:
    """Return a row of features for each image of a request; None for one that cannot be read.

    Args:
        examples: that the model was trained on.
    """
    del examples
    rows = list(measure_images(request.inputs))
    scores = request.outputs.get("detection_scores")
    if scores is None or len(scores) != len(rows):
        return rows
    return [row and row | measure_found(request.outputs, number) for number, row in enumerate(rows)]


def measure_found(outputs: dict[str, NDArray[Any]], number: int) -> Row:
    """Return the features of what was found in one image."""
    sure = outputs["detection_scores"][number] >= LEAST_SCORE
    boxes = outputs["detection_boxes"][number][sure]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) if len(boxes) else np.zeros(1)
    return {
        "image/object/class/text": outputs["detection_labels"][number][sure].tolist(),
        "image/boxes": [int(sure.sum())],
        "image/box/smallest": [float(areas.min())],
        "image/box/largest": [float(areas.max())],
    }
