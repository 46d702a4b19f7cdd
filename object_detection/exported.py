"""Finds objects in images with a detector as it is served: the SavedModel that labline exported or pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from data.detection.detections import Detection, detections_of
from data.detection.label_map import LABEL_MAP
from serving.model_config import version_folder

SAVED_MODEL, LABELS = "saved_model.pb", Path("assets", LABEL_MAP)


def find_exported(path: Path) -> Path | None:
    """Return the folder of such a SavedModel, or None if there is none.

    Args:
        path: it itself, such as `workspace/served_models/NAME/1`, or `NAME`, whose newest version is meant.
    """
    folders = [folder for folder in (path, version_folder(path, None)) if folder is not None]
    return next((item for item in folders if all((item / file).is_file() for file in (SAVED_MODEL, LABELS))), None)


class ExportedDetector:
    """Such a SavedModel, asked as `object_detection.detector.Detector` is.

    Args:
        path: its folder.
        labels: class names by number; none takes the model's own.
    """

    def __init__(self, path: Path, labels: dict[int, str] | None = None) -> None:
        self.model = tf.saved_model.load(str(path))  # the signatures live as long as it does
        self.labels, self.description = labels or {}, f"exported detector from {path}"
        takes = {name: function.structured_input_signature[1] for name, function in self.model.signatures.items()}
        pixels = next(
            name for name, inputs in takes.items() if "inputs" in inputs and inputs["inputs"].dtype == tf.uint8
        )
        self.signature = self.model.signatures[pixels]

    def detect(self, images: Sequence[NDArray[np.uint8]], min_score: float = 0.5) -> list[list[Detection]]:
        """Return what is in each image, surest first.

        Args:
            images: uint8 [height, width, 3], of any sizes.
            min_score: objects with less are left out.
        """
        answers = [self.signature(inputs=tf.constant(image)[tf.newaxis]) for image in images]
        found = [
            detections_of({name: value[0].numpy() for name, value in answer.items()}, min_score) for answer in answers
        ]
        return [[replace(item, label=self.labels.get(item.number, item.label)) for item in items] for items in found]
