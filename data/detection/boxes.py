"""Boxes on images: what a format says of them, and what is wrong with them once the image's true size is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from data.sample import Problem, Split

SAME_SHAPE = 0.02  # by so much may proportions of an image and its annotation differ if it was resized
ROUNDING = 0.5  # pixels that an edge may lie beyond the image without a word: labels are written with few digits


class Box(NamedTuple):
    """One labelled object, in pixels of the image as its annotation sees it.

    Attributes:
        label: its class.
        ymin, xmin, ymax, xmax: edges, from the image's upper left corner.
        place: where it was written: file and line.
        difficult, truncated, crowd: as Pascal VOC and COCO mean them.
    """

    label: str
    ymin: float
    xmin: float
    ymax: float
    xmax: float
    place: str
    difficult: bool = False
    truncated: bool = False
    crowd: bool = False


@dataclass(frozen=True)
class DetectionSample:
    """One image of the user's data, with its boxes; without any it shows background alone.

    Attributes:
        key: its name for people: the path relative to the data, for archives the member's name.
        locator: how the format's reader finds it again; small JSON values.
        boxes: in the order of the annotation.
        size: (height, width) that the annotation states; None if it states none.
        normalized: the boxes' edges are normalized already (0..1), not pixels.
        split: the split that the data put it in; None if the data have no splits.
        place: the annotation.
        unread: how many objects the annotation has whose box or class could not be read; with no other the image is no
            background.
    """

    key: str
    locator: tuple[Any, ...]
    boxes: tuple[Box, ...]
    size: tuple[int, int] | None = None
    split: Split | None = None
    place: str = ""
    normalized: bool = False
    unread: int = 0


def fit_boxes(sample: DetectionSample, height: int, width: int) -> tuple[list[Box], list[Problem]]:
    """Return the boxes that can be used, normalized to the image, and what is wrong with the others.

    Boxes of an image that was resized after it was labelled are scaled with it. Swapped edges are put in order, and
    what reaches beyond the image is cut off; both are told, but for what rounding puts beyond it. Boxes without area,
    and those outside the image, are left out.

    Args:
        sample: the image as its annotation has it.
        height, width: of the image as it decodes.
    """
    stated = (height, width) if sample.normalized else sample.size or (height, width)
    problems = []
    if stated != (height, width):
        words = f"the annotation says {stated[1]} x {stated[0]}, the photo is {width} x {height}"
        same = min(stated) > 0 and abs(math.log(stated[1] / stated[0] * height / width)) < SAME_SHAPE
        problems.append(problem("resized_photo" if same else "size_mismatch", sample, sample.place, words))
        if not same:
            return [], problems
    found = []
    for box in sample.boxes:
        fitted, kind, words = fit(box, *stated, sample.normalized)
        if kind:
            problems.append(problem(kind, sample, box.place, words, box.label))
        if fitted is not None:
            found.append(fitted)
    return found, problems


def fit(box: Box, height: int, width: int, normalized: bool = False) -> tuple[Box | None, str, str]:
    """Return a box normalized to an image, or None, with the kind of problem and its words.

    Kind and words are empty if there is none.

    Args:
        height, width: pixels of the image that the box was drawn on.
        normalized: its edges are so already.
    """
    edges = (box.ymin, box.xmin, box.ymax, box.xmax)
    written = f"x {box.xmin:.7g} to {box.xmax:.7g}, y {box.ymin:.7g} to {box.ymax:.7g}"
    written += " (shares of the photo's sides)" if normalized else ""
    limits = "they go from 0 to 1" if normalized else f"the photo is {width} x {height}"
    if not all(math.isfinite(edge) for edge in edges):
        return None, "box_not_a_number", written
    kind = "swapped_box" if box.ymin > box.ymax or box.xmin > box.xmax else ""
    high, wide = (1, 1) if normalized else (height, width)
    ymin, ymax = sorted((box.ymin / high, box.ymax / high))
    xmin, xmax = sorted((box.xmin / wide, box.xmax / wide))
    if ymin == ymax or xmin == xmax:
        return None, "empty_box", written
    if ymin >= 1 or xmin >= 1 or ymax <= 0 or xmax <= 0:
        return None, "outside_box", f"{written}; {limits}"
    cut = (max(ymin, 0.0), max(xmin, 0.0), min(ymax, 1.0), min(xmax, 1.0))
    beyond = max(abs(cut[0] - ymin), abs(cut[2] - ymax)) * height, max(abs(cut[1] - xmin), abs(cut[3] - xmax)) * width
    if max(beyond) > ROUNDING:
        kind, written = kind or "box_beyond_edge", f"{written}; {limits}"
    return box._replace(ymin=cut[0], xmin=cut[1], ymax=cut[2], xmax=cut[3]), kind, written if kind else ""


def problem(kind: str, sample: DetectionSample, place: str, words: str, label: str = "") -> Problem:
    return Problem(kind, place or sample.key, words, sample.split or "", label)
