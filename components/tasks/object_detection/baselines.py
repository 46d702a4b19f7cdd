"""What drawing one and the same box on every image reaches: images taken around their object make that a good guess.

The box is the median of the training boxes of the commonest class, edge by edge. On images that an object half fills it
finds most of them at an overlap of half, so no mAP50 means anything without it; a network that finds no better is not
blessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.tasks.object_detection.details import SizeHistogram
from components.tasks.object_detection.metrics import Detections, Floats, GroundTruth, Integers
from components.tasks.object_detection.predictions import read_split, read_truth
from pipeline.artifacts import Examples

TRAINING = "train"
HAIR = 1e-9
# edges of the histogram of box sizes: square root of the area, as a share of the image
SIZE_EDGES = tuple(number / 20 for number in range(21))


@dataclass(frozen=True)
class ConstantBox:
    """One box for every image.

    Attributes:
        number, label: the commonest class of the training boxes; 0 and empty where there are none.
        box: (ymin, xmin, ymax, xmax), normalized.
    """

    number: int
    label: str
    box: tuple[float, ...]

    def on_each(self, images: Sequence[GroundTruth]) -> list[Detections]:
        """Return what it finds on some images; nothing where there were no training boxes.

        Of equal scores COCO takes the earlier image first, and its figures depend on that: on forty images by .05. So
        the scores fall by a hair in the order of the images' names, wherever their records lie.
        """
        boxes = np.array([self.box] if self.number else [], np.float64).reshape(-1, 4)
        classes = np.full(len(boxes), self.number, np.int64)
        names = [image.filename for image in images]
        ranks = np.argsort(np.argsort(names, kind="stable"), kind="stable")
        return [Detections(boxes, np.full(len(boxes), 1 - HAIR * rank), classes) for rank in ranks.tolist()]


def constant_box(training: Sequence[GroundTruth], labels: Sequence[str]) -> ConstantBox:
    """Return the median box of the commonest class."""
    boxes, classes = usable_boxes(training)
    if len(boxes) == 0:
        return ConstantBox(0, "", (0.0, 0.0, 0.0, 0.0))
    number = int(np.bincount(classes).argmax())
    return ConstantBox(number, labels[number - 1], tuple(np.median(boxes[classes == number], axis=0).tolist()))


def usable_boxes(truth: Sequence[GroundTruth]) -> tuple[Floats, Integers]:
    """Return all boxes [n, 4] and classes [n] of some images, crowds left out."""
    return (
        np.concatenate([image.boxes[~image.crowd] for image in truth] or [np.zeros((0, 4))]),
        np.concatenate([image.classes[~image.crowd] for image in truth] or [np.zeros(0, np.int64)]),
    )


def read_all_truth(examples: Examples, split: str) -> list[GroundTruth]:
    """Return what is on the images of a split; the images themselves are not decoded."""
    return [read_truth(features) for features in read_split(examples, split)]


def size_histogram(truth: Sequence[GroundTruth]) -> SizeHistogram:
    """Return how many boxes have which size: the side of a square of the same area in an image of side 1."""
    boxes, _ = usable_boxes(truth)
    sizes = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)).clip(0, 1)
    counts, _ = np.histogram(sizes, SIZE_EDGES)
    return [[low, high, int(count)] for low, high, count in zip(SIZE_EDGES, SIZE_EDGES[1:], counts, strict=False)]
