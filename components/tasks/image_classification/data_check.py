"""Looks at raw images without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.image_classification.checks import ImageValidationConfig, check_counts
from components.validation.stopping import conclude, unusable_files
from data.images.config import ImageDataConfig
from pipeline.progress import Progress


def inspect(config: ImageDataConfig, validation: ImageValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the images are like, the findings of ingest and of the checks that a run makes next, and whether it would stop; see
    `data.images.check.inspect`.
    """
    from data.images.check import inspect

    found = inspect(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable_files(found["findings"], found), validation)
