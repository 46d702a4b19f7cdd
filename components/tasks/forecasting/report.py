"""What a forecaster's report shows: its figures beside every baseline, the series, forecasts, errors, gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from components.tasks.forecasting import report_charts
from components.tasks.forecasting.details import BaselineRow, ForecastDetails
from components.tasks.forecasting.facts import ForecastExamplesFacts, ForecastNetworkFacts
from components.tasks.forecasting.metric_list import METRICS
from components.tasks.shared_report import headline, in_order, read, recorded
from components.tasks.task import Artifacts, Inline
from pipeline.artifacts import Artifact

CURVES = ("loss", "mae")  # curves of the training
WIDE_IMAGES = True
BESIDE = 3  # baselines beside the model in the headline figure
LSTMS = 4


def figures(run: dict[str, Any], artifacts: Artifacts) -> list[dict[str, Any]]:
    """Return the headline figures with intervals, and what the baselines and the last blessed model reach."""
    details = read_details(artifacts)
    nearest = beside(details["baselines"]) if details else []

    def others(name: str) -> list[tuple[str, float | None]]:
        if name == "coverage" and details:
            return [("asked for", details["level"])]
        return [(row["name"], cast("Mapping[str, float | None]", row).get(name)) for row in nearest]

    return headline(run, artifacts, METRICS, others)


def read_details(artifacts: Artifacts) -> ForecastDetails | None:
    """Return the details of the evaluation; None where there was none."""
    details: ForecastDetails | None = read(artifacts.get("evaluation"), "details.json")
    return details


def beside(baselines: list[BaselineRow]) -> list[BaselineRow]:
    """Return the baselines that are hardest to beat, and the last value always."""
    known = [row for row in baselines if row["rmse"] is not None]
    last = [row for row in known if row["name"] == "last value"]
    best = [row for row in known if row not in last][: BESIDE - len(last)]
    return [*best, *last]


def data(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return the facts of the windows, the scaling constants, and the statistics of every feature side by side."""
    del inline
    examples = artifacts.get("examples")
    if examples is None:
        return None
    facts = examples.facts_as(ForecastExamplesFacts)
    splits = list(in_order(facts.splits))
    details = read_details(artifacts)
    return recorded(facts, artifacts) | {"splits": splits, "drawn": details["series_drawn"] if details else []}


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
    intervals = model.facts_as(ForecastNetworkFacts).intervals
    windows = f"{intervals.windows:,} windows of the {intervals.split} split"
    return f"The bounds are to hold {100 * intervals.level:g} % of the values; they were calibrated on {windows}."


def evaluation(artifacts: Artifacts, inline: Inline) -> dict[str, Any] | None:
    """Return baselines, forecasts, errors and backtest, with the functions that draw them."""
    del inline
    details = read_details(artifacts)
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
