"""Promises of judging a forecaster: nobody can miss a model that is no better than a naive forecast."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from components.evaluation.diebold_mariano import Comparison
from components.tasks.forecasting.baselines import Baseline
from components.tasks.forecasting.config import ForecastEvaluatorConfig
from components.tasks.forecasting.evaluation import evaluate
from components.tasks.forecasting.facts import CutFacts
from components.tasks.forecasting.metrics import Forecasts
from components.tasks.forecasting.plot_data import PAST, POINTS, Line, draw_line, envelope
from components.tasks.forecasting.verdict import give_verdict
from data.series.records import Series, Shape, encode_windows
from pipeline.artifacts import Blessing, Evaluation, Examples, Model, write_manifest
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.facts import VerdictFacts
from tests.support.small_series import examples_facts, model_facts

SEASON, HISTORY, ROWS = 12, 26, 180
CUTS = {"validation": 126, "test": 150}
MONTH = 2_629_746  # seconds
QUICK = ForecastEvaluatorConfig(resamples=100)

Evaluated = tuple[Evaluation, Blessing]


def write_examples(
    folder: Path,
    horizon: int = 1,
    series: int = 1,
    columns: Sequence[str] = ("milk",),
    times: bool = True,
    zero: bool = False,
) -> Examples:
    """Write and seal the test windows of series with trend, season and a wandering level, and the series themselves."""
    random = np.random.default_rng(3)
    steps = np.arange(ROWS)[:, np.newaxis]
    wander = np.cumsum(random.normal(0, 1, (series, ROWS, len(columns))), axis=1)
    values = 200 + 0.5 * steps + 20 * np.sin(2 * np.pi * steps / SEASON) + wander
    if zero:
        values[0, 170] = 0
    stamps = np.arange(ROWS, dtype=np.int64) * MONTH - 10 * 12 * MONTH  # before and after 1970
    examples = Examples.create(folder)
    shape = Shape(HISTORY, horizon, len(columns), 0, times)
    names = [f"cow {number}" for number in range(series)]
    with examples.file("test-00000-of-00001.tfrecord").open("wb") as shard:
        for name, table in zip(names, values, strict=True):
            whole = Series(name, table, stamps if times else None, np.zeros(ROWS, bool), np.zeros((ROWS, 0)))
            rows = range(CUTS["test"], ROWS - horizon + 1)
            shard.writelines(piece.data for piece in encode_windows(shape, whole, np.full(len(columns), 6.0), rows))
    offsets = [ROWS * number for number in range(series + 1)]
    listed = {"ids": names, "offsets": offsets, "columns": list(columns), "covariates": []}
    examples.write_json("series.json", listed)
    np.save(examples.file("values.npy"), values.reshape(-1, len(columns)))
    np.save(examples.file("filled.npy"), np.zeros(series * ROWS, bool))
    if times:
        np.save(examples.file("times.npy"), np.tile(stamps, series))
    iso = np.datetime64(int(stamps[CUTS["test"]]), "s").astype(str)
    splits = {"train": 0, "validation": 0, "test": series * (ROWS - horizon + 1 - CUTS["test"])}
    cuts = CutFacts(**CUTS, validation_time=None, test_time=f"{iso}+00:00" if times else None)
    facts = examples_facts(splits, columns, HISTORY, horizon, times, series=series, rows=series * ROWS, cuts=cuts)
    examples.write_facts(facts)
    write_manifest(examples, created=0.0)
    return examples


def write_model(
    folder: Path,
    horizon: int = 1,
    columns: Sequence[str] = ("milk",),
    kind: str = "seasonal",
    shift: float = 0.0,
    width: float = 4.0,
    history: int = HISTORY,
) -> Model:
    """Write and seal a network without weights: the last value, or last season with the last change, or zeros / 0."""
    known = keras.Input((history, len(columns)), name="history")
    last = known[:, -1:, :]
    if kind == "last":
        made = keras.ops.concatenate([last] * horizon, axis=1)
    else:
        season = known[:, history - SEASON : history - SEASON + horizon, :]
        made = season + 0.9 * (last - known[:, history - SEASON - 1 : history - SEASON, :]) + shift
    if kind == "broken":
        made = made / 0.0
    network = keras.Model({"history": known}, made)
    model = Model.create(folder)
    network.save(model.file("model.keras"))
    model.write_facts(model_facts(columns, history, horizon, width))
    write_manifest(model, created=0.0)
    return model


def judge(
    folder: Path,
    examples: Examples,
    model: Model,
    baseline: Model | None = None,
    config: ForecastEvaluatorConfig = QUICK,
) -> Evaluated:
    evaluation, blessing = Evaluation.create(folder / "evaluation"), Blessing.create(folder / "blessing")
    evaluate(examples, model, baseline, evaluation, blessing, config, Context.standalone(folder))
    write_manifest(evaluation, created=0.0)
    write_manifest(blessing, created=0.0)
    return evaluation, blessing


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return write_examples(tmp_path_factory.mktemp("one") / "examples")


@pytest.fixture(scope="module")
def last_value_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return write_model(tmp_path_factory.mktemp("last") / "model", kind="last")


@pytest.fixture(scope="module")
def of_last_value(examples: Examples, last_value_model: Model, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return judge(tmp_path_factory.mktemp("judged"), examples, last_value_model)


@pytest.fixture(scope="module")
def ahead(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    """Three series of two columns, six steps ahead."""
    folder = tmp_path_factory.mktemp("ahead")
    columns = ("fat", "milk")
    examples = write_examples(folder / "examples", horizon=6, series=3, columns=columns)
    return judge(folder, examples, write_model(folder / "model", 6, columns), config=QUICK)


def test_a_network_that_repeats_the_last_value_is_told_so_before_anything_else(of_last_value: Evaluated) -> None:
    _, blessing = of_last_value
    verdict = blessing.properties
    assert verdict["blessed"] is False
    assert verdict["reasons"][0].startswith("No better than repeating the last value: RMSE ")
    assert "Diebold-Mariano p = 0.5" in verdict["reasons"][0]
    assert verdict == {**blessing.read_json("blessing.json"), "baseline": None}


def test_every_baseline_is_a_check_of_its_own(of_last_value: Evaluated) -> None:
    checks = {check["name"]: check for check in of_last_value[1].properties["checks"]}
    for name in ("last value", "seasonal naive", "seasonal naive with last change", "drift", "Holt-Winters", "SARIMA"):
        check = checks[f"test/rmse better than {name}"]
        assert check["passed"] is (check["value"] < check["limit"])
    assert not checks["test/rmse better than SARIMA"]["passed"]


def test_the_figures_agree_with_the_stored_predictions_and_have_intervals(of_last_value: Evaluated) -> None:
    evaluation, _ = of_last_value
    stored, values = np.load(evaluation.file("predictions.npz")), evaluation.read_json("metrics.json")
    error = stored["forecast"].astype(np.float64) - stored["target"]
    assert stored["row"].tolist() == list(range(150, 180))
    assert values["test/rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert values["test/mase"] == pytest.approx(np.abs(error).mean() / 6.0)
    assert values["test/coverage"] == pytest.approx((np.abs(error) <= 4).mean())
    assert values["test/interval_width"] == pytest.approx(8.0)
    assert set(values) == {
        f"test/{name}" for name in ("rmse", "mae", "mape", "smape", "mase", "coverage", "interval_width")
    }
    low, high = evaluation.properties["intervals"]["rmse"]
    assert low < values["test/rmse"] < high


def test_the_last_value_as_a_model_and_as_a_baseline_are_the_same(of_last_value: Evaluated) -> None:
    details = of_last_value[0].read_json("details.json")
    row = next(row for row in details["baselines"] if row["name"] == "last value")
    assert row["rmse"] == pytest.approx(details["values"]["rmse"], rel=1e-6)
    assert row["beaten"] is False


def test_details_say_all_that_the_report_draws(ahead: Evaluated) -> None:
    details = ahead[0].read_json("details.json")
    assert [row["step"] for row in details["by_step"]] == [1, 2, 3, 4, 5, 6]
    assert details["by_step"][0]["rmse"] < details["by_step"][5]["rmse"]
    assert set(details["by_step"][0]["baselines"]) == {row["name"] for row in details["baselines"]}
    assert [row["column"] for row in details["by_column"]] == ["fat", "milk"]
    assert sorted(row["series"] for row in details["by_series"]) == ["cow 0", "cow 1", "cow 2"]
    assert details["by_series"][0]["mase"] == max(row["mase"] for row in details["by_series"])
    best = details["baselines"][0]
    assert best["rmse"] == min(row["rmse"] for row in details["baselines"])
    assert details["diebold_mariano"]["baseline"] == details["backtest"]["baseline"] == best["name"]
    assert len(details["backtest"]["origins"]) == 12
    assert sum(row["windows"] for row in details["backtest"]["origins"]) == details["windows"] == 75
    for name, rmse in details["backtest"]["origins"][0]["baselines"].items():
        assert rmse > 0, f"{name} has its figure from each origin"
    assert details["residuals"]["count"] == 75 * 2
    assert len(json.dumps(details)) < 300_000


def test_drawings_hold_the_series_its_cuts_and_fans_of_what_was_forecast(ahead: Evaluated) -> None:
    evaluation, _ = ahead
    details, stored = evaluation.read_json("details.json"), np.load(evaluation.file("predictions.npz"))
    drawn = details["series_drawn"][0]
    assert (drawn["series"], drawn["column"], drawn["rows"]) == ("cow 0", "fat", ROWS)
    assert drawn["cuts"] == CUTS
    assert len(drawn["values"]["x"]) == ROWS
    fan = drawn["fans"][0]
    place = int(np.flatnonzero((stored["series"] == 0) & (stored["row"] == fan["x"][0]))[0])
    assert fan["forecast"] == pytest.approx(stored["forecast"][place, :, 0].tolist(), rel=1e-5)
    assert fan["origin"] == fan["x"][0] - 1
    starts = [fan["x"][0] for fan in drawn["fans"]]
    assert min(np.diff(starts)) >= 6
    assert drawn["ticks"][0][1].startswith("1960")


def test_long_series_are_thinned_without_losing_their_peaks() -> None:
    values = np.zeros(100_000)
    values[54_321] = 7.0
    thinned = envelope(np.arange(100_000), values)
    assert len(thinned["x"]) <= POINTS
    assert max(thinned["high"]) == 7.0
    assert max(thinned["low"]) == 0.0


def test_what_is_drawn_before_a_forecast_is_each_value_of_a_long_series_too() -> None:
    from components.tasks.forecasting.report_charts import fan

    rows, values = np.arange(9_000, 9_993), np.arange(10_000.0)
    targets = values[rows[:, np.newaxis] + np.arange(7)][:, :, np.newaxis]
    targets = targets.astype(np.float32)
    scale = np.ones((len(rows), 1), np.float32)
    forecasts = Forecasts(np.zeros(len(rows), int), rows, targets, targets, targets, targets, scale)
    drawn = draw_line(Line(0, "cow", 0, "milk", "first", values, None, {**CUTS}), forecasts)["fans"][-1]
    assert drawn["past"] == values[drawn["origin"] - PAST + 1 : drawn["origin"] + 1].tolist()
    [past] = [line for line in fan(drawn).split("<polyline") if 'class="line past"' in line]
    assert past.count(",") == PAST


@pytest.mark.parametrize("fixture", ["of_last_value", "ahead"])
def test_plots_are_pictures_and_not_blank(fixture: str, request: pytest.FixtureRequest) -> None:
    evaluation, _ = request.getfixturevalue(fixture)
    plots = {path.stem: path for path in evaluation.file("plots").glob("*.png")}
    assert {"baselines", "residuals", "series_first", "forecast_first"} <= set(plots)
    assert ("error_by_step" in plots) == ("fans_first" in plots) == (fixture == "ahead")
    for path in plots.values():
        pixels = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L"))
        assert pixels.std() > 5


def test_tensorboard_gets_figures_and_plots(examples: Examples, last_value_model: Model, tmp_path: Path) -> None:
    judge(tmp_path, examples, last_value_model)
    events = EventAccumulator(str(tmp_path / "logs" / "test"), size_guidance={"tensors": 0})
    events.Reload()
    assert {"test/rmse", "test/mase", "forecast_first", "baselines"} <= set(events.Tags()["tensors"])


def test_the_same_evaluation_twice_gives_the_same_bytes(
    examples: Examples, last_value_model: Model, of_last_value: Evaluated, tmp_path: Path
) -> None:
    again, verdict = judge(tmp_path, examples, last_value_model)
    assert again.digest == of_last_value[0].digest
    assert verdict.digest == of_last_value[1].digest


def test_targets_of_zero_leave_mape_out_and_say_why(tmp_path: Path) -> None:
    examples = write_examples(tmp_path / "examples", zero=True, times=False)
    config = ForecastEvaluatorConfig(resamples=100, thresholds={"test/mape": 50})
    evaluation, blessing = judge(tmp_path, examples, write_model(tmp_path / "model"), config=config)
    details = evaluation.read_json("details.json")
    assert "test/mape" not in evaluation.read_json("metrics.json")
    assert details["values"]["mape"] is None
    assert "There is no MAPE: 1 target is 0" in details["remarks"][0]
    assert any("test/mape cannot be computed" in reason for reason in blessing.properties["reasons"])
    assert details["backtest"]["origins"][0]["first"] == "row 150"


def test_forecasts_that_are_no_numbers_stop_the_run_in_words(examples: Examples, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="30 of 30 windows of the test part are no numbers"):
        judge(tmp_path, examples, write_model(tmp_path / "model", kind="broken"))


def test_a_worse_model_than_the_last_blessed_one_is_told_by_how_much(examples: Examples, tmp_path: Path) -> None:
    good, worse = write_model(tmp_path / "good"), write_model(tmp_path / "worse", shift=3.0)
    _, blessing = judge(tmp_path / "a", examples, worse, baseline=good)
    check = blessing.properties["checks"][-1]
    assert (check["name"], check["passed"], check["limit"]) == ("test/rmse against the last blessed model", False, 0.02)
    assert check["value"] > 0.1
    figures = blessing.properties["comparison"]["metrics"]["rmse"]
    assert figures["difference"] > 0
    assert any("of the last blessed model" in reason for reason in blessing.properties["reasons"])
    _, same = judge(tmp_path / "b", examples, good, baseline=good)
    assert same.properties["comparison"]["difference"] == 0
    assert same.properties["checks"][-1]["passed"]
    assert same.properties["baseline"] == good.digest


def test_a_last_blessed_model_of_other_windows_is_skipped_and_named(
    examples: Examples, last_value_model: Model, tmp_path: Path
) -> None:
    other = write_model(tmp_path / "other", history=30)
    _, blessing = judge(tmp_path, examples, last_value_model, baseline=other)
    assert "sees another history (30, here 26)" in blessing.properties["comparison"]["skipped"]
    assert any("sees another history" in reason for reason in blessing.properties["reasons"])
    assert not any("last blessed" in check["name"] for check in blessing.properties["checks"])


def baseline_of(name: str, rmse: float, model_rmse: float, note: str = "", cells: int = 17) -> Baseline:
    losses = np.full(17, rmse**2)
    return Baseline(
        name, "repeating the last value", note, cells, rmse, rmse, 1.0, model_rmse, 0.9, losses, losses, losses
    )


def verdict_of(
    model: float, p: float = 0.001, config: ForecastEvaluatorConfig = QUICK, **others: float
) -> VerdictFacts:
    """Judge a model's RMSE against the last value and other baselines."""
    rows = [baseline_of(name.replace("_", " "), rmse, model) for name, rmse in others.items()]
    rows = sorted([*rows, baseline_of("last value", 45.77, model)], key=lambda row: row.rmse)
    tests = {row.name: Comparison(1.0, p, 17) for row in rows}
    values = {"rmse": model, "mae": 4.0, "coverage": 0.75, "mape": None}
    return give_verdict(values, rows, tests, None, config)


