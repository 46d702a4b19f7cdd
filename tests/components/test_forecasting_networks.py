"""Contracts of the forecasting networks: what every one of them promises, and what the default one promises beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from components.networks import (
    UNKNOWN_TIME,
    SeriesStatistics,
    WindowShape,
    find_network,
    names,
    network_config,
    preset,
)
from components.tasks.forecasting import training
from components.tasks.forecasting.config import ForecastTrainerConfig
from components.training.optimizers import make_optimizer

MONTH, HOUR = 2629746.0, 3600.0
BATCH = 4


def shape(**changes: Any) -> WindowShape:
    """Windows of monthly values, with these changes."""
    usual = WindowShape(history=36, horizon=1, values=1, covariates=0, season=12, times=True, step_seconds=MONTH)
    return replace(usual, **changes)


def constants(values: int = 1, unit: float = 1.0) -> SeriesStatistics:
    """Statistics of the training part, in a unit."""
    return SeriesStatistics(
        mean=(700.0 * unit,) * values,
        std=(100.0 * unit,) * values,
        change=(45.0 * unit,) * values,
        seasonal_change=(15.0 * unit,) * values,
        scale=(20.0 * unit,) * values,
    )


def build(
    name: str, window: WindowShape, options: dict[str, Any] | None = None, unit: float = 1.0, precision: str = "float32"
) -> Any:
    """Build a network from a seed, as the trainer does."""
    keras.utils.clear_session()  # resets the precision too
    keras.utils.set_random_seed(7)
    keras.config.set_dtype_policy(precision)
    return find_network(name, "forecasting").build(
        window, network_config(name, options or {}), constants(window.values, unit)
    )


def windows(model: Any, window: WindowShape) -> dict[str, NDArray[Any]]:
    """Return random windows of those inputs that the network takes."""
    random = np.random.default_rng(3)
    known = {
        "history": random.normal(700, 50, (BATCH, window.history, window.values)).astype(np.float32),
        "time": np.array([0, 34_560_000, -200_000_000, 1_700_000_000]),
        "covariates": random.normal(5, 2, (BATCH, window.history + window.horizon, window.covariates)).astype(
            np.float32
        ),
    }
    return {tensor.name: known[tensor.name] for tensor in model.inputs}


def answer(model: Any, inputs: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Return the forecasts, the members of an ensemble averaged."""
    outputs = np.asarray(model(inputs, training=False))
    return outputs.mean(axis=1) if outputs.ndim == 5 else outputs


def train_step(model: Any, name: str, inputs: dict[str, NDArray[Any]], window: WindowShape) -> None:
    """Take one step of the network's own training; some weight must move."""
    config = ForecastTrainerConfig.model_validate({**preset(name)["trainer"], "network": name})
    objective = training.Forecasting(config.loss, config.interval)
    optimizer = make_optimizer(config.optimizer, 10)
    optimizer.build(model.trainable_variables)
    targets = {
        "values": tf.fill((BATCH, window.horizon, window.values), 710.0),
        "scale": tf.fill((BATCH, window.values), 20.0),
    }
    before = [weight.numpy() for weight in model.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(objective.losses(targets, model(inputs, training=True)))
    assert np.isfinite(loss)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients), "every weight must have its part in the loss"
    optimizer.apply(gradients, model.trainable_variables)
    moved = [(old != weight.numpy()).any() for old, weight in zip(before, model.trainable_variables, strict=True)]
    assert any(moved)


ALL_SHAPES = {
    "one value, one step": shape(),
    "one value, twelve steps": shape(horizon=12),
    "several values and covariates": shape(values=2, horizon=3, covariates=2),
    "hours": shape(history=60, season=24, step_seconds=HOUR, horizon=30),
    "no season": shape(season=1, history=10),
    "no times": shape(times=False, step_seconds=None),
    "a history shorter than a season": shape(history=5, horizon=12),
    "a single row": shape(history=1),
}


