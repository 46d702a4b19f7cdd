"""Photos with COCO annotations in a folder or zip: json files with `images`, `annotations` and `categories`.

    annotations/instances_train2017.json  train2017/000000000009.jpg   a word of the file's name gives the split
    train/_annotations.coco.json  train/1.jpg  valid/...               or a folder around it

Boxes are [x, y, width, height] in pixels. Of keypoints and masks nothing is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    list_entries,
    read_entries,
    samples_of,
    sources,
)
from data.detection.pairing import Statement
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage, Problem, Split
from data.split_names import split_in
from pipeline.errors import UserError

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
HEAD = 1 << 16  # bytes of a file that are looked at to recognise it


def detect(path: Path) -> bool:
    """Tell whether a json file of a folder or zip has COCO's lists."""
    if not (path.is_dir() or path.suffix.lower() == ".zip"):
        return False
    with open_reader(path) as read:
        for entry in list_entries(path):
            if isinstance(entry, Entry) and extension_of(entry.parts[-1]) == "json":
                try:
                    head = read(entry.locator)
                except (BadImage, OSError):
                    continue
                if is_annotations(head):
                    return True
    return False


def is_annotations(content: bytes) -> bool:
    """Tell whether a json file has COCO's lists."""
    found = content[:HEAD] + content[-HEAD:]
    return b'"images"' in found or (b'"annotations"' in found and b'"categories"' in found)


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos of each json file in the order of its list."""
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    annotations = list[Annotation]()
    with open_reader(path) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) != "json":
                continue
            key = printable("/".join(entry.parts))
            try:
                content = json.loads(read(entry.locator))
            except (BadImage, OSError, ValueError, RecursionError) as error:
                yield Problem("unreadable_annotation", key, str(error))
                continue
            if isinstance(content, dict) and isinstance(content.get("images"), list):
                yield from read_images(content, key, entry.parts, annotations)
    yield from samples_of(path, entries, annotations, config)


def read_images(
    content: dict[str, Any], key: str, parts: tuple[str, ...], annotations: list[Annotation]
) -> Iterator[Problem]:
    """Add what one json file says of each of its photos, and yield what belongs to none.

    Raises:
        UserError: its lists are not COCO's.
    """
    names = {row.get("id"): str(row.get("name", row.get("id"))) for row in rows_of(content, "categories", key)}
    said = dict[Any, list[Box | Problem]]()
    for row in rows_of(content, "annotations", key):
        said.setdefault(row.get("image_id"), []).append(read_box(row, names, key))
    split = split_of_name(parts)
    for row in rows_of(content, "images", key):
        place = f"{key}, image {row.get('id')}"
        name = row.get("file_name")
        found = said.pop(row.get("id"), [])
        if not isinstance(name, str) or not name:
            yield Problem("missing_photo", place, f"there is no photo `{name}`", split or "")
            continue
        annotations.append(Annotation(Statement(parts, name, place), partial(list, found), size_of(row), split))
    for image, left in said.items():
        first = left[0]
        place = first.place if isinstance(first, Box) else first.file
        yield Problem("box_without_photo", place, f"there is no image with id {image}")


def size_of(row: dict[str, Any]) -> tuple[int, int] | None:
    """Return the height and width that an image's row states; None if it states none."""
    height, width = row.get("height"), row.get("width")
    if isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0:
        return height, width
    return None


def rows_of(content: dict[str, Any], name: str, key: str) -> list[dict[str, Any]]:
    """Return one of the lists; none is an empty one.

    Raises:
        UserError: it is no list of objects, or one of them is numbered with a list.
    """
    rows = content.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"`{name}` is no list of objects.", key, "Export the annotations as COCO json again.")
    for number, row in enumerate(rows, 1):
        for reference in ("id", "image_id", "category_id"):
            if isinstance(row.get(reference), (list, dict)):
                words = f"`{reference}` of entry {number} of `{name}` is no number: {json.dumps(row[reference])[:60]}."
                raise UserError(words, key, "Export the annotations as COCO json again.")
    return rows


def read_box(row: dict[str, Any], names: dict[Any, str], key: str) -> Box | Problem:
    """Return an annotation's box, or why it has none."""
    place = f"{key}, annotation {row.get('id')}"
    label = names.get(row.get("category_id"))
    if label is None:
        return Problem("box_without_class", place, f"there is no category with id {row.get('category_id')}")
    edges = row.get("bbox")
    if not isinstance(edges, list) or len(edges) != 4 or any(type(edge) not in (int, float) for edge in edges):
        return Problem("box_not_a_number", place, f"`{label}`: bbox is {json.dumps(edges)[:60]}", "", label)
    x, y, width, height = map(float, edges)
    return Box(label, y, x, y + height, x + width, place, crowd=row.get("iscrowd") == 1)


def split_of_name(parts: tuple[str, ...]) -> Split | None:
    """Return the split that a json file's name has a word of, such as instances_val2017."""
    return split_in(stem_of(parts[-1]))[0]
