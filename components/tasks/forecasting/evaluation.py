"""Scores a forecaster on windows it has never seen, beside every naive baseline, and says whether it is good enough to serve.

`metrics.json` holds the figures as `<split>/<name>`; `mape` is absent where a target is 0. `predictions.npz` holds series, row, target,
forecast, lower and upper. `details.json`, of which the report draws everything (null stands for what cannot be computed):

| key | holds |
|---|---|
| `split`, `windows`, `horizon`, `season`, `columns`, `level`, `series_count` | what was judged; `level` is the share that intervals shall hold |
| `values`, `intervals` | figure -> value, and its 95 % interval [low, high]: rmse, mae, mape, smape (percent), mase, coverage, interval_width, interval_score |
| `remarks` | sentences, such as why there is no mape |
| `by_step` | rows: `step`, every figure, `baselines` {name: rmse} |
| `by_column`, `by_series` | rows: `column` or `series` (the 50 worst by mase, with `windows`), every figure |
| `model` | row: `name`, `words`, `rmse`, `mae`, `mase` |
| `baselines` | rows, the hardest to beat first: `name`, `words`, `rmse`, `mae`, `mase`, `note`, `model_rmse` (on the same values), `p_better` (that of the test), `beaten`, `share_of_values` (1: forecast all that the model did) |
| `diebold_mariano` | against the best baseline: `baseline`, `statistic`, `p`, `windows`, `kernel`, `loss`, `words`, `note` |
| `residuals` | one step ahead: `autocorrelation` (lag 1 first), `bound`, `bartlett` (by lag), `ljung_box_p`, `ljung_box_lags`, `mean` (by column), `count`, `step` |
| `backtest` | `baseline` (the best one), `origins`: `first`, `last` (names of target rows), `windows`, `rmse`, `baselines` (RMSE by name) |
| `series_drawn` | of the first column of the first series, and of the worst where that is another: see `drawn.py` |
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.evaluation.config import EvaluatorConfig
from components.evaluation.diebold_mariano import Comparison, diebold_mariano, losses_by_time
from components.evaluation.plots import write_logs, write_plots
from components.plots import forecast_plots
from components.tasks.forecasting import blessing as judging
from components.tasks.forecasting import metrics
from components.tasks.forecasting.backtest import backtest
from components.tasks.forecasting.baselines import Baseline, measure_baselines
from components.tasks.forecasting.config import ForecastEvaluatorConfig
from components.tasks.forecasting.forecasts import predict
from components.tasks.forecasting.metric_list import METRICS
from components.tasks.forecasting.metrics import Forecasts, Scored
from components.tasks.forecasting.plot_data import Line, draw_line, name_moments
from components.tasks.forecasting.residuals import describe_residuals
from data.series.records import read_series
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context
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

    The metrics and plots go to the run's TensorBoard logs too, in the folder `test`, at the step where the training ended.
    """
    config = narrow(config, ForecastEvaluatorConfig)
    series = read_series(examples)
    forecasts = predict(model, examples, config.split, config.batch_size, context.progress)
    moments = moments_of(forecasts, series)
    scored = score(forecasts, moments, model, examples, config)
    facts = examples.properties
    baselines = measure_baselines(
        [one.values for one in series], forecasts, facts["season"], config.fitted_series, config.seed, context.progress
    )
    tests = test_baselines(baselines, forecasts, series, facts)
    comparison = None
    if baseline is not None:
        reason = judging.why_not_comparable(baseline, examples)
        comparison = {"skipped": reason} if reason else {}
        if not reason:
            before = predict(baseline, examples, config.split, config.batch_size, context.progress)
            comparison = judging.compare(
                scored, score(before, moments, baseline, examples, config), moments, overlap_of(facts)
            )
    many = len(facts["values"]) > 1 or facts["series"] > 1
    verdict = judging.judge(scored.values, baselines, tests, comparison, config, many)
    details = describe(
        forecasts, scored, baselines, tests, series, facts, config.split, model.properties["intervals"]["level"]
    )
    values = {f"{config.split}/{name}": value for name in METRICS if (value := scored.values[name]) is not None}
    write_predictions(forecasts, evaluation.file("predictions.npz"))
    plots = draw_plots(details)
    write_plots(plots, evaluation.file("plots"))
    write_logs(plots, values, context.logs, model.properties.get("steps", 0))
    evaluation.write_json("metrics.json", values)
    evaluation.write_json("details.json", details)
    evaluation.properties = {"metrics": values, "split": config.split, "intervals": details["intervals"]}
    blessing.write_json("blessing.json", verdict)
    blessing.properties = {**verdict, "baseline": baseline.digest if baseline is not None else None}


def score(
    forecasts: Forecasts, moments: np.ndarray, model: Model, examples: Examples, config: ForecastEvaluatorConfig
) -> Scored:
    """Measure a model's forecasts with intervals from blocks of windows."""
    facts = examples.properties
    block = metrics.block_length(metrics.most_windows(forecasts), facts["horizon"], facts["stride"])
    level = model.properties["intervals"]["level"]
    return metrics.score(forecasts, moments, level, block, config.resamples, config.seed)


