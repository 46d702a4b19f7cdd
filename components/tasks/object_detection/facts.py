"""Facts of object detection: what its artifacts say of themselves in their manifests."""

from __future__ import annotations

from pipeline.facts import EvaluationFacts, ExamplesFacts, ExportFacts, Facts, ModelFacts, StatisticsFacts


class DetectionExamplesFacts(ExamplesFacts):
    """Of images with boxes.

    Attributes:
        labels: the classes in the order of their numbers, which count from 1.
        label_counts: boxes of each class by split.
        boxes, empty: boxes, and images without any, by split.
        image_shape: None: sizes vary.
        channels: of the images.
    """

    labels: list[str]
    label_counts: dict[str, list[int]]
    boxes: dict[str, int]
    empty: dict[str, int]
    image_shape: None
    channels: int


class DetectionStatisticsFacts(StatisticsFacts):
    """Of statistics: the classes."""

    labels: list[str]


class WarmStartFacts(Facts):
    """Where the weights that a training began with came from, and what became of how many variables."""

    origin: str
    loaded: int
    fresh: int
    missing: int
    mismatched: int


class DetectorNetworkFacts(Facts):
    """What a detector finds, and how large it is; `warm_start` is None where it was trained from nothing."""

    labels: list[str]
    input_size: int
    width: float
    warm_start: WarmStartFacts | None


class DetectorModelFacts(ModelFacts, DetectorNetworkFacts):
    """Of a trained detector."""


class DetectionEvaluationFacts(EvaluationFacts):
    """Of an evaluation; `score` is the one at which F1 is largest."""

    score: float


class TfliteFacts(Facts):
    """Of a TensorFlow Lite file beside the SavedModel, compared with the network on some images.

    Attributes:
        precision: kind of its numbers.
        split, examples: images that were asked about.
        least_score: detections below are not compared.
        max_difference: of scores and edges, see `parity.compare`.
        detections, matched, extra, max_score_difference, max_box_difference: see `parity.Agreement`.
    """

    precision: str
    bytes: int
    split: str
    examples: int
    least_score: float
    max_difference: float
    detections: int
    matched: int
    extra: int
    max_score_difference: float
    max_box_difference: float


class DetectorExportFacts(ExportFacts):
    """Of an exported detector; `tflite` is None where none was asked for."""

    task: str
    signatures: list[str]
    default_signature: str
    labels: list[str]
    input_size: int
    network: str
    tflite: TfliteFacts | None
