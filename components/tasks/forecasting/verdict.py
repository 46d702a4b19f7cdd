"""The verdict on a forecaster: better than every baseline, within the limits, not worse than the last blessed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from components.evaluation.diebold_mariano import Comparison, diebold_mariano, losses_by_time
from components.evaluation.verdict import ReasonedCheck, check, conclude, threshold_checks
from components.tasks.forecasting.baselines import LAST_VALUE, ROUNDING, Baseline
from components.tasks.forecasting.facts import ForecastComparison, WindowFacts
from components.tasks.forecasting.metric_list import METRICS
from components.tasks.forecasting.metrics import Scored, percentiles
from pipeline.artifacts import Examples, Model
from pipeline.facts import Change, ComparisonFacts, VerdictFacts
from pipeline.figures import write_figure, write_figures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from components.tasks.forecasting.config import ForecastEvaluatorConfig

CONVINCING = 0.05  # a difference with a greater chance is called possible luck


def give_verdict(
    values: Mapping[str, float | None],
    baselines: Sequence[Baseline],
    tests: dict[str, Comparison],
    comparison: ComparisonFacts | None,
    config: ForecastEvaluatorConfig,
    many: bool = False,
) -> VerdictFacts:
    """Return the verdict, with reasons in sentences.

    Args:
        values: figures by name, without the split.
        baselines: the best one first.
        tests: Diebold and Mariano's test against each, by name.
        comparison: with the last blessed model, see `compare`.
        many: several series or columns are judged together: since the largest of them decide the RMSE, the MASE must be
            better too.
    """
    checks = [baseline_check(baseline, tests[baseline.name], config.split) for baseline in baselines if baseline.cells]
    if many:
        checks += [scaled_check(baseline, config.split) for baseline in baselines if baseline.cells]
    checks += threshold_checks(values, config.thresholds, METRICS, unknown_check)
    if config.significance is not None:
        checks.append(significance_check(baselines, tests, config.significance, config.split))
    notes = [f"Not compared with {baseline.name}: {baseline.note}." for baseline in baselines if not baseline.cells]
    notes += [f"{baseline.name}: {baseline.note}." for baseline in baselines if baseline.cells and baseline.note]
    if comparison is None:
        notes.append("There is no blessed model yet to compare with.")
    elif isinstance(comparison, ForecastComparison):
        checks.append(earlier_check(comparison, config))
    else:
        notes.append(comparison.skipped)
    return conclude(checks, notes, comparison, first=no_better_than_last_value(baselines, tests))


def no_better_than_last_value(baselines: Sequence[Baseline], tests: dict[str, Comparison]) -> str:
    """Say before anything else if the model does not beat the simplest forecast, or by no more than luck might."""
    last = next(baseline for baseline in baselines if baseline.name == LAST_VALUE)
    test = tests[LAST_VALUE]
    if last.beaten and (test.p is None or test.p < CONVINCING):
        return ""
    return f"No better than {last.words}: {write_errors(last, test)}."


def write_errors(baseline: Baseline, test: Comparison) -> str:
    """Return both errors and the chance that the difference is luck, in words."""
    ours, theirs = write_figures([baseline.model_rmse, baseline.rmse])
    chance = f"Diebold-Mariano p {write_chance(test.p)}" if test.p is not None else test.note
    return f"RMSE {ours} against {theirs} ({chance})"


def write_chance(chance: float) -> str:
    """Write a p-value: the smaller, the more digits, up to a point."""
    return "< 0.001" if chance < 0.001 else f"= {chance:.1g}" if chance < 0.1 else f"= {chance:.2g}"


def baseline_check(baseline: Baseline, test: Comparison, split: str) -> ReasonedCheck:
    """Check that the model's RMSE is below a baseline's on the same values; its significance is told, not asked."""
    figures, beaten = write_errors(baseline, test), bool(baseline.beaten)
    if not beaten:
        sentence = f"No better than {baseline.words if baseline.name == LAST_VALUE else baseline.name}: {figures}."
    elif test.p is not None and test.p >= CONVINCING:
        sentence = f"Better than {baseline.name}, though that may be luck: {figures}."
    else:
        sentence = f"Better than {baseline.name}: {figures}."
    return check(f"{split}/rmse better than {baseline.name}", baseline.model_rmse, baseline.rmse, beaten, sentence)


def scaled_check(baseline: Baseline, split: str) -> ReasonedCheck:
    """Check that the model's MASE, in which every series and column weighs the same, is below a baseline's."""
    beaten = baseline.model_mase < baseline.mase * (1 - ROUNDING)
    figures = f"MASE {' against '.join(write_figures([baseline.model_mase, baseline.mase]))}"
    sentence = (
        f"{'Better' if beaten else 'No better'} than {baseline.name} over series and columns of any size: {figures}."
    )
    return check(f"{split}/mase better than {baseline.name}", baseline.model_mase, baseline.mase, beaten, sentence)


def unknown_check(name: str, limit: float) -> ReasonedCheck:
    """Return the check of a figure without a value: it does not pass."""
    words = f"{name} cannot be computed (a target is 0), so the recipe's limit {write_figure(limit, 12)} is not met."
    return check(name, None, limit, False, words)


def significance_check(
    baselines: Sequence[Baseline], tests: dict[str, Comparison], limit: float, split: str
) -> ReasonedCheck:
    """Check that the advantage over the best baseline is more than luck; what cannot be tested does not pass."""
    best = baselines[0]
    test = tests[best.name]
    passed = test.p is not None and test.p < limit
    found = f"p {write_chance(test.p)}" if test.p is not None else f"no p-value, since {test.note}"
    sentence = (
        f"Diebold-Mariano's test against {best.name} gives {found}; "
        f"`evaluator.significance` asks for less than {limit:g}."
    )
    return check(f"{split}/significance against {best.name}", test.p, limit, passed, sentence)


def earlier_check(comparison: ForecastComparison, config: ForecastEvaluatorConfig) -> ReasonedCheck:
    """Check that the RMSE has not grown by more than the tolerance against the last blessed model."""
    grown, chance = comparison.difference, comparison.p_worse
    passed = grown <= config.baseline_tolerance
    luck = f" (one-sided Diebold-Mariano p {write_chance(chance)})" if chance is not None else ""
    figures = comparison.metrics["rmse"]
    now, before = write_figures([figures.value + figures.difference, figures.value])
    sentence = (
        f"RMSE is {now} against {before} of the last blessed model ({grown:+.1%}), "
        f"{'within' if passed else 'more than'} the tolerated {config.baseline_tolerance:.1%}{luck}."
    )
    name = f"{config.split}/rmse against the last blessed model"
    return check(name, grown, config.baseline_tolerance, passed, sentence)


def why_not_comparable(earlier: Model, examples: Examples) -> str:
    """Say why the last blessed model cannot forecast the same windows; empty if it can."""
    words = {
        "values": "forecasts other columns",
        "horizon": "forecasts another horizon",
        "history": "sees another history",
        "covariates": "wants other columns known in advance",
        "frequency": "was trained on another frequency",
    }
    before, now = earlier.facts_as(WindowFacts), examples.facts_as(WindowFacts)
    for key, what in words.items():
        old, new = getattr(before, key), getattr(now, key)
        if old != new:
            figures = f"{write_fact(old)}, here {write_fact(new)}"
            return f"The last blessed model {what} ({figures}), so it was not compared with."
    return ""


def write_fact(value: object) -> str:
    """Write a fact for a sentence."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def compare(scored: Scored, before: Scored, moments: NDArray[np.int64], overlap: int) -> ForecastComparison:
    """Compare with the last blessed model, which was scored on the same windows.

    Args:
        moments: of the windows, see `evaluation.moments_of`.
        overlap: how many neighbouring windows share a target row.
    """
    old, new = before.values["rmse"] or 0.0, scored.values["rmse"] or 0.0
    earlier, now = losses_by_time(before.windows["squared"], scored.windows["squared"], moments)
    metrics = {
        name: change_of(name, scored, before)
        for name in scored.values
        if scored.values[name] is not None and before.values[name] is not None
    }
    grown = new / old - 1 if old else float(new > 0)
    chance = diebold_mariano(earlier, now, overlap).p
    return ForecastComparison(metrics=metrics, difference=grown, p_worse=chance)


def change_of(name: str, scored: Scored, before: Scored) -> Change:
    """Return a figure of the earlier model and the change against it, each with the bootstrap's 95 % interval."""
    old, new = before.values[name], scored.values[name]
    assert old is not None and new is not None
    return Change(
        value=old,
        interval=before.intervals[name],
        difference=new - old,
        difference_interval=percentiles(scored.drawn[name] - before.drawn[name]),
    )
