"""What a run found out about its tables, as settings that read another file in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data.series.config import NO_TIME, SeriesDataConfig, TableReadingConfig
from data.series.frequency import Frequency

if TYPE_CHECKING:
    from data.series.tables.columns import Layout

# settings that say where in a file the table is: rows that a person takes out of one are the table alone
OF_A_PLACE = {"sheet", "header_row", "skip_rows"}


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


def reading_of(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of reading among the facts of an artifact, by name.

    Artifacts of version 1 say in `csv` what there was then, and the delimiter that their own file had.
    """
    if "reading" in facts or "csv" not in facts:
        told: dict[str, Any] = facts["reading"]
        return told
    known = {name: value for name, value in facts["csv"].items() if name != "delimiter" and value is not None}
    step = facts.get("frequency")
    frequency = str(Frequency(step["unit"], step["count"])) if step else "auto"
    return {"time_column": NO_TIME, **known, "frequency": frequency}