def test_a_model_better_than_every_baseline_is_blessed_and_says_by_what() -> None:
    verdict = verdict_of(5.9, SARIMA=6.08, drift=46.1)
    assert verdict.blessed is True
    assert "Better than last value: RMSE 5.90 against 45.77 (Diebold-Mariano p = 0.001)." in verdict.reasons
    assert "There is no blessed model yet to compare with." in verdict.reasons


def test_many_series_need_a_better_mase_too_since_the_largest_decide_the_rmse() -> None:
    rows = [baseline_of("last value", 45.0, 5.0)]
    tests = {"last value": Comparison(1.0, 0.001, 17)}
    values = {"rmse": 5.0, "mae": 4.0}
    assert give_verdict(values, rows, tests, None, QUICK, many=True).blessed is True
    worse = [replace(rows[0], model_mase=1.1)]
    assert give_verdict(values, worse, tests, None, QUICK).blessed is True
    verdict = give_verdict(values, worse, tests, None, QUICK, many=True)
    assert verdict.blessed is False
    assert verdict.reasons[0] == "No better than last value over series and columns of any size: MASE 1.1 against 1.0."


def test_one_baseline_that_is_better_forbids_the_blessing() -> None:
    verdict = verdict_of(6.2, SARIMA=6.08)
    assert verdict.blessed is False
    assert verdict.reasons[0].startswith("No better than SARIMA: RMSE 6.20 against 6.08")


