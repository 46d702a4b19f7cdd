"""Findings that compare statistics: with the schema, between splits (skew) and with an earlier run (drift).

TFDV does the measuring.
"""

from __future__ import annotations

import math
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from data.distances import distances_of, find_feature
from data.findings import Finding, make
from data.tfdv import import_tfdv
from data.validation.config import Limits
from pipeline.artifacts import Schema, Statistics
from pipeline.figures import write_figures

# numbers by their type, names by their meaning: `image/class/text` and `image/object/class/text` are compared instead
NOT_COMPARED = ("image/class/label", "image/object/class/label")


def check_schema(statistics: Statistics, schema: Schema) -> list[Finding]:
    """Return a finding where a split does not keep to the schema.

    It is an error if the user wrote the schema, a warning if it was inferred.
    """
    tfdv = import_tfdv()
    proto = read_schema(schema)
    rows: list[dict[str, Any]] = []
    for split in statistics.facts.splits:
        found = tfdv.validate_statistics(read_statistics(statistics, split), proto)
        for feature, anomaly in sorted(found.anomaly_info.items()):
            rows.append({"file": feature, "detail": anomaly.description, "split": split})
        if found.HasField("dataset_anomaly_info"):
            rows.append({"detail": found.dataset_anomaly_info.description, "split": split})
    if not rows:
        return []
    curated = schema.facts.curated
    text = f"These features do not keep to {'your schema' if curated else 'what the training split looks like'}."
    compared = len(proto.feature) * len(statistics.facts.splits)
    return [make("schema", "error" if curated else "warning", compared, text, rows)]


def check_skew(statistics: Statistics, schema: Schema, limits: Limits) -> list[Finding]:
    """Return a finding where another split's examples differ from the training split's."""
    rows: list[dict[str, Any]] = []
    train = read_statistics(statistics, "train")
    for split in statistics.facts.splits:
        if split != "train":
            rows += differences(train, read_statistics(statistics, split), schema, limits, split)
    text = "These features differ between a split and the training split, so results on it may not be what they seem."
    return [make("skew", "warning", len(rows), text, rows)] if rows else []


def check_drift(statistics: Statistics, previous: Statistics, schema: Schema, limits: Limits) -> list[Finding]:
    """Return a finding where the training examples differ from the previous run's."""
    before, after = (read_statistics(item, "train") for item in (previous, statistics))
    rows = differences(before, after, schema, limits, "train")
    text = "These features differ from the previous run's training examples."
    return [make("drift", "warning", len(rows), text, rows)] if rows else []


def differences(before: Any, after: Any, schema: Schema, limits: Limits, split: str) -> list[dict[str, Any]]:
    """Return the features whose distance between two statistics is above its limit, with both figures."""
    proto = read_schema(schema)
    limit_of = set_limits(proto, limits, (before.datasets[0].num_examples, after.datasets[0].num_examples))
    rows = []
    for feature, distance in distances_of(before, after, proto).items():
        if distance > limit_of[feature] + 1e-9:  # 1.0000000000000002 occurs for sets that share nothing
            detail = f"distance {distance:.3f}, limit {limit_of[feature]:.3g} ({explain(before, after, feature)})"
            rows.append({"file": feature, "detail": detail, "split": split})
    return rows


def set_limits(proto: schema_pb2.Schema, limits: Limits, counts: tuple[int, int]) -> dict[str, float]:
    """Write the limits into a schema as TFDV wants them; return them by feature.

    Where the sets are so small that chance alone goes further, the general limits are raised to that; a feature's own
    is not.

    Args:
        counts: how many examples the two sets have.
    """
    by_chance = chance_distances(*counts)
    chosen = {}
    for feature in proto.feature:
        if feature.name in NOT_COMPARED and feature.name not in limits.features:
            continue
        text = feature.type == schema_pb2.FeatureType.BYTES
        general = max(limits.categorical, by_chance[0]) if text else max(limits.numeric, by_chance[1])
        limit = min(1.0, limits.features.get(feature.name, general))
        comparator = feature.drift_comparator
        (comparator.infinity_norm if text else comparator.jensen_shannon_divergence).threshold = limit
        chosen[feature.name] = limit
    return chosen


def chance_distances(first: int, second: int) -> tuple[float, float]:
    """Return the L-infinity and Jensen-Shannon distances that two samples of one source pass once in a thousand times.

    A share's difference has at most the deviation 0.5 sqrt(1/n + 1/m). Times 8 ln 2 / (1/n + 1/m) the divergence of two
    histograms is about chi-square distributed (Lin 1991), with ten degrees of freedom for TFDV's ten bins.
    """
    spread = 1 / max(first, 1) + 1 / max(second, 1)
    return 3.29 * 0.5 * math.sqrt(spread), 29.6 / (8 * math.log(2)) * spread


def explain(before: Any, after: Any, feature: str) -> str:
    """Say what moved: the mean of a number, or the value whose share changed most."""
    rows = [find_feature(statistics, feature) for statistics in (before, after)]
    if all(row is not None and row.HasField("num_stats") for row in rows):
        return "mean " + " -> ".join(write_figures([row.num_stats.mean for row in rows]))
    shares = [value_shares(row) for row in rows]
    value = max(
        sorted(shares[0].keys() | shares[1].keys()),
        key=lambda key: abs(shares[1].get(key, 0) - shares[0].get(key, 0)),
        default="",
    )
    return f"share of `{value}` {shares[0].get(value, 0):.1%} -> {shares[1].get(value, 0):.1%}"


def value_shares(row: Any) -> dict[str, float]:
    """Return the share of each value of a text feature among all values; an example may have several."""
    if row is None:
        return {}
    total = max(row.string_stats.common_stats.tot_num_values, 1)
    return {bucket.label: bucket.sample_count / total for bucket in row.string_stats.rank_histogram.buckets}


def read_statistics(statistics: Statistics, split: str) -> Any:
    """Read one split's statistics."""
    return statistics_pb2.DatasetFeatureStatisticsList.FromString(statistics.file(f"{split}.pb").read_bytes())


def read_schema(schema: Schema) -> schema_pb2.Schema:
    """Read the sealed schema."""
    return text_format.Parse(schema.file("schema.pbtxt").read_text("utf-8"), schema_pb2.Schema())
