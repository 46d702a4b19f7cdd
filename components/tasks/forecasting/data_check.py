"""Looks at raw series without writing anything, for `labline data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.tasks.forecasting.checks import check_splits
from components.tasks.forecasting.config import ForecastValidationConfig
from components.validation.stopping import conclude, unusable_files
from data import formats
from data.config import RawDataConfig
from data.detection.labelled import has_images
from data.series import check as series_check
from data.series.config import SeriesDataConfig
from data.validation.config import ValidationConfig
from pipeline.progress import Progress
from pipeline.settings import narrow


def inspect(config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the series are like, with the findings of ingest and of the checks, and whether a run would stop.

    See `data.series.check.inspect`.
    """
    config, validation = narrow(config, SeriesDataConfig), narrow(validation, ForecastValidationConfig)
    found = series_check.inspect(config, progress)
    checked = check_splits(found["splits"], validation)
    return conclude(found, checked, unusable_files(found["findings"], found["splits"]), validation)


def recognize(place: Path) -> int:
    """Say that tables are series, where no images lie beside them."""
    return int(formats.looks_like(place, "forecasting") and not has_images(place))
