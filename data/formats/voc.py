"""Photos with Pascal VOC annotations, as LabelImg writes them: an xml file for each photo, in a folder or a zip.

    raccoon/annotations/1.xml  raccoon/images/1.jpg            any folders will do
    VOC2012/Annotations  JPEGImages  ImageSets/Main/train.txt  lists of names give the splits
    data/train_labels.csv  data/test_labels.csv                so do tables with a `filename` column
    train/images  train/annotations  test/images ...           and folders

A photo is found by the `filename` of its annotation and by the annotation's own name; see `data.detection.pairing`.
Photos without annotation are reported and left out; an annotation without objects says that there is nothing on its
photo.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    read_entries,
    samples_of,
    sources,
)
from data.detection.pairing import Statement
from data.detection.recognising import contents, ends_of, entries_of, is_cvat, likely_files
from data.file_tree import MAX_FILE_BYTES, Entry, extension_of, open_reader, printable
from data.sample import BadImage, Problem

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
ROOT = re.compile(rb"<annotation[\s>]")
NUMBERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass
class Described:
    """What an xml file says.

    Attributes:
        filename: the photo's name, without folders; empty if it has none.
        size: (height, width); None if it says none.
        boxes: label, edges and line of each object.
        problems: kind, line and words of what could not be read.
    """

    filename: str = ""
    size: tuple[int, int] | None = None
    boxes: list[Box] = field(default_factory=list)
    problems: list[tuple[str, int, str]] = field(default_factory=list)

    def said(self, key: str) -> Callable[[], list[Box | Problem]]:
        """Return a function that gives the boxes and the problems.

        Args:
            key: the file, for people.
        """
        unread = [Problem(kind, f"{key}, line {line}", words) for kind, line, words in self.problems]
        return lambda: [*self.boxes, *unread]


def detect(path: Path) -> bool:
    """Tell whether there is an xml file with an `annotation` in a folder or zip."""
    likely = likely_files(entries_of(path), "xml")
    return any(is_annotation(content) for _, content in contents(path, likely, MAX_FILE_BYTES))


def is_annotation(content: bytes) -> bool:
    """Tell whether an xml file is an annotation by its outermost element."""
    return bool(ROOT.search(ends_of(content)))


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order of their annotations' names, then photos that have none as problems."""
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    annotations = list[Annotation]()
    with open_reader(path) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) != "xml":
                continue
            key = printable("/".join(entry.parts))
            try:
                content = read(entry.locator)
                if is_cvat(content):
                    yield Problem("passed_over_file", key, "it is CVAT's")
                    continue
                found = parse(content, key)
            except (BadImage, OSError, ValueError) as error:
                yield Problem("unreadable_annotation", key, str(error))
                continue
            annotations.append(Annotation(Statement(entry.parts, found.filename, key), found.said(key), found.size))
    yield from samples_of(path, entries, annotations, config, own=True)


def parse(data: bytes, key: str) -> Described:
    """Read an annotation.

    Raises:
        ValueError: it is no xml, or no annotation; says the line.
    """
    reader = Reader(key)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.open, reader.close
    parser.CharacterDataHandler, parser.EntityDeclHandler = reader.text, refuse_entities
    reader.line = lambda: parser.CurrentLineNumber
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    if reader.root != "annotation":
        raise ValueError(f"its outermost element is `{reader.root}`, not `annotation`")
    return reader.found


def refuse_entities(*_: object) -> None:
    """Refuse what could blow a small file up to any size."""
    raise ValueError("it declares entities, which no annotation needs")


class Reader:
    """Gathers an annotation from the parser's events; parts of objects, such as a person's head, are passed over."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.root = ""
        self.path: list[str] = []
        self.words = ""
        self.found = Described()
        self.fields: dict[str, tuple[str, int]] = {}
        self.begun = 0
        self.line: Callable[[], int] = int  # where the parser is, once there is one

    def open(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        self.path.append(name)
        self.words = ""
        if self.path[1:] == ["object"]:
            self.fields, self.begun = {}, self.line()

    def text(self, words: str) -> None:
        self.words += words

    def close(self, name: str) -> None:
        value, inner = self.words.strip(), self.path[1:]
        if inner[:1] == ["object"] and len(inner) in (2, 3) and (len(inner) == 2 or inner[1] == "bndbox"):
            self.fields[name] = (value, self.line())
        elif inner == ["object"]:
            self.add_object()
        elif inner == ["filename"]:
            self.found.filename = value
        elif inner in (["size", "width"], ["size", "height"]):
            self.fields[name] = (value, self.line())
        elif inner == ["size"]:
            self.add_size()
        self.path.pop()
        self.words = ""

    def add_size(self) -> None:
        """Keep the stated size; LabelImg and others write 0 x 0 where they did not know it."""
        sizes = [self.fields.get(name, ("", 0))[0] for name in ("height", "width")]
        if all(value.isdigit() and int(value) for value in sizes):
            self.found.size = int(sizes[0]), int(sizes[1])

    def add_object(self) -> None:
        """Keep an object, or say why it cannot be used."""
        label = self.fields.get("name", ("", 0))[0]
        if not label:
            self.found.problems.append(("box_without_class", self.begun, "the object has no name"))
            return
        edges = {}
        for name in NUMBERS:
            value, line = self.fields.get(name, ("", self.begun))
            try:
                edges[name] = float(value)
            except ValueError:
                words = f"`{label}`: {name} is `{value}`" if value else f"`{label}`: there is no {name}"
                self.found.problems.append(("box_not_a_number", line, words))
                return
        flags = {flag: self.fields.get(flag, ("0", 0))[0] == "1" for flag in ("difficult", "truncated")}
        corners = (edges["ymin"], edges["xmin"], edges["ymax"], edges["xmax"])
        place = f"{self.key}, line {self.begun}"
        self.found.boxes.append(Box(label, *corners, place, flags["difficult"], flags["truncated"]))
