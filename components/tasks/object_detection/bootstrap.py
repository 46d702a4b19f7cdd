"""How far COCO's figures depend on which images happened to be taken: 95 % intervals from images drawn anew.

An image that is drawn several times counts several times, so nothing need be matched again: with the detections in the
order of their scores the curve of every sample follows from running sums of the images' counts, exactly as pycocotools
would draw it (`tests` compare). What costs time is detections x samples; above `WORK` fewer samples are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.tasks.object_detection.metrics import HALF, OVERLAPS, THREE_QUARTERS, ClassMatches, Floats, Integers

WORK = 200_000_000  # detections x samples: about two seconds
MIN_SAMPLES = 100
AT_ONCE = 4_000_000  # numbers held at a time
RECALLS = 101  # recalls at which COCO reads a curve: 0, .01 ... 1


def draw_samples(matches: Sequence[ClassMatches], resamples: int, seed: int) -> dict[str, Floats]:
    """Return mAP, mAP50 and mAP75 [samples] and `class_ap` [samples, classes].

    A class's is NaN where a sample has no object of it. The same seed draws the same images, so two models that were
    scored on one split can be compared sample by sample.
    """
    images = len(matches[0].present)
    samples = count_samples(matches, resamples)
    counts = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=samples)
    precisions = np.stack([average_precisions(found, counts) for found in matches])  # [classes, samples, 10]
    return {
        "mAP": mean_of_known(precisions.mean(axis=2)),
        "mAP50": mean_of_known(precisions[..., HALF]),
        "mAP75": mean_of_known(precisions[..., THREE_QUARTERS]),
        "class_ap": precisions.mean(axis=2).T,
    }


def count_samples(matches: Sequence[ClassMatches], resamples: int) -> int:
    """Return how many samples are drawn: as asked for, fewer where it would take long."""
    return min(resamples, max(MIN_SAMPLES, WORK // max(1, sum(len(found.scores) for found in matches))))


def average_precisions(found: ClassMatches, counts: Integers) -> Floats:
    """Return a class's average precision on each sample at each overlap, [samples, 10]; NaN where no object is.

    Args:
        counts: how often each image was drawn, [samples, images].
    """
    present = counts @ found.present
    precisions = np.zeros((len(counts), OVERLAPS))
    step = max(1, AT_ONCE // max(1, len(found.scores)))
    for start in range(0, len(counts), step):
        drawn, objects = counts[start : start + step], present[start : start + step]
        weights = drawn[:, found.images].astype(np.float32)  # whole numbers below 2**24, so sums are exact
        running = np.cumsum(weights, axis=1)
        for place in range(OVERLAPS):
            ignored, right = found.ignored[place], np.flatnonzero(found.hits[place])
            total = np.cumsum(weights * ~ignored, axis=1)[:, right] if ignored.any() else running[:, right]
            precisions[start : start + step, place] = one_curve(np.cumsum(weights[:, right], axis=1), total, objects)
    precisions[present == 0] = np.nan
    return precisions


def one_curve(hits: NDArray[np.float32], total: NDArray[np.float32], objects: Integers) -> Floats:
    """Return the average precision [samples].

    Args:
        hits, total: number of right and of all detections at each right one, [samples, m].
        objects: that there are, [samples].
    """
    if hits.shape[1] == 0:
        return np.zeros(len(hits))
    precision = hits / np.maximum(total, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = hits / np.maximum(objects, 1)[:, np.newaxis]
    reached = np.searchsorted(np.linspace(0, 1, RECALLS), recall, side="right")
    areas: Floats = (np.diff(reached, axis=1, prepend=0) * best).sum(axis=1) / RECALLS
    return areas


def mean_of_known(values: Floats) -> Floats:
    """Return the mean over the classes [classes, samples] that have objects; NaN where none has."""
    known = ~np.isnan(values)
    means: Floats = np.where(known, values, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    return means
