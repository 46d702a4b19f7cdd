"""Photos with annotations of CVAT in a folder or zip: `CVAT for images 1.1`, an xml file for many photos.

    annotations.xml  images/1.jpg  images/cam1/2.jpg     `subset` gives the split, else names of files or folders do
    task_1/annotations.xml  task_1/images/1.jpg ...      several tasks beside each other

Boxes count as they stand; polygons, masks, ellipses, cuboids and boxes that are turned get the box around them. Points,
lines, skeletons and tags are told and left out. A photo without shapes shows nothing but background.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.json_text import MAX_JSON_BYTES
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    read_entries,
    samples_of,
    sources,
)
from data.detection.outlines import CORNERS, Edges, around, around_ellipse, around_turned, number
from data.detection.pairing import Statement
from data.detection.recognising import contents, entries_of, is_cvat, likely_files
from data.detection.xml_events import parse_xml
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage, Problem, Split
from data.split_names import split_of, splits_of
from pipeline.errors import UserError

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
WITHOUT_BOX = ("polyline", "points", "skeleton")
WITH_BOX = ("box", "polygon", "mask", "ellipse", "cuboid")
DEFAULT = ("", "default")  # subsets that say no split


@dataclass
class ImageElement:
    """What an element says of a photo.

    Attributes:
        name: the photo's path as stated.
        line: where it stands.
        size: (height, width); None if not stated.
        subset: as stated.
        found: its boxes and what is wrong with others.
        tags: labels of the whole photo.
    """

    name: str
    line: int
    size: tuple[int, int] | None
    subset: str
    found: list[Box | Problem] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


def detect(path: Path) -> bool:
    """Tell whether an xml file of a folder or zip is CVAT's."""
    likely = likely_files(entries_of(path), "xml")
    return any(is_cvat(content) for _, content in contents(path, likely, MAX_JSON_BYTES))


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of the files.

    Raises:
        UserError: a file is damaged or about a video, or a subset is no split.
    """
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    annotations: list[Annotation] = []
    named = splits_of(stem_of(entry.parts[-1]) for entry in entries if extension_of(entry.parts[-1]) == "xml")
    with open_reader(path, MAX_JSON_BYTES) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) == "xml":
                key = printable("/".join(entry.parts))
                try:
                    content = read(entry.locator)
                    if not is_cvat(content):
                        yield Problem("passed_over_file", key, "it is none of CVAT's")
                        continue
                    images = read_images(content, key)
                except (BadImage, OSError, ValueError) as error:
                    raise UserError(
                        f"These annotations cannot be read: {error.args[-1] if error.args else error}.",
                        key,
                        "Export them again, or take the file away.",
                    ) from None
                if config.given_splits:
                    refuse_unknown_subsets(images, key)
                yield from describe(images, key, entry.parts, named.get(stem_of(entry.parts[-1])), annotations)
    yield from samples_of(path, entries, annotations, config)


def refuse_unknown_subsets(images: list[ImageElement], key: str) -> None:
    """Refuse a file that puts photos into a subset that is no split."""
    for image in images:
        if image.subset.lower() not in DEFAULT and not split_of(image.subset):
            raise UserError(
                f"The subset `{image.subset}` is no split that is known.",
                f"{key}, line {image.line}",
                "Call it Train, Validation or Test in CVAT, or in the file; or cut all photos by `data.split`: "
                "`data.given_splits=false`.",
            )


def describe(
    images: list[ImageElement], key: str, parts: tuple[str, ...], named: Split | None, annotations: list[Annotation]
) -> Iterator[Problem]:
    """Add what a file says of its photos, and yield what was left out.

    Args:
        named: the split that the file's own name says; a photo's subset counts more.
    """
    counts = Counter(image.name for image in images)
    for image in images:
        place = f"{key}, line {image.line}"
        split = split_of(image.subset) or named
        if image.tags:
            yield Problem("shape_without_box", place, f"tag `{'`, `'.join(image.tags)}` of `{image.name}`", split or "")
        folder = f"{image.subset}/" if counts[image.name] > 1 and image.subset else ""  # of a project's several tasks
        statement = Statement(parts, f"{folder}{image.name}", place)
        annotations.append(Annotation(statement, partial(list, image.found), image.size, split))


def read_images(content: bytes, key: str) -> list[ImageElement]:
    """Return what a file says of each photo.

    Raises:
        ValueError: it is no xml.
        UserError: it is about a video.
    """
    images: list[ImageElement] = []
    path: list[str] = []

    def begin(name: str, attributes: dict[str, str], line: int) -> None:
        path.append(name)
        if path == ["annotations", "track"]:
            raise UserError(
                "This is CVAT's format for videos, whose tracks belong to frames and not to photos.",
                f"{key}, line {line}",
                "Export the task from CVAT as `CVAT for images 1.1`, with its images.",
            )
        if path == ["annotations", "image"]:
            images.append(
                ImageElement(attributes.get("name", ""), line, size_of(attributes), attributes.get("subset", ""))
            )
        elif path[:2] == ["annotations", "image"] and len(path) == 3:
            add_shape(images[-1], name, attributes, f"{key}, line {line}")

    def end(name: str) -> None:
        path.pop()

    parse_xml(content, begin, end)
    return images


def size_of(attributes: dict[str, str]) -> tuple[int, int] | None:
    """Return the height and width that an image's attributes state."""
    sides = [attributes.get(name, "") for name in ("height", "width")]
    return (
        (int(sides[0]), int(sides[1]))
        if all(side.isdecimal() and len(side) < 10 and int(side) for side in sides)
        else None
    )


