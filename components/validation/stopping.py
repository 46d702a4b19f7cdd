"""Which findings stop a run: too many unusable files, and what the recipe calls errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from data.findings import Finding
from data.validation.config import ValidationConfig

ORDER = {"error": 0, "warning": 1, "info": 2}


class Unusable(NamedTuple):
    """How many of the things that were found cannot be used."""

    number: int
    total: int
    things: str = "files"

    @property
    def share(self) -> float:
        return self.number / max(self.total, 1)

    def words(self, limit: float) -> str:
        """Say how many they are, and what the recipe allows."""
        allowed = "more than" if self.share > limit else "which"
        return (
            f"{self.number:,} of {self.total:,} {self.things} are unusable ({self.share * 100:.3g} %), "
            f"{allowed} validation.max_bad_share={limit:g} allows"
        )


def unusable_files(findings: list[Finding], splits: Mapping[str, int]) -> Unusable:
    """Count the unusable files; a task whose findings count other things too has its own `unusable`.

    Args:
        findings: what ingest found.
        splits: examples in each split.
    """
    bad = sum(finding["count"] for finding in findings if finding["severity"] == "error")
    return Unusable(bad, bad + sum(splits.values()))


def settle(
    ingested: list[Finding], others: list[Finding], unusable: Unusable, config: ValidationConfig
) -> list[Finding]:
    """Return all findings with the severities that count, errors first.

    Args:
        ingested: what ingest found; errors among these are warnings unless they are more than the recipe's share.
        others: what the checks found.
        unusable: what ingest's errors come to.
    """
    over = unusable.share > config.max_bad_share
    if not over:
        ingested = [with_severity(item, "warning") if item["severity"] == "error" else item for item in ingested]
    names = {item["name"] for item in ingested}
    findings = [with_severity(item, config.severity.get(item["name"], item["severity"])) for item in ingested + others]
    findings.sort(key=lambda item: (ORDER[item["severity"]], item["name"]))
    for place, item in enumerate(findings):
        if over and item["severity"] == "error" and item["name"] in names:
            # each finding shows its own share, which may be below the limit
            description = f"{item['description']} Together, {unusable.words(config.max_bad_share)}."
            findings[place] = {**item, "description": description}
            break
    return findings


def with_severity(finding: Finding, severity: str) -> Finding:
    return {**finding, "severity": severity}


def conclude(
    summary: dict[str, Any], others: list[Finding], unusable: Unusable, config: ValidationConfig
) -> dict[str, Any]:
    """Return the summary of raw data with its findings as a run would take them, `stops`, and `verdict`, a sentence.

    What a run compares with a schema, between splits and with an earlier run is not known here.

    Args:
        summary: what a look at the data showed; its `findings` are those of ingest.
        others: what the checks of the numbers of examples found.
    """
    findings = settle(summary["findings"], others, unusable, config)
    stopping = {item["name"] for item in findings if item["severity"] == "error"}
    by_share = stopping & {item["name"] for item in summary["findings"]} - set(config.severity)
    counted = [unusable.words(config.max_bad_share)] if unusable.number else []
    if stopping:
        reasons = [*(counted if by_share else ()), *sorted(stopping - by_share)]
        verdict = f"A run would stop: {'; '.join(reasons)}."
    else:
        verdict = f"{': '.join(['A run would go on', *counted])}."
    return {**summary, "findings": findings, "stops": bool(stopping), "verdict": verdict}
