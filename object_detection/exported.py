"""Finds objects in images with a detector as it is served: the SavedModel that labline exported or pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from object_detection.detector import Detection, detections_of
from object_detection.saved_detector import LABEL_MAP
from serving.model_config import version_folder

if TYPE_CHECKING:
    import numpy as np

SAVED_MODEL, LABELS = "saved_model.pb", Path("assets", LABEL_MAP)


def find_exported(path: Path) -> Path | None:
    """Return the folder of such a SavedModel: `workspace/served_models/NAME/1`, or of `NAME` the newest version; None if it is none."""
    folders = [folder for folder in (path, version_folder(path, None)) if folder is not None]
    return next((item for item in folders if all((item / file).is_file() for file in (SAVED_MODEL, LABELS))), None)


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

    def detect(self, images: Sequence[np.ndarray], least: float = 0.5) -> list[list[Detection]]:
        """Return what is in each image, surest first.

        Args:
            images: uint8 [height, width, 3], of any sizes.
            least: score below which an object is left out.
        """
        import tensorflow as tf

        answers = [self.signature(inputs=tf.constant(image)[tf.newaxis]) for image in images]
        found = [detections_of({name: value[0].numpy() for name, value in answer.items()}, least) for answer in answers]
        return [[replace(item, label=self.labels.get(item.number, item.label)) for item in items] for items in found]
