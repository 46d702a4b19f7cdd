"""Scores a forecaster on windows it has never seen, beside every naive baseline, and says whether it may be served.

`metrics.json` holds the figures as `<split>/<name>`; `mape` is absent where a target is 0. `predictions.npz` holds
series, row, target, forecast, lower and upper. `details.json` is what `details.ForecastDetails` says.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from components.evaluation.config import EvaluatorConfig
from components.evaluation.diebold_mariano import Comparison, diebold_mariano, losses_by_time
from components.evaluation.plots import write_logs, write_plots
from components.evaluation.verdict import write_verdict
from components.plots import forecast_plots
from components.tasks.forecasting import metrics
from components.tasks.forecasting.backtest import backtest
from components.tasks.forecasting.baselines import Baseline, measure_baselines
from components.tasks.forecasting.config import ForecastEvaluatorConfig
from components.tasks.forecasting.details import BaselineRow, DieboldMariano, ForecastDetails
from components.tasks.forecasting.facts import CutFacts, ForecastExamplesFacts, ForecastNetworkFacts
from components.tasks.forecasting.forecasts import predict
from components.tasks.forecasting.metric_list import METRICS
from components.tasks.forecasting.metrics import Forecasts, Scored
from components.tasks.forecasting.plot_data import Line, draw_line, name_moments
from components.tasks.forecasting.residuals import measure_residuals
from components.tasks.forecasting.verdict import (
    CONVINCING,
    compare,
    give_verdict,
    why_not_comparable,
    write_chance,
)
from data.series.records import read_series
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context
from pipeline.facts import ComparisonFacts, EvaluationFacts
from pipeline.settings import narrow

if TYPE_CHECKING:
    from data.series.records import Series


def evaluate(
    examples: Examples,
    model: Model,
    baseline: Model | None,
    evaluation: Evaluation,
    blessing: Blessing,
    config: EvaluatorConfig,
    context: Context,
) -> None:
    """Write metrics.json, details.json, predictions.npz and plots to `evaluation`, and the verdict to `blessing`.

    The metrics and plots go to the run's TensorBoard logs too, in the folder `test`, at the step where the training
    ended.
    """
    config = narrow(config, ForecastEvaluatorConfig)
    series = read_series(examples)
    forecasts = predict(model, examples, config.split, config.batch_size, context.progress)
    moments = moments_of(forecasts, series)
    facts = examples.facts_as(ForecastExamplesFacts)
    scored = score(forecasts, moments, model, facts, config)
    baselines = measure_baselines(
        [one.values for one in series], forecasts, facts.season, config.fitted_series, config.seed, context.progress
    )
    tests = test_baselines(baselines, moments, overlap_of(facts))
    comparison = None
    if baseline is not None:
        comparison = compare_models(scored, moments, baseline, examples, config, context)
    many = len(facts.values) > 1 or facts.series > 1
    verdict = give_verdict(scored.values, baselines, tests, comparison, config, many)
    details = collect_details(forecasts, scored, baselines, tests, series, facts, config.split, level_of(model))
    values = {f"{config.split}/{name}": value for name in METRICS if (value := scored.values[name]) is not None}
    write_predictions(forecasts, evaluation.file("predictions.npz"))
    plots = draw_plots(details)
    write_plots(plots, evaluation.file("plots"))
    write_logs(plots, values, context.logs, model.facts.steps)
    evaluation.write_json("metrics.json", values)
    evaluation.write_json("details.json", details)
    evaluation.write_facts(EvaluationFacts(metrics=values, split=config.split, intervals=scored.intervals))
    write_verdict(verdict, baseline, blessing)


def moments_of(forecasts: Forecasts, series: Sequence[Series]) -> NDArray[np.int64]:
    """Return what orders windows over all series: the time of the first target row, or its number without times [n]."""
    moments = np.array(forecasts.row, np.int64)
    for number in np.unique(forecasts.series):
        times = series[number].times
        if times is not None:
            chosen = forecasts.series == number
            moments[chosen] = times[forecasts.row[chosen]]
    return moments


def score(
    forecasts: Forecasts,
    moments: NDArray[np.int64],
    model: Model,
    facts: ForecastExamplesFacts,
    config: ForecastEvaluatorConfig,
) -> Scored:
    """Measure a model's forecasts with intervals from blocks of windows."""
    block = metrics.block_length(metrics.max_windows(forecasts), facts.horizon, facts.stride)
    return metrics.score(forecasts, moments, level_of(model), block, config.resamples, config.seed)


