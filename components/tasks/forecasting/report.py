"""What the report of a forecaster shows: its figures beside every baseline, the series, forecasts, errors, gates and states."""

from __future__ import annotations

from typing import Any

from components.tasks.forecasting import report_charts
from components.tasks.forecasting.metric_list import METRICS
from labline.report.sections import Artifacts, Inline, features, in_order, read
from pipeline.artifacts import Artifact

CURVES = ("loss", "mae")  # curves of the training
WIDE_IMAGES = True
BESIDE = 3  # baselines beside the model in the headline figure
LSTMS = 4


def figures(run: dict[str, Any], artifacts: Artifacts) -> list[dict[str, Any]]:
    """Return the headline figures with intervals, and what the baselines and the last blessed model reach."""
    evaluation, blessing = artifacts.get("evaluation"), artifacts.get("blessing")
    metrics = run.get("metrics") or (evaluation.properties.get("metrics") if evaluation else None) or {}
    intervals = evaluation.properties.get("intervals", {}) if evaluation else {}
    details = read(evaluation, "details.json") or {}
    before = ((blessing.properties.get("comparison") if blessing else None) or {}).get("metrics", {})
    split = details.get("split", "test")
    rows = []
    for name, metric in METRICS.items():
        key = f"{split}/{name}"
        if key not in metrics or not metric.title:
            continue
        others = [(row["name"], row.get(name)) for row in beside(details.get("baselines", []))]
        if name == "coverage" and "level" in details:
            others = [("asked for", details["level"])]
        rows.append({
            "key": key, "words": metric.title, "value": metrics[key], "interval": intervals.get(name), "before": before.get(name),
            "others": [(label, value) for label, value in others if value is not None], "scale": False,
        })  # fmt: skip
    return rows


def beside(baselines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the baselines that are hardest to beat, and the last value always."""
    known = [row for row in baselines if row["rmse"] is not None]
    last = [row for row in known if row["name"] == "last value"]
    best = [row for row in known if row not in last][: BESIDE - len(last)]
    return [*best, *last]


def data(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return the facts of the windows, the scaling constants, and the statistics of every feature side by side."""
    del inline
    examples, statistics, schema = (artifacts.get(name) for name in ("examples", "statistics", "schema"))
    if examples is None:
        return None
    measures = in_order((read(statistics, "statistics.json") or {}).get("splits", {}))
    text = schema.file("schema.pbtxt") if schema else None
    facts = examples.properties
    return {
        "facts": facts, "splits": list(in_order(facts.get("splits", {}))), "features": features(measures), "feature_splits": list(measures),
        "schema": text.read_text("utf-8") if text and text.is_file() else "",
        "curated": bool(schema and schema.properties.get("curated")),
        "drawn": (read(artifacts.get("evaluation"), "details.json") or {}).get("series_drawn", []),
    }  # fmt: skip


def images(model: Artifact, inline: Inline) -> dict[str, list[str]]:
    """Return images of what the network answers and remembers, by title."""
    traces = sorted(path.name for path in model.file("pictures").glob("traces_*.png"))[:LSTMS]
    groups = {
        "Training windows and their forecasts": ["windows.png"],
        "Gates and states of an LSTM over one window": traces,
    }
    return {
        title: [image for name in names if (image := inline(model, f"pictures/{name}"))]
        for title, names in groups.items()
    }


def remark(model: Artifact) -> str:
    """Say how the bounds came to be."""
    intervals = model.properties.get("intervals")
    if not intervals:
        return ""
    return f"The bounds are to hold {100 * intervals['level']:g} % of the values; they were calibrated on {intervals['windows']:,} windows of the {intervals['split']} split."


def evaluation(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return baselines, forecasts, errors and backtest, with the functions that draw them."""
    del inline
    details = read(artifacts.get("evaluation"), "details.json")
    if details is None:
        return None
    nearest = [row["name"] for row in beside(details["baselines"])]
    return {**details, "nearest": nearest, "drawings": report_charts}


def queries(name: str, address: str, workspace: str) -> dict[str, str]:
    """Return what to type to ask the served model.

    Args:
        address: of its `:predict`.
        workspace: the option that names the workspace, or nothing.
    """
    return {
        "predict": f"labline predict {name} series.csv{workspace}",
        "query": f"""curl -s -d '{{"inputs": {{"history": [[[1.5], [2.5], ...]]}}}}' {address}""",
    }
