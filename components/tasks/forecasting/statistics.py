"""What TFDV is not shown of windows, and the constants that go on to the network."""

from __future__ import annotations

from typing import Any

from components.tasks.forecasting.facts import ForecastExamplesFacts, ForecastStatisticsFacts
from components.tasks.task import Sums
from pipeline.artifacts import Examples, Statistics

# each value of a history stands in a target too; where and when a window lies is no matter of statistics
PAYLOAD = ("series/history", "series/covariates", "series/scale", "series/row", "series/time")
SUMS = None


def facts(examples: Examples, splits: list[str], sums: Sums) -> ForecastStatisticsFacts:
    """Return what the statistics say of themselves: constants, which ingest took from the training part alone."""
    del sums
    scaling = examples.facts_as(ForecastExamplesFacts).scaling
    return ForecastStatisticsFacts(task=examples.task, splits=splits, scaling=scaling)


def page(examples: Examples) -> dict[str, Any]:
    """Return what `statistics.json` tells beside the features."""
    return examples.facts_as(ForecastExamplesFacts).model_dump(mode="json", include={"values", "scaling"})


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write nothing: the report draws the series itself."""
