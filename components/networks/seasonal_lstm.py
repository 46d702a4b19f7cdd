"""The default forecaster: a learned mixture of naive forecasts that an LSTM corrects, with bounds; works on any unit."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.networks import SeriesStatistics, WindowShape
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "forecasting"
PRESET = {
    "trainer": {
        "steps": 5000,
        "epochs": 60,  # ends first for short series, which many passes would only teach by heart
        "batch_size": 32,
        "loss": "huber",
        "optimizer": {
            "name": "adamw",
            "learning_rate": 0.003,
            "weight_decay": 0.01,
            "clip_norm": 1.0,
            "schedule": "cosine",
        },
        "keep": "last",
    },
}


class Config(Settings):
    """Options of the network."""

    units: int = Field(32, gt=0, description="units of the LSTM")
    members: int = Field(1, gt=0, description="LSTMs side by side whose forecasts are averaged")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the LSTM's outputs dropped in training")
    level: bool = Field(
        True, description="let the LSTM see values as they are too, not only changes; for series without a trend"
    )
    calendar: bool = Field(
        True, description="let the LSTM see the time of day, week and year, where the data have times"
    )
    rows: int = Field(60, description="rows for LSTM")
    harmonics: int = Field(2, gt=0, description="waves of each period of the calendar")
    context: bool = Field(True, description="linear")
    month_lengths: bool = Field(True, description="allow for the lengths of months, where a row is one")
    memories: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.0, 0.5, 0.8, 0.95), description="factors by which the weights of the exponential means fall from row to row"
    )
    penalty: float = Field(0.01, ge=0, description="L2 penalty that keeps the mixture at the seasonal naive forecast")


def register_layers() -> None:
    """Make the network's layers known to Keras, before a saved model is loaded."""
    importlib.import_module("components.networks._calendar")
    importlib.import_module("components.networks._seasonal")


def build(window: WindowShape, config: Config, statistics: SeriesStatistics) -> keras.Model:
    """Return the model: history [n, H, V], and time [n] and covariates [n, H + P, K] where there are any, to [n, P, V, 3]."""
    import keras
    from keras import layers, ops

    from components.networks import _calendar, _seasonal

    inputs = {"history": keras.Input((window.history, window.values), name="history")}
    history, features = inputs["history"], []
    month_weights = None
    if window.times and window.step_seconds and (config.calendar or config.month_lengths):
        time = keras.Input((), dtype="int64", name="time")
        seconds, periods = window.step_seconds, _calendar.periods(window.step_seconds)
        if config.calendar and periods:
            inputs["time"] = time
            features.append(_calendar.Calendar(window.history, seconds, periods, config.harmonics, name="calendar")(time))
        if config.month_lengths and _calendar.is_monthly(seconds):
            inputs["time"] = time
            month_weights = _calendar.MonthLengths(window.history, window.horizon, name="month_lengths")(time)
            history = history / month_weights[:, : window.history]
    if window.covariates:
        inputs["covariates"] = keras.Input((window.history + window.horizon, window.covariates), name="covariates")
        scaled = layers.BatchNormalization(center=False, scale=False, name="scaled_covariates")(inputs["covariates"])
        features.append(scaled[:, window.horizon :])  # those of the forecast rows are among them
    if config.level:
        variance = [value**2 or 1.0 for value in statistics.deviation]
        features.append(layers.Normalization(mean=statistics.mean, variance=variance, name="level")(history))

    last = history[:, -1:]
    relative = history - last
    size, surprise = _seasonal.Scales(window.season, statistics.change, name="scales")(history)
    seasonal = [a < b for a, b in zip(statistics.seasonal_change, statistics.change)]
    naive = _seasonal.NaiveMixture(window.season, window.horizon, seasonal, config.memories, config.penalty, name="mixture")(relative, size, surprise)
    if config.context and features:
        now = layers.Concatenate(name="context")([f[:, -1] for f in features]) if len(features)>1 else features[0][:, -1]
        dense = layers.Dense(window.horizon * window.values, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(config.penalty), name="by_context")
        naive = naive + surprise * layers.Reshape((window.horizon, window.values))(dense(now))
    nrows = min(config.rows, window.history)
    rows = layers.Concatenate(name="rows")(
        [_seasonal.RowFeatures(window.season, nrows, name="row_features")(relative, size, surprise), *[f[:,-nrows:] for f in features]]
    )
    members = []
    for number in range(config.members):
        correction, widths = correct(rows, window, config, number)
        forecast = _seasonal.WithBounds(name=f"bounds_{number}")(naive + surprise * correction, widths, surprise)
        forecast = forecast + last[..., None]
        if month_weights is not None:
            forecast = forecast * month_weights[:, window.history :, :, None]
        members.append(forecast)
    outputs = members[0] if len(members) == 1 else ops.stack(members, axis=1)
    return keras.Model(inputs, outputs, name="seasonal_lstm")


def correct(rows: Any, window: WindowShape, config: Config, number: int) -> tuple[Any, Any]:
    """Return what one member's LSTM adds to the naive forecasts, [n, P, V], and the widths of its bounds, [n, P, 2 V]."""
    from keras import layers

    state = layers.LSTM(config.units, name=f"lstm_{number}")(rows)
    if config.dropout:
        state = layers.Dropout(config.dropout, name=f"dropout_{number}")(state)
    size = window.horizon * window.values
    # zeros: training starts from the naive forecasts
    correction = layers.Dense(size, kernel_initializer="zeros", name=f"correction_{number}")(state)
    widths = layers.Dense(2 * size, kernel_initializer="zeros", name=f"widths_{number}")(state)
    return (
        layers.Reshape((window.horizon, window.values))(correction),
        layers.Reshape((window.horizon, 2 * window.values))(widths),
    )
