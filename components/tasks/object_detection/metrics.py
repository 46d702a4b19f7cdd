"""COCO's metrics of boxes that were found against those that are there, by pycocotools.

A training watches them and an evaluation reports them. Boxes are compared in pixels of the image as it is, not as the
network sees it: small, medium and large are areas below 32 x 32, up to 96 x 96, and above. Crowd boxes count neither
for nor against. Boxes that are called difficult count like any other, as COCO knows no such mark; Pascal VOC's average
precision (`voc.py`) leaves them out.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval

from components.tasks.object_detection.details import ClassFigures, CocoClassRow, SizeRow

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

SIZES = ("small", "medium", "large")  # COCO's areas, in this order after "all"
MAX_DETECTIONS = (1, 10, 100)  # of an image that are looked at, the surest ones, of each class
OVERLAPS = 10  # .5, .55 ... .95: intersection over union from which on a box is found
HALF, THREE_QUARTERS = 0, 5  # places of .5 and .75 among them
PLACES = 3  # of a pixel, to which the truth is rounded: shares of the image are kept as 32-bit numbers
# metric -> the name that the Object Detection API gave it in TensorBoard
TAGS = {
    "mAP": "DetectionBoxes_Precision/mAP",
    "mAP50": "DetectionBoxes_Precision/mAP@.50IOU",
    "mAP75": "DetectionBoxes_Precision/mAP@.75IOU",
    **{f"mAP_{size}": f"DetectionBoxes_Precision/mAP ({size})" for size in SIZES},
    **{f"AR{number}": f"DetectionBoxes_Recall/AR@{number}" for number in MAX_DETECTIONS},
    **{f"AR_{size}": f"DetectionBoxes_Recall/AR@100 ({size})" for size in SIZES},
}
NAMES = tuple(TAGS)


@dataclass(frozen=True)
class GroundTruth:
    """What is on an image.

    Attributes:
        filename: where the image came from.
        size: (height, width) in pixels.
        boxes: float64 [m, 4], (ymin, xmin, ymax, xmax) as shares of the image.
        classes: int64 [m], from 1.
        difficult, crowd: bool [m].
    """

    filename: str
    size: tuple[int, int]
    boxes: Floats
    classes: Integers
    difficult: Bools
    crowd: Bools


@dataclass(frozen=True)
class Detections:
    """What was found on an image.

    Attributes:
        boxes: float64 [n, 4], (ymin, xmin, ymax, xmax) as shares of the image.
        scores: float64 [n], 0..1.
        classes: int64 [n], from 1.
    """

    boxes: Floats
    scores: Floats
    classes: Integers


@dataclass(frozen=True)
class ClassMatches:
    """All detections of one class, the surest first, and the objects they were matched to at each overlap.

    Attributes:
        images: int64 [n] which image.
        rows: int64 [n] which of the image's detections.
        scores: float64 [n].
        objects: int64 [10, n] which of the image's boxes was found; -1 for none.
        ignored: bool [10, n]: on a crowd, so neither right nor wrong.
        present: int64 [images], objects of the class on each image, crowds left out.
    """

    images: Integers
    rows: Integers
    scores: Floats
    objects: Integers
    ignored: Bools
    present: Integers

    @property
    def hits(self) -> Bools:
        """Which detections are right, bool [10, n]."""
        return (self.objects >= 0) & ~self.ignored


@dataclass(frozen=True)
class CocoResult:
    """COCO's figures.

    Attributes:
        values: metric -> value, see `TAGS`; without those of sizes that do not occur.
        classes, sizes: a row each.
        matches: by class.
    """

    values: dict[str, float]
    classes: list[CocoClassRow]
    sizes: list[SizeRow]
    matches: list[ClassMatches]


def coco_metrics(
    truth: Sequence[GroundTruth], detections: Sequence[Detections], labels: Sequence[str]
) -> dict[str, float]:
    """Return metric -> value, see `TAGS`; those of sizes that do not occur are absent, and all are where no object is.

    Args:
        truth: of each image.
        detections: of the same images, in the same order.
        labels: names of the classes in the order of their numbers.
    """
    return evaluate(truth, detections, labels).values


def evaluate(truth: Sequence[GroundTruth], detections: Sequence[Detections], labels: Sequence[str]) -> CocoResult:
    """Compare detections with the truth as `coco_metrics` does, and keep what else there is to know."""
    coco = run_coco(truth, detections, len(labels))
    precision, recall = coco.eval["precision"], coco.eval["recall"]  # [10, 101, classes, 4, 3] and [10, classes, 4, 3]
    means = {
        "mAP": known_mean(precision[..., 0, 2]),
        "mAP50": known_mean(precision[HALF, ..., 0, 2]),
        "mAP75": known_mean(precision[THREE_QUARTERS, ..., 0, 2]),
        **{f"mAP_{size}": known_mean(precision[..., place, 2]) for place, size in enumerate(SIZES, 1)},
        **{f"AR{number}": known_mean(recall[..., 0, place]) for place, number in enumerate(MAX_DETECTIONS)},
        **{f"AR_{size}": known_mean(recall[..., place, 2]) for place, size in enumerate(SIZES, 1)},
    }
    matches = [collect_matches(coco, number, truth, detections) for number in range(len(labels))]
    classes = [
        CocoClassRow(
            label=label,
            boxes=int(found.present.sum()),
            photos=int((found.present > 0).sum()),
            **class_figures(precision[:, :, number], recall[:, number]),
        )
        for number, (label, found) in enumerate(zip(labels, matches, strict=True))
    ]
    sizes = [
        SizeRow(size=size, boxes=count_size(coco, place), ap=means[f"mAP_{size}"], ar=means[f"AR_{size}"])
        for place, size in enumerate(SIZES, 1)
    ]
    values = {name: value for name, value in means.items() if value is not None}
    return CocoResult(values, classes, sizes, matches)


def run_coco(truth: Sequence[GroundTruth], detections: Sequence[Detections], classes: int) -> COCOeval:
    """Return pycocotools' evaluation, accumulated, without a word on the screen."""
    coco = COCOeval(iouType="bbox")
    coco.params.imgIds = list(range(1, len(truth) + 1))
    coco.params.catIds = list(range(1, classes + 1))
    coco._prepare = lambda: fill(coco, truth, detections)  # without its COCO class, which wants json files
    with contextlib.redirect_stdout(io.StringIO()):
        coco.evaluate()
        coco.accumulate()
    return coco


