"""Looks at raw labelled photos without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.object_detection.checks import DetectionValidationConfig, check_counts
from data.photos.config import PhotoDataConfig
from pipeline.progress import Progress


def inspect(config: PhotoDataConfig, progress: Progress) -> dict[str, Any]:
    """Return what the photos are like, and the findings of ingest and of the checks that a run makes next; see `data.photos.check.inspect`."""
    from data.photos.check import inspect

    found = inspect(config, progress)
    counts = found.pop("label_counts")
    labels = list(found["classes"])
    found["findings"] += check_counts(labels, counts, found["splits"], DetectionValidationConfig())
    return found
