"""Says how far two lists of detections of the same images are apart, though they come in another order or end elsewhere.

Answers are dictionaries of arrays, as `object_detection.postprocessing` describes them. Detections of one class are paired, the
nearest first served by the surest. A pair differs by its largest difference of score or edge, both shares of 1. What has no
counterpart differs by its score; in a full list only by what it has more than the last one there, since near a tie either may end
the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from components.tasks.object_detection.voc import overlap
from serving.parity import Parity

Answers = Mapping[str, Any]
PARTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


def compare(answers: Answers, expected: Answers, least: float = 0.0, tolerance: float | None = None) -> Parity:
    """Compare answers about n images; a value that is no number is infinitely far away.

    Args:
        least: scores below count as much as none at all.
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
    differences = [difference(image(got, place), image(wanted, place), least) for place in range(number)]
    return Parity(number, float(max(differences)), int(np.argmax(differences)), "", tolerance)


def agreement(answers: Answers, expected: Answers, least: float) -> dict[str, Any]:
    """Return how many detections of at least a score have a counterpart, and how far the worst of these pairs is apart.

    A counterpart is of the same class and overlaps by half or more; `extra` detections are among the answers alone.
    """
    got, wanted = ({part: np.asarray(given[part], np.float64) for part in PARTS} for given in (answers, expected))
    scores, boxes, number, extra = [0.0], [0.0], 0, 0
    for place in range(len(wanted["num_detections"])):
        first, second = image(got, place), image(wanted, place)
        number += int((second["scores"] >= least).sum())
        overlaps = overlap(first["boxes"], second["boxes"])
        close = [pair for pair in pairs(first, second) if overlaps[pair] >= 0.5]
        extra += len(set(np.flatnonzero(first["scores"] >= least)) - {one for one, _ in close})
        for one, other in close:
            if second["scores"][other] >= least:
                scores.append(abs(first["scores"][one] - second["scores"][other]))
                boxes.append(np.abs(first["boxes"][one] - second["boxes"][other]).max())
    return {
        "detections": number,
        "matched": len(scores) - 1,
        "extra": extra,
        "max_score_difference": round(float(max(scores)), 9),
        "max_box_difference": round(float(max(boxes)), 9),
    }


def image(answers: dict[str, np.ndarray], place: int) -> dict[str, Any]:
    """Return one image's detections, without the padding, and how many there could have been."""
    number = round(float(answers["num_detections"][place]))
    boxes, scores, classes = (answers[part][place][:number] for part in PARTS[:3])
    return {"boxes": boxes, "scores": scores, "classes": classes, "most": answers["detection_scores"].shape[1]}


def difference(first: dict[str, Any], second: dict[str, Any], least: float) -> float:
    """Return how far two lists of detections are apart."""
    beyond_first, beyond_second = (
        found["scores"] - end(other, least) for found, other in ((first, second), (second, first))
    )
    worst = 0.0
    paired = pairs(first, second)
    for one, other in paired:
        scores = abs(first["scores"][one] - second["scores"][other])
        apart = max(scores, np.abs(first["boxes"][one] - second["boxes"][other]).max())
        worst = max(worst, min(apart, max(beyond_first[one], beyond_second[other], 0.0)))
    for beyond, known in ((beyond_first, {one for one, _ in paired}), (beyond_second, {other for _, other in paired})):
        worst = max(worst, *(beyond[place] for place in range(len(beyond)) if place not in known), 0.0)
    return float(worst)


def end(found: dict[str, Any], least: float) -> float:
    """Return the score from which on a detection had to be in this list."""
    full = len(found["scores"]) == found["most"]
    return max(least, float(found["scores"].min())) if full else least


def pairs(first: dict[str, Any], second: dict[str, Any]) -> list[tuple[int, int]]:
    """Pair the detections of two lists: the second's, surest first, each with the first's nearest of its class that is left."""
    if not len(first["scores"]) or not len(second["scores"]):
        return []
    apart = np.abs(first["boxes"][:, None] - second["boxes"][None]).max(-1)
    apart = np.maximum(apart, np.abs(first["scores"][:, None] - second["scores"][None]))
    apart[first["classes"][:, None] != second["classes"][None]] = np.inf
    found = []
    for other in range(len(second["scores"])):
        one = int(apart[:, other].argmin())
        if apart[one, other] < np.inf:
            found.append((one, other))
            apart[one] = np.inf
    return found
