"""Photos with annotations of LabelMe in a folder or zip: a json file for each photo, with the list `shapes`.

    photos/1.jpg  photos/1.json            beside each other or in folders of their own
    train/images/1.jpg  train/labels/1.json  test/...

Rectangles count as they stand; polygons, circles and masks get the box around them, and outlines of one `group_id` and
label one box together. Points and lines are told and left out. Where a photo lies only in its json file (`imageData`),
it is read from there.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from data.detection.boxes import Box, DetectionSample
from data.detection.coco_json import size_of as size_in
from data.detection.config import DetectionDataConfig
from data.detection.json_text import load_json
from data.detection.labelled import TURNED_BY_EXIF, Annotation, classes, read_entries, samples_of, sources
from data.detection.outlines import CORNERS, Edges, around, number
from data.detection.pairing import Statement
from data.detection.recognising import contents, ends_of, entries_of, likely_files
from data.file_tree import MAX_FILE_BYTES, Entry, extension_of, printable
from data.file_tree import open_reader as open_files
from data.sample import BadImage, Problem, ReadFile

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
INSIDE = "imageData"  # stands before the locator of a json file that holds its photo
MANY = 40  # files that are looked at to recognise the format
WITHOUT_BOX = ("point", "points", "line", "linestrip")
OUTLINES = ("polygon", "circle", "mask")  # shapes of which several may be parts of one object


def detect(path: Path) -> bool:
    """Tell whether a json file of a folder or zip is LabelMe's."""
    likely = likely_files(entries_of(path), "json")[:MANY]
    return any(is_annotation(content) for _, content in contents(path, likely, MAX_FILE_BYTES))


def is_annotation(content: bytes) -> bool:
    """Tell whether a json file has LabelMe's keys."""
    ends = ends_of(content)
    return b'"shapes"' in ends and any(
        key in ends for key in (b'"imagePath"', b'"imageData"', b'"imageHeight"', b'"shape_type"')
    )


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of the json files' names."""
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    annotations: list[Annotation] = []
    with open_files(path) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) == "json":
                key = printable("/".join(entry.parts))
                try:
                    content = load_json(read(entry.locator))
                except (BadImage, OSError, ValueError) as error:
                    yield Problem("unreadable_annotation", key, str(error.args[-1]) if error.args else str(error))
                    continue
                if not (isinstance(content, dict) and isinstance(content.get("shapes"), list)):
                    yield Problem("passed_over_file", key, "it has no list `shapes`")
                    continue
                yield from describe(content, key, entry, annotations)
    yield from samples_of(path, entries, annotations, config, own=True)


def describe(content: dict[str, Any], key: str, entry: Entry, annotations: list[Annotation]) -> Iterator[Problem]:
    """Add what a json file says of its photo, and yield which of its shapes were joined."""
    path = content.get("imagePath")
    stated = path if isinstance(path, str) else ""
    found, joined = read_shapes(content["shapes"], key)
    for group, count in joined.items():
        yield Problem("joined_shapes", key, f"{count} shapes of `{group[0]}`, group {group[1]}", "", group[0])
    inside = None
    if isinstance(content.get("imageData"), str) and content["imageData"]:
        name = stated.replace("\\", "/").rpartition("/")[2] or "photo"
        inside = Entry((*entry.parts, name), (INSIDE, *entry.locator))
    statement = Statement(entry.parts, stated, key)
    size = size_in({"height": content.get("imageHeight"), "width": content.get("imageWidth")})
    annotations.append(Annotation(statement, partial(list, found), size, inside=inside))


def read_shapes(shapes: list[Any], key: str) -> tuple[list[Box | Problem], dict[tuple[str, str], int]]:
    """Return the boxes, and what is wrong with other shapes; and how many shapes of a label and group became one."""
    found: list[Box | Problem] = []
    groups: dict[tuple[str, str], int] = {}
    joined: dict[tuple[str, str], int] = {}
    for place, shape in enumerate(shapes, 1):
        item = read_shape(shape if isinstance(shape, dict) else {}, f"{key}, shape {place}")
        if isinstance(item, Box) and shape.get("group_id") is not None and kind_of(shape) in OUTLINES:
            group = (item.label, str(shape["group_id"]))
            first = found[groups[group]] if group in groups else None
            if isinstance(first, Box):
                points = [(first.xmin, first.ymin), (first.xmax, first.ymax)]
                edges = around([*points, (item.xmin, item.ymin), (item.xmax, item.ymax)])
                found[groups[group]] = Box(first.label, *edges, first.place, first.difficult or item.difficult)
                joined[group] = joined.get(group, 1) + 1
                continue
            groups[group] = len(found)
        found.append(item)
    return found, joined


def kind_of(shape: dict[str, Any]) -> str:
    """Return what a shape is; old files do not say that it is a polygon."""
    return str(shape.get("shape_type") or "polygon")


def read_shape(shape: dict[str, Any], place: str) -> Box | Problem:
    """Return a shape's box, or why it has none."""
    stated, kind = shape.get("label"), kind_of(shape)
    label = str(stated).strip() if isinstance(stated, str | int) else ""
    if kind in WITHOUT_BOX:
        return Problem("shape_without_box", place, f"`{label}`: {kind}", "", label)
    if not label:
        return Problem("box_without_class", place, "the label is empty")
    try:
        edges = edges_of(kind, points_of(shape.get("points")))
    except ValueError as error:
        return Problem("box_not_a_number", place, f"`{label}`: {error}", "", label)
    return Box(label, *edges, place, shape.get("difficult") is True)


def points_of(found: Any) -> list[tuple[float, float]]:
    """Return a shape's points.

    Raises:
        ValueError: these are none.
    """
    if not isinstance(found, list) or not all(isinstance(point, list) and len(point) == 2 for point in found):
        raise ValueError("its points are no pairs of numbers")
    return [(number(x), number(y)) for x, y in found]


def edges_of(kind: str, points: list[tuple[float, float]]) -> Edges:
    """Return the box around a shape.

    Raises:
        ValueError: it has too few points.
    """
    needed = 2 if kind in ("rectangle", "circle", "mask") else CORNERS
    if len(points) < needed or (kind in ("circle", "mask") and len(points) != 2):
        raise ValueError(f"a {kind} has {len(points)} points")
    if kind == "circle":
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return y - radius, x - radius, y + radius, x + radius
    ymin, xmin, ymax, xmax = around(points)
    return (
        (ymin, xmin, ymax + 1, xmax + 1) if kind == "mask" else (ymin, xmin, ymax, xmax)
    )  # a mask's last pixel counts


@contextmanager
def open_reader(path: Path) -> Iterator[ReadFile]:
    """Give a function that reads a photo's file, or the photo inside a json file."""
    with open_files(path) as read_file:

        def read(locator: tuple[Any, ...]) -> bytes:
            if locator[0] != INSIDE or len(locator) == 1:
                return read_file(locator)
            return photo_inside(read_file(locator[1:]))

        yield read


def photo_inside(content: bytes) -> bytes:
    """Return the photo that a json file holds.

    Raises:
        BadImage: it holds none that can be read.
    """
    try:
        return base64.b64decode(load_json(content)["imageData"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise BadImage("corrupt_file", "`imageData` is no picture in base64") from None
