"""What TFDV is not shown of windows, and the constants that go on to the network."""

from __future__ import annotations

from typing import Any

from components.tasks.forecasting.facts import ForecastExamplesFacts
from components.tasks.task import Sums
from pipeline.artifacts import Examples, Statistics

# each value of a history stands in a target too; where and when a window lies is no matter of statistics
PAYLOAD = ("series/history", "series/covariates", "series/scale", "series/row", "series/time")
SUMS = None


def describe(sums: Sums, examples: Examples) -> dict[str, Any]:
    """Return the statistics' own facts: the scaling constants, which ingest took from the training part alone."""
    del sums
    return {"scaling": scaling_of(examples)}


def page(examples: Examples) -> dict[str, Any]:
    """Return what `statistics.json` tells beside the features."""
    return {"values": examples.facts_as(ForecastExamplesFacts).values, "scaling": scaling_of(examples)}


def scaling_of(examples: Examples) -> dict[str, list[float]]:
    """Return the constants as manifests and files hold them."""
    return examples.facts_as(ForecastExamplesFacts).scaling.model_dump(mode="json")


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write nothing: the report draws the series itself."""
