"""Verdicts of all tasks: checks with value, limit and a sentence, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from pipeline.artifacts import Blessing, Model
from pipeline.facts import Check, ComparisonFacts, VerdictFacts
from pipeline.figures import write_figure
from pipeline.metric import Metric, find_metric


class ReasonedCheck(Check):
    """A check with what it says in a sentence; of the sentences, verdicts keep those of what failed."""

    reason: str


def check(name: str, value: float | None, limit: float, passed: bool, reason: str) -> ReasonedCheck:
    """Return one check."""
    return ReasonedCheck(name=name, value=value, limit=limit, passed=bool(passed), reason=reason)


def threshold_checks(
    values: Mapping[str, float | None],
    thresholds: Mapping[str, float],
    metrics: Mapping[str, Metric],
    missing: Callable[[str, float], ReasonedCheck],
) -> list[ReasonedCheck]:
    """Check the recipe's limits: the least values that pass, but the largest ones for what is better when less.

    Args:
        values: figures by name, without the split; None where one cannot be computed.
        thresholds: limits by split and name, such as `test/accuracy`.
        metrics: by name; they say which way is better.
        missing: gives the check of a figure that has no value, from its name with the split and its limit.
    """
    checks = []
    for name, limit in thresholds.items():
        metric = name.partition("/")[2]
        value = values.get(metric)
        if value is None:
            checks.append(missing(name, limit))
            continue
        found = find_metric(metric, metrics)
        less = not found.higher_is_better
        passed = value <= limit if less else value >= limit
        word = ("at most" if passed else "above") if less else ("at least" if passed else "below")
        sentence = f"{name} is {found.write(value)}, {word} the recipe's {write_figure(limit, 12)}."
        checks.append(check(name, value, limit, passed, sentence))
    return checks


def other_classes(old: Collection[str], new: Collection[str]) -> str:
    """Say that the last blessed model cannot be asked about the same images, as its classes differ; empty if it can.

    Args:
        old, new: the classes of the last blessed model and of the one that is judged.
    """
    parts = [
        f"{word} {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
        for word, names in (("without", sorted(set(new) - set(old))), ("with", sorted(set(old) - set(new))))
        if names
    ]
    return (
        f"The last blessed model knows other classes ({'; '.join(parts)}), so it was not compared with."
        if parts
        else ""
    )


def conclude(
    checks: Sequence[ReasonedCheck], notes: Sequence[str], comparison: ComparisonFacts | None, first: str = ""
) -> VerdictFacts:
    """Return the verdict: blessed if all checks passed.

    Args:
        checks: the reasons of those that failed are kept, or of all if none did.
        notes: remarks that follow the reasons.
        comparison: with the last blessed model; None where there is none.
        first: a reason that is told before all others, once.
    """
    failed = [item.reason for item in checks if not item.passed]
    reasons = failed or [item.reason for item in checks]
    if first:
        reasons = [first, *(reason for reason in reasons if reason != first)]
    return VerdictFacts(
        blessed=not failed,
        reasons=[*reasons, *notes],
        checks=[Check(name=item.name, value=item.value, limit=item.limit, passed=item.passed) for item in checks],
        comparison=comparison,
    )


def write_verdict(verdict: VerdictFacts, baseline: Model | None, blessing: Blessing) -> None:
    """Write the verdict as blessing.json and, with the digest of the model that was compared with, as facts."""
    blessing.write_json("blessing.json", verdict.model_dump(mode="json", exclude_unset=True))
    digest = baseline.digest if baseline is not None else None
    blessing.write_facts(verdict.model_copy(update={"baseline": digest}))
