"""Turns tables of series into sharded TFRecords of windows, the clean series beside them, and a list of what is wrong with the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from data.beam_config import BeamConfig
from data.locate import locate, source_trees
from data.raw import RawDataConfig
from data.series.config import SeriesDataConfig
from pipeline.artifacts import Examples
from pipeline.component import Context, SourceTree
from pipeline.progress import Progress
from pipeline.settings import narrow

REJECTED = "rejected.json"


def sources(config: RawDataConfig, beam: BeamConfig, progress: Progress) -> list[SourceTree]:
    """Find the raw files, fetching a data set of the catalogue that is not here yet."""
    return [SourceTree(root, files) for root, files in source_trees(config, progress)]


def write_examples(examples: Examples, config: RawDataConfig, beam: BeamConfig, context: Context) -> None:
    """Write `<split>-*.tfrecord`, `series.json`, the arrays of the clean series and `rejected.json`.

    Raises:
        UserError: no such data, lines that cannot be used, or series too short for a window.
    """
    from data.series.ingest import survey, write_windows  # with Beam, which finding the sources does without

    path, settings = locate(narrow(config, SeriesDataConfig), context.progress)
    found = survey(path, settings, context.scratch / "rows", context.progress)
    plan, scaling = write_windows(found, settings, beam, examples.path, str(path), context.progress)
    rejected = found.findings.report(found.staged.offsets[-1])
    examples.write_json(REJECTED, rejected)
    examples.properties = describe(found, settings) | {
        "splits": plan.counts(),
        "scaling": scaling,
        "rejected": sum(item["count"] for item in rejected if item["severity"] == "warning"),
    }


def describe(found: Any, config: SeriesDataConfig) -> dict[str, Any]:
    """Return the facts that the steps after this one need."""
    layout, cuts = found.layout, found.cuts
    return {
        "task": "forecasting",
        "values": layout.chosen(layout.values),
        "covariates": layout.chosen(layout.covariates),
        "history": found.history,
        "horizon": config.horizon,
        "stride": config.stride,
        "frequency": found.frequency.as_property() if found.frequency else None,
        "season": found.season,
        "times": bool(layout.time),
        "series": len(found.kept),
        "rows": sum(span.rows for span in found.spans),
        "cuts": {
            "validation": cuts.validation,
            "test": cuts.test,
            "validation_time": step_time(found, cuts.validation_at),
            "test_time": step_time(found, cuts.test_at),
        },
        "filled": found.filled,
        "source": f"{Path(config.path).name} ({found.format})",
        "csv": {
            "time_column": layout.time_column,
            "value_columns": layout.chosen(layout.values),
            "series_column": config.series_column,
            "covariate_columns": layout.chosen(layout.covariates),
            "encoding": config.encoding,
            "delimiter": layout.tables[0].delimiter,
            "decimal": layout.decimal,
            "time_format": layout.form.name if layout.form else None,
            "fill": config.fill,
            "missing": list(config.missing),
        },
    }


def step_time(found: Any, step: int) -> str | None:
    """Return the time of a step of the grid as ISO 8601; None without times."""
    grid = found.kept[0].grid
    if grid is None:
        return None
    return str(np.datetime64(int(grid.times(np.array([step]))[0]), "s"))
