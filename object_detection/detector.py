"""Finds objects in images with trained weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from data.detection.detections import Detection, detections_of
from object_detection.postprocessing import detect_prepared
from object_detection.preprocessing import to_network
from object_detection.saved_detector import SETTINGS, SavedDetector, read_detector
from object_detection.ssd import SsdConfig, build_ssd
from object_detection.warm_start import warm_start
from object_detection.weights import read_weights
from object_detection.weights.arrays import Weights
from pipeline.errors import UserError


class Detector:
    """A trained detector of any kind, which answers as it does when it is served.

    Args:
        saved: the detector.
        description: what was read, in words.
    """

    def __init__(self, saved: SavedDetector, description: str) -> None:
        self.saved, self.description = saved, description

    @classmethod
    def read(cls, path: Path, labels: dict[int, str] | None = None) -> Detector:
        """Read a detector: one that was trained here, or weights of an SSD-MobileNet v1 from elsewhere.

        Args:
            path: a Model artifact's folder, or a file or folder of weights.
            labels: class names by number; none takes the detector's own, where it has some. Classes without a name are
                called by their number.

        Raises:
            UserError: there is none, or these are the weights of a body without predictors.
        """
        if not (path / SETTINGS).is_file():
            return cls.of_weights(read_weights(path), labels or {})
        saved = read_detector(path)
        description = f"{saved.config.family} of {saved.config.size} x {saved.config.size} pixels from {path}"
        return cls(replace(saved, labels=in_order(labels, saved.config.classes)) if labels else saved, description)

    @classmethod
    def of_weights(cls, weights: Weights, labels: dict[int, str]) -> Detector:
        """Put the weights of an SSD-MobileNet v1 into a network of 300 x 300 pixels, as they were all trained.

        Raises:
            UserError: they have no predictors, or some are missing.
        """
        if weights.classes is None:
            raise UserError(
                "These weights are a network's body without predictors: they find nothing by themselves.",
                weights.origin,
                "Give a detection model, or retrain with `trainer.warm_start`.",
            )
        config = SsdConfig(classes=weights.classes, width=weights.width)
        saved = SavedDetector(build_ssd(config), config, in_order(labels, weights.classes))
        loaded = warm_start(saved.named, weights, "all")
        if loaded.missing or loaded.mismatched:
            raise UserError("Weights are missing.", weights.origin, str(loaded))
        return cls(saved, str(loaded))

    def detect(self, images: Sequence[NDArray[np.uint8]], min_score: float = 0.5) -> list[list[Detection]]:
        """Return what is in each image, surest first.

        Args:
            images: uint8 [height, width, 3], of any sizes.
            min_score: objects with less are left out.
        """
        prepared = tf.stack([to_network(tf.constant(image), self.saved.config.size) for image in images])
        answer = {name: value.numpy() for name, value in detect_prepared(self.saved, prepared).items()}
        return [
            detections_of({name: values[number] for name, values in answer.items()}, min_score)
            for number in range(len(images))
        ]


def in_order(labels: dict[int, str], classes: int) -> list[str]:
    """Return the names of all classes in the order of their numbers; those without one are called by their number."""
    return [labels.get(number, str(number)) for number in range(1, classes + 1)]
