"""Promises of the baselines: they are what their names say, see no target, and reach the known figures."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from statsmodels.tsa.holtwinters import ExponentialSmoothing
from statsmodels.tsa.statespace.sarimax import SARIMAX
from threadpoolctl import threadpool_limits

from components.tasks.forecasting.baselines import FITTED, NAIVE, Baseline, measure_baselines
from components.tasks.forecasting.metrics import Forecasts
from components.tasks.forecasting.state_space import arma, continue_states, difference, filter_states, integrate, smooth
from pipeline.progress import Progress

Floats = NDArray[np.float64]
MILK = Path(__file__).parents[2] / "data" / "samples" / "monthly_milk_production.csv"


def windows(values: Sequence[Floats], rows: ArrayLike, horizon: int, numbers: ArrayLike | None = None) -> Forecasts:
    """Make Forecasts of series [T, V]: the last value."""
    first = np.asarray(rows, np.int64)
    series = np.zeros(len(first), np.int64) if numbers is None else np.asarray(numbers)
    pairs = list(zip(series.tolist(), first.tolist(), strict=True))
    target = np.stack([values[number][row : row + horizon] for number, row in pairs])
    forecast = np.stack([np.repeat(values[number][row - 1 : row], horizon, axis=0) for number, row in pairs])
    scale = np.ones((len(first), target.shape[2]), np.float32)
    return Forecasts(series, first, target, forecast, forecast, forecast, scale)


def measure(values: Sequence[Floats], made: Forecasts, season: int = 12, most: int = 20) -> dict[str, Baseline]:
    return {row.name: row for row in measure_baselines(values, made, season, most, 7, Progress(quiet=True))}


def column(path: Path, place: int = 1) -> Floats:
    with path.open(encoding="utf-8", newline="") as lines:
        return np.array([[float(row[place])] for row in list(csv.reader(lines))[1:]])


def wave(rows: int, season: int = 12, seed: int = 0) -> Floats:
    """Trend, season and noise."""
    random = np.random.default_rng(seed)
    steps = np.arange(rows)
    values: Floats = 50 + 0.2 * steps + 8 * np.sin(2 * np.pi * steps / season) + random.normal(0, 1, rows)
    return values[:, np.newaxis]


@pytest.fixture(scope="module")
def milk() -> Floats:
    return column(MILK)


@pytest.fixture(scope="module")
def milk_one_step(milk: Floats) -> dict[str, Baseline]:
    return measure([milk], windows([milk], range(151, 168), 1))


@pytest.mark.parametrize(
    ("name", "rmse", "room"),
    [
        ("last value", 45.77, 0.005),
        ("seasonal naive", 16.62, 0.005),
        ("seasonal naive with last change", 6.40, 0.005),
        ("SARIMA", 6.08, 0.02),
        ("Holt-Winters", 6.85, 0.05),  # 6.73 if fitted anew each month
    ],
)
def test_the_known_figures_of_milk_one_month_ahead(
    milk_one_step: dict[str, Baseline], name: str, rmse: float, room: float
) -> None:
    assert milk_one_step[name].rmse == pytest.approx(rmse, abs=room)


def test_the_known_figures_of_milk_seventeen_months_ahead_from_one_origin(milk: Floats) -> None:
    found = measure([milk], windows([milk], [151], 17))
    assert found["SARIMA"].rmse == pytest.approx(20.2, abs=0.5)
    assert found["Holt-Winters"].rmse == pytest.approx(24.7, abs=0.3)


def test_the_hardest_baseline_comes_first(milk_one_step: dict[str, Baseline]) -> None:
    names = list(milk_one_step)
    assert names[:2] == ["SARIMA", "seasonal naive with last change"]
    assert names[-1] == "drift"


def test_each_naive_forecast_is_what_its_name_says() -> None:
    values = np.arange(40.0)[:, np.newaxis] ** 2
    rows = np.array([20])
    made = {name: naive(values, rows, 6, 4)[0, :, 0].tolist() for name, (_, naive) in NAIVE.items()}
    season = [16.0**2, 17.0**2, 18.0**2, 19.0**2]
    change = 19.0**2 - 15.0**2
    assert made["last value"] == [361.0] * 6
    assert made["seasonal naive"] == [*season, *season[:2]]
    assert made["seasonal naive with last change"] == [
        *(value + change for value in season),
        *(value + 2 * change for value in season[:2]),
    ]
    assert made["drift"] == pytest.approx([361 + 19 * step for step in range(1, 7)])


@pytest.mark.parametrize("name", [*NAIVE, *FITTED])
def test_nothing_at_or_after_its_target_changes_a_forecast(name: str) -> None:
    values = wave(120)
    rows, horizon = np.array([100, 103, 107]), 5
    later = values.copy()
    later[103:] = np.random.default_rng(9).normal(0, 100, later[103:].shape)
    if name in NAIVE:
        before, after = (NAIVE[name][1](each, rows, horizon, 12)[:2] for each in (values, later))
    else:
        before, after = (FITTED[name][1](each[:, 0], rows, horizon, 12, 3000).forecasts[:2] for each in (values, later))
    assert np.array_equal(before, after)


@pytest.mark.parametrize("name", list(FITTED))
def test_a_fitted_model_knows_every_value_before_its_target(name: str) -> None:
    values = wave(120) + np.cumsum(np.random.default_rng(4).normal(0, 3, (120, 1)), axis=0)  # the level wanders
    rows = np.array([100, 110])
    changed = values.copy()
    changed[109] += 30
    before, after = (FITTED[name][1](each[:, 0], rows, 3, 12, 3000).forecasts for each in (values, changed))
    assert np.array_equal(before[0], after[0])
    assert not np.allclose(before[1], after[1], atol=1)


@pytest.mark.parametrize("name", list(FITTED))
def test_a_fitted_model_goes_with_trend_and_season_far_ahead(name: str) -> None:
    values = wave(240)
    found = measure([values], windows([values], [200], 24))[name]
    assert found.rmse < 2.0  # noise has deviation 1; the season swings by 16


def test_running_forward_agrees_with_statsmodels_own_forecasts() -> None:
    values = (wave(130) + np.cumsum(np.random.default_rng(4).normal(0, 1, (130, 1)), axis=0))[:, 0]
    result = ExponentialSmoothing(values, trend="add", damped_trend=True, seasonal="add", seasonal_periods=12).fit()
    states = smooth(values, result.params, 12)
    made = continue_states(states, np.array([129]), 15, 12, result.params["damping_trend"])
    assert made[0] == pytest.approx(result.forecast(15), rel=1e-6)

    with threadpool_limits(1):
        model = SARIMAX(values, order=(1, 1, 1), seasonal_order=(0, 1, 1, 12), simple_differencing=True)
        parameters = model.fit(disp=0).params
    changes = difference(values, 12)
    ours = arma(changes, 12)
    state = filter_states(ours, parameters[:3])[:, -1]
    coming = []
    for _ in range(15):
        coming.append(float(ours.ssm["design"][0] @ state))
        state = ours.ssm["transition"] @ state
    forecast = integrate(values, np.array([130]), np.array([coming]), 12)[0]
    whole = SARIMAX(values, order=(1, 1, 1), seasonal_order=(0, 1, 1, 12)).smooth(parameters)
    assert forecast == pytest.approx(whole.forecast(15), rel=1e-3)  # its diffuse start leaves a trace


def test_without_a_season_there_are_no_seasonal_forecasts() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(0, 1, (150, 1)), axis=0)
    found = measure([values], windows([values], range(130, 148), 2), season=1)
    assert set(found) == {"last value", "drift", "Holt-Winters", "SARIMA"}
    assert all(math.isfinite(row.rmse) for row in found.values())


def test_a_season_too_long_for_the_state_is_said_and_still_forecast() -> None:
    values = wave(800, season=96)
    found = measure([values], windows([values], range(700, 760, 10), 4), season=96)
    assert "without its seasonal moving average" in found["SARIMA"].note
    assert found["SARIMA"].rmse < 5
    assert found["Holt-Winters"].rmse < 5


def test_a_fit_that_is_impossible_says_so_and_is_not_counted_as_beaten() -> None:
    values = np.full((60, 1), 5.0)
    values[50:] += np.arange(10.0)[:, np.newaxis]
    found = measure([values], windows([values], range(50, 58), 2))
    for name in FITTED:
        assert found[name].beaten is None
        assert found[name].note == "not fitted: the values before the judged part never change"
    short = wave(30)
    assert "are needed" in measure([short], windows([short], [20, 21], 2))["SARIMA"].note


def test_windows_before_which_there_is_no_whole_season_are_left_out_and_counted() -> None:
    values = wave(60)
    found = measure([values], windows([values], [8, 30], 2))
    assert found["seasonal naive"].note == "too few rows before 1 of 2 windows"
    assert found["seasonal naive"].cells == 2
    assert found["last value"].cells == 4


def test_of_many_series_a_sample_is_fitted_and_the_model_compared_on_that_sample() -> None:
    values = [wave(90, seed=number) for number in range(30)]
    values[0] = values[0] * 100  # the model's errors differ between the series
    series = np.repeat(np.arange(30), 3)
    made = windows(values, np.tile([80, 82, 84], 30), 2, series)
    found = measure(values, made, most=4)
    assert "on 4 of 30 series, drawn by chance" in found["SARIMA"].note
    assert found["SARIMA"].cells == 4 * 3 * 2
    known = np.isfinite(found["SARIMA"].losses)
    assert known.sum() == 12
    ours = ((made.forecast - made.target) ** 2).mean(axis=(1, 2))
    assert found["SARIMA"].model_rmse == pytest.approx(np.sqrt(ours[known].mean()))
    assert found["last value"].cells == made.target.size


def test_each_column_is_forecast_from_itself() -> None:
    values = np.concatenate([wave(120), 1000 - 5 * wave(120, seed=1)], axis=1)
    made = windows([values], range(100, 112), 3)
    both = measure([values], made)
    alone = [measure([values[:, [place]]], windows([values[:, [place]]], range(100, 112), 3)) for place in (0, 1)]
    for name in both:
        expected = np.sqrt(np.mean([one[name].rmse ** 2 for one in alone]))
        assert both[name].rmse == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "season", "figures"),
    [
        ("beijing_hourly_temp_2010_2014.csv", 24, {"last value": 1.478, "seasonal naive with last change": 1.552}),
        ("beijing_daily_mean_temp_2010_2014.csv", 7, {"last value": 1.94}),
        ("daily_min_temperatures.csv", 7, {"last value": 2.58}),
    ],
)
def test_the_known_figures_of_real_temperatures(
    real_data: Path, name: str, season: int, figures: dict[str, float]
) -> None:
    values = column(real_data / "series" / name)
    rows = np.arange(math.floor(len(values) * 0.9), len(values))
    for baseline, rmse in figures.items():
        made = NAIVE[baseline][1](values, rows, 1, season)[:, 0]
        assert np.sqrt(((made - values[rows]) ** 2).mean()) == pytest.approx(rmse, abs=0.006)


@pytest.mark.slow
def test_all_baselines_of_4383_hours_take_less_than_a_minute(real_data: Path) -> None:
    values = column(real_data / "series" / "beijing_hourly_temp_2010_2014.csv")
    began = time.monotonic()
    found = measure([values], windows([values], range(39441, len(values) - 23), 24), season=24)
    assert time.monotonic() - began < 60
    assert found["SARIMA"].rmse < found["seasonal naive"].rmse
