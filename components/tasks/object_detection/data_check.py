"""Looks at raw labelled images without writing anything, for `labline data check`."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import Any

from components.tasks.object_detection.checks import check_counts, unusable
from components.tasks.object_detection.config import DetectionValidationConfig
from components.validation.stopping import conclude
from data import formats
from data.config import RawDataConfig
from data.detection.check import inspect as inspect_images
from data.detection.config import DetectionDataConfig
from data.detection.recognising import is_cvat, is_of_another_program
from data.file_tree import extension_of
from data.formats import box_csv, coco, csv_series, labelme, voc
from data.sample import EXTENSIONS
from data.split_names import ABOUT_PICTURES, words_of
from data.validation.config import ValidationConfig
from pipeline.errors import UserError
from pipeline.progress import Progress
from pipeline.settings import narrow

MOST = 5000  # files that are looked at in search of photos


def inspect(config: RawDataConfig, validation: ValidationConfig, progress: Progress) -> dict[str, Any]:
    """Return what the images are like, and whether a run would stop; see `data.detection.check.inspect`.

    Findings are those of ingest and of the checks that a run makes next.
    """
    config, validation = narrow(config, DetectionDataConfig), narrow(validation, DetectionValidationConfig)
    found = inspect_images(config, progress)
    counts = found.pop("label_counts")
    checked = check_counts(list(found["classes"]), counts, found["splits"], validation)
    return conclude(found, checked, unusable(found["findings"], found["splits"], found["boxes"]), validation)


def recognize(place: Path) -> int:
    """Say that images with annotations beside them are the task's.

    Raises:
        UserError: these are annotations without their photos.
    """
    if formats.looks_like(place, "object_detection"):
        return 3
    if place.is_file():
        refuse_lone_table(place)
        refuse_lone_annotations(place)
    return 2 if is_of_another_program(place) else 0  # more than folders of classes, which any photos could be in


def refuse_lone_table(place: Path) -> None:
    """Refuse a table of boxes that is given without its photos."""
    if csv_series.detect(place) and box_csv.names_boxes(place):
        raise UserError(
            "This table says where boxes are on photos; the photos belong to the data.",
            str(place),
            f"Give the folder that holds the table and the photos, `labline data check {place.parent}`; "
            "if it is a table of something else, say so with `--task forecasting`.",
        )


def refuse_lone_annotations(place: Path) -> None:
    """Refuse a file of annotations that is given without its photos."""
    content = place.read_bytes() if place.suffix.lower() in (".json", ".xml") else b""
    known = {
        "COCO's": coco.is_annotations(content),
        "LabelMe's": labelme.is_annotation(content),
        "CVAT's": is_cvat(content),
        "Pascal VOC's": voc.is_annotation(content),
    }
    for whose in (name for name, fits in known.items() if fits):
        raise UserError(
            f"These are {whose} annotations; the photos that they are about belong to the data.",
            str(place),
            f"Give the folder or zip that holds both: `labline data check {folder_of_photos(place)}`.",
        )


def folder_of_photos(annotations: Path) -> Path:
    """Return the folder of a file of annotations; the one around it where only that has photos in or below it."""
    own = annotations.resolve().parent
    if set(words_of(own.name)) <= ABOUT_PICTURES and not has_photos(own) and has_photos(own.parent):
        return annotations.parent.parent if annotations.parent.name == own.name else own.parent
    return annotations.parent


def has_photos(folder: Path) -> bool:
    files = chain(folder.glob("*"), folder.glob("*/*"), folder.glob("*/*/*"))
    return any(extension_of(file.name) in EXTENSIONS for file in islice(files, MOST))
