"""What is wrong or odd in the data, by name: ingest's findings, the schema, skew between splits, drift since the last run, classes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from components.validation import classes, comparison
from components.validation.thumbnails import write_thumbnails
from data.finding import Finding
from pipeline.artifacts import Anomalies, Examples, Schema, Statistics
from pipeline.component import Out, component
from pipeline.settings import Settings

Severity = Literal["error", "warning", "info"]


class Limits(Settings):
    """How far two sets of examples may lie apart, feature by feature; in small sets, further by what chance alone does."""

    categorical: float = Field(
        0.1, gt=0, le=1, description="largest difference of any value's share (L-infinity), for text features"
    )
    numeric: float = Field(0.2, gt=0, le=1, description="Jensen-Shannon divergence of the histograms, for numbers")
    features: dict[str, float] = Field(
        default_factory=dict, description="limits of single features by name, instead of the two above"
    )


class ValidationConfig(Settings):
    """Which findings stop the run (errors), and which are only told (warnings)."""

    max_bad_share: float = Field(
        0.01, ge=0, le=1, description="share of unusable files above which they are errors instead of warnings"
    )
    min_train_examples: int = Field(100, ge=0, description="fewer training pictures than this are a warning")
    min_class_examples: int = Field(
        10, ge=0, description="fewer pictures of a class than this, over all splits, are a warning"
    )
    max_class_ratio: float = Field(
        10.0,
        gt=1,
        description="largest class over smallest class of the training split, above which a warning is given",
    )
    drift: Limits = Field(Limits(), description="limits for the training split against the previous run's")
    skew: Limits = Field(Limits(), description="limits for every other split against the training split")
    severity: dict[str, Severity] = Field(
        default_factory=dict,
        description="severity of single findings by name, such as duplicate_across_splits: error or class_imbalance: info",
    )


@component(requires=["tensorflow-data-validation", "tensorflow"])
def example_validator(
    examples: Examples,
    statistics: Statistics,
    schema: Schema,
    previous: Statistics | None,
    anomalies: Out[Anomalies],
    config: ValidationConfig,
) -> None:
    """Write `anomalies.json` and thumbnails of the pictures it names; the run stops where one of them is an error."""
    findings = ingest_findings(examples, config)
    findings += classes.check(examples, config.min_train_examples, config.min_class_examples, config.max_class_ratio)
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
    write_thumbnails(findings, examples, anomalies)
    anomalies.write_json("anomalies.json", findings)
    anomalies.properties = summary(findings) | {"compared_with_previous": previous is not None}


def ingest_findings(examples: Examples, config: ValidationConfig) -> list[Finding]:
    """Return what ingest found; unusable files are errors only where they are more than the recipe's share."""
    findings: list[Finding] = examples.read_json("rejected.json")
    bad = sum(finding["count"] for finding in findings if finding["severity"] == "error")
    share = bad / max(bad + sum(examples.splits.values()), 1)
    if share > config.max_bad_share:
        return findings
    return [
        {**finding, "severity": "warning" if finding["severity"] == "error" else finding["severity"]}
        for finding in findings
    ]


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
