"""Figures of one set of detections: COCO's and Pascal VOC's, the best score, and intervals from images drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.evaluation.percentiles import percentiles
from components.tasks.object_detection import bootstrap, matching, metrics
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.details import Interval, ScorePoint
from components.tasks.object_detection.metrics import CocoResult, Detections, Floats, GroundTruth
from components.tasks.object_detection.voc import voc_precision


@dataclass(frozen=True)
class Scored:
    """Figures of one set of detections.

    Attributes:
        values: figure -> value, see `METRICS`.
        intervals: figure -> 95 % interval, for those in `drawn`.
        drawn: mAP, mAP50 and mAP75 on samples of the images [samples], and `class_ap` [samples, classes].
        coco: COCO's figures.
        voc: average precision of Pascal VOC by class, see `voc.voc_precision`.
        best: where F1 is largest.
    """

    values: dict[str, float]
    intervals: dict[str, Interval | None]
    drawn: dict[str, Floats]
    coco: CocoResult
    voc: list[tuple[float, float] | None]
    best: ScorePoint


def score(
    truth: Sequence[GroundTruth],
    detections: Sequence[Detections],
    labels: Sequence[str],
    config: DetectionEvaluatorConfig,
) -> Scored:
    """Measure detections of images of which at least one shows an object."""
    coco = metrics.evaluate(truth, detections, labels)
    voc = voc_precision(truth, detections, len(labels))
    known = [pair for pair in voc if pair is not None]
    best = matching.best_score(coco.matches)
    assert best is not None  # there are objects
    values = dict(coco.values)
    if known:  # it may be that all objects are difficult ones
        values["voc_mAP50"], values["voc_mAP50_eleven"] = (
            sum(pair[place] for pair in known) / len(known) for place in (0, 1)
        )
    values |= {"f1": best["f1"], "precision": best["precision"], "recall": best["recall"]}
    drawn = bootstrap.draw_samples(coco.matches, config.resamples, config.seed)
    intervals = {name: percentiles(drawn[name]) for name in ("mAP", "mAP50", "mAP75")}
    return Scored(values, intervals, drawn, coco, voc, best)
