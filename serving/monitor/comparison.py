"""Logged requests compared with the training data, and their spans with each other: distances and findings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.validation.comparison import read_schema, read_statistics
from data.validation.config import Limits
from serving.monitor.measuring import (
    Distance,
    distances,
    domain_anomalies,
    feature_types,
    keep_features,
    statistics_of,
)
from serving.monitor.task import MonitoringPart, Row
from serving.monitor.training_data import TrainingData

MIN_IN_SPAN = 30  # examples; fewer say nothing about a span


@dataclass(frozen=True)
class Finding:
    """Something beyond its limit.

    Attributes:
        kind: `skew` (requests against training), `prediction` (answers against the training's labels), `drift` (a span
            against the one before) or `schema`.
        span: which of the spans, from 1; 0 for all requests.
        distance, limit: None for `schema`.
    """

    kind: str
    feature: str
    detail: str
    span: int = 0
    distance: float | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Span:
    """Some requests in a row.

    Attributes:
        start, end: unix seconds of the first and the last of its examples.
        drift: distances from the span before.
    """

    start: float
    end: float
    examples: int
    statistics: Any
    drift: list[Distance]


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        skew: distances of all requests from the training split.
        spans: at least two, or none where there are too few examples.
    """

    training: Any
    requests: Any
    skew: list[Distance]
    spans: list[Span]
    findings: list[Finding]


def compare(
    training: TrainingData, part: MonitoringPart, timed: Sequence[tuple[float, Row]], spans: int, limits: Limits
) -> Comparison:
    """Compare rows, each with its time, with the training data and among themselves."""
    timed = sorted(timed, key=lambda item: item[0])
    rows = [row for _, row in timed]
    schema = read_schema(training.schema)
    types = feature_types(schema, rows)
    schema = keep_features(schema, list(types))
    trained = read_statistics(training.statistics, "train")
    requests = statistics_of(rows, types)
    skew = distances(trained, requests, schema, limits)
    parts = cut(timed, spans, types, schema, limits)
    findings = [Finding("schema", name, text) for name, text in domain_anomalies(requests, schema).items()]
    findings += [
        to_finding(item, "prediction" if item.feature in part.PREDICTED else "skew") for item in skew if item.beyond
    ]
    findings += [
        to_finding(item, "drift", number) for number, span in enumerate(parts, 1) for item in span.drift if item.beyond
    ]
    return Comparison(trained, requests, skew, parts, findings)


def cut(
    timed: Sequence[tuple[float, Row]], spans: int, types: dict[str, str], schema: Any, limits: Limits
) -> list[Span]:
    """Cut rows into equal parts in the order of their time, as many as are asked for and large enough."""
    count = min(spans, len(timed) // MIN_IN_SPAN)
    parts: list[Span] = []
    for number in range(count if count > 1 else 0):
        part = timed[number * len(timed) // count : (number + 1) * len(timed) // count]
        statistics = statistics_of([row for _, row in part], types)
        drift = distances(parts[-1].statistics, statistics, schema, limits) if parts else []
        parts.append(Span(part[0][0], part[-1][0], len(part), statistics, drift))
    return parts


def to_finding(distance: Distance, kind: str, span: int = 0) -> Finding:
    return Finding(kind, distance.feature, distance.detail, span, distance.value, distance.limit)


def moment(seconds: float) -> str:
    """Write the start or end of a span (UTC)."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
