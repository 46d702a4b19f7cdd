"""TFDV's statistics as plain numbers, for the report and the monitor's page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2


def describe(file: Path) -> dict[str, Any]:
    """Return one split's statistics as plain numbers for the report."""
    dataset = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes()).datasets[0]
    features = sorted(
        (describe_feature(feature, dataset.num_examples) for feature in dataset.features), key=lambda row: row["name"]
    )
    return {"examples": dataset.num_examples, "features": features}


def describe_feature(feature: Any, examples: int) -> dict[str, Any]:
    """Return one feature's statistics as plain numbers."""
    kind = "number" if feature.HasField("num_stats") else "text"
    common = (feature.num_stats if kind == "number" else feature.string_stats).common_stats
    row = {
        "name": "/".join(feature.path.step),
        "kind": kind,
        "count": common.num_non_missing,
        "missing": examples - common.num_non_missing,
    }
    if kind == "text":
        text = feature.string_stats
        top = [[bucket.label, int(bucket.sample_count)] for bucket in text.rank_histogram.buckets]
        return {**row, "unique": text.unique, "average_length": text.avg_length, "top": top}
    numbers = feature.num_stats
    bars: Any = next(
        (histogram.buckets for histogram in numbers.histograms if histogram.type == 0), []
    )  # 0: equal widths
    return {
        **row, "mean": numbers.mean, "std": numbers.std_dev, "min": numbers.min, "median": numbers.median, "max": numbers.max,
        "zeros": numbers.num_zeros, "histogram": [[bar.low_value, bar.high_value, bar.sample_count] for bar in bars],
    }  # fmt: skip
