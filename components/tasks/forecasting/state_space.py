"""Forecasts of Holt-Winters smoothing and of SARIMA, fitted once by statsmodels, then run forward over what is known.

Both are fitted on what lies before the first judged row. From there on their states follow the values that came,
without a new fit, so that every window is forecast from all that was known before its target, and from nothing else.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.holtwinters import ExponentialSmoothing
from statsmodels.tsa.statespace.sarimax import SARIMAX
from threadpoolctl import threadpool_limits

SEASON_IN_STATE = 60  # rows; a SARIMA whose state holds a longer season takes minutes to fit
SEASON_ESTIMATED = 60  # rows; with a longer season Holt-Winters starts from averages of the first seasons
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

SARIMA_STARTS = ((0.8, -0.9), (0.3, -0.1))  # AR and MA: the likelihood often has two peaks
ITERATIONS = 60


class NotFitted(Exception):
    """A model that could not be fitted, and why, in words for the table."""


@dataclass(frozen=True)
class Fitted:
    """Forecasts of a fitted model.

    Attributes:
        forecasts: float64 [m, P].
        remark: what to know of the fit; empty if there is nothing.
    """

    forecasts: Floats
    remark: str = ""


def holt_winters(values: Floats, rows: Rows, horizon: int, season: int, fit_rows: int) -> Fitted:
    """Forecast by exponential smoothing with additive trend, damped if AICc says so, and season (Winters 1960).

    Args:
        values: float64 [T] of one series.
        rows: int64 [m] first target rows, none of whose values the forecast sees; the fit sees nothing from the first
            of them on.
        horizon: steps ahead.
        season: rows a season; 1 for none.
        fit_rows: how many rows before the first target row are fitted at most.

    Raises:
        NotFitted: too few rows, values that never change, or an optimiser that fails.
    """
    end = int(rows.min())
    start = max(0, end - fit_rows)
    known = values[start:end]
    seasonal = season > 1
    check_enough(known, max(2 * season + 2, 10) if season <= SEASON_ESTIMATED else 2 * season + 12)
    centre, unit = float(known.mean()), float(known.std())
    way = "estimated" if season <= SEASON_ESTIMATED else "heuristic"
    found = []
    for damped in (False, True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                model = ExponentialSmoothing(
                    (known - centre) / unit,
                    trend="add",
                    damped_trend=damped,
                    seasonal="add" if seasonal else None,
                    seasonal_periods=season if seasonal else None,
                    initialization_method=way,
                )
                result = model.fit()
            except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
                raise NotFitted(f"did not converge: {one_line(error)}") from error
        found.append((not result.mle_retvals.success, float(result.aicc), damped, result))
    failed, _, damped, best = min(found, key=lambda item: item[:3])
    states = smooth((values[start : int(rows.max())] - centre) / unit, best.params, season)
    remark = "did not converge: the optimiser gave up; judged with its last parameters" if failed else ""
    damping = best.params["damping_trend"] if damped else 1.0
    return Fitted(continue_states(states, rows - 1 - start, horizon, season, damping) * unit + centre, remark)


def check_enough(known: Floats, min_rows: int) -> None:
    """Refuse a stretch too short to fit a model to, or one in which nothing happens."""
    if len(known) < min_rows:
        raise NotFitted(f"not fitted: {len(known)} rows before the judged part, {min_rows} are needed")
    if float(known.std()) == 0:
        raise NotFitted("not fitted: the values before the judged part never change")


def smooth(values: Floats, parameters: dict[str, Any], season: int) -> Floats:
    """Run the smoothing equations over values [t]; return level, trend and season after each row [3, t].

    Equations and parameters are those of statsmodels (Hyndman et al. 2008, "Forecasting with exponential smoothing").
    """
    alpha, beta, gamma, damping = (
        float(parameters[name])
        for name in ("smoothing_level", "smoothing_trend", "smoothing_seasonal", "damping_trend")
    )
    gamma, damping = (0.0 if season == 1 else gamma), (1.0 if np.isnan(damping) else damping)
    level, trend = float(parameters["initial_level"]), float(parameters["initial_trend"])
    seasons = [float(value) for value in parameters["initial_seasons"]] if season > 1 else [0.0]
    states = np.empty((3, len(values)))
    for row, value in enumerate(values.tolist()):
        place = row % season
        before = level + damping * trend
        following = alpha * (value - seasons[place]) + (1 - alpha) * before
        trend = beta * (following - level) + (1 - beta) * damping * trend
        seasons[place] += gamma * (value - before - seasons[place])
        level = following
        states[:, row] = level, trend, seasons[place]
    return states


def continue_states(states: Floats, origins: Rows, horizon: int, season: int, damping: float) -> Floats:
    """Return forecasts [m, P] from the states after the rows `origins`: level, growing trend, last known season."""
    steps = np.arange(1, horizon + 1)
    growth = np.cumsum(damping**steps)
    last_season = steps - season * -(-steps // season)  # 0 or less: rows back from the origin
    level, trend, seasons = states
    grown: Floats = level[origins][:, np.newaxis] + growth * trend[origins][:, np.newaxis]
    forecasts: Floats = grown + seasons[origins[:, np.newaxis] + last_season]
    return forecasts


def sarima(values: Floats, rows: Rows, horizon: int, season: int, fit_rows: int) -> Fitted:
    """Forecast by ARIMA (1,1,1)(0,1,1) of the season, Box and Jenkins' airline model with one more term.

    Arguments as above. The series is differenced once, and once over the season; what is left is an ARMA process, whose
    state statsmodels' Kalman filter carries forward. Its likelihood often has several peaks: of several starts the best
    one counts.

    Raises:
        NotFitted: too few rows, values that never change, or an optimiser that fails.
    """
    lost = season + 1 if season > 1 else 1
    end = int(rows.min())
    start = max(0, end - fit_rows)
    check_enough(values[start:end], lost + max(season, 12))
    changes = difference(values[start : int(rows.max())], season)
    fitted = changes[: end - start - lost]
    check_enough(fitted, 2)
    unit = float(fitted.std())
    in_state = 1 < season <= SEASON_IN_STATE
    with threadpool_limits(1):  # its matrices are small: threads would wait 20 ms for each other at each one
        parameters, converged = fit_arma(fitted / unit, season if in_state else 1)
        model = arma(changes / unit, season if in_state else 1)
        states = filter_states(model, parameters)
    transition, observe = model.ssm["transition"], model.ssm["design"][0]
    reach = np.empty((horizon, len(transition)))
    for step in range(horizon):
        reach[step] = observe
        observe = observe @ transition
    coming = (reach @ states[:, rows - start - lost]).T * unit
    remarks = [] if converged else ["did not converge: the optimiser gave up; judged with its last parameters"]
    if season > SEASON_IN_STATE:
        remarks.append(f"without its seasonal moving average, which takes too long for a season of {season} rows")
    return Fitted(integrate(values, rows, coming, season), "; ".join(remarks))


def difference(values: Floats, season: int) -> Floats:
    """Return the changes from row to row, and of these, if there is a season, the changes over a season."""
    changes = values[1:] - values[:-1]
    return changes if season == 1 else changes[season:] - changes[:-season]


def fit_arma(changes: Floats, season: int) -> tuple[Floats, bool]:
    """Return the most likely parameters of several starts, and whether the optimiser was content."""
    model = arma(changes, season)
    best, problem = None, ""
    for start in SARIMA_STARTS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                begin = [*start, -0.8] if season > 1 else list(start)
                result = model.fit(start_params=begin, disp=0, maxiter=ITERATIONS, low_memory=True)
            except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
                problem = one_line(error)
                continue
        if np.isfinite(result.llf) and (best is None or result.llf > best.llf):
            best = result
    if best is None:
        raise NotFitted(f"did not converge: {problem or 'no likelihood'}")
    return np.asarray(best.params), bool(best.mle_retvals["converged"])


def arma(changes: Floats, season: int) -> SARIMAX:
    """Return statsmodels' model of a differenced series: an AR term, an MA term and, with a season, a seasonal one."""
    seasonal = (0, 0, 1, season) if season > 1 else (0, 0, 0, 0)
    model = SARIMAX(changes, order=(1, 0, 1), seasonal_order=seasonal, concentrate_scale=True)
    # the same likelihood in half the time (Herbst 2015, "Using the Chandrasekhar recursions for likelihood evaluation")
    model.ssm.filter_chandrasekhar = True
    return model


def filter_states(model: SARIMAX, parameters: Floats) -> Floats:
    """Return the state before each row, given all rows before it, [k, t + 1]."""
    kernel = model.ssm
    kernel.memory_no_predicted_cov = kernel.memory_no_filtered = kernel.memory_no_gain = kernel.memory_no_smoothing = (
        True
    )
    result: Floats = model.filter(parameters, return_ssm=True).predicted_state
    return result


def integrate(values: Floats, rows: Rows, coming: Floats, season: int) -> Floats:
    """Undo the differences: turn their forecasts [m, P] into forecasts of the values, beginning at each of `rows`."""
    back = season + 1 if season > 1 else 1
    whole = np.empty((len(rows), back + coming.shape[1]))
    whole[:, :back] = values[rows[:, np.newaxis] + np.arange(-back, 0)]
    for step in range(coming.shape[1]):
        at = back + step
        whole[:, at] = coming[:, step] + whole[:, at - 1]
        if season > 1:
            whole[:, at] += whole[:, at - season] - whole[:, at - season - 1]
    return whole[:, back:]


def one_line(error: Exception) -> str:
    """Return the first line of an error, without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
