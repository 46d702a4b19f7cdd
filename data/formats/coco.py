"""Photos with COCO annotations in a folder or zip: json files with `images`, `annotations` and `categories`.

    annotations/instances_train2017.json  train2017/000000000009.jpg   a word of the file's name gives the split
    annotations/captions_train2017.json                                files without boxes are passed over
    train/_annotations.coco.json  train/1.jpg  valid/...               or a folder around it
    result.json  images/1.jpg                                          of Label Studio

Boxes are [x, y, width, height] in pixels; an annotation without one gets the box around its outline or mask. Files of
keypoints, of stuff or of what a detector found are used only where no other file has boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data.detection.box_columns import BoxForm
from data.detection.boxes import DetectionSample
from data.detection.coco_json import SCORED, CocoFile, Id, ImageRow, form_of, objects_of, read_coco
from data.detection.config import DetectionDataConfig
from data.detection.json_text import MAX_JSON_BYTES, decode_json
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    read_entries,
    samples_of,
    sources,
)
from data.detection.pairing import Statement
from data.detection.recognising import contents, ends_of, entries_of, likely_files
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage, Problem, Split
from data.split_names import splits_of
from pipeline.errors import UserError

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"


def detect(path: Path) -> bool:
    """Tell whether a json file of a folder or zip has COCO's lists."""
    likely = likely_files(entries_of(path), "json")
    return any(is_annotations(content) for _, content in contents(path, likely, MAX_JSON_BYTES))


def is_annotations(content: bytes) -> bool:
    """Tell whether a json file has COCO's lists, with boxes or outlines."""
    ends = ends_of(content)
    if b'"shapes"' in ends or not (b'"images"' in ends or b'"annotations"' in ends):
        return False
    words = (b'"bbox"', b'"segmentation"', b'"categories"', b'"category_id"')
    return any(word in ends for word in words) or any(word in content for word in words)


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos of the json files in the order of their lists.

    Raises:
        UserError: one of the files is damaged, none has boxes, or their lists are not COCO's.
    """
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    files: list[tuple[Entry, CocoFile]] = []
    with open_reader(path, MAX_JSON_BYTES) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) == "json":
                key = printable("/".join(entry.parts))
                content = b""
                try:
                    content = read(entry.locator)
                    files.append((entry, read_coco(decode_json(content), key)))
                except (BadImage, OSError, ValueError) as error:
                    if isinstance(error, BadImage) or b'"images"' in ends_of(content):
                        raise unreadable(key, error) from None
                    yield Problem("unreadable_annotation", key, str(error))
    passed = passed_over([file for _, file in files])
    for key, why in passed.items():
        yield Problem("passed_over_file", key, why)
    used = [(entry, file) for entry, file in files if file.key not in passed]
    if not used:
        listed = "; ".join(f"{key}: {why}" for key, why in list(passed.items())[:5])
        raise UserError("None of the json files has boxes in COCO's form.", str(path), f"{listed or 'There are none'}.")
    splits = splits_of([stem_of(entry.parts[-1]) for entry, _ in used])
    annotations: list[Annotation] = []
    for entry, file in used:
        if file.aside() == SCORED:
            yield Problem("scored_boxes", file.key)
        form = form_of(file, config.box_form)
        yield from describe(file, entry.parts, splits.get(stem_of(entry.parts[-1])), form, annotations)
    yield from samples_of(path, entries, annotations, config)


def unreadable(key: str, error: Exception) -> UserError:
    """Return the error that a file with all the annotations of a data set or split cannot be read."""
    words = error.args[-1] if isinstance(error, BadImage) else error
    return UserError(f"These annotations cannot be read: {words}.", key, "Export them again, or take the file away.")


def passed_over(files: list[CocoFile]) -> dict[str, str]:
    """Return the files that are not used, by their names, and why."""
    found = {file.key: file.purpose() for file in files if file.purpose()}
    left = [file for file in files if file.key not in found]
    if any(not file.aside() for file in left):
        found |= {file.key: f"{file.aside()}; other files have boxes" for file in left if file.aside()}
    return found


def describe(
    file: CocoFile, parts: tuple[str, ...], split: Split | None, form: BoxForm, annotations: list[Annotation]
) -> Iterator[Problem]:
    """Add what a file says of each of its images, and yield what is wrong in it."""
    said, problems = objects_of(file, form)
    yield from problems
    rows, unclear = dict[Id, ImageRow](), set[Id]()
    for row in file.images:
        place = f"{file.key}, image {row.id}"
        if row.id is None:
            yield Problem("unclear_id", f"{file.key}, `{row.name}`", "the image has no id", split or "")
        elif row.id in rows and rows[row.id].name != row.name:
            words = f"`{rows[row.id].name}` and `{row.name}` both have id {row.id}"
            yield Problem("unclear_id", place, words, split or "")
            unclear.add(row.id)
        elif row.id in rows:
            yield Problem("duplicate_annotation", place, f"`{row.name}` was listed before", split or "")
        else:
            rows[row.id] = row
    for number, row in rows.items():
        place = f"{file.key}, image {number}"
        own = said.pop(number, [])
        if number in unclear:
            continue
        if not row.name:
            yield Problem("missing_photo", place, "it has no file_name", split or "")
            continue
        annotations.append(Annotation(Statement(parts, row.name, place), partial(list, own), row.size, split))
    for image, left in said.items():
        words = f"there is no image with id {image}" if image is not None else "it has no image_id"
        for item in left:
            place = item.file if isinstance(item, Problem) else item.place
            yield Problem("box_without_photo", place, words, split or "")
