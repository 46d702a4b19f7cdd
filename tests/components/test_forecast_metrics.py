"""Promises of the figures of forecasts: each is what its name says, and its interval knows that windows overlap."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike
from statsmodels.stats.diagnostic import acorr_ljungbox

from components.tasks.forecasting.details import Interval
from components.tasks.forecasting.metrics import (
    Forecasts,
    Scored,
    block_length,
    column_rows,
    max_windows,
    score,
    series_rows,
    step_rows,
)
from components.tasks.forecasting.residuals import measure_residuals


def forecasts(
    truth: ArrayLike,
    answers: ArrayLike,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    series: ArrayLike | None = None,
    row: ArrayLike | None = None,
) -> Forecasts:
    """Make Forecasts of arrays [n, P, V]."""
    target, forecast = np.asarray(truth, np.float32), np.asarray(answers, np.float32)
    number, _, columns = target.shape
    return Forecasts(
        np.zeros(number, np.int64) if series is None else np.asarray(series),
        np.arange(number) + 50 if row is None else np.asarray(row),
        target,
        forecast,
        forecast - 1 if lower is None else np.asarray(lower, np.float32),
        forecast + 1 if upper is None else np.asarray(upper, np.float32),
        np.ones((number, columns), np.float32) if scale is None else np.asarray(scale, np.float32),
    )


def measure(made: Forecasts, block: int = 1, level: float = 0.8, resamples: int = 200) -> Scored:
    return score(made, made.row, level, block, resamples, seed=7)


def interval_of(scored: Scored) -> Interval:
    """Return the interval of the RMSE."""
    interval = scored.intervals["rmse"]
    assert interval is not None
    return interval


def test_each_figure_is_its_textbook_formula() -> None:
    made = forecasts([[[10.0], [20.0]], [[30.0], [40.0]]], [[[11.0], [18.0]], [[30.0], [44.0]]], scale=[[2.0], [4.0]])
    values = measure(made).values
    assert values["rmse"] == pytest.approx(np.sqrt((1 + 4 + 0 + 16) / 4))
    assert values["mae"] == pytest.approx((1 + 2 + 0 + 4) / 4)
    assert values["mape"] == pytest.approx(100 * (1 / 10 + 2 / 20 + 0 + 4 / 40) / 4)
    assert values["smape"] == pytest.approx(200 * (1 / 21 + 2 / 38 + 0 + 4 / 84) / 4)
    assert values["mase"] == pytest.approx((1 / 2 + 2 / 2 + 0 + 4 / 4) / 4)


def test_coverage_width_and_interval_score_count_what_falls_outside() -> None:
    made = forecasts([[[0.0]], [[5.0]]], [[[0.0]], [[0.0]]], lower=[[[-1.0]], [[-1.0]]], upper=[[[1.0]], [[3.0]]])
    values = measure(made, level=0.8).values
    assert values["coverage"] == 0.5
    assert values["interval_width"] == pytest.approx((2 + 4) / 2)
    assert values["interval_score"] == pytest.approx(
        (2 + 4 + 2 / 0.2 * 2) / 2
    )  # Winkler: 2 outside costs 2 / alpha each


def test_there_is_no_mape_of_a_zero_and_everything_else_stays() -> None:
    scored = measure(forecasts([[[0.0]], [[5.0]], [[2.0]]], [[[0.0]], [[6.0]], [[2.0]]]))
    assert scored.values["mape"] is None
    assert scored.intervals["mape"] is None
    assert scored.values["smape"] == pytest.approx(200 / 11 / 3)
    assert all(scored.intervals[name] is not None for name in ("rmse", "mae", "smape", "mase"))


def test_errors_are_told_by_step_by_column_and_by_series_the_worst_first() -> None:
    target = np.zeros((4, 2, 2)) + 10
    forecast = target.copy()
    forecast[:, 1, 0] += 2  # second step, first column
    forecast[2:, :, 1] += 3  # second series, second column
    scored = measure(forecasts(target, forecast, series=[0, 0, 1, 1], row=[5, 6, 5, 6]))
    assert [row["mae"] for row in step_rows(scored, {})] == pytest.approx([0.75, 1.75])
    assert [(row["column"], row["mae"]) for row in column_rows(scored, ["a", "b"])] == [("a", 1.0), ("b", 1.5)]
    worst, best = series_rows(scored, forecasts(target, forecast, series=[0, 0, 1, 1]), ["calm", "wild"])
    assert (worst["series"], worst["windows"], worst["mae"]) == ("wild", 2, 2.0)
    assert (best["series"], best["mae"]) == ("calm", 0.5)


def test_figures_over_many_windows_do_not_depend_on_how_many_are_measured_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    made = forecasts(random.normal(5, 1, (100, 3, 2)), random.normal(5, 1, (100, 3, 2)))
    whole = measure(made)
    monkeypatch.setattr("components.tasks.forecasting.metrics.CELLS_AT_ONCE", 42)
    parts = measure(made)
    assert parts.values == pytest.approx(whole.values)
    assert parts.steps["squared"] == pytest.approx(whole.steps["squared"])


def test_the_interval_lies_around_the_figure_and_the_same_seed_gives_the_same() -> None:
    random = np.random.default_rng(0)
    made = forecasts(random.normal(5, 1, (200, 1, 1)), np.full((200, 1, 1), 5.0))
    one, two = measure(made), measure(made)
    assert one.intervals == two.intervals
    low, high = interval_of(one)
    rmse = one.values["rmse"]
    assert rmse is not None
    assert low < rmse < high


def test_errors_that_hang_together_make_the_interval_wider() -> None:
    random = np.random.default_rng(1)
    steps = random.normal(0, 1, 600)
    errors = np.convolve(steps, np.ones(20), "valid")[
        :, np.newaxis, np.newaxis
    ]  # each shares 19 of 20 shocks with the next
    made = forecasts(np.zeros_like(errors), errors)
    alone, together = measure(made, block=1), measure(made, block=40)
    width = [np.diff(interval_of(scored))[0] for scored in (alone, together)]
    assert width[1] > 2 * width[0]


@pytest.mark.parametrize(
    ("number", "horizon", "stride", "length"),
    [(1000, 1, 1, 10), (1000, 24, 1, 24), (1000, 24, 12, 10), (6, 12, 1, 2), (1, 12, 1, 1)],
)
def test_a_block_spans_the_windows_that_share_targets_but_never_more_than_a_third(
    number: int, horizon: int, stride: int, length: int
) -> None:
    assert block_length(number, horizon, stride) == length


def test_blocks_stay_within_their_series() -> None:
    """Two series of constant errors: a block that ran over would mix them and give more than the two pure sums."""
    errors = np.array([1.0] * 4 + [3.0] * 4)[:, np.newaxis, np.newaxis]
    made = forecasts(np.zeros_like(errors), errors, series=[0] * 4 + [1] * 4, row=[9, 8, 7, 6] * 2)
    drawn = measure(made, block=4).drawn["mae"]
    assert set(np.round(drawn, 6)) <= {1.0, 2.0, 3.0}


def test_white_residuals_stay_within_the_bound_and_a_pattern_is_seen() -> None:
    random = np.random.default_rng(3)
    noise = random.normal(0, 1, (400, 1, 1))
    white = measure_residuals(forecasts(np.zeros_like(noise), noise), season=12, stride=1)
    assert white["bound"] == pytest.approx(1.96 / 20, abs=1e-4)
    assert len(white["autocorrelation"]) == white["ljung_box_lags"] == 24
    assert white["ljung_box_p"] is not None and white["ljung_box_p"] > 0.05
    waves = noise + 2 * np.sin(np.arange(400) * 2 * np.pi / 12)[:, np.newaxis, np.newaxis]
    seen = measure_residuals(forecasts(np.zeros_like(waves), waves), season=12, stride=1)
    assert seen["autocorrelation"][11] > 0.5
    assert seen["ljung_box_p"] is not None and seen["ljung_box_p"] < 1e-6
    assert seen["bartlett"][0] == pytest.approx(seen["bound"])
    assert seen["bound"] is not None and seen["bartlett"][-1] > seen["bound"]


def test_ljung_and_box_agree_with_statsmodels() -> None:
    values = np.random.default_rng(5).normal(0, 1, 300)
    found = measure_residuals(forecasts(np.zeros((300, 1, 1)), values[:, np.newaxis, np.newaxis]), season=1, stride=1)
    expected = acorr_ljungbox(values.astype(np.float32), lags=[10])["lb_pvalue"].iloc[0]
    assert found["ljung_box_p"] == pytest.approx(expected, rel=1e-4)


def test_lags_pair_only_windows_that_are_really_so_far_apart() -> None:
    """Between the two halves windows are missing: the jump from one to the other is no neighbourhood."""
    errors = np.array([1.0, -1.0] * 20)[:, np.newaxis, np.newaxis]
    made = forecasts(np.zeros_like(errors), errors, row=[*range(20), *range(41, 61)])
    found = measure_residuals(made, season=1, stride=1)["autocorrelation"]
    assert found[0] == pytest.approx(-38 / 40)


def test_many_short_series_have_no_longer_lags_than_each_of_them_can_show() -> None:
    errors = np.random.default_rng(6).normal(0, 1, (200, 1, 1))
    made = forecasts(np.zeros_like(errors), errors, series=np.repeat(np.arange(20), 10), row=np.tile(np.arange(10), 20))
    found = measure_residuals(made, season=12, stride=1)
    assert found["ljung_box_lags"] == len(found["autocorrelation"]) == 2
    assert max_windows(made) == 10


def test_too_few_windows_give_no_autocorrelation_and_no_failure() -> None:
    found = measure_residuals(forecasts([[[1.0]], [[2.0]]], [[[1.5]], [[2.5]]]), season=12, stride=1)
    assert found["autocorrelation"] == []
    assert found["ljung_box_p"] is None
    assert found["mean"] == [0.5]


def test_series_that_err_together_make_the_interval_as_wide_as_one_of_them() -> None:
    random = np.random.default_rng(4)
    errors = random.normal(0, 1, 120)
    one = forecasts(np.zeros((120, 1, 1)), errors[:, None, None])
    alike = forecasts(
        np.zeros((600, 1, 1)),
        np.tile(errors, 5)[:, None, None],
        series=np.repeat(range(5), 120),
        row=np.tile(range(120), 5),
    )
    widths = [np.diff(interval_of(measure(made, block=5)))[0] for made in (one, alike)]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)