def add_shape(image: ImageElement, shape: str, attributes: dict[str, str], place: str) -> None:
    """Add a shape's box to a photo, or what is wrong with it."""
    label = attributes.get("label", "").strip()
    if shape == "tag":
        image.tags.append(label)
    elif shape in WITHOUT_BOX:
        image.found.append(Problem("shape_without_box", place, f"`{label}`: {shape}", "", label))
    elif shape in WITH_BOX and not label:
        image.found.append(Problem("box_without_class", place, f"the {shape} has no label"))
    elif shape in WITH_BOX:
        try:
            image.found.append(Box(label, *edges_of(shape, attributes), place))
        except (ValueError, KeyError) as error:
            words = f"there is no {error.args[0]}" if isinstance(error, KeyError) else str(error)
            image.found.append(Problem("box_not_a_number", place, f"`{label}`: {words}", "", label))
    else:
        image.found.append(Problem("shape_without_box", place, f"`{label}`: {shape}, which is not known", "", label))


def edges_of(shape: str, attributes: dict[str, str]) -> Edges:
    """Return the box around a shape.

    Raises:
        KeyError: an attribute is missing.
        ValueError: one is no number.
    """
    degrees = number(attributes.get("rotation") or "0")
    if shape == "box":
        xtl, ytl, xbr, ybr = (number(attributes[name]) for name in ("xtl", "ytl", "xbr", "ybr"))
        return around_turned((ytl, xtl, ybr, xbr), degrees)
    if shape == "mask":
        left, top, width, height = (number(attributes[name]) for name in ("left", "top", "width", "height"))
        return top, left, top + height, left + width
    if shape == "ellipse":
        x, y, wide, high = (number(attributes[name]) for name in ("cx", "cy", "rx", "ry"))
        return around_ellipse(x, y, wide, high, degrees)
    if shape == "cuboid":
        corners = [name[1:] for name in attributes if re.fullmatch(r"x[tb][lr][12]", name)]
        points = [(number(attributes[f"x{corner}"]), number(attributes[f"y{corner}"])) for corner in corners]
    else:
        points = [(number(x), number(y)) for x, _, y in (pair.partition(",") for pair in split_points(attributes))]
    if len(points) < CORNERS:
        raise ValueError(f"the {shape} has {len(points)} points")
    return around(points)


def split_points(attributes: dict[str, str]) -> list[str]:
    return [pair for pair in attributes["points"].split(";") if pair.strip()]
