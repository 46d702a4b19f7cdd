"""Says how far two lists of detections of the same images are apart, in whatever order and however long they are.

Answers are dictionaries of arrays, as `object_detection.postprocessing` describes them. Detections of one class are
paired, the nearest first served by the surest. A pair differs by its largest difference of score or edge, both 0..1.
What has no counterpart differs by its score; in a full list only by what it has more than the last one there, since
near a tie either may end the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from components.tasks.object_detection.metrics import Floats
from components.tasks.object_detection.voc import overlap
from serving.parity import Parity

Answers = Mapping[str, ArrayLike]
PARTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


class Agreement(NamedTuple):
    """How far two answers say the same of the detections that are sure enough.

    Attributes:
        detections: in the expected answer.
        matched: of these have a counterpart in the other: of the same class, overlapping by half or more.
        extra: are in the other answer alone.
        max_score_difference, max_box_difference: of the worst pair.
    """

    detections: int
    matched: int
    extra: int
    max_score_difference: float
    max_box_difference: float


@dataclass(frozen=True)
class Found:
    """What was found in an image, without padding.

    Attributes:
        boxes: [n, 4].
        scores, classes: [n].
        full: there could not have been more.
    """

    boxes: Floats
    scores: Floats
    classes: Floats
    full: bool


def compare(answers: Answers, expected: Answers, min_score: float = 0.0, tolerance: float | None = None) -> Parity:
    """Compare answers about n images; a value that is no number is infinitely far away.

    Args:
        min_score: scores below count as much as none at all.
        tolerance: largest difference that is let pass, if it is not the recipe's.
    """
    got, wanted = ({part: np.asarray(given[part], np.float64) for part in PARTS} for given in (answers, expected))
    for part in PARTS:
        if got[part].shape != wanted[part].shape:
            shapes = f"{list(got[part].shape)} instead of {list(wanted[part].shape)}"
            return Parity(len(wanted[part]), float("inf"), 0, f"`{part}` has shape {shapes}", tolerance)
    number = len(wanted["num_detections"])
    if not number:
        return Parity(0, 0.0, 0, "there is nothing to compare", tolerance)
    if not all(np.isfinite(values).all() for values in got.values()):
        return Parity(number, float("inf"), 0, "an answer holds what is no number", tolerance)
    differences = [difference(image(got, place), image(wanted, place), min_score) for place in range(number)]
    return Parity(number, float(max(differences)), int(np.argmax(differences)), "", tolerance)


def agreement(answers: Answers, expected: Answers, min_score: float) -> Agreement:
    """Return how many detections of at least a score have a counterpart, and how far the worst pair is apart."""
    got, wanted = ({part: np.asarray(given[part], np.float64) for part in PARTS} for given in (answers, expected))
    scores, boxes, number, extra = [0.0], [0.0], 0, 0
    for place in range(len(wanted["num_detections"])):
        first, second = image(got, place), image(wanted, place)
        number += int((second.scores >= min_score).sum())
        overlaps = overlap(first.boxes, second.boxes)
        close = [pair for pair in pairs(first, second) if overlaps[pair] >= 0.5]
        extra += len(set(np.flatnonzero(first.scores >= min_score)) - {one for one, _ in close})
        for one, other in close:
            if second.scores[other] >= min_score:
                scores.append(abs(first.scores[one] - second.scores[other]))
                boxes.append(np.abs(first.boxes[one] - second.boxes[other]).max())
    worst_score, worst_box = round(float(max(scores)), 9), round(float(max(boxes)), 9)
    return Agreement(number, len(scores) - 1, extra, worst_score, worst_box)


def image(answers: Mapping[str, Floats], place: int) -> Found:
    """Return one image's detections."""
    number = round(float(answers["num_detections"][place]))
    boxes, scores, classes = (answers[part][place][:number] for part in PARTS[:3])
    return Found(boxes, scores, classes, full=len(scores) == answers["detection_scores"].shape[1])


def difference(first: Found, second: Found, min_score: float) -> float:
    """Return how far two lists of detections are apart."""
    beyond_first, beyond_second = (
        found.scores - end(other, min_score) for found, other in ((first, second), (second, first))
    )
    worst = 0.0
    paired = pairs(first, second)
    for one, other in paired:
        scores = abs(first.scores[one] - second.scores[other])
        apart = max(scores, np.abs(first.boxes[one] - second.boxes[other]).max())
        worst = max(worst, min(apart, max(beyond_first[one], beyond_second[other], 0.0)))
    for beyond, known in ((beyond_first, {one for one, _ in paired}), (beyond_second, {other for _, other in paired})):
        worst = max(worst, *(beyond[place] for place in range(len(beyond)) if place not in known), 0.0)
    return float(worst)


def end(found: Found, min_score: float) -> float:
    """Return the score from which on a detection had to be in this list."""
    return max(min_score, float(found.scores.min())) if found.full else min_score


def pairs(first: Found, second: Found) -> list[tuple[int, int]]:
    """Pair the second's detections, surest first, each with the first's nearest of its class that is left."""
    if not len(first.scores) or not len(second.scores):
        return []
    apart = np.abs(first.boxes[:, None] - second.boxes[None]).max(-1)
    apart = np.maximum(apart, np.abs(first.scores[:, None] - second.scores[None]))
    apart[first.classes[:, None] != second.classes[None]] = np.inf
    found = []
    for other in range(len(second.scores)):
        one = int(apart[:, other].argmin())
        if apart[one, other] < np.inf:
            found.append((one, other))
            apart[one] = np.inf
    return found
