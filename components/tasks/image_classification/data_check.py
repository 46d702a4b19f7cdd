"""Looks at raw images without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.image_classification.checks import check_counts
from components.tasks.image_classification.config import ImageValidationConfig
from components.validation.stopping import conclude, unusable_files
from data.config import RawDataConfig
from data.images.config import ImageDataConfig
from data.validation.config import ValidationConfig
from pipeline.progress import Progress
from pipeline.settings import narrow


def inspect(config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the images are like, the findings of ingest and of the checks that a run makes next, and whether it would stop; see
    `data.images.check.inspect`.
    """
    config, validation = narrow(config, ImageDataConfig), narrow(validation, ImageValidationConfig)
    from data.images.check import inspect

    found = inspect(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable_files(found["findings"], found), validation)
