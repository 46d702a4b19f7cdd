"""Verdicts of all tasks: checks with value, limit and a sentence, and what follows from them."""

from __future__ import annotations

from typing import Any


def check(name: str, value: float | None, limit: float, passed: bool, reason: str) -> dict[str, Any]:
    """Return one check."""
    return {"name": name, "value": value, "limit": limit, "passed": bool(passed), "reason": reason}


def conclude(checks: list[dict[str, Any]], notes: list[str], comparison: dict[str, Any] | None) -> dict[str, Any]:
    """Return `blessed`, `reasons` (of what failed; of all if nothing did; then the notes), `checks` and the comparison."""
    failed = [item["reason"] for item in checks if not item["passed"]]
    reasons = failed or [item["reason"] for item in checks]
    plain = [{key: item[key] for key in ("name", "value", "limit", "passed")} for item in checks]
    return {"blessed": not failed, "reasons": [*reasons, *notes], "checks": plain, "comparison": comparison}