def level_of(model: Model) -> float:
    """Return the share of the values that a model's bounds shall hold."""
    return model.facts_as(ForecastNetworkFacts).intervals.level


def overlap_of(facts: ForecastExamplesFacts) -> int:
    """Return how many neighbouring windows share a target row."""
    return math.ceil(facts.horizon / facts.stride)


def compare_models(
    scored: Scored,
    moments: NDArray[np.int64],
    baseline: Model,
    examples: Examples,
    config: ForecastEvaluatorConfig,
    context: Context,
) -> ComparisonFacts:
    """Run the last blessed model on the same windows and compare; skipped where it cannot forecast them."""
    if reason := why_not_comparable(baseline, examples):
        return ComparisonFacts(skipped=reason)
    facts = examples.facts_as(ForecastExamplesFacts)
    before = predict(baseline, examples, config.split, config.batch_size, context.progress)
    return compare(scored, score(before, moments, baseline, facts, config), moments, overlap_of(facts))


def test_baselines(baselines: Sequence[Baseline], moments: NDArray[np.int64], overlap: int) -> dict[str, Comparison]:
    """Return Diebold and Mariano's test of the model against each baseline, by name."""
    return {
        row.name: diebold_mariano(*losses_by_time(row.model_losses, row.losses, moments), overlap) for row in baselines
    }


def collect_details(
    forecasts: Forecasts,
    scored: Scored,
    baselines: Sequence[Baseline],
    tests: dict[str, Comparison],
    series: Sequence[Series],
    facts: ForecastExamplesFacts,
    split: str,
    level: float,
) -> ForecastDetails:
    """Return the content of details.json."""
    names = name_moments([one.times for one in series], forecasts, facts.time_form)
    values = scored.values
    return {
        "split": split,
        "windows": len(forecasts.row),
        "horizon": facts.horizon,
        "season": facts.season,
        "columns": facts.values,
        "level": level,
        "series_count": len(set(forecasts.series.tolist())),
        "values": values,
        "intervals": scored.intervals,
        "remarks": remarks_on(scored, forecasts),
        "by_step": metrics.step_rows(scored, {other.name: other.steps for other in baselines}),
        "by_column": metrics.column_rows(scored, facts.values),
        "by_series": metrics.series_rows(scored, forecasts, [one.id for one in series]),
        "model": {
            "name": "the model",
            "words": "this model",
            "rmse": values["rmse"],
            "mae": values["mae"],
            "mase": values["mase"],
        },
        "baselines": [baseline_row(row, tests[row.name], forecasts) for row in baselines],
        "diebold_mariano": test_row(baselines[0], tests[baselines[0].name]),
        "residuals": measure_residuals(forecasts, facts.season, facts.stride),
        "backtest": backtest(scored.windows["squared"], moments_of(forecasts, series), baselines, names),
        "series_drawn": [draw_line(line, forecasts) for line in lines_to_draw(forecasts, scored, series, facts)],
    }


def remarks_on(scored: Scored, forecasts: Forecasts) -> list[str]:
    """Say which figures are missing, and which rest on few windows."""
    remarks = []
    zeros = int((forecasts.target == 0).sum())
    if scored.values["mape"] is None:
        remarks.append(
            f"There is no MAPE: {zeros:,} target{'s are' if zeros > 1 else ' is'} 0, of which no error is a share."
        )
    if len(forecasts.row) < 30:
        remarks.append(f"Intervals and tests rest on {len(forecasts.row)} windows only.")
    return remarks


