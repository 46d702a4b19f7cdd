"""Facts of image classification: what its artifacts say of themselves in their manifests."""

from __future__ import annotations

from components.network_inputs import PixelStatistics
from pipeline.facts import ComparisonFacts, ExamplesFacts, ExportFacts, Facts, ModelFacts, StatisticsFacts


class DepthFacts(Facts):
    """Of images with more than 8 bits a value: how many these fill, see `data.images.depth`; None where none are."""

    deep_bits: int | None = None


class ImageExamplesFacts(ExamplesFacts, DepthFacts):
    """Of images with a class each.

    Attributes:
        labels: the classes in the order of their numbers.
        label_counts: images of each class by split.
        image_shape: (height, width, channels) that all have; None where sizes vary.
        channels: 1 (grey) or 3.
    """

    labels: list[str]
    label_counts: dict[str, list[int]]
    image_shape: tuple[int, int, int] | None
    channels: int


class PixelFacts(Facts):
    """Mean and standard deviation of the training pixels, as fractions of 255."""

    mean: float
    std: float
    channel_mean: list[float]
    channel_std: list[float]

    def constants(self) -> PixelStatistics:
        """Return them as networks take them: a spread of 0 (all pixels alike) counts as 1."""
        return PixelStatistics(
            mean=self.mean,
            std=self.std or 1.0,
            channel_mean=tuple(self.channel_mean),
            channel_std=tuple(value or 1.0 for value in self.channel_std),
        )


class ImageStatisticsFacts(StatisticsFacts):
    """Of statistics: the classes, and the networks' normalisation constants."""

    labels: list[str]
    pixels: PixelFacts


class ImageNetworkFacts(DepthFacts):
    """What a classifier takes and gives.

    Attributes:
        labels: the classes in the order of its outputs.
        input_shape: (height, width, channels).
        output: `probabilities` or `scores`, see `images.output_kind`.
        loss: that it was trained with.
    """

    labels: list[str]
    input_shape: tuple[int, int, int]
    output: str
    loss: str


class ImageModelFacts(ModelFacts, ImageNetworkFacts):
    """Of a trained classifier."""


class ImageComparison(ComparisonFacts):
    """Comparison with the last blessed model on the same images.

    Attributes:
        difference, interval: of the accuracy, with its 95 % interval.
        won, lost: images that are newly right, and newly wrong.
        p_worse: McNemar's, see `verdict.mcnemar`.
    """

    difference: float
    interval: list[float] | None
    won: int
    lost: int
    p_worse: float


class TfliteFacts(Facts):
    """Of a TensorFlow Lite file beside the SavedModel.

    Attributes:
        precision: kind of its numbers.
        split, examples: images that its answers were compared on.
        max_difference: largest one of a probability.
        same_class: share of the images that get the same class, 0..1.
    """

    precision: str
    bytes: int
    split: str
    examples: int
    max_difference: float
    same_class: float


class ImageExportFacts(ExportFacts, DepthFacts):
    """Of an exported classifier; `tflite` is None where none was asked for."""

    task: str
    signatures: list[str]
    labels: list[str]
    input_shape: tuple[int, int, int]
    network: str
    tflite: TfliteFacts | None
