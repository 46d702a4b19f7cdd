"""Metrics of a classifier with 95 % intervals: Wilson's for shares, the bootstrap's for everything else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluation.percentiles import percentiles
from components.tasks.image_classification.details import Baselines, CalibrationBin, ClassRow, Interval
from components.tasks.image_classification.facts import ImageExamplesFacts
from components.tasks.image_classification.predictions import Predicted

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Scored:
    """Metrics of one set of predictions.

    Attributes:
        values: metric -> value; precision, recall and F1 are means over the classes that occur.
        intervals: metric -> 95 % interval.
        confusion: counts [true class, predicted class].
        classes: metric -> [value by class]; None where a class gives none.
        class_intervals: metric -> [interval by class].
        calibration: bins with low, high, count, confidence, accuracy.
        drawn: metric -> [value on each bootstrap sample]. The same seed draws the same images, so two networks that
            were scored on one split can be compared sample by sample.
    """

    values: dict[str, float]
    intervals: dict[str, Interval | None]
    confusion: Integers
    classes: dict[str, list[float | None]]
    class_intervals: dict[str, list[Interval | None]]
    calibration: list[CalibrationBin]
    drawn: dict[str, Floats]

    def class_row(self, number: int, label: str) -> ClassRow:
        """Return the figures of a class."""
        return ClassRow(
            label=label,
            count=int(self.confusion[number].sum()),
            predicted=int(self.confusion[:, number].sum()),
            precision=self.classes["precision"][number],
            recall=self.classes["recall"][number],
            f1=self.classes["f1"][number],
            precision_interval=self.class_intervals["precision"][number],
            recall_interval=self.class_intervals["recall"][number],
            f1_interval=self.class_intervals["f1"][number],
        )


def score(predicted: Predicted, classes: int, resamples: int, seed: int, bins: int) -> Scored:
    """Measure predictions."""
    guesses = predicted.predicted
    labels, count = predicted.labels, len(predicted.labels)
    hits = guesses == labels
    confusion = np.bincount(labels * classes + guesses, minlength=classes * classes).reshape(classes, classes)
    by_class = class_metrics(*totals(labels, guesses, classes))
    confidence = predicted.probabilities.max(axis=1)
    values = {"accuracy": float(hits.mean()), "loss": float(predicted.losses.astype(np.float64).mean())}
    values |= {name: average(by_class[name]) for name in by_class}
    values["calibration_error"] = calibration_error(confidence, hits, bins)
    intervals: dict[str, Interval | None] = {"accuracy": wilson(int(hits.sum()), count)}
    shares: dict[str, Bools] = {"accuracy": hits}
    if classes > 5:
        shares["top_5_accuracy"] = in_five = rank_of_truth(predicted) < 5
        values["top_5_accuracy"] = float(in_five.mean())
        intervals["top_5_accuracy"] = wilson(int(in_five.sum()), count)
    drawn = bootstrap(labels, guesses, predicted.losses, confidence, shares, classes, resamples, seed, bins)
    intervals |= {name: percentiles(drawn[name]) for name in ("loss", "precision", "recall", "f1", "calibration_error")}
    class_intervals = {
        "precision": [wilson(int(confusion[c, c]), int(confusion[:, c].sum())) for c in range(classes)],
        "recall": [wilson(int(confusion[c, c]), int(confusion[c].sum())) for c in range(classes)],
        "f1": [percentiles(drawn["class_f1"][:, c]) for c in range(classes)],
    }
    plain = {name: [None if math.isnan(value) else float(value) for value in by_class[name]] for name in by_class}
    calibration = calibration_bins(confidence, hits, bins)
    return Scored(values, intervals, confusion, plain, class_intervals, calibration, drawn)


def rank_of_truth(predicted: Predicted) -> Integers:
    """Return how many classes were given a higher probability than the true one, [n]."""
    own = predicted.probabilities[np.arange(len(predicted.labels)), predicted.labels]
    ranks: Integers = (predicted.probabilities > own[:, np.newaxis]).sum(axis=1)
    return ranks


def totals(labels: Integers, guesses: Integers, classes: int) -> tuple[Integers, Integers, Integers]:
    """Return by class: examples rightly predicted, predicted at all, and there [classes each]."""
    right = np.bincount(labels[labels == guesses], minlength=classes)
    return right, np.bincount(guesses, minlength=classes), np.bincount(labels, minlength=classes)


def class_metrics(right: Integers, predicted: Integers, present: Integers) -> dict[str, Floats]:
    """Return precision, recall and F1 by class.

    As in scikit-learn a class that occurs but is never predicted has precision 0. A class that does not occur has no
    value (NaN) and stays out of the means, where scikit-learn would count it as 0.
    """
    absent = np.where(present == 0, np.nan, 0.0)
    return {
        "precision": right / np.maximum(predicted, 1) + absent,
        "recall": right / np.maximum(present, 1) + absent,
        "f1": 2 * right / np.maximum(predicted + present, 1) + absent,
    }


def average(values: Floats) -> float:
    """Return the mean over the classes that occur."""
    return float(np.nanmean(values))


def calibration_bins(confidence: NDArray[np.float32], hits: Bools, bins: int) -> list[CalibrationBin]:
    """Group predictions by their probability; in each group mean probability and share that is right."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = []
    for number in range(bins):
        chosen = place == number
        row = CalibrationBin(low=number / bins, high=(number + 1) / bins, count=int(chosen.sum()))
        if row["count"]:
            row["confidence"] = float(confidence[chosen].mean(dtype=np.float64))
            row["accuracy"] = float(hits[chosen].mean())
        rows.append(row)
    return rows


