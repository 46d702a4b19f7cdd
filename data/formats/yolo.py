"""Photos with YOLO labels in a folder or zip: a txt file each with lines `class x y width height`, normalized.

    images/train/1.jpg  labels/train/1.txt        beside each other or in folders of their own
    train/images/1.jpg  train/labels/1.txt
    data.yaml, classes.txt or obj.names           name the classes, which are numbered from 0
    data.yaml, obj.data, train.txt or folders     give the splits

Of outlines and rotated boxes the box around them is used, of key points the box in front of them. A photo with an empty
txt file, or without one while others of its folder have theirs, shows nothing but background.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    images_of,
    list_entries,
    read_entries,
    samples_of,
    sources,
)
from data.detection.pairing import Photos, Statement
from data.detection.texts import decode_text
from data.detection.yolo_lines import LineForm, find_form, looks_like_labels, read_lines
from data.detection.yolo_names import find_class_names, is_class_list, is_note
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import BadImage, Problem, ReadFile

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
LOOKED_AT = 20  # files with lines by which the format is recognised
SAMPLED = 500  # files by which the form of the lines is found


def detect(path: Path) -> bool:
    """Tell whether most photos of a folder or zip with labels have a txt file of their name with numbers in it."""
    if not (path.is_dir() or path.suffix.lower() == ".zip"):
        return False
    entries = [entry for entry in list_entries(path) if isinstance(entry, Entry)]
    texts = text_files(entries)
    photos = Photos(images_of(entries) if texts else ())
    with open_reader(path) as read:
        seen = like = 0
        for entry in texts:
            if not photos.any_called(stem_of(entry.parts[-1])):
                continue
            text = text_of(entry, read)
            if text is None or text.strip():
                seen, like = seen + 1, like + (text is not None and looks_like_labels(text))
            if seen == LOOKED_AT:
                break
    return like > seen / 2


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of their names.

    Raises:
        UserError: the classes or the splits are not told, or boxes are in pixels.
    """
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    with open_reader(path) as read:
        known = find_class_names(entries, read)
        yield from known.problems
        labels = label_files(entries, read)
        sample = labels[:: max(1, len(labels) // SAMPLED)]
        texts = ((printable("/".join(entry.parts)), text_of(entry, read) or "") for entry in sample)
        form, told = find_form(texts, known.points, config)
        yield from told
        annotations = [
            Annotation(
                Statement(entry.parts, "", printable("/".join(entry.parts))),
                partial(read_labels, entry, known.names, form, read),
                normalized=True,
            )
            for entry in labels
        ]
        yield from samples_of(path, entries, annotations, config, own=True, background=True)


def read_labels(entry: Entry, names: dict[int, str], form: LineForm, read: ReadFile) -> list[Box | Problem]:
    """Return the boxes of a label file, and what is wrong with its lines.

    Raises:
        BadImage, OSError, ValueError: it cannot be read.
    """
    return list(read_lines(decode_text(read(entry.locator)), printable("/".join(entry.parts)), names, form))


def label_files(entries: list[Entry], read: ReadFile) -> list[Entry]:
    """Return the txt files that are about one photo: named as one, or with nothing but boxes in them."""
    photos = Photos(images_of(entries))
    return [
        entry
        for entry in text_files(entries)
        if photos.any_called(stem_of(entry.parts[-1])) or looks_like_labels(text_of(entry, read) or "")
    ]


def text_files(entries: list[Entry]) -> list[Entry]:
    """Return the txt files that are no lists of classes."""
    return [
        entry
        for entry in entries
        if extension_of(entry.parts[-1]) == "txt" and not is_class_list(entry.parts) and not is_note(entry.parts)
    ]


def text_of(entry: Entry, read: ReadFile) -> str | None:
    """Return a text, None if it cannot be read."""
    try:
        return decode_text(read(entry.locator))
    except (BadImage, OSError, UnicodeDecodeError):
        return None
