"""Finds objects in images with trained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from object_detection.weights import Weights, read_weights
from pipeline.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from object_detection.saved_detector import Trained


@dataclass(frozen=True)
class Detection:
    """One object that was found.

    Attributes:
        box: (ymin, xmin, ymax, xmax) as shares of the image's height and width, 0..1.
        score: 0..1.
        number: the class's number in the label map, from 1.
        label: its name.
    """

    box: tuple[float, float, float, float]
    score: float
    number: int
    label: str


def detections_of(answer: Mapping[str, Any], least: float = 0.0) -> list[Detection]:
    """Return what a detector's answer about one image says, surest first.

    Args:
        answer: as `object_detection.postprocessing` describes it, in arrays or JSON values.
        least: score below which an object is left out.

    Raises:
        KeyError, TypeError: it is somebody else's answer.
    """
    count = round(float(answer["num_detections"]))
    columns = [answer[f"detection_{part}"][:count] for part in ("boxes", "scores", "classes", "labels")]
    return [
        Detection(
            (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
            float(score),
            round(float(number)),
            label.decode() if isinstance(label, bytes) else label,
        )
        for box, score, number, label in zip(*columns, strict=True)
        if score >= least
    ]


class Detector:
    """A trained detector of any kind, which answers as it does when it is served.

    Args:
        trained: the detector.
        told: what was read, in words.
    """

    def __init__(self, trained: Trained, told: str) -> None:
        self.trained, self.told = trained, told

    @classmethod
    def read(cls, path: Path, labels: dict[int, str] | None = None) -> Detector:
        """Read a detector: one that was trained here, or weights of an SSD-MobileNet v1 from elsewhere.

        Args:
            path: a Model artifact's folder, or a file or folder of weights.
            labels: class names by number; none takes the detector's own, where it has some. Classes without a name are called by
                their number.

        Raises:
            UserError: there is none, or these are the weights of a body without predictors.
        """
        from object_detection.saved_detector import SETTINGS, read_trained

        if not (path / SETTINGS).is_file():
            return cls.of_weights(read_weights(path), labels or {})
        trained = read_trained(path)
        told = f"{trained.config.family} of {trained.config.size} x {trained.config.size} pixels from {path}"
        return cls(replace(trained, labels=in_order(labels, trained.config.classes)) if labels else trained, told)

    @classmethod
    def of_weights(cls, weights: Weights, labels: dict[int, str]) -> Detector:
        """Put the weights of an SSD-MobileNet v1 into a network of 300 x 300 pixels, as they were all trained.

        Raises:
            UserError: they have no predictors, or some are missing.
        """
        from object_detection.saved_detector import Trained
        from object_detection.ssd import SsdConfig, build_ssd
        from object_detection.warm_start import warm_start

        if weights.classes is None:
            raise UserError(
                "These weights are a network's body without predictors: they find nothing by themselves.",
                weights.origin,
                "Give a detection model, or retrain with `trainer.warm_start`.",
            )
        config = SsdConfig(classes=weights.classes, width=weights.width)
        trained = Trained(build_ssd(config), config, in_order(labels, weights.classes))
        loaded = warm_start(trained.named, weights, "all")
        if loaded.missing or loaded.mismatched:
            raise UserError("Weights are missing.", weights.origin, str(loaded))
        return cls(trained, str(loaded))

    def detect(self, images: Sequence[np.ndarray], least: float = 0.5) -> list[list[Detection]]:
        """Return what is in each image, surest first.

        Args:
            images: uint8 [height, width, 3], of any sizes.
            least: score below which an object is left out.
        """
        import tensorflow as tf

        from object_detection.images import to_network
        from object_detection.postprocessing import answer_prepared

        prepared = tf.stack([to_network(tf.constant(image), self.trained.config.size) for image in images])
        answer = {name: value.numpy() for name, value in answer_prepared(self.trained, prepared).items()}
        return [
            detections_of({name: values[place] for name, values in answer.items()}, least)
            for place in range(len(images))
        ]


def in_order(labels: dict[int, str], classes: int) -> list[str]:
    """Return the names of all classes in the order of their numbers; those without one are called by their number."""
    return [labels.get(number, str(number)) for number in range(1, classes + 1)]
