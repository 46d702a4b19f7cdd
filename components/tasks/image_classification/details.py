"""Details of a classifier's evaluation, `details.json`: all that the report draws; null where there is no value."""

from __future__ import annotations

from typing import TypedDict

Interval = list[float]  # lower and upper end


class ChanceBaseline(TypedDict):
    """What guessing each class alike reaches."""

    accuracy: float
    loss: float


class MajorityBaseline(TypedDict):
    """What always answering the commonest class of the training split reaches."""

    accuracy: float
    label: str


class Baselines(TypedDict):
    """What guessing reaches."""

    chance: ChanceBaseline
    majority: MajorityBaseline


class CalibrationRange(TypedDict):
    """How many predictions have a probability in a range."""

    low: float
    high: float
    count: int


class CalibrationBin(CalibrationRange, total=False):
    """Their mean probability and the share that is right, where there are any."""

    confidence: float
    accuracy: float


class ClassRow(TypedDict):
    """Figures of a class; `count` are its images, `predicted` those that were taken for it."""

    label: str
    count: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None
    precision_interval: Interval | None
    recall_interval: Interval | None
    f1_interval: Interval | None


class SliceRow(TypedDict):
    """Figures of the images that share a value of a recorded feature."""

    feature: str
    slice: str
    count: int
    values: dict[str, float]
    intervals: dict[str, Interval | None]


class WrongRow(TypedDict):
    """A wrong prediction; `picture` is its image's file in the artifact, `file` where it came from."""

    picture: str
    file: str
    label: str
    predicted: str
    probability: float
    probability_of_label: float


class ImageDetails(TypedDict):
    """The whole file.

    Attributes:
        count: images of the split.
        values, intervals: by metric.
        confusion: counts [true class, predicted class].
        wrong: the surest wrong predictions, surest first.
    """

    split: str
    labels: list[str]
    count: int
    values: dict[str, float]
    intervals: dict[str, Interval | None]
    confusion: list[list[int]]
    classes: list[ClassRow]
    calibration: list[CalibrationBin]
    calibration_error: float
    baselines: Baselines
    slices: list[SliceRow]
    wrong: list[WrongRow]
