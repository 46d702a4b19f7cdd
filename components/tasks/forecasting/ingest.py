"""Turns tables of series into TFRecords of windows, with the clean series and a list of what is wrong with the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.tasks.forecasting.facts import (
    CutFacts,
    ForecastExamplesFacts,
    FrequencyFacts,
    ScalingFacts,
    TimeFormFacts,
)
from data.config import BeamConfig, RawDataConfig
from data.locate import locate
from data.series.config import SeriesDataConfig
from data.series.ingest import Survey, survey, write_windows
from data.series.resolving import resolve
from data.series.times.forms import TimeForm
from data.series.windows import Plan
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.settings import narrow

REJECTED = "rejected.json"


def write_examples(examples: Examples, config: RawDataConfig, beam: BeamConfig, context: Context) -> None:
    """Write `<split>-*.tfrecord`, `series.json`, the arrays of the clean series and `rejected.json`.

    Raises:
        UserError: no such data, lines that cannot be used, or series too short for a window.
    """
    path, settings = locate(narrow(config, SeriesDataConfig), context.progress)
    found = survey(path, settings, context.scratch / "rows", context.progress)
    plan, scaling = write_windows(found, settings, beam, examples.path, str(path), context.progress)
    rejected = found.findings.report(found.staged.offsets[-1])
    examples.write_json(REJECTED, rejected)
    warned = sum(item["count"] for item in rejected if item["severity"] == "warning")
    examples.write_facts(examples_facts(found, settings, plan, ScalingFacts.model_validate(scaling), warned))


def examples_facts(
    found: Survey, config: SeriesDataConfig, plan: Plan, scaling: ScalingFacts, rejected: int
) -> ForecastExamplesFacts:
    """Return the facts that the steps after this one need."""
    layout, cuts, frequency = found.layout, found.cuts, found.frequency
    return ForecastExamplesFacts(
        task="forecasting",
        splits=plan.counts(),
        rejected=rejected,
        source=f"{Path(config.path).name} ({found.format})",
        values=layout.chosen(layout.values),
        covariates=layout.chosen(layout.covariates),
        history=found.history,
        horizon=config.horizon,
        stride=config.stride,
        frequency=FrequencyFacts.model_validate(frequency.as_property()) if frequency else None,
        season=found.season,
        times=layout.dated,
        series=len(found.kept),
        rows=sum(span.rows for span in found.spans),
        cuts=CutFacts(
            validation=cuts.validation,
            test=cuts.test,
            validation_time=step_time(found, cuts.validation_at),
            test_time=step_time(found, cuts.test_at),
        ),
        filled=found.filled,
        scaling=scaling,
        time_form=time_form_facts(found.staged.form),
        reading=resolve(config, layout, frequency),
    )


def time_form_facts(form: TimeForm | None) -> TimeFormFacts | None:
    """Return how times are written; None without them."""
    if form is None:
        return None
    like = tuple(sorted(form.like, key=lambda cell: (len(cell), cell))[:: max(1, len(form.like) - 1)])
    return TimeFormFacts(
        name=form.name, language=form.language, zoned=form.zoned, zone=form.zone, wall=form.wall, like=like
    )


def step_time(found: Survey, step: int) -> str | None:
    """Return the time of a step of the grid as ISO 8601; None without times."""
    grid = found.kept[0].grid
    if grid is None or not found.layout.dated:
        return None
    return str(np.datetime64(int(grid.times(np.array([step]))[0]), "s"))
