"""What a detector gets right and wrong once boxes below a score are dropped: curves, the best score, confused classes.

A box is right if COCO matches it to an object of its class at an overlap of half. Of what remains, a box and an object
of different classes that overlap by half are called confused; objects left over are missed, boxes left over are false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from components.tasks.object_detection.details import ScorePoint
from components.tasks.object_detection.metrics import HALF, Bools, ClassMatches, Detections, GroundTruth, Integers
from components.tasks.object_detection.voc import OVERLAP, overlap

POINTS = 100  # of a curve, at most
GRID = tuple(number / 100 for number in range(1, 100))  # scores at which precision, recall and F1 are drawn


@dataclass(frozen=True)
class Outcome:
    """What became of an image's boxes at a score.

    Attributes:
        kept: [k] rows of the detections with that score or more, crowds' left out.
        right: bool [k].
        confused: int64 [k], the object of another class that was meant; -1 for none.
        objects: [o] rows of the objects that count, crowds left out.
        found: bool [o], by a box of the same class.
    """

    kept: Integers
    right: Bools
    confused: Integers
    objects: Integers
    found: Bools

    @property
    def missed(self) -> int:
        return int((~self.found).sum())

    @property
    def false(self) -> int:
        return int((~self.right).sum())


def precision_recall(found: ClassMatches) -> list[list[float]]:
    """Return a class's curve as rows of recall, precision and score, one at each right detection, at most `POINTS`."""
    counted = ~found.ignored[HALF]
    right, scores = found.hits[HALF][counted], found.scores[counted]
    total = int(found.present.sum())
    if not right.any() or not total:
        return []
    places = np.flatnonzero(right)
    hits = np.arange(1, len(places) + 1)
    chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), POINTS)).round().astype(int))
    rows = np.stack([hits / total, hits / (places + 1), scores[places]], axis=1)[chosen]
    return [[round(value, 5) for value in row] for row in rows.tolist()]


def best_score(matches: Sequence[ClassMatches]) -> ScorePoint | None:
    """Return where F1 is largest, over some classes together; None without objects.

    The same examples choose the score and are judged by it, so F1 is a little better than it will be on others.
    """
    scores = np.concatenate([found.scores[~found.ignored[HALF]] for found in matches])
    right = np.concatenate([found.hits[HALF][~found.ignored[HALF]] for found in matches])
    total = sum(int(found.present.sum()) for found in matches)
    if not total:
        return None
    if not right.any():
        return ScorePoint(score=1.0, precision=0.0, recall=0.0, f1=0.0)
    order = np.argsort(-scores, kind="mergesort")
    scores, hits = scores[order], np.cumsum(right[order])
    number = np.arange(1, len(hits) + 1)
    # equal scores pass together
    f1 = np.where(np.append(scores[1:] < scores[:-1], True), 2 * hits / (number + total), -1)
    best = int(f1.argmax())
    return ScorePoint(
        score=float(scores[best]),
        precision=float(hits[best] / number[best]),
        recall=float(hits[best] / total),
        f1=float(f1[best]),
    )


def score_curve(matches: Sequence[ClassMatches]) -> list[ScorePoint]:
    """Return precision, recall and F1 of all classes together by score; precision 1 where nothing is left."""
    rows = []
    total = max(sum(int(found.present.sum()) for found in matches), 1)
    for score in GRID:
        kept = [(found.scores >= score) & ~found.ignored[HALF] for found in matches]
        number = sum(int(rows.sum()) for rows in kept)
        hits = sum(int((found.hits[HALF] & rows).sum()) for found, rows in zip(matches, kept, strict=True))
        rows.append(
            ScorePoint(
                score=score,
                precision=round(hits / number, 5) if number else 1.0,
                recall=round(hits / total, 5),
                f1=round(2 * hits / (number + total), 5),
            )
        )
    return rows


def outcomes(
    truth: Sequence[GroundTruth], detections: Sequence[Detections], matches: Sequence[ClassMatches], score: float
) -> list[Outcome]:
    """Return what became of the boxes of every image."""
    hit = [np.full(len(answer.boxes), -1) for answer in detections]
    known = [np.zeros(len(answer.boxes), bool) for answer in detections]  # looked at, and not on a crowd
    for found in matches:
        for image, row, item, ignored in zip(
            found.images.tolist(),
            found.rows.tolist(),
            found.objects[HALF].tolist(),
            found.ignored[HALF].tolist(),
            strict=True,
        ):
            hit[image][row], known[image][row] = item, not ignored
    return [
        one_outcome(present, answer, np.flatnonzero((answer.scores >= score) & usable), objects)
        for present, answer, usable, objects in zip(truth, detections, known, hit, strict=True)
    ]


def one_outcome(truth: GroundTruth, detections: Detections, kept: Integers, hit: Integers) -> Outcome:
    """Return what became of an image's boxes.

    Args:
        kept: rows of the detections that are kept.
        hit: the object that each detection was matched to; -1 for none.
    """
    objects = np.flatnonzero(~truth.crowd)
    right = hit[kept] >= 0
    found = np.isin(objects, hit[kept][right])
    confused = np.full(len(kept), -1)
    overlaps = overlap(detections.boxes[kept], truth.boxes[objects])
    overlaps[right], overlaps[:, found] = 0, 0
    while overlaps.size and overlaps.max() >= OVERLAP:
        row, column = np.unravel_index(overlaps.argmax(), overlaps.shape)
        confused[row] = objects[column]
        overlaps[row], overlaps[:, column] = 0, 0
    return Outcome(kept, right, confused, objects, found)


def confusion(
    truth: Sequence[GroundTruth], detections: Sequence[Detections], found: Sequence[Outcome], classes: int
) -> list[list[int]]:
    """Return how often each class (row) was taken for each (column); the last row and column are the background."""
    counts = np.zeros((classes + 1, classes + 1), int)
    for present, answer, outcome in zip(truth, detections, found, strict=True):
        given = answer.classes[outcome.kept] - 1
        right, confused = outcome.right, outcome.confused >= 0
        np.add.at(counts, (given[right], given[right]), 1)
        np.add.at(counts, (present.classes[outcome.confused[confused]] - 1, given[confused]), 1)
        np.add.at(counts[classes], given[~right & ~confused], 1)
        nowhere = outcome.objects[~outcome.found & ~np.isin(outcome.objects, outcome.confused[confused])]
        np.add.at(counts, (present.classes[nowhere] - 1, classes), 1)
    return [[int(count) for count in row] for row in counts]


def rank_worst(detections: Sequence[Detections], found: Sequence[Outcome]) -> list[int]:
    """Return the images with mistakes: most missed and false boxes first, of equals that with the surest false box."""
    keys = []
    for image, (answer, outcome) in enumerate(zip(detections, found, strict=True)):
        surest = float(answer.scores[outcome.kept][~outcome.right].max(initial=0.0))
        keys.append((-(outcome.missed + outcome.false), -surest, image))
    return [key[-1] for key in sorted(keys) if key[0]]
