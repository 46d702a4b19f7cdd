"""The verdict: thresholds of the recipe, better than guessing, not worse than the last blessed model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from components.evaluation.percentiles import percentiles
from components.evaluation.verdict import ReasonedCheck, check, conclude, other_classes, threshold_checks
from components.tasks.image_classification.details import Baselines
from components.tasks.image_classification.facts import ImageComparison, ImageNetworkFacts
from components.tasks.image_classification.metric_list import METRICS
from components.tasks.image_classification.metrics import Scored, score
from components.tasks.image_classification.predictions import Predicted, predict
from pipeline.artifacts import Examples, Model
from pipeline.facts import Change, ComparisonFacts, VerdictFacts
from pipeline.progress import Progress

if TYPE_CHECKING:
    from components.tasks.image_classification.config import ImageEvaluatorConfig


def give_verdict(
    scored: Scored,
    baselines: Baselines,
    comparison: ComparisonFacts | None,
    config: ImageEvaluatorConfig,
) -> VerdictFacts:
    """Return the verdict, with reasons in sentences.

    Args:
        scored: the model.
        baselines: what guessing reaches.
        comparison: with the last blessed model, see `compare`; None without one.
    """
    interval = scored.intervals["accuracy"]
    assert interval is not None  # there are images
    checks = [
        *threshold_checks(scored.values, config.thresholds, METRICS, always_one),
        *guessing_checks(interval[0], baselines, config.split),
    ]
    notes = []
    if comparison is None:
        notes.append("There is no blessed model yet to compare with.")
    elif isinstance(comparison, ImageComparison):
        checks.append(baseline_check(comparison, config))
    else:
        notes.append(comparison.skipped)
    return conclude(checks, notes, comparison)


def always_one(name: str, limit: float) -> ReasonedCheck:
    """Return the check of the only figure that may have no value: top-5 accuracy of five classes or fewer."""
    return check(name, 1.0, limit, True, f"{name} is always 1 with five classes or fewer.")


def guessing_checks(lower: float, baselines: Baselines, split: str) -> list[ReasonedCheck]:
    """Check that even the lower end of the accuracy's interval beats guessing."""
    chance, majority = baselines["chance"], baselines["majority"]
    checks = []
    for name, limit, words in (
        ("chance", chance["accuracy"], "guessing by chance"),
        ("majority", majority["accuracy"], f"always answering `{majority['label']}`"),
    ):
        passed = lower > limit
        sentence = (
            f"The lower end of the accuracy's 95 % interval, {lower:.4f}, is {'above' if passed else 'not above'} "
            f"{words} ({limit:.4f})."
        )
        checks.append(check(f"{split}/accuracy above {name}", lower, limit, passed, sentence))
    return checks


def baseline_check(comparison: ImageComparison, config: ImageEvaluatorConfig) -> ReasonedCheck:
    """Check that accuracy has not dropped by more than the tolerance.

    By default the tolerance alone decides. Were only significant losses to count, a small test split could hide a loss
    of several points in every run, and as each blessed model is the next one's baseline, the losses would add up.
    """
    difference, chance = comparison.difference, comparison.p_worse
    lost_too_much = difference < -config.baseline_tolerance
    by_luck = config.baseline_significance < 1 and chance >= config.baseline_significance
    passed = not lost_too_much or by_luck
    assert comparison.interval is not None  # there are images
    low, high = comparison.interval
    sentence = (
        f"Accuracy changed by {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f}) "
        f"against the last blessed model: {comparison.won} pictures newly right, {comparison.lost} newly wrong; "
        f"{explain_loss(lost_too_much, passed, chance, config)}."
    )
    return check(
        f"{config.split}/accuracy against the last blessed model",
        difference,
        0.0 - config.baseline_tolerance,  # never -0.0
        passed,
        sentence,
    )


def explain_loss(lost_too_much: bool, passed: bool, chance: float, config: ImageEvaluatorConfig) -> str:
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
) -> ComparisonFacts:
    """Run the last blessed model on the same images and compare image by image; skipped where its classes differ."""
    old, new = baseline.facts_as(ImageNetworkFacts).labels, model.facts_as(ImageNetworkFacts).labels
    if skipped := other_classes(old, new):
        return ComparisonFacts(skipped=skipped)
    earlier = predict(baseline, examples, config.split, config.batch_size, progress)
    before = score(earlier, len(new), config.resamples, config.seed, config.calibration_bins)
    right, was_right = predicted.predicted == predicted.labels, earlier.predicted == earlier.labels
    won, lost = int((right & ~was_right).sum()), int((~right & was_right).sum())
    metrics = {name: change_of(name, scored, before) for name in scored.values}
    return ImageComparison(
        metrics=metrics,
        difference=(won - lost) / len(right),
        interval=metrics["accuracy"].difference_interval,
        won=won,
        lost=lost,
        p_worse=mcnemar(won, lost),
    )


def change_of(name: str, scored: Scored, before: Scored) -> Change:
    """Return a metric of the baseline and the change against it, each with its 95 % interval (bootstrap or Wilson)."""
    return Change(
        value=before.values[name],
        interval=before.intervals[name],
        difference=scored.values[name] - before.values[name],
        difference_interval=percentiles(scored.drawn[name] - before.drawn[name]),
    )


def mcnemar(won: int, lost: int) -> float:
    """Return the chance of at least so many losses among the changed answers if none were worse.

    McNemar 1947, exact and one-sided.
    """
    changed = won + lost
    tail, ways = 0, math.comb(changed, lost)
    for losses in range(lost, changed + 1):
        tail += ways
        ways = ways * (changed - losses) // (losses + 1)
    return float(tail / 2**changed)
