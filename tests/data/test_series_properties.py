"""However a table of series is written, its times and values come back exactly, or it stops."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.example_gen import example_gen
from data.config import BeamConfig
from data.series.config import SeriesDataConfig
from data.series.records import read_series
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from tests.support.drawn_series import Drawn, seconds, tables, write_table


def read_drawn(drawn: Drawn, seed: int, folder: Path) -> str:
    """Write and read a table, and compare it with what its author meant; return what stops it, or nothing."""
    folder.mkdir()
    path = write_table(drawn, folder, Random(seed).shuffle)
    column = {} if "" in drawn.series else {"series_column": "region"}
    examples = Examples.create(folder / "examples")
    config = SeriesDataConfig(path=str(path), time_column="date", value_columns=("sales",), history=6, **column)
    try:
        example_gen(examples, config, BeamConfig(), Context.standalone(folder / "context"))
    except UserError as error:
        return error.what
    found = {series.id: series for series in read_series(examples)}
    meant = {name or next(iter(found)): sorted(rows) for name, rows in drawn.series.items()}
    assert found.keys() == meant.keys()
    for name, rows in meant.items():
        times = found[name].times
        assert times is not None
        assert times.tolist() == [seconds(time) for time, _ in rows]
        assert found[name].values[:, 0].tolist() == [value for _, value in rows]
    return ""


def test_times_and_values_come_back_exactly_or_it_stops(tmp_path: Path) -> None:
    outcomes: Counter[str] = Counter()
    numbers = itertools.count()

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(drawn=tables(), seed=st.integers(0, 99))
    def read(drawn: Drawn, seed: int) -> None:
        outcomes[read_drawn(drawn, seed, tmp_path / str(next(numbers)))] += 1

    read()
    assert outcomes[""] >= 0.7 * outcomes.total(), f"too much is refused: {outcomes}"
