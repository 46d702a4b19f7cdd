"""A finding of the data checks in the Anomalies form."""

from __future__ import annotations

from typing import Any, TypedDict

NAMED = 20  # culprits named for each finding; the rest are only counted


class Finding(TypedDict):
    """One kind of trouble.

    Attributes:
        name: the kind, such as `corrupt_file`; the recipe sets severities by it.
        severity: `error` stops the run, `warning` and `info` do not.
        count: how many files, classes or features are concerned.
        share: of all that were looked at, 0..1.
        description: a sentence.
        examples: the first ones: `file`, `detail`, `split`, `label`, and `thumbnail` where the image can be shown.
    """

    name: str
    severity: str
    count: int
    share: float
    description: str
    examples: list[dict[str, Any]]


def make(name: str, severity: str, total: int, description: str, examples: list[dict[str, Any]]) -> Finding:
    """Return a finding about each of `examples`, of `total` that were looked at."""
    filled = [{"file": "", "detail": "", "split": "", "label": "", **example} for example in examples[:NAMED]]
    share = min(1.0, len(examples) / max(total, 1))
    return Finding(
        name=name, severity=severity, count=len(examples), share=share, description=description, examples=filled
    )
