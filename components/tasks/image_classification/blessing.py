"""The verdict: thresholds of the recipe, better than guessing, not worse than the last blessed model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from components.evaluation.percentiles import percentiles
from components.evaluation.verdict import ReasonedCheck, check, conclude, other_classes, threshold_checks
from components.tasks.image_classification.metric_list import METRICS
from components.tasks.image_classification.metrics import Scored, score
from components.tasks.image_classification.predictions import Predicted, predict
from pipeline.artifacts import Examples, Model
from pipeline.facts import ComparisonFacts, VerdictFacts
from pipeline.progress import Progress

if TYPE_CHECKING:
    from components.tasks.image_classification.config import ImageEvaluatorConfig


def judge(
    values: dict[str, float],
    intervals: dict[str, Any],
    baselines: dict[str, Any],
    comparison: dict[str, Any] | None,
    config: ImageEvaluatorConfig,
) -> VerdictFacts:
    """Return the verdict, with reasons in sentences.

    Args:
        values, intervals: of figures by name, without the split.
        baselines: what guessing reaches.
        comparison: with the last blessed model, see `compare`; None without one.
    """
    checks = [
        *threshold_checks(values, config.thresholds, METRICS, always_one),
        *guessing_checks(intervals["accuracy"][0], baselines, config.split),
    ]
    notes = []
    if comparison is None:
        notes.append("There is no blessed model yet to compare with.")
    elif "skipped" in comparison:
        notes.append(comparison["skipped"])
    else:
        checks.append(baseline_check(comparison, config))
    return conclude(checks, notes, ComparisonFacts(**comparison) if comparison is not None else None)


def always_one(name: str, limit: float) -> ReasonedCheck:
    """Return the check of the only figure that may have no value: top-5 accuracy of five classes or fewer says nothing."""
    return check(name, 1.0, limit, True, f"{name} is always 1 with five classes or fewer.")


def guessing_checks(lower: float, baselines: dict[str, Any], split: str) -> list[ReasonedCheck]:
    """Check that even the lower end of the accuracy's interval beats guessing."""
    names = {"chance": "guessing by chance", "majority": f"always answering `{baselines['majority']['label']}`"}
    checks = []
    for name, words in names.items():
        limit = baselines[name]["accuracy"]
        passed = lower > limit
        sentence = f"The lower end of the accuracy's 95 % interval, {lower:.4f}, is {'above' if passed else 'not above'} {words} ({limit:.4f})."
        checks.append(check(f"{split}/accuracy above {name}", lower, limit, passed, sentence))
    return checks


def baseline_check(comparison: dict[str, Any], config: ImageEvaluatorConfig) -> ReasonedCheck:
    """Check that accuracy has not dropped by more than the tolerance.

    By default the tolerance alone decides. Were only significant losses to count, a small test split could hide a loss of
    several points in every run, and as each blessed model is the next one's baseline, the losses would add up.
    """
    difference, chance = comparison["difference"], comparison["p_worse"]
    lost_too_much = difference < -config.baseline_tolerance
    by_luck = config.baseline_significance < 1 and chance >= config.baseline_significance
    passed = not lost_too_much or by_luck
    low, high = comparison["interval"]
    sentence = (
        f"Accuracy changed by {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}) against the last blessed model: {comparison['won']} pictures "
        f"newly right, {comparison['lost']} newly wrong; {describe_loss(lost_too_much, passed, chance, config)}."
    )
    return check(
        f"{config.split}/accuracy against the last blessed model",
        difference,
        0.0 - config.baseline_tolerance,  # never -0.0
        passed,
        sentence,
    )


def describe_loss(lost_too_much: bool, passed: bool, chance: float, config: ImageEvaluatorConfig) -> str:
    """Say what the tolerance made of a difference, and how likely luck alone would do as badly."""
    tolerance = f"the tolerated loss of {config.baseline_tolerance:g}"
    luck = f"McNemar's exact test: p = {chance:.3g}"
    if not lost_too_much:
        return f"within {tolerance} ({luck})"
    if passed:
        return f"more than {tolerance}, but it may be luck ({luck}, not below {config.baseline_significance:g})"
    return f"more than {tolerance} ({luck})"


def compare(
    predicted: Predicted,
    scored: Scored,
    model: Model,
    baseline: Model,
    examples: Examples,
    config: ImageEvaluatorConfig,
    progress: Progress,
) -> dict[str, Any]:
    """Run the last blessed model on the same images and compare image by image; skipped where its classes differ.

    Returns:
        `metrics`: for each metric the baseline's `value` and `interval`, and the `difference` to it with its interval;
        for accuracy also `difference`, `interval`, images `won` and `lost`, and McNemar's `p_worse`.
    """
    old, new = baseline.properties["labels"], model.properties["labels"]
    if skipped := other_classes(old, new):
        return {"skipped": skipped}
    earlier = predict(baseline, examples, config.split, config.batch_size, progress)
    before = score(earlier, len(new), config.resamples, config.seed, config.calibration_bins)
    right, was_right = predicted.predicted == predicted.labels, earlier.predicted == earlier.labels
    won, lost = int((right & ~was_right).sum()), int((~right & was_right).sum())
    return {
        "metrics": {name: change_of(name, scored, before) for name in scored.values}, "difference": (won - lost) / len(right),
        "interval": change_of("accuracy", scored, before)["difference_interval"], "won": won, "lost": lost, "p_worse": mcnemar(won, lost),
    }  # fmt: skip


def change_of(name: str, scored: Scored, before: Scored) -> dict[str, Any]:
    """Return a metric of the baseline and the change against it, each with the bootstrap's or Wilson's 95 % interval."""
    return {
        "value": before.values[name], "interval": before.intervals[name], "difference": scored.values[name] - before.values[name],
        "difference_interval": percentiles(scored.drawn[name] - before.drawn[name]),
    }  # fmt: skip


def mcnemar(won: int, lost: int) -> float:
    """Return the chance of at least so many losses among the changed answers if none were worse (McNemar 1947, exact, one-sided)."""
    changed = won + lost
    tail, ways = 0, math.comb(changed, lost)
    for losses in range(lost, changed + 1):
        tail += ways
        ways = ways * (changed - losses) // (losses + 1)
    return tail / 2**changed
