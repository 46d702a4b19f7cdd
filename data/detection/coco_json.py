"""What one json file in COCO's form holds: its images, and the boxes of each, whatever program wrote it.

Numbers and ids may be written as text or with a decimal point: `1`, `1.0` and `"1"` are one id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple

from data.detection.box_columns import BoxForm, Values, corners_of, possible_forms
from data.detection.boxes import Box
from data.detection.json_text import entries_of
from data.detection.outlines import Edges, around_segmentation, number
from data.sample import Problem
from pipeline.errors import UserError

Id = int | str | None
WHOLE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.0+)?")
SCORED = "boxes with scores, which a detector found"
COMPARED, SAMPLED = 50, 5000  # annotations whose boxes are compared with their outlines, and with their photos
SLACK = 2.0  # pixels that a box may lie beside its outline
BEYOND = 0.1  # share of boxes beyond their photos that makes their form doubtful
ENOUGH: dict[BoxForm, int] = {"corners": 3, "centre_size": 20}  # boxes that must all stay in their photos so
LISTS = ("images", "annotations", "categories")


class Row(NamedTuple):
    """An annotation as it was read.

    Attributes:
        own, image, category: ids.
        stated: the four numbers of its box, usually x, y, width and height; None without.
        outline: ymin, xmin, ymax, xmax around its outline; None where that was not looked at, or there is none.
        words: why there is neither.
        crowd: whether it stands for several objects.
        mask: (height, width) of the mask that the box was put around.
    """

    own: Id
    image: Id
    category: Id
    stated: Values | None
    outline: Edges | None
    words: str
    crowd: bool
    mask: tuple[int, int] | None


class ImageRow(NamedTuple):
    """An image as it was read: its id, its file's name as stated (empty without), and (height, width) if stated."""

    id: Id
    name: str
    size: tuple[int, int] | None


