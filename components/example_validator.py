"""What is wrong or odd in the data, by name.

Looked at are ingest's findings, the schema, skew between splits, drift since the last run, and what the task looks for.
"""

from __future__ import annotations

from components.tasks import find_task
from components.validation.stopping import settle
from data.findings import Finding
from data.validation.config import ValidationConfig
from pipeline.artifacts import Anomalies, Examples, Schema, Statistics
from pipeline.component import Out, component
from pipeline.facts import AnomaliesFacts


@component(requires=["tensorflow-data-validation", "tensorflow"], part="checks")
def example_validator(
    examples: Examples,
    statistics: Statistics,
    schema: Schema,
    previous: Statistics | None,
    anomalies: Out[Anomalies],
    config: ValidationConfig,
) -> None:
    """Write `anomalies.json` and images of what it names; the run stops where one of them is an error."""
    from data.validation import comparison

    task = find_task(examples.task)
    findings: list[Finding] = task.checks.check(examples, config)
    findings += comparison.check_schema(statistics, schema)
    findings += comparison.check_skew(statistics, schema, config.skew)
    if previous is not None and previous.digest != statistics.digest:
        findings += comparison.check_drift(statistics, previous, schema, config.drift)
    ingested: list[Finding] = examples.read_json("rejected.json")
    unusable = task.unusable(ingested, examples)
    findings = settle(ingested, findings, unusable, config)
    task.checks.illustrate(findings, examples, anomalies)
    anomalies.write_json("anomalies.json", findings)
    anomalies.write_facts(summarize(findings, previous is not None))


def summarize(findings: list[Finding], compared_with_previous: bool) -> AnomaliesFacts:
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
    return AnomaliesFacts(
        errors=len(errors),
        warnings=len(warnings),
        summary=sentence,
        compared_with_previous=compared_with_previous,
    )
