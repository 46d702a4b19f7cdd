"""Looks at raw labelled images without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.object_detection.checks import check_counts, unusable
from components.tasks.object_detection.config import DetectionValidationConfig
from components.validation.stopping import conclude
from data.config import RawDataConfig
from data.detection.check import inspect as inspect_images
from data.detection.config import DetectionDataConfig
from data.validation.config import ValidationConfig
from pipeline.progress import Progress
from pipeline.settings import narrow


def inspect(config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the images are like, and whether a run would stop; see `data.detection.check.inspect`.

    Findings are those of ingest and of the checks that a run makes next.
    """
    config, validation = narrow(config, DetectionDataConfig), narrow(validation, DetectionValidationConfig)
    found = inspect_images(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable(found["findings"], found["splits"], found["boxes"]), validation)
