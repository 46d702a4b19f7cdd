"""What TFDV is not shown of windows, and the constants that go on to the network."""

from __future__ import annotations

from typing import Any

from components.tasks.task import Sums
from pipeline.artifacts import Examples, Statistics

# each value of a history stands in a target too; where and when a window lies is no matter of statistics
PAYLOAD = ("series/history", "series/covariates", "series/scale", "series/row", "series/time")
SUMS = None


def describe(sums: Sums, examples: Examples) -> dict[str, Any]:
    """Return the properties of the statistics: the scaling constants, which ingest took from the training part alone."""
    del sums
    return {"scaling": examples.properties["scaling"]}


def page(examples: Examples) -> dict[str, Any]:
    """Return what `statistics.json` tells beside the features."""
    return {"values": examples.properties["values"], "scaling": examples.properties["scaling"]}


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write nothing: the report draws the series itself."""
