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
    format="",
)
MAE = Metric("mae", higher_is_better=False, title="mean absolute error, in the series' own units", unit=OWN, format="")
METRICS = by_name(
    RMSE,
    MAE,
    Metric(
        "mase",
        higher_is_better=False,
        title="mean absolute error in units of the seasonal naive forecast's on the training part",
        format="",
    ),
    Metric("mape", higher_is_better=False, title="mean absolute percentage error", unit="%", format=""),
    Metric("smape", higher_is_better=False, title="symmetric mean absolute percentage error", unit="%", format=""),
    Metric("coverage", higher_is_better=True, title="share of values within the bounds", format=""),
    Metric("interval_width", higher_is_better=False, title="mean distance of the bounds", unit=OWN, format=""),
)
