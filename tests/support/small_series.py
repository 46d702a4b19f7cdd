"""A small series, its windows and a small forecaster, for the tests of the components."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.example_gen import example_gen
from components.tasks.forecasting.config import ForecastTrainerConfig
from components.tasks.forecasting.facts import (
    CutFacts,
    ForecastExamplesFacts,
    ForecastModelFacts,
    ForecastStatisticsFacts,
    FrequencyFacts,
    IntervalFacts,
    ScalingFacts,
)
from components.trainer import trainer
from data.config import BeamConfig
from data.series.config import SeriesDataConfig, TableReadingConfig
from pipeline.artifacts import Anomalies, Examples, Model, Statistics, write_manifest
from pipeline.component import Context


def write_table(path: Path, change: Any = lambda values: values) -> Path:
    """Write the series, its values changed by a function of the array [240]."""
    random = np.random.default_rng(5)
    rows = np.arange(240)
    values = change(100 + 0.2 * rows + 10 * np.sin(rows * np.pi / 6) + random.normal(0, 0.5, 240))
    months = np.datetime64("2000-01") + rows
    lines = [f"{month},{value:.3f}" for month, value in zip(months, values, strict=True)]
    path.write_text("Month,Sales\n" + "\n".join(lines) + "\n")
    return path


def cut_series(table: Path, folder: Path, **settings: Any) -> Examples:
    """Ingest a table of series and seal the windows."""
    examples = Examples.create(folder)
    config = SeriesDataConfig(path=str(table), **{"history": 30, "horizon": 3, **settings})
    example_gen(
        examples=examples, config=config, beam=BeamConfig(), context=Context.standalone(folder.with_name("ingest"))
    )
    write_manifest(examples, created=0.0)
    return Examples.open(folder)


def train_series(examples: Examples, folder: Path, **settings: Any) -> Model:
    """Train a forecaster and seal it."""
    model = Model.create(folder / "model")
    config = ForecastTrainerConfig(**{"network": "lstm", "options": {"units": [8]}, "epochs": 40, **settings})
    statistics = Statistics(folder)
    scaling = examples.facts_as(ForecastExamplesFacts).scaling
    statistics.write_facts(ForecastStatisticsFacts(task="forecasting", splits=["train"], scaling=scaling))
    trainer(
        examples=examples,
        statistics=statistics,
        checked=Anomalies(folder),
        model=model,
        config=config,
        context=Context.standalone(folder / "context"),
    )
    write_manifest(model, created=0.0)
    return Model.open(model.path)


def examples_facts(
    splits: dict[str, int], columns: Sequence[str], history: int, horizon: int, times: bool = True, **changes: Any
) -> ForecastExamplesFacts:
    """Return the facts of monthly windows that a test wrote itself; `changes` stand in for those of one series."""
    facts = ForecastExamplesFacts(
        **window_facts(columns, history, horizon, times),
        task="forecasting",
        splits=splits,
        stride=1,
        series=1,
        rows=0,
        cuts=CutFacts(validation=0, test=0, validation_time=None, test_time=None),
        filled=0,
        scaling=ScalingFacts(
            **{name: [1.0] * len(columns) for name in ("mean", "deviation", "change", "seasonal_change", "scale")}
        ),
    )
    return facts.model_copy(update=changes)


def model_facts(columns: Sequence[str], history: int, horizon: int, width: float) -> ForecastModelFacts:
    """Return the facts of a forecaster whose bounds are so far from its forecasts."""
    return ForecastModelFacts(
        **window_facts(columns, history, horizon),
        task="forecasting",
        network="lstm",
        parameters=0,
        epochs=1,
        steps=40,
        best_epoch=1,
        metrics={},
        validation_split="validation",
        loss="huber",
        intervals=IntervalFacts(
            level=0.8,
            unit="value",
            least=[0.01] * len(columns),
            split="validation",
            windows=10,
            lower=[[-width] * len(columns)] * horizon,
            upper=[[width] * len(columns)] * horizon,
        ),
    )


def window_facts(columns: Sequence[str], history: int, horizon: int, times: bool = True) -> dict[str, Any]:
    """Return what the facts of windows and of a model say alike."""
    table = TableReadingConfig(time_column="Month" if times else "none", value_columns=tuple(columns), decimal=".")
    return {
        "values": list(columns),
        "covariates": [],
        "history": history,
        "horizon": horizon,
        "frequency": FrequencyFacts(unit="month", count=1) if times else None,
        "season": 12,
        "times": times,
        "reading": table,
    }
