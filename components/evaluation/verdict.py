"""Verdicts of all tasks: checks with value, limit and a sentence, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pipeline.metric import Metric, find_metric


def check(name: str, value: float | None, limit: float, passed: bool, reason: str) -> dict[str, Any]:
    """Return one check."""
    return {"name": name, "value": value, "limit": limit, "passed": bool(passed), "reason": reason}


def threshold_checks(
    values: Mapping[str, float | None],
    thresholds: dict[str, float],
    metrics: Mapping[str, Metric],
    missing: Callable[[str, float], dict[str, Any]],
    digits: str = ".4f",
) -> list[dict[str, Any]]:
    """Check the recipe's limits: the least values that pass, but the largest ones for what is better when less.

    Args:
        values: figures by name, without the split; None where one cannot be computed.
        thresholds: limits by split and name, such as `test/accuracy`.
        metrics: by name; they say which way is better.
        missing: gives the check of a figure that has no value, from its name with the split and its limit.
        digits: how a value is written.
    """
    checks = []
    for name, limit in thresholds.items():
        metric = name.partition("/")[2]
        value = values.get(metric)
        if value is None:
            checks.append(missing(name, limit))
            continue
        less = not find_metric(metric, metrics).higher_is_better
        passed = value <= limit if less else value >= limit
        word = ("at most" if passed else "above") if less else ("at least" if passed else "below")
        checks.append(check(name, value, limit, passed, f"{name} is {value:{digits}}, {word} the recipe's {limit:g}."))
    return checks


def other_classes(old: Collection[str], new: Collection[str]) -> str:
    """Say that the last blessed model cannot be asked about the same images, since it knows other classes; empty if it can.

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
    checks: list[dict[str, Any]], notes: list[str], comparison: dict[str, Any] | None, first: str = ""
) -> dict[str, Any]:
    """Return `blessed`, `reasons` (of what failed; of all if nothing did; then the notes), `checks` and the comparison.

    Args:
        first: a reason that is told before all others, once.
    """
    failed = [item["reason"] for item in checks if not item["passed"]]
    reasons = failed or [item["reason"] for item in checks]
    if first:
        reasons = [first, *(reason for reason in reasons if reason != first)]
    plain = [{key: item[key] for key in ("name", "value", "limit", "passed")} for item in checks]
    return {"blessed": not failed, "reasons": [*reasons, *notes], "checks": plain, "comparison": comparison}
