"""Looks at raw images without writing anything, for `labline data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.tasks.image_classification.checks import check_counts
from components.tasks.image_classification.config import ImageValidationConfig
from components.validation.stopping import conclude, unusable_files
from data import formats
from data.config import RawDataConfig
from data.detection.labelled import has_images
from data.file_tree import Entry, extension_of
from data.formats import csv_series, image_csv
from data.images.check import inspect as inspect_images
from data.images.config import ImageDataConfig
from data.images.pixel_tables import refuse_pixel_tables
from data.nested_zips import list_tree
from data.sample import EXTENSIONS
from data.unpack import is_archive
from data.validation.config import ValidationConfig
from pipeline.errors import UserError
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


def holds_pictures(archive: Path) -> bool:
    """Tell whether a zip, or a zip in it, holds pictures; a damaged one may."""
    try:
        return any(
            isinstance(item, Entry) and extension_of(item.parts[-1]) in EXTENSIONS for item in list_tree(archive)
        )
    except UserError:
        return False


def recognize(place: Path) -> int:
    """Say that a table that names images, and a folder or archive that has some, are images with a class each.

    Raises:
        UserError: it is a table of pixels.
    """
    if not has_images(place):
        refuse_pixel_tables(place)
    if place.is_file() and csv_series.detect(place):
        return 2 * (image_csv.detect(place) and image_csv.names_images(place))
    if place.suffix.lower() == ".zip" and place.is_file() and holds_pictures(place):
        return 2
    empty = place.is_dir() and not any(place.iterdir())
    return int(empty or has_images(place) or is_archive(place) or formats.looks_like(place, "image_classification"))
