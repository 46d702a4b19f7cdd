"""Looks at raw series without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from data.series_data import SeriesDataConfig
from pipeline.progress import Progress


def inspect(config: SeriesDataConfig, progress: Progress) -> dict[str, Any]:
    """Return what the series are like, and the findings; see `data.series_check.inspect`."""
    from data.series_check import inspect

    return inspect(config, progress)
