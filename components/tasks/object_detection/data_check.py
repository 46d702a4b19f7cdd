"""Looks at raw labelled images without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from components.tasks.object_detection.checks import check_counts, unusable
from components.tasks.object_detection.config import DetectionValidationConfig
from components.validation.stopping import conclude
from data.config import RawDataConfig
from data.detection.config import DetectionDataConfig
from data.validation.config import ValidationConfig
from pipeline.progress import Progress
from pipeline.settings import narrow


def inspect(config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the images are like, the findings of ingest and of the checks that a run makes next, and whether it would stop; see
    `data.detection.check.inspect`.
    """
    config, validation = narrow(config, DetectionDataConfig), narrow(validation, DetectionValidationConfig)
    from data.detection.check import inspect

    found = inspect(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable(found["findings"], found), validation)
