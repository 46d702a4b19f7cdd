"""Finds objects in photos with a detector as it is served: the SavedModel that labline exported or pushed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from object_detection.detector import Detection
from object_detection.trained import LABEL_MAP

if TYPE_CHECKING:
    import numpy as np

SAVED_MODEL, LABELS = "saved_model.pb", Path("assets", LABEL_MAP)


def is_exported(path: Path) -> bool:
    """Tell whether a folder is such a SavedModel, such as `workspace/served_models/NAME/1`."""
    return (path / SAVED_MODEL).is_file() and (path / LABELS).is_file()


class ExportedDetector:
    """Such a SavedModel, asked as `object_detection.detector.Detector` is.

    Args:
        path: its folder.
        labels: class names by number; none takes the model's own.
    """

    def __init__(self, path: Path, labels: dict[int, str] | None = None) -> None:
        import tensorflow as tf

        self.model = tf.saved_model.load(str(path))  # the signatures live as long as it does
        self.labels, self.told = labels or {}, f"exported detector from {path}"
        takes = {name: function.structured_input_signature[1] for name, function in self.model.signatures.items()}
        pixels = next(
            name for name, inputs in takes.items() if "inputs" in inputs and inputs["inputs"].dtype == tf.uint8
        )
        self.signature = self.model.signatures[pixels]

    def detect(self, photos: Sequence[np.ndarray], least: float = 0.5) -> list[list[Detection]]:
        """Return what is in each photo, surest first.

        Args:
            photos: uint8 [height, width, 3], of any sizes.
            least: score below which an object is left out.
        """
        import tensorflow as tf

        answers = [self.signature(inputs=tf.constant(photo)[tf.newaxis]) for photo in photos]
        return [self.words({name: value[0].numpy() for name, value in answer.items()}, least) for answer in answers]

    def words(self, answer: dict[str, Any], least: float) -> list[Detection]:
        """Return one photo's detections."""
        columns = (answer[f"detection_{part}"] for part in ("boxes", "scores", "classes", "labels"))
        rows = list(zip(*columns, strict=True))[: int(answer["num_detections"])]
        return [
            Detection(
                (float(box[0]), float(box[1]), float(box[2]), float(box[3])),
                float(score),
                int(number),
                self.labels.get(int(number), label.decode()),
            )
            for box, score, number, label in rows
            if score >= least
        ]
