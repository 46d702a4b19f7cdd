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

    from object_detection.families import DetectorConfig


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
    """A trained detector of any kind.

    Args:
        model: as its family builds it.
        config: what it is built from.
        labels: class names by number; classes without a name are called by their number.
        told: what was read, in words.
    """

    def __init__(self, model: Any, config: DetectorConfig, labels: dict[int, str], told: str) -> None:
        self.model, self.config, self.labels, self.told = model, config, labels, told

    @classmethod
    def read(cls, path: Path, labels: dict[int, str] | None = None) -> Detector:
        """Read a detector: one that was trained here, or weights of an SSD-MobileNet v1 from elsewhere.

        Args:
            path: a Model artifact's folder, or a file or folder of weights.
            labels: class names by number; none takes the detector's own, where it has some.

        Raises:
            UserError: there is none, or these are the weights of a body without predictors.
        """
        from object_detection.trained import SETTINGS, read_trained

        if not (path / SETTINGS).is_file():
            return cls.of_weights(read_weights(path), labels or {})
        trained = read_trained(path)
        told = f"{trained.config.family} of {trained.config.size} x {trained.config.size} pixels from {path}"
        return cls(trained.model, trained.config, labels or dict(enumerate(trained.labels, 1)), told)

    @classmethod
    def of_weights(cls, weights: Weights, labels: dict[int, str]) -> Detector:
        """Put the weights of an SSD-MobileNet v1 into a network of 300 x 300 pixels, as they were all trained.

        Raises:
            UserError: they have no predictors, or some are missing.
        """
        from object_detection.ssd import SsdConfig, build_ssd
        from object_detection.variables import name_variables
        from object_detection.warm_start import warm_start

        if weights.classes is None:
            raise UserError(
                "These weights are a network's body without predictors: they find nothing by themselves.",
                weights.origin,
                "Give a detection model, or retrain with `trainer.warm_start`.",
            )
        config = SsdConfig(classes=weights.classes, width=weights.width)
        model = build_ssd(config)
        loaded = warm_start(name_variables(model), weights, "all")
        if loaded.missing or loaded.mismatched:
            raise UserError("Weights are missing.", weights.origin, str(loaded))
        return cls(model, config, labels, str(loaded))

    def detect(self, photos: Sequence[np.ndarray], least: float = 0.5) -> list[list[Detection]]:
        """Return what is in each photo, surest first.

        Args:
            photos: uint8 [height, width, 3], of any sizes.
            least: score below which an object is left out.
        """
        import tensorflow as tf

        from object_detection.outputs import anchors_by_level
        from object_detection.pictures import to_network

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
