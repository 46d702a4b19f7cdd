"""A small series, its windows and a small forecaster, for the tests of the components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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
    from components.example_gen import example_gen
    from data.beam_config import BeamConfig
    from data.series.config import SeriesDataConfig

    examples = Examples.create(folder)
    config = SeriesDataConfig(path=str(table), **{"history": 30, "horizon": 3, **settings})
    example_gen(
        examples=examples, config=config, beam=BeamConfig(), context=Context.standalone(folder.with_name("ingest"))
    )
    write_manifest(examples, created=0.0)
    return Examples.open(folder)


def train_series(examples: Examples, folder: Path, **settings: Any) -> Model:
    """Train a forecaster and seal it."""
    from components.tasks.forecasting.config import ForecastTrainerConfig
    from components.trainer import trainer

    model = Model.create(folder / "model")
    config = ForecastTrainerConfig(**{"network": "lstm", "options": {"units": [8]}, "epochs": 40, **settings})
    statistics = Statistics(folder, {"scaling": examples.properties["scaling"]})
    trainer(
        examples=examples, statistics=statistics, checked=Anomalies(folder), model=model, config=config,
        context=Context.standalone(folder / "context"),
    )  # fmt: skip
    write_manifest(model, created=0.0)
    return Model.open(model.path)
