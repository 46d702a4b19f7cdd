"""What a forecaster is measured by, in the order in which it is told."""

from __future__ import annotations

from pipeline.metric import Metric, by_name

OWN = "the series' own"
RMSE = Metric(
    "rmse",
    higher_is_better=False,
    title="root mean squared error, in the series' own units",
    unit=OWN,
    per_example=False,
    format=".4g",
)
MAE = Metric(
    "mae", higher_is_better=False, title="mean absolute error, in the series' own units", unit=OWN, format=".4g"
)
METRICS = by_name(
    RMSE,
    MAE,
    Metric(
        "mase",
        higher_is_better=False,
        title="mean absolute error in units of the seasonal naive forecast's on the training part",
        format=".4g",
    ),
    Metric("mape", higher_is_better=False, title="mean absolute percentage error", unit="%", format=".4g"),
    Metric("smape", higher_is_better=False, title="symmetric mean absolute percentage error", unit="%", format=".4g"),
    Metric("coverage", higher_is_better=True, title="share of values within the bounds", format=".4g"),
    Metric("interval_width", higher_is_better=False, title="mean distance of the bounds", unit=OWN, format=".4g"),
)
