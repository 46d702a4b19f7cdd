"""What a task's parts do where there is nothing of their own to say, check or show; a part imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.tasks.task import Artifacts, Inline, Values
from data.findings import Finding
from data.validation.config import ValidationConfig
from pipeline.artifacts import Anomalies, Artifact, Examples, Statistics
from serving.monitor.task import LoggedRequest, Row

__all__ = [
    "add_domains", "check", "data", "evaluation", "illustrate", "images", "measure", "page", "recognize", "remark",
    "write_samples",
]  # fmt: skip


def page(examples: Examples) -> Values:
    """Tell nothing beside the features."""
    del examples
    return {}


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write no samples."""
    del examples, statistics


def add_domains(schema: Any, statistics: Statistics) -> None:
    """Leave the schema as it was inferred."""
    del schema, statistics


def check(examples: Examples, config: ValidationConfig) -> list[Finding]:
    """Find nothing beyond what TFDV finds."""
    del examples, config
    return []


def illustrate(findings: list[Finding], examples: Examples, anomalies: Anomalies) -> None:
    """Draw nothing."""
    del findings, examples, anomalies


def measure(request: LoggedRequest, examples: Examples) -> list[Row | None]:
    """Leave requests unmeasured."""
    del request, examples
    return []


def recognize(place: Path) -> int:
    """Take no data for the task's own: they are named."""
    del place
    return 0


def data(artifacts: Artifacts, inline: Inline) -> Values | None:
    """Show no section on the data."""
    del artifacts, inline
    return None


def images(model: Artifact, inline: Inline) -> dict[str, list[str]]:
    """Show no images of the training."""
    del model, inline
    return {}


def remark(model: Artifact) -> str:
    """Say nothing."""
    del model
    return ""


def evaluation(artifacts: Artifacts, inline: Inline) -> Values | None:
    """Show no section on the evaluation."""
    del artifacts, inline
    return None
