"""Photos with YOLO labels in a folder or zip: a txt file each with lines `class x y width height`, normalized.

    images/train/1.jpg  labels/train/1.txt        beside each other or in folders of their own
    train/images/1.jpg  train/labels/1.txt
    data.yaml, classes.txt or obj.names           name the classes, which are numbered from 0

A photo with an empty txt file, or without one while others of its folder have theirs, shows nothing but background.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

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
from data.file_tree import Entry, extension_of, open_reader, printable
from data.sample import BadImage, Problem, ReadFile
from pipeline.errors import UserError

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
CLASS_LISTS = ("classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt")


def detect(path: Path) -> bool:
    """Tell whether most photos of a folder or zip with labels have a txt file of their name with numbers in it."""
    if not (path.is_dir() or path.suffix.lower() == ".zip"):
        return False
    entries = [entry for entry in list_entries(path) if isinstance(entry, Entry)]
    photos = Photos(images_of(entries))
    labels = [entry for entry in label_files(entries) if photos.own(Statement(entry.parts, "", "")).photos]
    with open_reader(path) as read:
        for entry in labels[:20]:
            try:
                words = read(entry.locator).decode("utf-8-sig", "replace").split()
            except (BadImage, OSError):
                continue
            if words:
                return len(words) % 5 == 0 and all(is_number(word) for word in words[:5])
    return False


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of their names."""
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    with open_reader(path) as read:
        names = class_names(entries, read)
        annotations = [
            Annotation(
                Statement(entry.parts, "", printable("/".join(entry.parts))),
                partial(read_labels, entry, names, read),
                normalized=True,
            )
            for entry in label_files(entries)
        ]
        yield from samples_of(entries, annotations, config, own=True, background=True)


def read_labels(entry: Entry, names: dict[int, str], read: ReadFile) -> list[Box | Problem]:
    """Return the boxes of a label file, and what is wrong with its lines.

    Raises:
        BadImage, OSError, ValueError: it cannot be read.
    """
    return list(read_lines(read(entry.locator).decode("utf-8-sig"), printable("/".join(entry.parts)), names))


def label_files(entries: list[Entry]) -> list[Entry]:
    """Return the txt files that are neither lists of classes nor lists of photos."""
    lists = {
        *CLASS_LISTS,
        "train.txt",
        "valid.txt",
        "val.txt",
        "test.txt",
        "readme.txt",
        "license.txt",
        "requirements.txt",
    }
    return [
        entry
        for entry in entries
        if extension_of(entry.parts[-1]) == "txt"
        and entry.parts[-1].lower() not in lists
        and not entry.parts[-1].lower().startswith("readme.")
    ]


def read_lines(text: str, place: str, names: dict[int, str]) -> Iterator[Box | Problem]:
    """Yield the boxes of a txt file, normalized, or what is wrong with its lines."""
    for line, words in enumerate(map(str.split, text.splitlines()), 1):
        where = f"{place}, line {line}"
        if not words:
            continue
        if len(words) != 5:
            more = "; outlines are not read" if len(words) > 6 else ""
            yield Problem("box_not_a_number", where, f"{len(words)} values instead of 5{more}")
        elif not words[0].isdigit() or not all(is_number(word) for word in words[1:]):
            yield Problem("box_not_a_number", where, f"`{' '.join(words)[:60]}`")
        elif names and int(words[0]) not in names:
            yield Problem("box_without_class", where, f"class {words[0]} is not among the {len(names)} names")
        else:
            x, y, width, height = map(float, words[1:])
            label = names.get(int(words[0]), words[0])
            yield Box(label, y - height / 2, x - width / 2, y + height / 2, x + width / 2, where)


def is_number(word: str) -> bool:
    """Tell whether a word is a finite number."""
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def class_names(entries: list[Entry], read: ReadFile) -> dict[int, str]:
    """Return the names of the classes by number: of a data.yaml, else of a list; none if there is neither.

    Raises:
        UserError: the file with the names cannot be read.
    """
    for entry in sorted(entries, key=lambda entry: len(entry.parts)):
        key = printable("/".join(entry.parts))
        if extension_of(entry.parts[-1]) in ("yaml", "yml"):
            if names := names_of_yaml(read(entry.locator), key):
                return names
        elif entry.parts[-1].lower() in CLASS_LISTS:
            lines = read(entry.locator).decode("utf-8-sig", "replace").splitlines()
            return {number: line.strip() for number, line in enumerate(lines) if line.strip()}
    return {}


def names_of_yaml(data: bytes, key: str) -> dict[int, str]:
    """Return `names` of a data.yaml, a list or a dictionary; none if it has no such key."""
    try:
        content: Any = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"This is no YAML file: {error}.", key, "Mend it, or take it away.") from None
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        return dict(enumerate(map(str, names)))
    if isinstance(names, dict) and all(isinstance(number, int) for number in names):
        return {number: str(name) for number, name in names.items()}
    return {}