@pytest.fixture(params=["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    yield str(request.param)
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", names("forecasting"))
@pytest.mark.parametrize("window", ALL_SHAPES.values(), ids=ALL_SHAPES)
def test_a_network_builds_trains_and_forecasts_whatever_the_windows(name: str, window: WindowShape) -> None:
    model = build(name, window)
    inputs = windows(model, window)
    train_step(model, name, inputs, window)
    forecasts = answer(model, inputs)
    assert forecasts.shape[:3] == (BATCH, window.horizon, window.values)
    assert np.isfinite(forecasts).all()


@pytest.mark.parametrize("name", names("forecasting"))
def test_arithmetic_of_16_bits_costs_little_of_the_forecasts_in_any_unit(name: str, precision: str) -> None:
    window = shape(horizon=3, covariates=1)
    whole, half = build(name, window, unit=1000.0), build(name, window, unit=1000.0, precision=precision)
    half.set_weights(whole.get_weights())
    inputs = windows(whole, window)
    inputs["history"] *= 1000.0  # beyond what float16 can hold
    np.testing.assert_allclose(answer(half, inputs), answer(whole, inputs), rtol=0.02, atol=5000)  # deviation 100,000
    assert np.asarray(half(inputs)).dtype == np.float32
    train_step(half, name, inputs, window)


@pytest.mark.parametrize("name", names("forecasting"))
def test_a_loaded_network_gives_the_same_forecasts(name: str, tmp_path: Path) -> None:
    window = shape(horizon=3, values=2, covariates=1)
    model = build(name, window)
    inputs = windows(model, window)
    train_step(model, name, inputs, window)
    model.save(tmp_path / "model.keras")
    module = find_network(name)
    if hasattr(module, "register_layers"):
        module.register_layers()
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(model(inputs, training=False), loaded(inputs, training=False))


@pytest.mark.parametrize("name", names("forecasting"))
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    first, second = build(name, shape()), build(name, shape())
    for weight, same in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(weight, same, err_msg=weight.path)


@pytest.mark.parametrize(("name", "parameters"), [("lstm_milk", 896 + 736 + 9), ("lstm_temperature", 320 + 9)])
def test_a_published_network_has_the_published_layers(name: str, parameters: list[int]) -> None:
    given = preset(name)
    model = build(name, shape(history=given["data"]["history"], horizon=given["data"]["horizon"], season=1))
    assert model.count_params() == parameters
    assert given["data"]["horizon"] == 1


# the default network


def test_the_default_network_forecasts_alike_in_any_unit() -> None:
    window = shape(horizon=3)
    model, thousandfold = build("seasonal_lstm", window), build("seasonal_lstm", window, unit=1000.0)
    inputs = windows(model, window)
    train_step(model, "seasonal_lstm", inputs, window)
    thousandfold.set_weights(model.get_weights())
    larger = {**inputs, "history": inputs["history"] * 1000.0}
    np.testing.assert_allclose(answer(thousandfold, larger), answer(model, inputs) * 1000.0, rtol=1e-4)


def test_the_default_network_starts_from_the_naive_forecast_that_was_better_in_training() -> None:
    window = shape(times=False, step_seconds=None, history=37)
    values = 700 + 50 * np.sin(np.arange(37) * 2 * np.pi / 12)
    history = np.tile(values[None, :, None], (BATCH, 1, 1)).astype(np.float32)
    seasonal = answer(build("seasonal_lstm", window), {"history": history})[:, 0, 0, 0]
    np.testing.assert_allclose(seasonal, values[-12], rtol=1e-5)
    never = replace(constants(), seasonal_change=(60.0,))
    module = find_network("seasonal_lstm")
    last = answer(module.build(window, network_config("seasonal_lstm", {}), never), {"history": history})[:, 0, 0, 0]
    np.testing.assert_allclose(last, values[-1], rtol=1e-5)


def test_the_default_network_forecasts_without_times_too() -> None:
    window = shape(horizon=2)
    model = build("seasonal_lstm", window)
    inputs = windows(model, window)
    train_step(model, "seasonal_lstm", inputs, window)
    unknown = answer(model, {**inputs, "time": np.full(BATCH, UNKNOWN_TIME)})
    assert np.isfinite(unknown).all()
    assert (unknown != answer(model, inputs)).any(), "known times must make a difference"


def test_bounds_lie_on_either_side_of_the_default_networks_forecast() -> None:
    window = shape(horizon=3, values=2)
    model = build("seasonal_lstm", window)
    forecast, lower, upper = np.moveaxis(answer(model, windows(model, window)), -1, 0)
    assert (lower < forecast).all()
    assert (forecast < upper).all()


@pytest.mark.parametrize("name", ["lstm", "seasonal_lstm"])
def test_covariates_of_any_size_leave_forecasts_in_reach(name: str) -> None:
    window = shape(covariates=1)
    model = build(name, window, {"activation": "relu"} if name == "lstm" else {})
    inputs = windows(model, window)
    inputs["covariates"] = 1e6 + np.random.default_rng(1).normal(0, 1e5, inputs["covariates"].shape).astype(np.float32)
    for _ in range(3):
        outputs = np.asarray(model(inputs, training=True))
    assert np.abs(outputs - 700).max() < 700
