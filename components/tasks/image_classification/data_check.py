"""Looks at raw images without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.image_classification.checks import check_counts
from components.tasks.image_classification.config import ImageValidationConfig
from components.validation.stopping import conclude, unusable_files
from data.config import RawDataConfig
from data.images.check import inspect as inspect_images
from data.images.config import ImageDataConfig
from data.validation.config import ValidationConfig
from pipeline.progress import Progress
from pipeline.settings import narrow


def inspect(config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the images are like, and whether a run would stop; see `data.images.check.inspect`.

    Findings are those of ingest and of the checks that a run makes next.
    """
    config, validation = narrow(config, ImageDataConfig), narrow(validation, ImageValidationConfig)
    found = inspect_images(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable_files(found["findings"], found["splits"]), validation)
