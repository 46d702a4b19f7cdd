"""Promises of Diebold and Mariano's test: it is the published one, and honest where there is little to test."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from components.evaluation.diebold_mariano import Losses, diebold_mariano, losses_by_time


def p_of(model: Losses, other: Losses, steps: int = 1) -> float:
    """Return the chance that the model is no better."""
    chance = diebold_mariano(model, other, steps).p
    assert chance is not None
    return chance


def test_one_step_ahead_it_is_the_paired_t_test() -> None:
    """Harvey, Leybourne and Newbold's correction turns the statistic into Student's own for h = 1."""
    random = np.random.default_rng(0)
    model, other = random.exponential(1.0, 40), random.exponential(1.3, 40)
    found = diebold_mariano(model, other, steps=1)
    expected = stats.ttest_1samp(other - model, 0, alternative="greater")
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_several_steps_ahead_it_takes_the_autocovariances_and_the_small_sample_correction() -> None:
    """Worked out step by step from the paper's formulas, h = 3."""
    random = np.random.default_rng(1)
    difference = np.convolve(random.normal(0.3, 1, 52), [1, 0.5, 0.3], "valid")
    number, steps = len(difference), 3
    centred = difference - difference.mean()
    gamma = [(centred[lag:] * centred[: number - lag]).sum() / number for lag in range(steps)]
    plain = difference.mean() / math.sqrt((gamma[0] + 2 * gamma[1] + 2 * gamma[2]) / number)
    statistic = plain * math.sqrt((number + 1 - 2 * steps + steps * (steps - 1) / number) / number)
    found = diebold_mariano(np.zeros(number), difference, steps)
    assert found.statistic == pytest.approx(statistic)
    assert found.p == pytest.approx(stats.t.sf(statistic, number - 1))
    assert found.kernel == "rectangular"


def test_where_the_rectangular_variance_is_not_positive_bartletts_weights_step_in() -> None:
    difference = np.array([1.0, -1.0] * 10) + np.linspace(0, 0.01, 20)  # neighbours cancel: a negative sum
    found = diebold_mariano(np.full(20, 2.0), 2.0 + difference, steps=2)
    assert found.kernel == "Bartlett"
    assert found.statistic is not None
    assert math.isfinite(found.statistic)


@pytest.mark.parametrize("steps", [1, 4])
def test_of_equally_good_forecasts_about_one_in_twenty_is_called_better(steps: int) -> None:
    random = np.random.default_rng(2)
    called = 0
    for _ in range(600):
        shocks = random.normal(0, 1, (2, 80 + steps - 1))
        errors = [
            np.convolve(row, np.ones(steps), "valid").astype(np.float64) for row in shocks
        ]  # as h-step errors overlap
        called += p_of(errors[0] ** 2, errors[1] ** 2, steps) < 0.05
    assert 0.02 < called / 600 < 0.10


def test_a_clearly_better_model_is_called_better_and_a_worse_one_is_not() -> None:
    random = np.random.default_rng(3)
    small, large = random.normal(0, 1, 100) ** 2, random.normal(0, 3, 100) ** 2
    assert p_of(small, large) < 0.001
    assert p_of(large, small) > 0.999


@pytest.mark.parametrize(("number", "steps"), [(1, 1), (2, 1), (6, 12), (23, 12)])
def test_too_few_windows_give_no_p_value_and_say_so(number: int, steps: int) -> None:
    found = diebold_mariano(np.arange(number) + 1.0, np.arange(number) * 2.0, steps)
    assert found.p is None
    assert f"{number} window" in found.note


def test_the_same_forecast_is_neither_better_nor_worse() -> None:
    losses = np.arange(30.0)
    assert diebold_mariano(losses, losses.copy(), 1).p == 0.5
    assert diebold_mariano(losses, losses + 1, 1).p == 0.0


def test_series_are_averaged_at_each_time_and_gaps_are_left_out() -> None:
    time = np.array([3, 1, 1, 2, 2])
    model, other = losses_by_time(np.array([9.0, 1, 3, 5, 7]), np.array([1.0, 2, 4, np.nan, 8]), time)
    assert model.tolist() == [2.0, 7.0, 9.0]
    assert other.tolist() == [3.0, 8.0, 1.0]