@dataclass
class CocoFile:
    """What a json file holds.

    Attributes:
        images, rows: in the order of the file.
        names: of the categories by id; several of an id where the file contradicts itself.
        seen: which of the lists it has.
        with_box, with_keypoints, with_caption, with_segments, with_score: annotations that have such a thing.
        compared: annotations whose outlines were looked at beside their boxes.
        outer: why it is nothing of COCO's, if that is so.
    """

    key: str
    images: list[ImageRow] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    names: dict[Id, list[str]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    with_box: int = 0
    with_keypoints: int = 0
    with_caption: int = 0
    with_segments: int = 0
    with_score: int = 0
    compared: int = 0
    outer: str = ""

    def purpose(self) -> str:
        """Say what a file is for that says nothing of where objects are; empty where it does."""
        if self.outer:
            return self.outer
        if "shapes" in self.seen:
            return "an annotation of LabelMe"
        if missing := [name for name in LISTS[:2] if name not in self.seen]:
            return f"it has no list `{missing[0]}`"
        if self.with_segments:
            return "segments of whole pictures (panoptic)"
        if self.with_caption and not self.with_box:
            return "captions"
        return ""

    def aside(self) -> str:
        """Say what a file with boxes is, if it is used only where no other one has any."""
        if self.with_keypoints and self.with_keypoints == self.with_box:
            return "keypoints"
        if self.with_score and self.with_score == len(self.rows):
            return SCORED
        return "stuff" if "stuff" in re.split(r"[^a-z]+", self.key.rpartition("/")[2].lower()) else ""


def read_coco(text: str, key: str) -> CocoFile:
    """Read a json file.

    Raises:
        ValueError: it is no json, or ends early.
        UserError: its lists are not COCO's.
    """
    found = CocoFile(key)
    for name, value in entries_of(text):
        if name == "":
            found.outer = outer_kind(value)
        elif name in LISTS or name == "shapes":
            if isinstance(value, Iterator):
                found.seen.add(name)
                if name != "shapes":
                    read_list(found, name, value)
            elif value is not None and name == "categories":
                raise not_cocos(f"`{name}` is no list of objects", key)
            elif value is not None:
                found.outer = f"its `{name}` is no list"
    return found


def outer_kind(value: object) -> str:
    """Say what a json file is whose outermost value is no object."""
    if not isinstance(value, Iterator):
        return "no object with lists"
    first = next(value, None)
    if isinstance(first, dict) and "image_id" in first:
        return "a list of a detector's results" if "score" in first else "a list of annotations without images"
    return "a list, not an object with lists"


def read_list(found: CocoFile, name: str, items: Iterator[Any]) -> None:
    """Add the rows of one of the lists."""
    for place, row in enumerate(items, 1):
        if not isinstance(row, dict):
            found.outer = found.outer or f"its list `{name}` holds no objects"
            return
        for reference in ("id", "image_id", "category_id"):
            if isinstance(row.get(reference), list | dict):
                words = f"`{reference}` of entry {place} of `{name}` is no number: {json.dumps(row[reference])[:60]}"
                raise not_cocos(words, found.key)
        if name == "images":
            found.images.append(ImageRow(id_of(row.get("id")), name_of(row), size_of(row)))
        elif name == "categories":
            label, own = row.get("name"), id_of(row.get("id"))
            text = str(own) if label in (None, "") or isinstance(label, list | dict) else str(label)
            found.names.setdefault(own, []).append(text)
        else:
            add_annotation(found, row)


def not_cocos(words: str, key: str) -> UserError:
    return UserError(f"{words}.", key, "Export the annotations as COCO json again.")


def add_annotation(found: CocoFile, row: dict[str, Any]) -> None:
    """Add an annotation, and count what it is about."""
    outlined = bool(row.get("bbox")) or bool(row.get("segmentation"))
    found.with_box += outlined
    found.with_keypoints += outlined and bool(row.get("keypoints"))
    found.with_caption += "caption" in row
    found.with_segments += "segments_info" in row
    found.with_score += "score" in row
    if not outlined and ("caption" in row or "segments_info" in row):
        return
    stated, outline, words, mask = None, None, "", None
    try:
        stated = read_box(row)
        if stated is None:
            outline, mask = around_segmentation(row.get("segmentation"))
        elif found.compared < COMPARED and is_polygon(row.get("segmentation")):
            found.compared += 1
            outline, _ = around_segmentation(row["segmentation"])
    except ValueError as error:
        words = f"bbox is {json.dumps(row.get('bbox'))[:60]}" + (f"; {error}" if row.get("bbox") is None else "")
    own, image, category = id_of(row.get("id")), id_of(row.get("image_id")), id_of(row.get("category_id"))
    crowd = row.get("iscrowd") in (1, "1", "true")
    found.rows.append(Row(own, image, category, stated, outline, words, crowd, mask))


def read_box(row: dict[str, Any]) -> Values | None:
    """Return the four numbers of an annotation's box; None where it has none and its outline counts.

    Raises:
        ValueError: these are no four numbers.
    """
    box = row.get("bbox")
    if box is None or (box == [] and row.get("segmentation")):
        return None
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError("it has no four numbers")
    one, two, three, four = map(number, box)
    return one, two, three, four


def is_polygon(segmentation: object) -> bool:
    """Tell whether an outline is there that can be compared with a box; one of damaged numbers counts for nothing."""
    try:
        return isinstance(segmentation, list) and bool(around_segmentation(segmentation))
    except ValueError:
        return False


def form_of(found: CocoFile, asked: BoxForm | Literal["auto"]) -> BoxForm:
    """Return what the numbers of the boxes are: COCO's corner, width and height, unless the recipe says otherwise.

    Raises:
        UserError: they look like two corners or a centre and a size, as other programs write them.
    """
    if asked != "auto":
        return asked
    sizes = {image.id: image.size for image in found.images if image.size}
    known = ((row.stated, sizes[row.image]) for row in found.rows if row.stated and row.image in sizes)
    shares, count = possible_forms(("corner_size", *ENOUGH), islice(known, SAMPLED))
    both = [(row.stated, row.outline) for row in found.rows if row.stated and row.outline]
    fits = {form: sum(agree(corners_of(stated, form), edges) for stated, edges in both) for form in shares}
    for form, enough in ENOUGH.items():
        beyond = count >= enough and shares[form] == 0 and shares["corner_size"] > BEYOND
        if beyond or fits[form] > fits["corner_size"]:
            why = "reach beyond their photos" if beyond else "are not around their outlines"
            words = "two corners" if form == "corners" else "a centre, width and height"
            raise UserError(
                f"Boxes in it {why} if they are x, y, width and height, as COCO has it, but not as {words}.",
                found.key,
                f"Say what they are: `data.box_form={form}`, or `data.box_form=corner_size` for what COCO has.",
            )
    return "corner_size"


def agree(corners: Values, edges: Edges) -> bool:
    """Tell whether a box is around an outline."""
    xmin, ymin, xmax, ymax = corners
    return max(abs(ymin - edges[0]), abs(xmin - edges[1]), abs(ymax - edges[2]), abs(xmax - edges[3])) <= SLACK


def id_of(value: object) -> Id:
    """Return an id so that those that are written in different ways are equal; None for none."""
    if type(value) is int:
        return value
    if value is None or value == "":
        return None
    text = str(value).strip()
    return int(text.partition(".")[0]) if len(text) < 40 and WHOLE.fullmatch(text) else text


def name_of(row: dict[str, Any]) -> str:
    """Return the path that an image's row states; of LVIS, which states none, its address."""
    stated = next((row[key] for key in ("file_name", "coco_url") if row.get(key)), "")
    return str(stated) if isinstance(stated, str | int) else ""


def size_of(row: dict[str, Any]) -> tuple[int, int] | None:
    """Return the height and width that an image's row states; None if it states none."""
    sides = [id_of(row.get(name)) for name in ("height", "width")]
    height, width = sides
    if isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0:
        return height, width
    return None


def objects_of(found: CocoFile, form: BoxForm = "corner_size") -> tuple[dict[Id, list[Box | Problem]], list[Problem]]:
    """Return the boxes of each image, or what is wrong with them, and what is wrong with the classes."""
    said: dict[Id, list[Box | Problem]] = {}
    sizes = {image.id: image.size for image in found.images}
    used: dict[str, set[Id]] = {}
    for row in found.rows:
        item = object_of(row, found, sizes.get(row.image), form)
        said.setdefault(row.image, []).append(item)
        if isinstance(item, Box):
            used.setdefault(item.label, set()).add(row.category)
    problems = []
    for label, ids in used.items():
        if len(ids) > 1:
            words = f"`{label}` has the ids {', '.join(sorted(map(str, ids)))}"
            problems.append(Problem("repeated_class", found.key, words, "", label))
    return said, problems


def object_of(row: Row, found: CocoFile, size: tuple[int, int] | None, form: BoxForm) -> Box | Problem:
    """Return an annotation's box, or why it has none."""
    place = f"{found.key}, annotation {row.own}"
    labels = list(dict.fromkeys(found.names.get(row.category, ()))) if row.category is not None else []
    if row.category is None:
        return Problem("box_without_class", place, "it has no category_id")
    if not labels:
        return Problem("box_without_class", place, f"there is no category with id {row.category}")
    if len(labels) > 1:
        return Problem("box_without_class", place, f"`{'` and `'.join(labels)}` both have id {row.category}")
    if row.stated:
        xmin, ymin, xmax, ymax = corners_of(row.stated, form)
        return Box(labels[0], ymin, xmin, ymax, xmax, place, crowd=row.crowd)
    if row.outline is None:
        return Problem("box_not_a_number", place, f"`{labels[0]}`: {row.words}", "", labels[0])
    if row.mask and size and row.mask != size:
        words = f"`{labels[0]}`: its mask is {row.mask[1]} x {row.mask[0]}, its image {size[1]} x {size[0]}"
        return Problem("box_not_a_number", place, words, "", labels[0])
    return Box(labels[0], *row.outline, place, crowd=row.crowd)