def test_a_hair_better_than_the_last_value_is_called_no_better_and_the_chance_of_luck_is_told() -> None:
    verdict = verdict_of(45.4, p=0.4, SARIMA=6.08)
    assert verdict.blessed is False
    assert verdict.reasons[0] == (
        "No better than repeating the last value: RMSE 45.40 against 45.77 (Diebold-Mariano p = 0.4)."
    )


def test_the_error_decides_and_the_reasons_say_that_it_may_be_luck() -> None:
    verdict = verdict_of(45.4, p=0.3, drift=46.1)
    assert verdict.blessed is True
    assert verdict.reasons[0].startswith("No better than repeating the last value")
    assert any("though that may be luck" in reason for reason in verdict.reasons)


def test_who_asks_for_significance_gets_it() -> None:
    strict = ForecastEvaluatorConfig(significance=0.05)
    assert verdict_of(5.9, p=0.01, config=strict, SARIMA=6.08).blessed is True
    verdict = verdict_of(5.9, p=0.2, config=strict, SARIMA=6.08)
    assert verdict.blessed is False
    assert "`evaluator.significance` asks for less than 0.05" in " ".join(verdict.reasons)


def test_limits_are_the_largest_error_and_the_least_coverage() -> None:
    limits = ForecastEvaluatorConfig(thresholds={"test/rmse": 6, "test/coverage": 0.8})
    checks = {check.name: check.passed for check in verdict_of(5.9, config=limits).checks}
    assert checks["test/rmse"] is True
    assert checks["test/coverage"] is False
    with pytest.raises(ValidationError, match="Did you mean `test/rmse`"):
        ForecastEvaluatorConfig(thresholds={"test/rsme": 6})


def test_a_baseline_that_could_not_be_fitted_is_named_and_not_counted_as_beaten() -> None:
    rows = [
        baseline_of("last value", 45.77, 5.0),
        baseline_of("SARIMA", float("nan"), float("nan"), "did not converge: no likelihood", 0),
    ]
    tests = {row.name: Comparison(1.0, 0.001, 17) for row in rows}
    verdict = give_verdict({"rmse": 5.0}, rows, tests, None, QUICK)
    assert "Not compared with SARIMA: did not converge: no likelihood." in verdict.reasons
    assert [check.name for check in verdict.checks] == ["test/rmse better than last value"]
