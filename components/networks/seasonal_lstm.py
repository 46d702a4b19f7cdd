"""The default forecaster: a learned mixture of naive forecasts that an LSTM corrects, with bounds, in any unit."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from components.networks import SeriesStatistics, WindowShape
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "forecasting"
EXACT = "float32"  # of what sees values in the data's own units, which 16 bits cannot hold
PRESET = {
    "trainer": {
        "steps": 5000,
        "epochs": 8,  # ends first for short series: the fewer rows, the closer the forecasts stay to the naive ones
        "batch_size": 32,
        "loss": "huber",
        "optimizer": {
            "name": "adamw",
            "learning_rate": 0.002,
            "weight_decay": 0.01,
            "clip_norm": 1.0,
            "schedule": "cosine",
        },
        "keep": "last",
    },
}


class Config(Settings):
    """Options of the network."""

    units: int = Field(32, gt=0, description="units of each LSTM")
    members: int = Field(2, gt=0, description="LSTMs side by side, whose forecasts are averaged")
    rows: int = Field(60, gt=0, description="rows that the LSTMs see, the last ones of the history")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of each LSTM's outputs dropped in training")
    level: bool = Field(True, description="see the values themselves too, not only their changes")
    calendar: bool = Field(True, description="see the time of day, week and year, where the data have times")
    month_lengths: bool = Field(True, description="allow for the lengths of months, where a row is one")
    memories: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = Field(
        (0.0, 0.5, 0.8, 0.95), description="factors by which the weights of exponential means fall from row to row"
    )
    penalty: float = Field(0.01, ge=0, description="L2 penalty that keeps the mixture near the naive forecasts")


def register_layers() -> None:
    """Make the network's layers known to Keras, before a saved model is loaded."""
    importlib.import_module("components.networks._calendar")
    importlib.import_module("components.networks._seasonal")


def build(window: WindowShape, config: Config, statistics: SeriesStatistics) -> keras.Model:
    """Return the model: history [n, H, V], with time [n] and covariates [n, H + P, K] if there are, to [n, M, P, V, 3].

    M are the members; with one member there is no such axis.
    """
    import keras
    from keras import layers, ops

    from components.networks import _seasonal

    inputs = {"history": keras.Input((window.history, window.values), name="history")}
    history, months, known = enter(window, config, statistics, inputs)
    last = history[:, -1:]
    relative = history - last
    size, surprise = _seasonal.Scales(window.season, statistics.change, dtype=EXACT, name="scales")(history)
    # the naive forecast that is better one step ahead is the one to start from
    seasonal = [
        seasonal_change < change
        for seasonal_change, change in zip(statistics.seasonal_change, statistics.change, strict=True)
    ]
    naive = _seasonal.NaiveMixture(
        window.season, window.horizon, seasonal, config.memories, config.penalty, dtype=EXACT, name="mixture"
    )(relative, size, surprise)
    number = min(config.rows, window.history)
    rows = [_seasonal.RowFeatures(window.season, number, dtype=EXACT, name="row_features")(relative, size, surprise)]
    if known is not None:
        naive = naive + surprise * from_last_row(known, window, config)
        rows.append(known[:, -number:])
    rows = layers.Concatenate(name="rows")(rows) if len(rows) > 1 else rows[0]

    members = []
    for member in range(config.members):
        correction, widths = correct(rows, window, config, member)
        bounded = _seasonal.WithBounds(dtype=EXACT, name=f"bounds_{member}")(
            naive + surprise * correction, widths, surprise
        )
        forecast = bounded + last[..., None]
        if months is not None:
            forecast = forecast * months[:, window.history :, :, None]
        members.append(forecast)
    outputs = members[0] if config.members == 1 else ops.stack(members, axis=1)
    return keras.Model(inputs, outputs, name="seasonal_lstm")


def enter(
    window: WindowShape, config: Config, statistics: SeriesStatistics, inputs: dict[str, Any]
) -> tuple[Any, Any, Any]:
    """Add the inputs that are used to `inputs`; return history, months' weights and what else is known of each row.

    Returns:
        the history, freed of the months' lengths, [n, H, V]; the weights of the months, [n, H + P, 1], or None; and
        calendar, covariates and level of each row, [n, H, F], or None.
    """
    import keras
    from keras import layers

    from components.networks import _calendar

    history, months, known = inputs["history"], None, []
    seconds = (window.step_seconds or 0.0) if window.times else 0.0
    periods = _calendar.periods(seconds) if seconds and config.calendar else ()
    monthly = bool(seconds) and config.month_lengths and _calendar.is_monthly(seconds)
    if periods or monthly:
        inputs["time"] = keras.Input((), dtype="int64", name="time")
    if monthly:
        months = _calendar.MonthLengths(window.history, window.horizon, dtype=EXACT, name="month_lengths")(
            inputs["time"]
        )
        history = history / months[:, : window.history]
    if periods:
        known.append(_calendar.Calendar(window.history, seconds, periods, dtype=EXACT, name="calendar")(inputs["time"]))
    if window.covariates:
        inputs["covariates"] = keras.Input((window.history + window.horizon, window.covariates), name="covariates")
        scaled = layers.BatchNormalization(center=False, scale=False, dtype=EXACT, name="scaled_covariates")(
            inputs["covariates"]
        )
        # beside each row those of as many rows later as are forecast: the last ones stand beside the history's end
        known.append(scaled[:, window.horizon :])
    if config.level:
        variance = [std**2 or 1.0 for std in statistics.std]
        known.append(layers.Normalization(mean=statistics.mean, variance=variance, dtype=EXACT, name="level")(history))
    if not known:
        return history, months, None
    return history, months, layers.Concatenate(name="known")(known) if len(known) > 1 else known[0]


def from_last_row(known: Any, window: WindowShape, config: Config) -> Any:
    """Return what calendar, covariates and level of the last row add to the forecasts in proportion, [n, P, V]."""
    import keras
    from keras import layers

    linear = layers.Dense(
        window.horizon * window.values,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(config.penalty) if config.penalty else None,
        name="from_last_row",
    )(known[:, -1])
    return layers.Reshape((window.horizon, window.values), name="from_last_row_by_step")(linear)


def correct(rows: Any, window: WindowShape, config: Config, member: int) -> tuple[Any, Any]:
    """Return what a member's LSTM adds to the naive forecasts, [n, P, V], and its bounds' widths, [n, P, 2 V]."""
    from keras import layers

    state = layers.LSTM(config.units, name=f"lstm_{member}")(rows)
    if config.dropout:
        state = layers.Dropout(config.dropout, name=f"dropout_{member}")(state)
    size = window.horizon * window.values
    # zeros: training starts from the naive forecasts
    correction = layers.Dense(size, kernel_initializer="zeros", name=f"correction_{member}")(state)
    widths = layers.Dense(2 * size, kernel_initializer="zeros", name=f"widths_{member}")(state)
    return (
        layers.Reshape((window.horizon, window.values), name=f"correction_by_step_{member}")(correction),
        layers.Reshape((window.horizon, 2 * window.values), name=f"widths_by_step_{member}")(widths),
    )
