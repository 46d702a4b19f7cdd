"""What is wrong or odd in the data, by name: ingest's findings, the schema, skew between splits, drift since the last run, and what the task looks for."""

from __future__ import annotations

from typing import Any

from components.tasks import find_part
from components.validation import comparison
from components.validation.config import ValidationConfig
from data.finding import Finding
from pipeline.artifacts import Anomalies, Examples, Schema, Statistics
from pipeline.component import Out, component


@component(requires=["tensorflow-data-validation", "tensorflow"], part="checks")
def example_validator(
    examples: Examples,
    statistics: Statistics,
    schema: Schema,
    previous: Statistics | None,
    anomalies: Out[Anomalies],
    config: ValidationConfig,
) -> None:
    """Write `anomalies.json` and pictures of what it names; the run stops where one of them is an error."""
    part = find_part(examples.task, "checks")
    findings = ingest_findings(examples, config)
    findings += part.check(examples, config)
    findings += comparison.check_schema(statistics, schema)
    findings += comparison.check_skew(
        statistics, schema, config.skew.categorical, config.skew.numeric, config.skew.features
    )
    if previous is not None and previous.digest != statistics.digest:
        findings += comparison.check_drift(
            statistics, previous, schema, config.drift.categorical, config.drift.numeric, config.drift.features
        )
    findings = [
        {**finding, "severity": config.severity.get(finding["name"], finding["severity"])} for finding in findings
    ]
    order = {"error": 0, "warning": 1, "info": 2}
    findings.sort(key=lambda finding: (order[finding["severity"]], finding["name"]))
    part.illustrate(findings, examples, anomalies)
    anomalies.write_json("anomalies.json", findings)
    anomalies.properties = summary(findings) | {"compared_with_previous": previous is not None}


def ingest_findings(examples: Examples, config: ValidationConfig) -> list[Finding]:
    """Return what ingest found; unusable files are errors only where they are more than the recipe's share."""
    findings: list[Finding] = examples.read_json("rejected.json")
    part = find_part(examples.task, "checks")
    share_of = getattr(part, "bad_share", bad_share)
    if share_of(findings, examples) > config.max_bad_share:
        return findings
    return [
        {**finding, "severity": "warning" if finding["severity"] == "error" else finding["severity"]}
        for finding in findings
    ]


def bad_share(findings: list[Finding], examples: Examples) -> float:
    """Return the share of unusable files; a task whose findings count other things too has its own `bad_share`."""
    bad = sum(finding["count"] for finding in findings if finding["severity"] == "error")
    return bad / max(bad + sum(examples.splits.values()), 1)


def summary(findings: list[Finding]) -> dict[str, Any]:
    """Count the findings by severity and put the outcome into a sentence."""
    errors = [finding for finding in findings if finding["severity"] == "error"]
    warnings = [finding for finding in findings if finding["severity"] == "warning"]
    if errors:
        sentence = " ".join(f"{finding['name']} ({finding['count']:,}): {finding['description']}" for finding in errors)
    elif warnings:
        sentence = (
            "Nothing that stops the run; warnings: "
            + ", ".join(f"{finding['name']} ({finding['count']:,})" for finding in warnings)
            + "."
        )
    else:
        sentence = "Nothing wrong was found."
    return {"errors": len(errors), "warnings": len(warnings), "summary": sentence}
