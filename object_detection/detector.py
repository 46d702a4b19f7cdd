"""Finds objects in photos with trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from object_detection.weights import Weights, read_weights
from pipeline.errors import UserError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Detection:
    """One object that was found.

    Attributes:
        box: (ymin, xmin, ymax, xmax) as shares of the photo's height and width, 0..1.
        score: 0..1.
        number: the class's number in the label map, from 1.
        label: its name.
    """

    box: tuple[float, float, float, float]
    score: float
    number: int
    label: str


class Detector:
    """An SSD-MobileNet v1 with trained weights.

    Args:
        weights: with predictors.
        labels: class names by number; classes without a name are called by their number.
        size: height and width in pixels that photos are resized to.

    Raises:
        UserError: the weights have no predictors.
    """

    def __init__(self, weights: Weights, labels: dict[int, str], size: int = 300) -> None:
        from object_detection.ssd import SsdConfig, build_ssd
        from object_detection.variables import name_variables
        from object_detection.warm_start import warm_start

        if weights.classes is None:
            raise UserError(
                "These weights are a network's body without predictors: they find nothing by themselves.",
                weights.origin,
                "Give a detection model, or retrain with `trainer.warm_start`.",
            )
        self.labels = labels
        self.config = SsdConfig(classes=weights.classes, width=weights.width, size=size)
        self.model = build_ssd(self.config)
        self.loaded = warm_start(name_variables(self.model), weights, "all")
        if self.loaded.missing or self.loaded.mismatched:
            raise UserError("Weights are missing.", weights.origin, str(self.loaded))

    @classmethod
    def read(cls, path: Path, labels: dict[int, str]) -> Detector:
        """Read the weights of a file or folder."""
        return cls(read_weights(path), labels)

    def detect(self, photos: Sequence[np.ndarray], least: float = 0.5) -> list[list[Detection]]:
        """Return what is in each photo, surest first.

        Args:
            photos: uint8 [height, width, 3], of any sizes.
            least: score below which an object is left out.
        """
        import tensorflow as tf

        from object_detection.pictures import to_network
        from object_detection.outputs import anchors_by_level

        images = tf.stack([to_network(tf.constant(photo), self.config.size) for photo in photos])
        found = self.model(images, anchor_boxes=anchors_by_level(self.config, len(photos)), training=False)
        return [
            self.words(boxes, scores, numbers, least)
            for boxes, scores, numbers in zip(
                found["detection_boxes"].numpy() / self.config.size,
                found["detection_scores"].numpy(),
                found["detection_classes"].numpy(),
                strict=True,
            )
        ]

    def words(self, boxes: Any, scores: Any, numbers: Any, least: float) -> list[Detection]:
        """Return one photo's detections."""
        rows = zip(boxes.clip(0, 1), scores, numbers, strict=True)
        return [
            Detection(
                (float(ymin), float(xmin), float(ymax), float(xmax)),
                float(score),
                int(number),
                self.labels.get(int(number), str(int(number))),
            )
            for (ymin, xmin, ymax, xmax), score, number in rows
            if score >= least
        ]
