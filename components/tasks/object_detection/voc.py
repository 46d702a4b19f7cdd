"""Pascal VOC's average precision at an overlap of half, from all points of the curve and from eleven, by class.

Everingham et al. 2010, "The Pascal visual object classes (VOC) challenge": a detection goes to the object that it
overlaps most; the first one of an object is right, further ones are wrong. What goes to a difficult object or a crowd
counts neither way. Boxes are measured without VOC's additional pixel, as the Object Detection API did.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.tasks.object_detection.metrics import Bools, Detections, Floats, GroundTruth

OVERLAP = 0.5
ELEVEN = tuple(number / 10 for number in range(11))  # recalls of the 2007 challenge


def voc_precision(
    truth: Sequence[GroundTruth], detections: Sequence[Detections], classes: int
) -> list[tuple[float, float] | None]:
    """Return for each class the average precision from all points and from eleven; None where no object counts."""
    found: list[tuple[float, float] | None] = []
    for number in range(1, classes + 1):
        pairs = [one_image(present, answer, number) for present, answer in zip(truth, detections, strict=True)]
        total = sum(count for _, _, count in pairs)
        if total == 0:
            found.append(None)
            continue
        scores, right = (np.concatenate([pair[place] for pair in pairs]) for place in (0, 1))
        order = np.argsort(-scores, kind="mergesort")
        hits = np.cumsum(right[order])
        precision, recall = hits / np.arange(1, len(hits) + 1), hits / total
        found.append((all_points(precision, recall), eleven_points(precision, recall)))
    return found


def one_image(truth: GroundTruth, detections: Detections, number: int) -> tuple[Floats, Bools, int]:
    """Return the scores of a class's detections that count, whether they are right, and the number of such objects."""
    there, given = truth.classes == number, detections.classes == number
    aside = (truth.difficult | truth.crowd)[there]
    scores, boxes = detections.scores[given], detections.boxes[given]
    overlaps = overlap(boxes, truth.boxes[there])
    taken = np.zeros(len(aside), bool)
    kept, right = [], []
    for row in np.argsort(-scores, kind="mergesort"):
        best = int(overlaps[row].argmax()) if len(aside) else -1
        matched = best >= 0 and overlaps[row, best] >= OVERLAP
        if matched and aside[best]:
            continue
        kept.append(row)
        right.append(bool(matched and not taken[best]))
        if matched:
            taken[best] = True
    return scores[kept] if kept else np.zeros(0), np.array(right, bool), int((~aside).sum())


def overlap(boxes: Floats, others: Floats) -> Floats:
    """Return the intersection over union of every box with every other, [n, m]; in pixels or normalized alike."""
    low = np.maximum(boxes[:, np.newaxis, :2], others[np.newaxis, :, :2])
    high = np.minimum(boxes[:, np.newaxis, 2:], others[np.newaxis, :, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    areas, other_areas = (np.prod(table[:, 2:] - table[:, :2], axis=-1) for table in (boxes, others))
    union = areas[:, np.newaxis] + other_areas - shared
    overlaps: Floats = shared / np.where(union > 0, union, 1.0)
    return overlaps


def all_points(precision: Floats, recall: Floats) -> float:
    """Return the area below the curve, each precision raised to the best at a higher recall (from 2010 on)."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * best).sum())


def eleven_points(precision: Floats, recall: Floats) -> float:
    """Return the mean of the best precision from each of eleven recalls on (until 2009)."""
    best = [precision[recall >= start].max() if (recall >= start).any() else 0.0 for start in ELEVEN]
    return float(sum(best) / len(best))
