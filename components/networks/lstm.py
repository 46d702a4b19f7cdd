"""A stack of LSTM layers and one dense layer that forecasts all steps at once: the plain network of the textbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt

from components.networks import SeriesStatistics, WindowShape
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

Activation = Literal["tanh", "relu", "sigmoid", "linear"]

TASK = "forecasting"
PRESET = {
    "trainer": {
        "epochs": 100,
        "batch_size": 32,
        "loss": "mean_squared_error",
        "optimizer": {"name": "adam", "learning_rate": 0.001, "clip_norm": 1.0},
        "keep": "best",
        "keep_metric": "loss",
    },
}


class Config(Settings):
    """Options of the network."""

    units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = Field(
        (32,), description="units of each LSTM layer, from the history on; the last one gives its last state only"
    )
    activation: Activation = Field("tanh", description="of the cell's input and output")
    recurrent_activation: Literal["sigmoid", "hard_sigmoid", "relu", "tanh"] = Field(
        "sigmoid", description="of the gates"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="share of each LSTM layer's outputs dropped in training")
    scaling: Literal["standard", "none"] = Field(
        "standard",
        description="standard: values go in, and forecasts come out, as distances from the training part's mean in its "
        "standard deviations; none: in the data's own units",
    )


def build(window: WindowShape, config: Config, statistics: SeriesStatistics) -> keras.Model:
    """Return the model: history [n, H, V], and covariates [n, H + P, K] where there are any, to forecasts [n, P, V]."""
    import keras
    from keras import layers

    mean, std = scaling_of(window, config, statistics)
    history = keras.Input((window.history, window.values), name="history")
    inputs = {"history": history}
    variance = [value**2 for value in std]
    # float32 whatever the precision of the rest: 16 bits cannot hold values in any unit
    hidden = layers.Normalization(mean=mean, variance=variance, dtype="float32", name="scaled")(history)
    if window.covariates:
        # those of the forecast rows stand beside the rows that end just as far before
        inputs["covariates"] = keras.Input((window.history + window.horizon, window.covariates), name="covariates")
        shifted = layers.Cropping1D((window.horizon, 0), name="shifted_covariates")(inputs["covariates"])
        if config.scaling == "standard":
            # their scale is learnt from the batches, since only those of the values are known beforehand
            shifted = layers.BatchNormalization(dtype="float32", name="scaled_covariates")(shifted)
        hidden = layers.Concatenate(name="with_covariates")([hidden, shifted])
    for number, units in enumerate(config.units, 1):
        hidden = layers.LSTM(
            units,
            activation=config.activation,
            recurrent_activation=config.recurrent_activation,
            return_sequences=number < len(config.units),
            name=f"lstm_{number}",
        )(hidden)
        if config.dropout:
            hidden = layers.Dropout(config.dropout, name=f"dropout_{number}")(hidden)
    flat = layers.Dense(window.horizon * window.values, name="dense")(hidden)
    steps = layers.Reshape((window.horizon, window.values), name="steps")(flat)
    forecast = layers.Normalization(mean=mean, variance=variance, invert=True, dtype="float32", name="forecast")(steps)
    return keras.Model(inputs, forecast, name="lstm")


def scaling_of(
    window: WindowShape, config: Config, statistics: SeriesStatistics
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return what is subtracted from each value column, and what it is divided by."""
    if config.scaling == "none":
        return (0.0,) * window.values, (1.0,) * window.values
    return statistics.mean, tuple(value or 1.0 for value in statistics.std)
