"""TFDV's statistics as plain numbers, for the report and the monitor's page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypedDict

from tensorflow_metadata.proto.v0 import statistics_pb2

EQUAL_WIDTHS = 0  # kind of a histogram


class FeatureCounts(TypedDict):
    """How many examples have a feature, and how many lack it."""

    name: str
    count: int
    missing: int


class NumberSummary(FeatureCounts):
    """A feature of numbers; `histogram` has rows of lower edge, upper edge and count."""

    kind: Literal["number"]
    mean: float
    std: float
    min: float
    median: float
    max: float
    zeros: int
    histogram: list[tuple[float, float, float]]


class TextSummary(FeatureCounts):
    """A feature of texts; `top` has the most frequent values with their counts."""

    kind: Literal["text"]
    unique: int
    average_length: float
    top: list[tuple[str, int]]


FeatureSummary = NumberSummary | TextSummary


class SplitSummary(TypedDict):
    """A split: its number of examples, and its features by name."""

    examples: int
    features: list[FeatureSummary]


def summarize(file: Path) -> SplitSummary:
    """Return what a file of TFDV's statistics says of a split."""
    dataset = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes()).datasets[0]
    features = [summarize_feature(feature, dataset.num_examples) for feature in dataset.features]
    return SplitSummary(examples=dataset.num_examples, features=sorted(features, key=lambda row: row["name"]))


def summarize_feature(feature: statistics_pb2.FeatureNameStatistics, examples: int) -> FeatureSummary:
    """Return what TFDV's statistics say of a feature.

    Args:
        examples: that there are.
    """
    has_numbers = feature.HasField("num_stats")
    common = (feature.num_stats if has_numbers else feature.string_stats).common_stats
    counts = FeatureCounts(
        name="/".join(feature.path.step),
        count=common.num_non_missing,
        missing=examples - common.num_non_missing,
    )
    return (
        summarize_numbers(feature.num_stats, counts) if has_numbers else summarize_texts(feature.string_stats, counts)
    )


def summarize_numbers(numbers: statistics_pb2.NumericStatistics, counts: FeatureCounts) -> NumberSummary:
    histograms = [histogram.buckets for histogram in numbers.histograms if histogram.type == EQUAL_WIDTHS]
    bars = histograms[0] if histograms else []
    return NumberSummary(
        **counts,
        kind="number",
        mean=numbers.mean,
        std=numbers.std_dev,
        min=numbers.min,
        median=numbers.median,
        max=numbers.max,
        zeros=numbers.num_zeros,
        histogram=[(bar.low_value, bar.high_value, bar.sample_count) for bar in bars],
    )


def summarize_texts(texts: statistics_pb2.StringStatistics, counts: FeatureCounts) -> TextSummary:
    return TextSummary(
        **counts,
        kind="text",
        unique=texts.unique,
        average_length=texts.avg_length,
        top=[(bucket.label, int(bucket.sample_count)) for bucket in texts.rank_histogram.buckets],
    )
