"""Photos with boxes in CSV tables in a folder or zip, one line a box.

    filename,width,height,class,xmin,ymin,xmax,ymax               columns may have other names, see below
    image_id,width,height,bbox                                    one cell for a box: "[834, 222, 56, 36]"
    images/1.jpg,20,30,80,90,cat                                  without a header

    data/train_labels.csv  data/test_labels.csv  images/1.jpg     the tables' names give the splits
    annotations.csv  photos/1.jpg                                 or a column `split`

Of a photo the column may be called image, path or image_id; of a class label, name or category; of a box x_min, left or
x1, with the opposite corner or with width and height behind it. What is not told by the columns' names is told from
whether boxes stay in their photos; where that leaves a choice, the run stops. Width and height of the photo may be
missing. A line whose class and edges are all empty says that there is nothing on its photo.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data.detection.box_columns import BoxColumns, BoxForm, corners_of, is_blank, is_unassigned
from data.detection.box_tables import HEAD, TABLES, BoxTable, find_tables, form_of, has_boxes, size_in, stems_of
from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.labelled import (
    TURNED_BY_EXIF,
    Annotation,
    classes,
    images_of,
    read_entries,
    samples_of,
    sources,
)
from data.detection.pairing import Statement
from data.detection.recognising import entries_of
from data.file_tree import Entry, extension_of, open_reader, printable
from data.sample import BadImage, Problem, Split
from data.split_names import split_in_cell, split_of

__all__ = ["TASK", "TURNED_BY_EXIF", "classes", "detect", "list_samples", "open_reader", "sources"]

TASK = "object_detection"
ONE_CLASS = "object"


@dataclass
class ListedImage:
    """The lines about one photo."""

    place: str
    split: Split | None
    size: tuple[int, int] | None
    normalized: bool
    said: list[Box | Problem] = field(default_factory=list)


Listed = dict[tuple[tuple[str, ...], str], ListedImage]


def detect(path: Path) -> bool:
    """Tell whether a folder or zip has a table with the columns of this format."""
    entries = entries_of(path)
    folders = {image.parts[:-1] for image in images_of(entries)}
    photos = stems_of(entries)
    several = len({tuple(part for part in folder if split_of(part) is None) for folder in folders}) > 1
    with open_reader(path) as read:
        for entry in entries:
            if extension_of(entry.parts[-1]) not in TABLES:
                continue
            try:  # a table without classes may lie beside folders of classes
                if has_boxes(read(entry.locator), photos, labelled=several):
                    return True
            except (BadImage, OSError):
                continue
    return False


def names_boxes(path: Path) -> bool:
    """Tell whether a table by itself has the columns of this format."""
    with path.open("rb") as file:
        start = file.read(HEAD)
    return has_boxes(start, (), labelled=True)


def list_samples(path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
    """Yield the photos in the order in which the tables first name them.

    Raises:
        UserError: it cannot be told what the numbers of a box are.
    """
    entries: list[Entry] = []
    yield from read_entries(path, entries)
    images: Listed = {}
    with open_reader(path) as read:
        tables, problems = find_tables(entries, read)
        yield from problems
        for table in tables:
            form, how = form_of(table, entries, read, config)
            if table.columns.told or how:
                yield Problem("recognised_columns", table.key, "; ".join(filter(None, (table.columns.told, how))))
            if table.columns.unused:
                yield Problem("unused_columns", table.key, listed(table.columns.unused))
            yield from add_lines(table, form, images)
    annotations = [
        Annotation(
            Statement(file, name, image.place), partial(list, image.said), image.size, image.split, image.normalized
        )
        for (file, name), image in images.items()
    ]
    yield from samples_of(path, entries, annotations, config, tables=False)


def listed(columns: Sequence[str], most: int = 12) -> str:
    more = f" and {len(columns) - most:,} more" if len(columns) > most else ""
    return ", ".join(f"`{printable(name)}`" for name in columns[:most]) + more


def add_lines(table: BoxTable, form: BoxForm, images: Listed) -> Iterator[Problem]:
    """Add the boxes of a table to their photos, or yield what is wrong with its lines."""
    columns = table.columns
    for line, row in table.table.rows:
        place = f"{table.key}, line {line}"
        name = row.get(columns.file, "")
        if not name:
            yield Problem("missing_photo", place, "the name of the photo is empty")
            continue
        split = table.split
        if columns.split and (word := row.get(columns.split, "")):
            split = split_in_cell(word)
            if split is None and not is_unassigned(word):
                yield Problem("unknown_split", place, f"`{word}`")
        key = (table.entry.parts, name)
        image = images.get(key)
        if image is None:
            image = images[key] = ListedImage(place, split, size_in(row, columns), table.table.shares)
        if image.split != split:
            yield Problem("conflicting_splits", place, f"the photo is in {image.split or 'no split'} by {image.place}")
        elif found := read_box(row, columns, form, place):
            image.said.append(found)


def read_box(row: dict[str, str], columns: BoxColumns, form: BoxForm, place: str) -> Box | Problem | None:
    """Return the box of a line, None if it has none, or what is wrong with it."""
    label = row.get(columns.label, "") if columns.label else ONE_CLASS
    words = columns.values(row)
    if (not label or label == columns.nothing or not columns.label) and is_blank(words):
        return None
    if not label:
        return Problem("box_without_class", place, "the class is empty")
    try:
        one, two, three, four = map(float, words)
    except ValueError:
        wrong = ", ".join(f"{name} is `{word}`" for name, word in zip(columns.edges, words, strict=False))
        comma = "; decimal commas are not read" if any("," in word for word in words) else ""
        return Problem("box_not_a_number", place, f"`{label}`: {wrong}{comma}", "", label)
    xmin, ymin, xmax, ymax = corners_of((one, two, three, four), form)
    return Box(label, ymin, xmin, ymax, xmax, place)
