"""Photos with COCO annotations in a folder or zip: json files with `images`, `annotations` and `categories`.

    annotations/instances_train2017.json  train2017/000000000009.jpg   a word of the file's name gives the split
    annotations/captions_train2017.json                                files without boxes are passed over
    train/_annotations.coco.json  train/1.jpg  valid/...               or a folder around it
    result.json  images/1.jpg                                          of Label Studio

Boxes are [x, y, width, height] in pixels; an annotation without one gets the box around its outline or mask. Files of
keypoints or of stuff are used only where no other file has boxes, results of a detector never.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from data.detection.boxes import DetectionSample
from data.detection.coco_json import CocoFile, Id, ImageRow, boxes_of, read_coco
from data.detection.config import DetectionDataConfig
from data.detection.gathered import Described, gather
from data.detection.json_text import MAX_JSON_BYTES, decode_json
from data.detection.labelled import TURNED_BY_EXIF, classes, images_of, list_entries, sources, split_of_folders
from data.detection.pairing import Statement
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage, Problem, Split
from data.split_names import splits_of
from pipeline.errors import UserError

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
HEAD = 1 << 16  # bytes of a file that are looked at to recognise it
MANY = 20  # files named as photos are that are looked at to recognise the format: COCO's are not one a photo


def detect(path: Path) -> bool:
    """Tell whether a json file of a folder or zip has COCO's lists."""
    if not (path.is_dir() or path.suffix.lower() == ".zip"):
        return False
    entries = [entry for entry in list_entries(path) if isinstance(entry, Entry)]
    with open_reader(path, MAX_JSON_BYTES) as read:
        for entry in likely_files(entries):
            try:
                if is_annotations(read(entry.locator)):
                    return True
            except (BadImage, OSError):
                continue
    return False


def likely_files(entries: list[Entry]) -> list[Entry]:
    """Return the json files, but only a few of those that are named as photos are, as LabelMe's."""
    found = [entry for entry in entries if extension_of(entry.parts[-1]) == "json"]
    photos = {stem_of(entry.parts[-1]) for entry in images_of(entries)} if len(found) > MANY else set()
    beside = [entry for entry in found if stem_of(entry.parts[-1]) in photos]
    return [entry for entry in found if stem_of(entry.parts[-1]) not in photos] + beside[:MANY]


def is_annotations(content: bytes) -> bool:
    """Tell whether a json file has COCO's lists, with boxes or outlines."""
    ends = (content[:HEAD] + content[-HEAD:]).replace(b"\0", b"")  # of UTF-16 the letters are left
    if b'"shapes"' in ends or not (b'"images"' in ends or b'"annotations"' in ends):
        return False
    words = (b'"bbox"', b'"segmentation"', b'"categories"', b'"category_id"')
    whole = ends if len(content) <= 2 * HEAD else content
    return any(word in ends for word in words) or any(word in whole for word in words)


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos of the json files in the order of their lists.

    Raises:
        UserError: none of the files has boxes, or their lists are not COCO's.
    """
    entries: list[Entry] = []
    for entry in list_entries(path):
        if isinstance(entry, Problem):
            yield entry
        else:
            entries.append(entry)
    files, unreadable = list[tuple[Entry, CocoFile]](), 0
    with open_reader(path, MAX_JSON_BYTES) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) == "json":
                key = printable("/".join(entry.parts))
                try:
                    files.append((entry, read_coco(decode_json(read(entry.locator)), key)))
                except (BadImage, OSError, ValueError) as error:
                    unreadable += 1
                    yield Problem("unreadable_annotation", key, words_of_error(error))
    passed = passed_over([file for _, file in files])
    for file in files:
        if why := passed.get(file[1].key):
            yield Problem("passed_over_file", file[1].key, why)
    used = [(entry, file) for entry, file in files if file.key not in passed]
    if not used and not unreadable:
        listed = "; ".join(f"{key}: {why}" for key, why in list(passed.items())[:5])
        raise UserError("None of the json files has boxes in COCO's form.", str(path), f"{listed or 'There are none'}.")
    splits = splits_of_files([entry.parts for entry, _ in used])
    described: list[Described] = []
    for entry, file in used:
        yield from describe(file, entry.parts, splits.get(entry.parts), described)
    yield from gather(described, images_of(entries), own=False)


def words_of_error(error: Exception) -> str:
    """Return what is wrong with a file."""
    return str(error.args[-1]) if isinstance(error, BadImage) else str(error)


def passed_over(files: list[CocoFile]) -> dict[str, str]:
    """Return the files that are not used, by their names, and why."""
    found = {file.key: file.purpose() for file in files if file.purpose()}
    left = [file for file in files if file.key not in found]
    if any(not file.aside() for file in left):
        found |= {file.key: f"{file.aside()}; other files have boxes" for file in left if file.aside()}
    return found


def splits_of_files(files: list[tuple[str, ...]]) -> dict[tuple[str, ...], Split]:
    """Return the splits that files' names say, as instances_val2017 does; else those of their folders."""
    named = splits_of(stem_of(parts[-1]) for parts in files)
    found = {parts: named.get(stem_of(parts[-1])) or split_of_folders(parts) for parts in files}
    return {parts: split for parts, split in found.items() if split}


def describe(
    file: CocoFile, parts: tuple[str, ...], split: Split | None, described: list[Described]
) -> Iterator[Problem]:
    """Add what a file says of each of its images, and yield what is wrong in it."""
    boxes, unread, problems = boxes_of(file)
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
        own = boxes.pop(number, [])
        if number in unclear:
            continue
        if not row.name:
            yield Problem("missing_photo", place, "it has no file_name", split or "")
            continue
        statement = Statement(parts, stated_name(row.name), place)
        described.append(Described(statement, own, row.size, split, unread[number]))
    for image, left in boxes.items():
        words = f"there is no image with id {image}" if image is not None else "it has no image_id"
        yield from (Problem("box_without_photo", box.place, words, split or "") for box in left)


def stated_name(name: str) -> str:
    """Return an image's path as it is stated, of an address of Label Studio's own files the path that it asks for."""
    found = re.search(r"[?&]d=([^&]+)", name)
    return found[1] if found else name
