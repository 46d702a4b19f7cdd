"""Photos with boxes in CSV tables in a folder or zip, one line a box.

    filename,width,height,class,xmin,ymin,xmax,ymax

    data/train_labels.csv  data/test_labels.csv  images/1.jpg     the tables' names give the splits
    annotations.csv  photos/1.jpg                                 or a column `split`

Width and height may be missing. A line whose class and edges are all empty says that there is nothing on its photo.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

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
from data.detection.records import EDGES
from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.sample import SPLIT_FOLDERS, BadImage, Problem, ReadFile, Split

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
NEEDED = {"filename", "class", *EDGES}


@dataclass
class ListedImage:
    """The lines about one photo."""

    place: str
    split: Split | None
    size: tuple[int, int] | None
    said: list[Box | Problem] = field(default_factory=list)


def detect(path: Path) -> bool:
    """Tell whether a folder or zip has a table with the columns of this format."""
    if not (path.is_dir() or path.suffix.lower() == ".zip"):
        return False
    with open_reader(path) as read:
        return bool(find_tables([entry for entry in list_entries(path) if isinstance(entry, Entry)], read))


def names_boxes(path: Path) -> bool:
    """Tell whether a table by itself has the columns of this format."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    columns = next(csv.reader([first], delimiter=find_delimiter(first)), [])
    return {name.strip().lower() for name in columns} >= NEEDED


def find_delimiter(first: str) -> str:
    return max(",;\t", key=first.count)


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order in which the tables first name them."""
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    images = dict[tuple[tuple[str, ...], str], ListedImage]()
    with open_reader(path) as read:
        for entry, rows in find_tables(entries, read):
            for line, row in rows:
                yield from add_line(row, f"{printable('/'.join(entry.parts))}, line {line}", entry, images)
    annotations = [
        Annotation(Statement(table, name, image.place), partial(list, image.said), image.size, image.split)
        for (table, name), image in images.items()
    ]
    yield from samples_of(path, entries, annotations, config, tables=False)


def find_tables(entries: list[Entry], read: ReadFile) -> list[tuple[Entry, list[tuple[int, dict[str, str]]]]]:
    """Return the tables with boxes and their numbered lines; where some are named after splits, those alone.

    A table of all photos often lies beside those of the splits that were cut from it.
    """
    found = []
    for entry in entries:
        if extension_of(entry.parts[-1]) == "csv":
            try:
                text = read(entry.locator).decode("utf-8-sig")
            except (BadImage, OSError, UnicodeDecodeError):
                continue
            reader = csv.reader(io.StringIO(text), delimiter=find_delimiter(text.partition("\n")[0]))
            columns = [name.strip().lower() for name in next(reader, [])]
            if set(columns) >= NEEDED:
                rows = [
                    (reader.line_num, dict(zip(columns, map(str.strip, row), strict=False))) for row in reader if row
                ]
                found.append((entry, rows))
    named = [table for table in found if split_of_name(table[0].parts)]
    return named if "train" in [split_of_name(entry.parts) for entry, _ in named] and len(named) > 1 else found


def split_of_name(parts: tuple[str, ...]) -> Split | None:
    """Return the split that a table is named after: train_labels.csv, test.csv."""
    return SPLIT_FOLDERS.get(stem_of(parts[-1].lower()).partition("_")[0])


def add_line(
    row: dict[str, str], place: str, table: Entry, images: dict[tuple[tuple[str, ...], str], ListedImage]
) -> Iterator[Problem]:
    """Add a line's box to its photo, or yield what is wrong with the line."""
    name = row.get("filename", "")
    if not name:
        yield Problem("missing_photo", place, "the name of the photo is empty")
        return
    split = SPLIT_FOLDERS.get(row.get("split", "").lower()) or split_of_name(table.parts)
    size = [row.get(each, "") for each in ("height", "width")]
    stated = (int(size[0]), int(size[1])) if all(value.isdigit() and int(value) for value in size) else None
    image = images.setdefault((table.parts, name), ListedImage(place, split, stated))
    if image.split != split:
        yield Problem("conflicting_splits", place, f"the photo is in {image.split or 'no split'} by {image.place}")
        return
    label, edges = row.get("class", ""), [row.get(name, "") for name in EDGES]
    if not label and not any(edges):
        return
    if not label:
        image.said.append(Problem("box_without_class", place, "the class is empty"))
        return
    try:
        ymin, xmin, ymax, xmax = map(float, edges)
    except ValueError:
        wrong = ", ".join(f"{name} is `{value}`" for name, value in zip(EDGES, edges, strict=True))
        image.said.append(Problem("box_not_a_number", place, f"`{label}`: {wrong}", "", label))
        return
    image.said.append(Box(label, ymin, xmin, ymax, xmax, place))
