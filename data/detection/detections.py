"""What a detector found in one image, and how it is read from an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Detection:
    """One object that was found.

    Attributes:
        box: normalized (ymin, xmin, ymax, xmax), 0..1.
        score: 0..1.
        number: the class's number in the label map, from 1.
        label: its name.
    """

    box: tuple[float, float, float, float]
    score: float
    number: int
    label: str


def detections_of(answer: Mapping[str, Any], min_score: float = 0.0) -> list[Detection]:
    """Return what a detector's answer about one image says, surest first.

    Args:
        answer: `num_detections`, and of each `detection_boxes`, `_scores`, `_classes`, `_labels`, in arrays or JSON
            values.
        min_score: objects with less are left out.

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
        if score >= min_score
    ]
