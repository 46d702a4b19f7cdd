"""How far features lie apart in two of TFDV's statistics, also where a number never changes on one side."""

from __future__ import annotations

import math
from typing import Any

from data.tfdv import import_tfdv


def distances_of(before: Any, after: Any, schema: Any) -> dict[str, float]:
    """Return the distance of each feature with a drift comparator in the schema: 0 (alike) to 1 (nothing in common)."""
    found = import_tfdv().validate_statistics(after, schema, previous_statistics=before)
    measured = {
        "/".join(info.path.step): measurement.value
        for info in found.drift_skew_info
        for measurement in info.drift_measurements
    }
    return {feature: constant_distance(before, after, feature, value) for feature, value in measured.items()}


def constant_distance(before: Any, after: Any, feature: str, measured: float) -> float:
    """Return the Jensen-Shannon divergence where a number never changes on one side, else what TFDV measured.

    TFDV finds nothing in common between a histogram without width and one that has the value in its last bar.
    """
    sides = [find_feature(statistics, feature) for statistics in (before, after)]
    if not all(side is not None and side.HasField("num_stats") for side in sides):
        return measured
    numbers = [side.num_stats for side in sides]
    if not all(side.common_stats.num_non_missing for side in numbers):
        return measured
    constant, other = sorted(numbers, key=lambda side: side.max - side.min)
    if constant.min != constant.max:
        return measured
    if other.min == other.max:
        return float(other.min != constant.min)
    bars: Any = next((histogram.buckets for histogram in other.histograms if histogram.type == 0), [])
    total = sum(bar.sample_count for bar in bars)
    # the last bar holds its upper end, too
    holding = [
        bar
        for bar in bars
        if bar.low_value <= constant.min < bar.high_value or constant.min == bar.high_value == other.max
    ]
    return divergence_from_point(holding[0].sample_count / total if holding and total else 0.0)


def divergence_from_point(share: float) -> float:
    """Return the Jensen-Shannon divergence (base 2) between all in one bar and a histogram with this share in it."""
    middle = (1 + share) / 2
    own = math.log2(1 / middle)
    theirs = (share * math.log2(share / middle) if share else 0.0) + (1 - share) * math.log2(2)
    return (own + theirs) / 2


def find_feature(statistics: Any, feature: str) -> Any:
    """Return a feature's statistics, or None."""
    return next((row for row in statistics.datasets[0].features if "/".join(row.path.step) == feature), None)