def calibration_error(confidence: NDArray[np.float32], hits: Bools, bins: int) -> float:
    """Return the expected calibration error: mean distance of probability and share that is right (Guo et al. 2017)."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=confidence - hits.astype(np.float64), minlength=bins)
    return float(np.abs(gaps).sum() / len(hits))


def bootstrap(
    labels: Integers,
    guesses: Integers,
    losses: NDArray[np.float32],
    confidence: NDArray[np.float32],
    shares: Mapping[str, Bools],
    classes: int,
    resamples: int,
    seed: int,
    bins: int,
) -> dict[str, Floats]:
    """Return each metric on samples drawn with replacement (Efron 1979), [resamples], and `class_f1` by class too.

    Args:
        shares: metrics that are means of yes and no.
    """
    random = np.random.default_rng(seed)
    hits, count = guesses == labels, len(labels)
    drawn: dict[str, list[float | Floats]] = {
        name: [] for name in (*shares, "loss", "precision", "recall", "f1", "calibration_error", "class_f1")
    }
    for _ in range(resamples):
        chosen = random.integers(0, count, count)
        by_class = class_metrics(*totals(labels[chosen], guesses[chosen], classes))
        for name, figures in by_class.items():
            drawn[name].append(average(figures))
        drawn["class_f1"].append(by_class["f1"])
        for name, yes in shares.items():
            drawn[name].append(yes[chosen].mean())
        drawn["loss"].append(losses[chosen].mean(dtype=np.float64))
        drawn["calibration_error"].append(calibration_error(confidence[chosen], hits[chosen], bins))
    return {name: np.array(values) for name, values in drawn.items()}


def wilson(hits: int, count: int) -> Interval | None:
    """Return Wilson's 95 % score interval of a share (Wilson 1927); None of nothing."""
    if count == 0:
        return None
    share, square = hits / count, NORMAL_95**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL_95 / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    # at the ends the formula gives the share itself but for rounding
    return [0.0 if hits == 0 else centre - half, 1.0 if hits == count else centre + half]


def naive_baselines(examples: ImageExamplesFacts, split: str) -> Baselines:
    """Return what guessing reaches on a split: each class alike, and always the commonest training class."""
    counts = examples.label_counts
    classes = len(examples.labels)
    commonest = max(range(classes), key=lambda label: counts["train"][label])
    share = counts[split][commonest] / max(sum(counts[split]), 1)
    return {
        "chance": {"accuracy": 1 / classes, "loss": math.log(classes)},
        "majority": {"accuracy": share, "label": examples.labels[commonest]},
    }
