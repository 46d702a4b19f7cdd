"""One self-contained page of a monitoring: findings, features beside those of training, and their way through time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from components.statistics.summary import summarize_feature
from data.distances import find_feature
from pipeline.disk import replace_text
from pipeline.pages.templates import page_templates
from serving.monitor.comparison import Comparison, Finding, moment
from serving.monitor.measuring import Distance
from serving.monitor.options import MonitorOptions
from serving.monitor.selection import ReadCounts
from serving.monitor.task import MonitoringPart
from serving.monitor.training_data import TrainingData


def write_page(
    options: MonitorOptions,
    training: TrainingData,
    part: MonitoringPart,
    counts: ReadCounts,
    comparison: Comparison,
    target: Path,
) -> None:
    """Write the page."""
    environment = page_templates(Path(__file__).with_name("templates"))
    environment.filters["moment"] = moment
    page = environment.get_template("monitor.html").render(
        options=options,
        training=training,
        counts=counts,
        comparison=comparison,
        features=[feature_row(item, part, comparison) for item in comparison.skew],
        findings=[{"finding": finding, "when": when(finding, comparison)} for finding in comparison.findings],
        movements=movements(comparison),
        made=time.time(),
    )
    replace_text(target, page)


def feature_row(distance: Distance, part: MonitoringPart, comparison: Comparison) -> dict[str, Any]:
    """Return a feature's statistics in training and in the requests, and their distance."""
    name = distance.feature
    cells = [
        summarize_feature(find_feature(statistics, name), statistics.datasets[0].num_examples)
        for statistics in (comparison.training, comparison.requests)
    ]
    return {"name": name, "words": part.PREDICTED.get(name, ""), "cells": cells, "distance": distance}


def when(finding: Finding, comparison: Comparison) -> str:
    """Say of which time a finding is; empty for one of all requests."""
    if not finding.span:
        return ""
    span = comparison.spans[finding.span - 1]
    return f"span {finding.span}: {moment(span.start)} to {moment(span.end)}"


def movements(comparison: Comparison) -> list[dict[str, Any]]:
    """Return for each feature its distance from the span before in every span but the first; None where it has none."""
    rows = []
    for name in sorted({item.feature for span in comparison.spans for item in span.drift}):
        by_span = [{item.feature: item for item in span.drift} for span in comparison.spans[1:]]
        rows.append({"name": name, "steps": [items.get(name) for items in by_span]})
    return rows
