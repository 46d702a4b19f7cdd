"""Facts of forecasting: what its artifacts say of themselves in their manifests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import model_validator

from components.network_inputs import SeriesStatistics, WindowShape
from data.series.config import TableReadingConfig
from data.series.frequency import Frequency
from data.series.resolving import reading_of
from data.series.times.forms import known_form
from data.series.times.writing import write_time
from data.series.times.zones import offset_at
from pipeline.facts import ComparisonFacts, ExamplesFacts, ExportFacts, Facts, ModelFacts, StatisticsFacts


class FrequencyFacts(Facts):
    """The step from row to row; `day` of the month is said only where the times may not show it."""

    unit: str
    count: int
    day: int | None = None

    def __str__(self) -> str:
        return f"{self.count} {self.unit}"


class TimeFormFacts(Facts):
    """How the times of the raw data are written, for others to be written so.

    Attributes:
        name: as `data.time_format` has it.
        zone: whose clocks show them, empty for none.
        wall: whether times are counted by what these clocks show, as days are.
        like: a few cells.
    """

    name: str
    language: str = ""
    zoned: bool | None = None
    zone: str = ""
    wall: bool = False
    like: tuple[str, ...] = ()

    def on_clocks(self, seconds: int) -> int:
        """Return what the zone's clocks show at a time, counted as if they were Greenwich's."""
        return seconds + (offset_at(seconds, self.zone) if self.zone and not self.wall else 0)

    def write(self, seconds: int) -> str:
        """Write a time as the raw data have it."""
        form = replace(known_form(self.name, self.language), zoned=self.zoned, zone=self.zone, wall=self.wall)
        return write_time(seconds, replace(form, like=self.like))


class WindowFacts(Facts):
    """What examples, models and exported models say alike: which windows they are about.

    Attributes:
        values: columns that are forecast.
        covariates: columns known in advance.
        history, horizon: rows that a network sees, and forecasts.
        frequency: None without times.
        season: rows a season; 1 without one.
        times: whether the data have times.
        time_form: how times are written; None without them, or where it is not known.
        reading: how the tables were read: `data` of the recipe, with what was found out filled in.
    """

    values: list[str]
    covariates: list[str]
    history: int
    horizon: int
    frequency: FrequencyFacts | None
    season: int
    times: bool
    time_form: TimeFormFacts | None = None
    reading: TableReadingConfig

    @model_validator(mode="before")
    @classmethod
    def of_version_one(cls, given: Any) -> Any:
        """Take what artifacts of version 1 say."""
        old = isinstance(given, dict) and "csv" in given and "reading" not in given
        return {**given, "reading": reading_of(given)} if old else given

    def shape(self) -> WindowShape:
        """Return what a network is given and asked for."""
        step = Frequency(self.frequency.unit, self.frequency.count) if self.frequency else None
        return WindowShape(
            history=self.history,
            horizon=self.horizon,
            values=len(self.values),
            covariates=len(self.covariates),
            season=self.season,
            times=self.times,
            step_seconds=step.seconds if step and self.times else None,
        )

    def window_facts(self) -> dict[str, Any]:
        """Return these facts by name, for another artifact to say the same."""
        return {name: getattr(self, name) for name in WindowFacts.model_fields}


class CutFacts(Facts):
    """Steps before validation and test, and the times of the first ones in them, ISO 8601; None without times."""

    validation: int
    test: int
    validation_time: str | None
    test_time: str | None


class ScalingFacts(Facts):
    """Constants of the training part by value column, as `SeriesStatistics` explains them."""

    mean: list[float]
    deviation: list[float]
    change: list[float]
    seasonal_change: list[float]
    scale: list[float]

    def constants(self) -> SeriesStatistics:
        """Return them as networks take them."""
        return SeriesStatistics(
            mean=tuple(self.mean),
            std=tuple(self.deviation),
            change=tuple(self.change),
            seasonal_change=tuple(self.seasonal_change),
            scale=tuple(self.scale),
        )


class ForecastExamplesFacts(ExamplesFacts, WindowFacts):
    """Of windows and the series that they were cut from.

    Attributes:
        stride: rows from window to window.
        series, rows: how many there are of them.
        filled: rows that were missing.
    """

    stride: int
    series: int
    rows: int
    cuts: CutFacts
    filled: int
    scaling: ScalingFacts


class ForecastStatisticsFacts(StatisticsFacts):
    """Of statistics: the constants that go on to the network."""

    scaling: ScalingFacts


class IntervalFacts(Facts):
    """The calibration: what is added to the bounds that a network gives.

    Attributes:
        level: share of the values that lie between the bounds.
        unit: `change`: in units of a history's mean change; `value`: in the data's own.
        least: smallest change of each column [V] that is divided by.
        split, windows: that they were calibrated on.
        lower, upper: [P][V].
    """

    level: float
    unit: str
    least: list[float]
    split: str
    windows: int
    lower: list[list[float]]
    upper: list[list[float]]


class ForecastNetworkFacts(WindowFacts):
    """Of a forecaster's training: its loss and its bounds."""

    loss: str
    intervals: IntervalFacts


class ForecastModelFacts(ModelFacts, ForecastNetworkFacts):
    """Of a trained forecaster."""


class ServedFacts(WindowFacts):
    """Of an exported forecaster's `series.json`: how to read a file for it; `level` is the share between the bounds."""

    level: float


class ForecastExportFacts(ExportFacts, ServedFacts):
    """Of an exported forecaster."""

    task: str
    signatures: list[str]
    network: str


class ForecastComparison(ComparisonFacts):
    """Comparison with the last blessed model on the same windows.

    Attributes:
        difference: share by which the RMSE has grown.
        p_worse: chance of that or more if the model were no worse; None where it cannot be told.
    """

    difference: float
    p_worse: float | None
