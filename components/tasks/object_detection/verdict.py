"""The verdict on a detector.

Better than one box for all images, within the recipe's limits, not worse than the last blessed model.
"""

from __future__ import annotations

from components.evaluation.percentiles import percentiles
from components.evaluation.verdict import ReasonedCheck, check, conclude, threshold_checks
from components.tasks.object_detection.baselines import ConstantBox
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.metric_list import METRICS
from components.tasks.object_detection.scoring import Scored
from pipeline.facts import Change, ComparisonFacts, VerdictFacts
from pipeline.figures import write_figure

MIN_MAP50 = 0.05  # mAP50 of a network without training is below .01


def give_verdict(
    scored: Scored,
    constant: ConstantBox,
    constant_scored: Scored,
    comparison: ComparisonFacts | None,
    config: DetectionEvaluatorConfig,
) -> VerdictFacts:
    """Return the verdict, with reasons in sentences.

    Args:
        scored: the model.
        constant, constant_scored: the box that is the same for all images, and what it reaches on the same ones.
        comparison: with the last blessed model, see `compare`; None without one.
    """
    values = scored.values
    advantage = interval_of_change(scored, constant_scored, "mAP")
    checks = [
        constant_check(values["mAP"], constant, constant_scored.values["mAP"], advantage, config.split),
        found_check(values["mAP50"], config.split),
        *threshold_checks(values, config.thresholds, METRICS, absent_check),
    ]
    notes = []
    if comparison is None:
        notes.append("There is no blessed model yet to compare with.")
    elif comparison.skipped:
        notes.append(comparison.skipped)
    else:
        checks.append(earlier_check(comparison, config))
    return conclude(checks, notes, comparison)


def constant_check(
    value: float, constant: ConstantBox, limit: float, interval: list[float] | None, split: str
) -> ReasonedCheck:
    """Check that the mAP is above that of one box for all images; the interval of the difference is told, not asked."""
    passed = value > limit
    words = f"the median training box{f' (`{constant.label}`)' if constant.label else ''} drawn on every photo"
    sentence = (
        f"mAP {value:.4f} is {'above' if passed else 'not above'} that of {words}, {limit:.4f}{luck(passed, interval)}."
    )
    return check(f"{split}/mAP above one box for all", value, limit, passed, sentence)


def luck(passed: bool, interval: list[float] | None) -> str:
    """Say that an advantage may be luck, if it may."""
    if not passed or interval is None or interval[0] > 0:
        return ""
    return f", though that may be luck: the difference lies between {interval[0]:+.4f} and {interval[1]:+.4f} (95 %)"


def found_check(value: float, split: str) -> ReasonedCheck:
    """Check that objects are found at all: where they lie anywhere, one box for all finds none and is soon beaten."""
    passed = value >= MIN_MAP50
    sentence = (
        f"mAP50 {value:.4f} is {'at least' if passed else 'below'} {MIN_MAP50:g}: "
        f"{'objects are found' if passed else 'next to nothing is found'}."
    )
    return check(f"{split}/mAP50 above next to nothing", value, MIN_MAP50, passed, sentence)


def absent_check(name: str, limit: float) -> ReasonedCheck:
    """Return the check of a figure without a value: it does not pass."""
    words = (
        f"{name} cannot be computed: no object of that size is in the split. "
        f"So the recipe's limit {write_figure(limit, 12)} is not met."
    )
    return check(name, None, limit, False, words)


def earlier_check(comparison: ComparisonFacts, config: DetectionEvaluatorConfig) -> ReasonedCheck:
    """Check that the mAP has not fallen by more than the tolerance against the last blessed model."""
    change = comparison.metrics["mAP"]
    difference, interval = change.difference, change.difference_interval
    passed = difference >= -config.baseline_tolerance
    span = f" (95 % interval {interval[0]:+.4f} to {interval[1]:+.4f})" if interval else ""
    sentence = (
        f"mAP changed by {difference:+.4f}{span} against the last blessed model's {change.value:.4f}, "
        f"{'within' if passed else 'more than'} the tolerated loss of {config.baseline_tolerance:g}."
    )
    name = f"{config.split}/mAP against the last blessed model"
    return check(name, difference, 0.0 - config.baseline_tolerance, passed, sentence)  # never -0.0


def compare_scores(scored: Scored, before: Scored) -> ComparisonFacts:
    """Compare every figure that both have with the last blessed model's, which was scored on the same images."""
    return ComparisonFacts(
        metrics={
            name: Change(
                value=before.values[name],
                interval=before.intervals.get(name),
                difference=value - before.values[name],
                difference_interval=interval_of_change(scored, before, name),
            )
            for name, value in scored.values.items()
            if name in before.values
        }
    )


def interval_of_change(scored: Scored, before: Scored, name: str) -> list[float] | None:
    """Return the 95 % interval of a figure's difference, on the samples of images that both were scored on.

    None for a figure that images were not drawn anew for.
    """
    if name not in scored.drawn:
        return None
    shared = min(len(scored.drawn[name]), len(before.drawn[name]))
    return percentiles(scored.drawn[name][:shared] - before.drawn[name][:shared])
