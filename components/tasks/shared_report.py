"""What the reports of all tasks read of a run's artifacts; missing artifacts and files give None, never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.tasks.task import Artifacts
from pipeline.artifacts import Artifact, Blessing, Evaluation, Schema
from pipeline.facts import Change, ExamplesFacts
from pipeline.metric import Metric

Others = Callable[[str], list[tuple[str, float | None]]]


def headline(
    run: dict[str, Any], artifacts: Artifacts, figures: dict[str, Metric], others: Others, scaled: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Return the figures that a run has, with intervals and what others reach.

    Args:
        figures: by their names; those without a title are not shown.
        others: gives what others reach in the figure of that name; None where one has none.
        scaled: figures that are drawn on a line from 0 to 1.
    """
    evaluation = artifacts.get("evaluation")
    if not isinstance(evaluation, Evaluation):
        return []
    facts = evaluation.facts
    metrics, split = run.get("metrics") or facts.metrics, facts.split
    before = last_blessed(artifacts)
    return [
        {
            "key": f"{split}/{name}",
            "words": metric.title,
            "value": metrics[f"{split}/{name}"],
            "interval": facts.intervals.get(name),
            "before": before.get(name),
            "others": [(label, value) for label, value in others(name) if value is not None],
            "scale": name in scaled,
        }
        for name, metric in figures.items()
        if metric.title and f"{split}/{name}" in metrics
    ]


def last_blessed(artifacts: Artifacts) -> dict[str, Change]:
    """Return the figures of the last blessed model on the same examples, by name; none where there was none."""
    blessing = artifacts.get("blessing")
    comparison = blessing.facts.comparison if isinstance(blessing, Blessing) else None
    return comparison.metrics if comparison else {}


def recorded(facts: ExamplesFacts, artifacts: Artifacts) -> dict[str, Any]:
    """Return the facts of the examples, the statistics of each feature in each split, and the schema."""
    schema = artifacts.get("schema")
    splits = in_order((read(artifacts.get("statistics"), "statistics.json") or {}).get("splits", {}))
    text = schema.file("schema.pbtxt") if schema else None
    return {
        "facts": facts,
        "features": features(splits),
        "feature_splits": list(splits),
        "schema": text.read_text("utf-8") if text and text.is_file() else "",
        "curated": isinstance(schema, Schema) and schema.facts.curated,
    }


def counted(counts: dict[str, list[int]], labels: list[str], most_classes: int) -> dict[str, Any]:
    """Return the splits and the number of examples of each class in each of them.

    Args:
        counts: split -> number by class.
        most_classes: of more the first.
    """
    counts = in_order(counts)
    return {
        "splits": list(counts),
        "classes": [
            {"label": label, "counts": [numbers[place] for numbers in counts.values()]}
            for place, label in enumerate(labels[:most_classes])
        ],
        "more": max(0, len(labels) - most_classes),
        "most": max((count for numbers in counts.values() for count in numbers), default=0),
    }


def in_order(splits: dict[str, Any]) -> dict[str, Any]:
    """Put splits in the order people think of them."""
    order = {"train": 0, "validation": 1, "test": 2}
    return {name: splits[name] for name in sorted(splits, key=lambda name: (order.get(name, 3), name))}


def features(splits: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row a feature with its statistics in each split; None where a split lacks it."""
    names = sorted({row["name"] for split in splits.values() for row in split["features"]})
    by_split = [{row["name"]: row for row in split["features"]} for split in splits.values()]
    return [{"name": name, "splits": [rows.get(name) for rows in by_split]} for name in names]


def read(artifact: Artifact | None, name: str) -> Any:
    """Return one of an artifact's JSON files, or None where there is no such artifact or file."""
    if artifact is None or not artifact.file(name).is_file():
        return None
    return artifact.read_json(name)
