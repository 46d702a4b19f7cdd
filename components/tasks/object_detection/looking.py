"""Looks at raw labelled photos without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.object_detection.checks import DetectionValidationConfig, check_counts, unusable
from components.validation.stopping import conclude
from data.photos.config import PhotoDataConfig
from pipeline.progress import Progress


def inspect(config: PhotoDataConfig, validation: DetectionValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the photos are like, the findings of ingest and of the checks that a run makes next, and whether it would stop; see
    `data.photos.check.inspect`.
    """
    from data.photos.check import inspect

    found = inspect(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable(found["findings"], found), validation)
