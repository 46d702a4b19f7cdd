"""A forecaster's `details.json`: all of its evaluation that the report draws; null stands for what has no value."""

from __future__ import annotations

from typing import TypedDict

Interval = list[float]  # lower and upper end
Tick = tuple[int, str]  # a row, and what to write below it


class Figures(TypedDict):
    """Every figure; mape and smape are per cent."""

    rmse: float | None
    mae: float | None
    mape: float | None
    smape: float | None
    mase: float | None
    coverage: float | None
    interval_width: float | None
    interval_score: float | None


class StepRow(Figures):
    """A step ahead, the first one 1; `baselines` are their RMSE by name."""

    step: int
    baselines: dict[str, float | None]


class ColumnRow(Figures):
    """A value column."""

    column: str


class SeriesRow(Figures):
    """A series."""

    series: str
    windows: int


class ModelRow(TypedDict):
    """The model beside the baselines."""

    name: str
    words: str
    rmse: float | None
    mae: float | None
    mase: float | None


class BaselineRow(ModelRow):
    """A baseline.

    Attributes:
        note: what to know of it.
        model_rmse: the model's, on the same values.
        p_better: chance that the model is no better, see `DieboldMariano`.
        share_of_values: 1 where it forecast all that the model did.
    """

    note: str
    model_rmse: float | None
    p_better: float | None
    beaten: bool | None
    share_of_values: float


class DieboldMariano(TypedDict):
    """The test against the best baseline, see `diebold_mariano.Comparison`; `words` say what it found."""

    baseline: str
    loss: str
    words: str
    statistic: float | None
    p: float | None
    windows: int
    kernel: str
    note: str


class Residuals(TypedDict):
    """Errors (forecast minus truth) at the first `step`.

    Attributes:
        autocorrelation: lag 1 first; empty where there are too few windows.
        bound: 95 % bound of white noise.
        bartlett: by lag, the bound if the earlier lags are real (Bartlett 1946).
        ljung_box_p: over `ljung_box_lags` lags.
        mean: by column, in the data's units.
        count: errors.
    """

    autocorrelation: list[float]
    bound: float | None
    bartlett: list[float]
    ljung_box_p: float | None
    ljung_box_lags: int
    mean: list[float]
    count: int
    step: int


class Stretch(TypedDict):
    """Windows with neighbouring origins; `first` and `last` name their target rows, `baselines` are RMSE by name."""

    first: str
    last: str
    windows: int
    rmse: float | None
    baselines: dict[str, float | None]


class Backtest(TypedDict):
    """The judged part in stretches, beside the best baseline."""

    baseline: str | None
    origins: list[Stretch]


class Envelope(TypedDict):
    """Rows with least and greatest value, which are equal where nothing was thinned."""

    x: list[int]
    low: list[float]
    high: list[float]


class JudgedPart(TypedDict):
    """Forecasts one step ahead over the whole judged part."""

    windows: int
    ticks: list[Tick]
    target: Envelope
    forecast: Envelope
    error: Envelope


class LastWindows(TypedDict):
    """The last windows one by one, one step ahead, with their bounds."""

    x: list[int]
    ticks: list[Tick]
    target: list[float]
    forecast: list[float]
    lower: list[float]
    upper: list[float]


# the whole horizon from one origin, a row, with the values of the rows before it; `from` is no name in Python
Fan = TypedDict(
    "Fan",
    {
        "origin": int,
        "from": str,
        "past": list[float],
        "x": list[int],
        "target": list[float],
        "forecast": list[float],
        "lower": list[float],
        "upper": list[float],
    },
)


class DrawnSeries(TypedDict):
    """One column of a series and its forecasts, thinned to what an image can show; all x are rows of the series.

    Attributes:
        why: `first` or `worst`.
        rows: of the whole series.
        cuts: rows at which validation and test begin; null where there is no such part.
        values: the whole series.
    """

    series: str
    column: str
    why: str
    rows: int
    cuts: dict[str, int | None]
    values: Envelope
    ticks: list[Tick]
    judged: JudgedPart
    stretch: LastWindows
    fans: list[Fan]


class ForecastDetails(TypedDict):
    """The whole file.

    Attributes:
        level: share of the values that the bounds shall hold.
        values, intervals: by figure.
        remarks: sentences, such as why there is no mape.
        by_series: the worst ones by mase.
        baselines: the hardest to beat first.
        series_drawn: the first series, and the worst where that is another; the first column of each.
    """

    split: str
    windows: int
    horizon: int
    season: int
    columns: list[str]
    level: float
    series_count: int
    values: dict[str, float | None]
    intervals: dict[str, Interval | None]
    remarks: list[str]
    by_step: list[StepRow]
    by_column: list[ColumnRow]
    by_series: list[SeriesRow]
    model: ModelRow
    baselines: list[BaselineRow]
    diebold_mariano: DieboldMariano
    residuals: Residuals
    backtest: Backtest
    series_drawn: list[DrawnSeries]
