"""What a run found out about its tables, as settings that read another file in the same way."""

from __future__ import annotations

from data.series.columns import Layout
from data.series.config import SeriesDataConfig, TableReadingConfig
from data.series.frequency import Frequency


def resolve(config: SeriesDataConfig, layout: Layout, frequency: Frequency | None) -> TableReadingConfig:
    """Return all settings that say how the tables were read, with what was found out in the place of `auto`.

    What separates the cells is no part of what the numbers mean: each file shows it itself, unless the recipe says it.
    """
    found = {
        "layout": layout.shape if config.layout == "auto" else config.layout,
        "time_column": layout.time_column,
        "value_columns": tuple(layout.chosen(layout.values)),
        "series_column": layout.series_column,
        "covariate_columns": tuple(layout.chosen(layout.covariates)),
        "decimal": layout.decimal,
        "time_format": layout.form.name if layout.form else None,
        "time_language": (layout.form.language or None) if layout.form else None,
        "frequency": str(frequency) if frequency else "auto",
    }
    said = {name: getattr(config, name) for name in TableReadingConfig.model_fields}
    return TableReadingConfig(**{**said, **found})