def overlap_of(facts: dict[str, Any]) -> int:
    """Return how many neighbouring windows share a target row."""
    return math.ceil(facts["horizon"] / facts["stride"])


def moments_of(forecasts: Forecasts, series: Sequence[Series]) -> np.ndarray:
    """Return what orders windows over all series: the time of the first target row, or its number without times, int64 [n]."""
    moments = np.array(forecasts.row, np.int64)
    for number in np.unique(forecasts.series):
        times = series[number].times
        if times is not None:
            chosen = forecasts.series == number
            moments[chosen] = times[forecasts.row[chosen]]
    return moments


def test_baselines(
    baselines: Sequence[Baseline], forecasts: Forecasts, series: Sequence[Series], facts: dict[str, Any]
) -> dict[str, Comparison]:
    """Return Diebold and Mariano's test of the model against each baseline, by name."""
    moments, overlap = moments_of(forecasts, series), overlap_of(facts)
    return {
        row.name: diebold_mariano(*losses_by_time(row.model_losses, row.losses, moments), overlap) for row in baselines
    }


def describe(
    forecasts: Forecasts,
    scored: Scored,
    baselines: Sequence[Baseline],
    tests: dict[str, Comparison],
    series: Sequence[Series],
    facts: dict[str, Any],
    split: str,
    level: float,
) -> dict[str, Any]:
    """Return the content of details.json; its keys stand at the top of this file."""
    best = baselines[0]
    names = name_moments([one.times for one in series], forecasts)
    by_series = metrics.series_rows(scored, forecasts, [one.id for one in series])
    steps = metrics.step_rows(scored)
    for number, row in enumerate(steps):
        row["baselines"] = {other.name: metrics.plain(other.steps[number]) for other in baselines}
    return {
        "split": split, "windows": len(forecasts.row), "horizon": facts["horizon"], "season": facts["season"],
        "columns": facts["values"], "level": level, "series_count": len(set(forecasts.series.tolist())),
        "values": scored.values, "intervals": scored.intervals, "remarks": remarks_on(scored, forecasts),
        "by_step": steps, "by_column": metrics.column_rows(scored, facts["values"]), "by_series": by_series,
        "model": {"name": "the model", "words": "this model"} | {name: scored.values[name] for name in ("rmse", "mae", "mase")},
        "baselines": [baseline_row(row, tests[row.name], forecasts) for row in baselines],
        "diebold_mariano": {
            "baseline": best.name, "loss": "squared error, mean over a window", "words": describe_test(best, tests[best.name]),
        } | tests[best.name].as_json(),
        "residuals": describe_residuals(forecasts, facts["season"], facts["stride"]),
        "backtest": backtest(scored.windows["squared"], moments_of(forecasts, series), baselines, names),
        "series_drawn": [draw_line(line, forecasts) for line in lines_to_draw(forecasts, scored, series, facts)],
    }  # fmt: skip


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


def baseline_row(row: Baseline, test: Comparison, forecasts: Forecasts) -> dict[str, Any]:
    """Return a baseline's row of the table."""
    figures = {name: metrics.plain(getattr(row, name)) for name in ("rmse", "mae", "mase", "model_rmse")}
    return {
        "name": row.name, "words": row.words, "note": row.note, **figures, "p_better": test.p, "beaten": row.beaten,
        "share_of_values": row.cells / forecasts.target.size,
    }  # fmt: skip


def describe_test(best: Baseline, test: Comparison) -> str:
    """Say in a sentence what the test found."""
    if test.p is None:
        return f"No test against {best.name}: {test.note}."
    luck = judging.CONVINCING
    found = "better than" if test.p < luck else "worse than" if test.p > 1 - luck else "not shown to be better than"
    return f"The model is {found} {best.name}, the best baseline: p {judging.describe_chance(test.p)} over {test.windows:,} origins."


def lines_to_draw(forecasts: Forecasts, scored: Scored, series: Sequence[Series], facts: dict[str, Any]) -> list[Line]:
    """Return the first series' first column and, where that is another one, the worst series' first column."""
    numbers, place, count = np.unique(forecasts.series, return_inverse=True, return_counts=True)
    worst = numbers[int(np.argmax(np.bincount(place, weights=scored.windows["scaled"]) / count))]
    chosen = {int(numbers[0]): "first"}
    chosen.setdefault(int(worst), "worst")
    return [
        Line(
            number, series[number].id, 0, facts["values"][0], why, np.asarray(series[number].values[:, 0]),
            series[number].times, cuts_of(series[number], facts["cuts"]),
        )
        for number, why in chosen.items()
    ]  # fmt: skip


def cuts_of(series: Series, cuts: dict[str, Any]) -> dict[str, int | None]:
    """Return the rows of a series at which validation and test begin; None where its rows end before."""
    rows: dict[str, int | None] = {}
    for split in ("validation", "test"):
        row, moment = cuts[split], cuts.get(f"{split}_time")
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


def draw_plots(details: dict[str, Any]) -> dict[str, bytes]:
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