def fill(coco: COCOeval, truth: Sequence[GroundTruth], detections: Sequence[Detections]) -> None:
    """Give pycocotools boxes by image and class. Their numbers tell their rows: those of an image follow each other."""
    coco.evalImgs, coco.eval = [], {}
    first = 1  # 0 would pass for no match
    for image, present in enumerate(truth, 1):
        boxes = to_pixels(present.boxes, present.size).round(PLACES).tolist()
        for row, (box, number, crowd) in enumerate(
            zip(boxes, present.classes.tolist(), present.crowd.tolist(), strict=True)
        ):
            coco._gts[image, number].append(
                {"id": first + row, "bbox": box, "area": box[2] * box[3], "iscrowd": int(crowd), "ignore": int(crowd)}
            )
        first += len(boxes)
    first = 1
    for image, (present, found) in enumerate(zip(truth, detections, strict=True), 1):
        boxes = to_pixels(found.boxes, present.size).tolist()
        for row, (box, number, score) in enumerate(
            zip(boxes, found.classes.tolist(), found.scores.tolist(), strict=True)
        ):
            coco._dts[image, number].append({"id": first + row, "bbox": box, "area": box[2] * box[3], "score": score})
        first += len(boxes)


def to_pixels(boxes: Floats, size: tuple[int, int]) -> Floats:
    """Return COCO's form of boxes, float64 [n, 4]: left, top, width and height in pixels."""
    height, width = size
    ymin, xmin, ymax, xmax = (np.asarray(boxes, np.float64).reshape(-1, 4) * (height, width, height, width)).T
    return np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1)


def known_mean(values: Floats) -> float | None:
    """Return the mean of what pycocotools could compute; None where that is nothing."""
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def class_figures(precision: Floats, recall: Floats) -> ClassFigures:
    """Return the figures of a class, from its precision [10, 101, 4, 3] and recall [10, 4, 3]."""
    small, medium, large = (known_mean(precision[:, :, place, 2]) for place, _ in enumerate(SIZES, 1))
    return ClassFigures(
        ap=known_mean(precision[:, :, 0, 2]),
        ap50=known_mean(precision[HALF, :, 0, 2]),
        ap75=known_mean(precision[THREE_QUARTERS, :, 0, 2]),
        ap_small=small,
        ap_medium=medium,
        ap_large=large,
        ar100=known_mean(recall[:, 0, 2]),
    )


def count_size(coco: COCOeval, place: int) -> int:
    """Return the number of objects whose area lies in a range of COCO's; the ranges share their ends."""
    low, high = coco.params.areaRng[place]
    return sum(low <= box["area"] <= high and not box["ignore"] for boxes in list(coco._gts.values()) for box in boxes)


def collect_matches(
    coco: COCOeval, number: int, truth: Sequence[GroundTruth], detections: Sequence[Detections]
) -> ClassMatches:
    """Return what pycocotools matched of a class, counted from 0, in boxes of any size."""
    images = len(truth)
    first_object = np.cumsum([1, *(len(present.boxes) for present in truth)])
    first_row = np.cumsum([1, *(len(found.boxes) for found in detections)])
    start = number * len(coco.params.areaRng) * images
    present = np.zeros(images, np.int64)
    parts = []
    for image, found in enumerate(coco.evalImgs[start : start + images]):
        if found is None:
            continue
        present[image] = int((found["gtIgnore"] == 0).sum())
        ids, matched = np.array(found["dtIds"], np.int64), found["dtMatches"].astype(np.int64)
        objects = np.where(matched > 0, matched - first_object[image], -1)
        scores = np.array(found["dtScores"], np.float64)
        parts.append((np.full(len(ids), image), ids - first_row[image], scores, objects, found["dtIgnore"]))
    if not parts:
        none, no_objects = np.zeros(0, np.int64), np.zeros((OVERLAPS, 0), np.int64)
        return ClassMatches(none, none, np.zeros(0), no_objects, no_objects.astype(bool), present)
    columns = [np.concatenate(column, axis=-1) for column in zip(*parts, strict=True)]
    order = np.argsort(-columns[2], kind="mergesort")
    places, rows, scores, objects, ignored = (column[..., order] for column in columns)
    return ClassMatches(places, rows, scores, objects, ignored.astype(bool), present)
