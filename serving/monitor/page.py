"""One self-contained page of a monitoring: findings, features beside those of training, and their way through time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.statistics.describe import describe_feature
from components.tasks import find_task
from data.distances import find_feature
from pipeline.disk import replace_text
from pipeline.pages.templates import page_templates
from serving.monitor.comparison import Comparison, Finding, moment
from serving.monitor.training_data import TrainingData

if TYPE_CHECKING:
    from serving.monitor.options import Wish
    from serving.monitor.selection import Seen


def write_page(wish: Wish, training: TrainingData, seen: Seen, found: Comparison, target: Path) -> None:
    """Write the page."""
    environment = page_templates(Path(__file__).parent)
    environment.filters["moment"] = moment
    page = environment.get_template("monitor.html").render(
        wish=wish,
        training=training,
        seen=seen,
        found=found,
        features=[feature_row(name, training, found) for name in compared(found)],
        findings=[{"finding": finding, "when": when(finding, found)} for finding in found.findings],
        movements=movements(found),
        made=time.time(),
    )
    replace_text(target, page)


def compared(found: Comparison) -> list[str]:
    """List the features of which requests and training both have something."""
    return [item.feature for item in found.skew]


def feature_row(name: str, training: TrainingData, found: Comparison) -> dict[str, Any]:
    """Return a feature's statistics in training and in the requests, and their distance."""
    distance = next(item for item in found.skew if item.feature == name)
    sides = [(found.training, "training"), (found.requests, "requests")]
    cells = [
        describe_feature(find_feature(statistics, name), statistics.datasets[0].num_examples) for statistics, _ in sides
    ]
    predicted = find_task(training.task).monitoring.PREDICTED
    return {"name": name, "words": predicted.get(name, ""), "cells": cells, "distance": distance}


def when(finding: Finding, found: Comparison) -> str:
    """Say of which time a finding is; empty for one of all requests."""
    if not finding.span:
        return ""
    span = found.spans[finding.span - 1]
    return f"span {finding.span}: {moment(span.start)} to {moment(span.end)}"


def movements(found: Comparison) -> list[dict[str, Any]]:
    """Return for each feature its distance from the span before in every span but the first; None where it has none."""
    rows = []
    for name in sorted({item.feature for span in found.spans for item in span.drift}):
        by_span = [{item.feature: item for item in span.drift} for span in found.spans[1:]]
        rows.append({"name": name, "steps": [items.get(name) for items in by_span]})
    return rows
