"""What annotation files say of photos, brought together: each photo once, and never two opinions on one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from data.detection.boxes import Box, DetectionSample
from data.detection.labelled import split_of_folders
from data.detection.pairing import Statement, pair
from data.file_tree import Entry, printable
from data.sample import SPLITS, Problem, Split


@dataclass
class Described:
    """What an annotation says of one photo.

    Attributes:
        statement: which photo, and where it is said.
        boxes: in the order of the annotation.
        size: (height, width) that it states; None if it states none.
        split: the split that it states; None where the photo's own folders decide.
        unread: how many of its objects could not be read.
        inside: how to read the photo from the annotation itself, where there is no other; None if that holds none.
    """

    statement: Statement
    boxes: list[Box] = field(default_factory=list)
    size: tuple[int, int] | None = None
    split: Split | None = None
    unread: int = 0
    inside: tuple[Any, ...] | None = None


def gather(described: list[Described], photos: list[Entry], own: bool) -> Iterator[DetectionSample | Problem]:
    """Yield each photo that annotations are about, in their order, and what is wrong; then the photos without any.

    Of a photo that several annotations describe alike one is used, and that is told; where they differ, none is.

    Args:
        photos: all that are there.
        own: whether an annotation's own name may tell its photo.
    """
    found: dict[tuple[str, ...], list[tuple[Entry, Described]]] = {}
    alone: dict[tuple[str, ...], Described] = {}
    paired = pair([item.statement for item in described], photos, own)
    for item, photo in zip(described, paired, strict=True):
        if isinstance(photo, Entry):
            found.setdefault(photo.parts, []).append((photo, item))
        elif photo.name == "missing_photo" and item.inside is not None:
            alone[item.statement.file] = item
        else:
            yield photo
    for group in found.values():
        yield from agree(group[0][0], [item for _, item in group])
    for item in alone.values():
        name = (*item.statement.file, item.statement.stated.replace("\\", "/").rpartition("/")[2])
        inside = item.inside or ()
        yield sample_of(printable("/".join(filter(None, name))), inside, item, split_of_folders(name))
    for entry in photos:
        if entry.parts not in found:
            yield Problem("photo_without_annotation", printable("/".join(entry.parts)))


def agree(photo: Entry, items: list[Described]) -> Iterator[DetectionSample | Problem]:
    """Yield the sample of a photo that one or more annotations describe, or in what they differ."""
    first, key = items[0], printable("/".join(photo.parts))
    for other in items[1:]:
        if what_is_said(other) != what_is_said(first):
            words = f"{first.statement.place}: {in_words(first)}; {other.statement.place}: {in_words(other)}"
            yield Problem("contradicting_annotations", key, words, first.split or "")
            return
        words = f"{first.statement.place} says the same about `{key}`"
        yield Problem("duplicate_annotation", other.statement.place, words, other.split or "")
    splits = sorted({item.split for item in items if item.split}, key=SPLITS.index)
    if len(splits) > 1:
        places = ", ".join(f"{item.split} by {item.statement.place}" for item in items if item.split)
        yield Problem("conflicting_splits", key, f"it is in {places}")
    yield sample_of(key, photo.locator, first, splits[-1] if splits else split_of_folders(photo.parts))


def sample_of(key: str, locator: tuple[Any, ...], item: Described, split: Split | None) -> DetectionSample:
    return DetectionSample(key, locator, tuple(item.boxes), item.size, split, item.statement.place, unread=item.unread)


def what_is_said(item: Described) -> tuple[object, ...]:
    """Return what must be equal of two annotations of a photo; the order of the boxes may differ."""
    boxes = sorted((box.label, *(round(edge, 1) for edge in box[1:5]), box.crowd) for box in item.boxes)
    return (boxes, item.unread)


def in_words(item: Described) -> str:
    """Say what an annotation says."""
    counts = Counter(box.label for box in item.boxes)
    listed = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
    places = f" (x {item.boxes[0].xmin:.5g}, y {item.boxes[0].ymin:.5g} ...)" if item.boxes else ""
    return f"{listed}{places}" if listed else "no boxes"