def baseline_row(row: Baseline, test: Comparison, forecasts: Forecasts) -> BaselineRow:
    """Return a baseline's row of the table."""
    return {
        "name": row.name,
        "words": row.words,
        "note": row.note,
        "rmse": metrics.plain(row.rmse),
        "mae": metrics.plain(row.mae),
        "mase": metrics.plain(row.mase),
        "model_rmse": metrics.plain(row.model_rmse),
        "p_better": test.p,
        "beaten": row.beaten,
        "share_of_values": row.cells / forecasts.target.size,
    }


def test_row(best: Baseline, test: Comparison) -> DieboldMariano:
    """Return the test against the best baseline as the report shows it."""
    return {
        "baseline": best.name,
        "loss": "squared error, mean over a window",
        "words": explain_test(best, test),
        "statistic": test.statistic,
        "p": test.p,
        "windows": test.windows,
        "kernel": test.kernel,
        "note": test.note,
    }


def explain_test(best: Baseline, test: Comparison) -> str:
    """Say in a sentence what the test found."""
    if test.p is None:
        return f"No test against {best.name}: {test.note}."
    found = (
        "better than"
        if test.p < CONVINCING
        else "worse than"
        if test.p > 1 - CONVINCING
        else "not shown to be better than"
    )
    chance = f"p {write_chance(test.p)} over {test.windows:,} origins"
    return f"The model is {found} {best.name}, the best baseline: {chance}."


def lines_to_draw(
    forecasts: Forecasts, scored: Scored, series: Sequence[Series], facts: ForecastExamplesFacts
) -> list[Line]:
    """Return the first series' first column and, where that is another one, the worst series' first column."""
    numbers, place, count = np.unique(forecasts.series, return_inverse=True, return_counts=True)
    worst = numbers[int(np.argmax(np.bincount(place, weights=scored.windows["scaled"]) / count))]
    chosen = {int(numbers[0]): "first"}
    chosen.setdefault(int(worst), "worst")
    return [
        Line(
            number,
            series[number].id,
            0,
            facts.values[0],
            why,
            np.asarray(series[number].values[:, 0]),
            series[number].times,
            cuts_of(series[number], facts.cuts),
            facts.time_form,
        )
        for number, why in chosen.items()
    ]


def cuts_of(series: Series, cuts: CutFacts) -> dict[str, int | None]:
    """Return the rows of a series at which validation and test begin; None where its rows end before."""
    rows: dict[str, int | None] = {}
    begins = {"validation": (cuts.validation, cuts.validation_time), "test": (cuts.test, cuts.test_time)}
    for split, (row, moment) in begins.items():
        if series.times is not None and moment:
            stamp = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
            stamp = stamp if stamp.tzinfo else stamp.replace(tzinfo=datetime.timezone.utc)
            row = int(np.searchsorted(series.times, stamp.timestamp()))
        rows[split] = row if row < len(series.values) else None
    return rows


def write_predictions(forecasts: Forecasts, target: Path) -> None:
    """Write every window's series, row, target and forecast with its interval."""
    names = ("series", "row", "target", "forecast", "lower", "upper")
    np.savez_compressed(target, **{name: getattr(forecasts, name) for name in names})


def draw_plots(details: ForecastDetails) -> dict[str, bytes]:
    """Draw series, forecasts, residuals, errors by step and baselines; return PNG bytes by name."""
    plots = {
        "baselines": forecast_plots.draw_baselines(details["model"], details["baselines"]),
        "residuals": forecast_plots.draw_residuals(details["residuals"], details["series_drawn"][0]),
    }
    for drawn in details["series_drawn"]:
        plots[f"series_{drawn['why']}"] = forecast_plots.draw_series(drawn, details["split"])
        plots[f"forecast_{drawn['why']}"] = forecast_plots.draw_forecast(drawn, details["level"])
        if drawn["fans"]:
            plots[f"fans_{drawn['why']}"] = forecast_plots.draw_fans(drawn, details["level"])
    if details["horizon"] > 1:
        plots["error_by_step"] = forecast_plots.draw_error_by_step(details["by_step"])
    return plots
