"""TFDV's statistics of rows of features, and how far two of them lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow
from tensorflow_metadata.proto.v0 import schema_pb2

from data.distances import distances_of, find_feature
from data.tfdv import import_tfdv
from data.validation.comparison import explain, set_limits
from data.validation.config import Limits
from serving.monitor.task import Row

ARROW_TYPES = {"INT": pyarrow.int64(), "FLOAT": pyarrow.float32(), "BYTES": pyarrow.binary()}


@dataclass(frozen=True)
class Distance:
    """How far a feature lies apart in two sets.

    Attributes:
        value: 0 (alike) to 1 (nothing in common).
        detail: what moved.
    """

    feature: str
    value: float
    limit: float
    detail: str

    @property
    def beyond(self) -> bool:
        return self.value > self.limit + 1e-9  # 1.0000000000000002 occurs for sets that share nothing


def statistics_of(rows: Sequence[Row], types: dict[str, str]) -> Any:
    """Return TFDV's statistics of rows.

    Args:
        types: feature -> INT, FLOAT or BYTES; of other features nothing is counted.
    """
    tfdv = import_tfdv()
    columns = {
        name: pyarrow.array([row.get(name) for row in rows], pyarrow.list_(ARROW_TYPES[kind]))
        for name, kind in types.items()
    }
    batch = pyarrow.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    options = tfdv.StatsOptions(num_rank_histogram_buckets=100)
    return tfdv.statistics.stats_impl.generate_statistics_in_memory(batch, options)


def feature_types(schema: schema_pb2.Schema, rows: Sequence[Row]) -> dict[str, str]:
    """Return the types of the features that the schema knows and any row has."""
    seen = {name for row in rows for name in row}
    named = {feature.name: schema_pb2.FeatureType.Name(feature.type) for feature in schema.feature}
    return {name: kind for name, kind in sorted(named.items()) if name in seen and kind in ARROW_TYPES}


def keep_features(schema: schema_pb2.Schema, names: Sequence[str]) -> schema_pb2.Schema:
    """Return a schema of these features alone.

    They may be missing or many: what a request lacks is no fault of its values.
    """
    kept = schema_pb2.Schema()
    kept.string_domain.extend(schema.string_domain)
    for feature in schema.feature:
        if feature.name in names:
            added = kept.feature.add()
            added.CopyFrom(feature)
            for field_name in ("presence", "shape", "value_count"):
                added.ClearField(field_name)
    return kept


def distances(before: Any, after: Any, schema: schema_pb2.Schema, limits: Limits) -> list[Distance]:
    """Return how far each feature of a schema lies apart in two statistics; one that either lacks is left out."""
    proto = schema_pb2.Schema()
    proto.CopyFrom(schema)
    counts = (before.datasets[0].num_examples, after.datasets[0].num_examples)
    limit_of = set_limits(proto, limits, counts)
    return [
        Distance(name, value, limit_of[name], explain(before, after, name))
        for name, value in sorted(distances_of(before, after, proto).items())
        if name in limit_of and has_values(before, name) and has_values(after, name)
    ]


def has_values(statistics: Any, feature: str) -> bool:
    """Say whether any example has a feature."""
    row = find_feature(statistics, feature)
    if row is None:
        return False
    kind = row.num_stats if row.HasField("num_stats") else row.string_stats
    return bool(kind.common_stats.num_non_missing)


def domain_anomalies(statistics: Any, schema: schema_pb2.Schema) -> dict[str, str]:
    """Return what of the statistics does not keep to a schema, by feature."""
    found = import_tfdv().validate_statistics(statistics, schema)
    return {feature: anomaly.description for feature, anomaly in sorted(found.anomaly_info.items())}
