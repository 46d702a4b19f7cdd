"""Details of a detector's evaluation, `details.json`: all that the report draws; null stands for what has no value."""

from __future__ import annotations

from typing import TypedDict

Interval = list[float]  # lower and upper end
SizeHistogram = list[list[float]]  # rows of lower edge, upper edge and number of boxes


class ScorePoint(TypedDict):
    """Figures where boxes of a score and more are kept."""

    score: float
    precision: float
    recall: float
    f1: float


class ClassFigures(TypedDict):
    """COCO's figures of a class, None where no object is: mean of the overlaps, at .5, at .75, by size; and recall."""

    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar100: float | None


class CocoClassRow(ClassFigures):
    """A class with its numbers of boxes and of images that show it."""

    label: str
    boxes: int
    photos: int


class ClassRow(CocoClassRow):
    """A class as the report shows it.

    Attributes:
        voc_ap50: Pascal VOC's average precision from all points.
        ap_interval: 95 % interval of `ap`.
        best: where its own F1 is largest.
        curve: rows of recall, precision and score.
    """

    voc_ap50: float | None
    ap_interval: Interval | None
    best: ScorePoint | None
    curve: list[list[float]]


class SizeRow(TypedDict):
    """Figures of the objects of a size."""

    size: str
    boxes: int
    ap: float | None
    ar: float | None


class ConstantBoxRow(TypedDict):
    """The median training box of the commonest class, (ymin, xmin, ymax, xmax), drawn on every image."""

    label: str
    box: tuple[float, ...]
    values: dict[str, float]


class ImageRow(TypedDict):
    """An image that was kept: `picture` shows the truth beside what was found, `file` is where it came from."""

    picture: str
    file: str
    objects: int
    missed: int
    false: int


class DetectionDetails(TypedDict):
    """The whole file.

    Attributes:
        photos, empty, boxes: images of the split, those without an object, and objects.
        values, intervals: by figure, see `METRICS`; intervals for some.
        samples: how often images were drawn for the intervals.
        remarks: sentences.
        score: where F1 is largest.
        score_curve: all classes together.
        confusion: counts at that score [true class, class found]; last row and column: background.
        box_sizes: by split.
    """

    split: str
    labels: list[str]
    photos: int
    empty: int
    boxes: int
    values: dict[str, float]
    intervals: dict[str, Interval | None]
    samples: int
    remarks: list[str]
    constant_box: ConstantBoxRow
    score: ScorePoint
    score_curve: list[ScorePoint]
    classes: list[ClassRow]
    sizes: list[SizeRow]
    confusion: list[list[int]]
    box_sizes: dict[str, SizeHistogram]
    shown: list[ImageRow]
    worst: list[ImageRow]
