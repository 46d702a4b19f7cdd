"""Looks at raw series without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.forecasting.checks import ForecastValidationConfig, check_splits
from data.series.config import SeriesDataConfig
from pipeline.progress import Progress


def inspect(config: SeriesDataConfig, progress: Progress) -> dict[str, Any]:
    """Return what the series are like, and the findings of ingest and of the checks that a run makes next; see `data.series.check.inspect`."""
    from data.series.check import inspect

    found = inspect(config, progress)
    found["findings"] += check_splits(found["splits"], ForecastValidationConfig())
    return found
