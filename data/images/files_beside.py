"""Files among folders of pictures that say other classes of them than the folders do: such a run stops.

part1/1.jpg  part2/2.jpg  labels.json: {"1.jpg": "cat"}      also [{"file": "1.jpg", "class": "cat"}]
images/1.jpg  train.txt: images/1.jpg 0                      names and classes in lines
a/1.jpg  b/2.jpg  meta/labels.csv  labels.xlsx               tables anywhere
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import python_calamine

from data.file_tree import Entry, extension_of, open_reader, printable, stem_of
from data.images.label_table import DELIMITERS, LINES_SEEN, named_after_edges, repeats
from data.images.picture_names import fits
from data.sample import EXTENSIONS, BadImage, Problem
from data.split_names import split_in_cell
from pipeline.errors import UserError

TEXTS, SHEETS = ("csv", "tsv", "txt"), ("xlsx", "xls", "xlsb", "ods")
TABLES = frozenset([*TEXTS, *SHEETS, "json"])
MOST_FILES = 20  # where there are more, each is about one picture
MOST_BYTES = 64 << 20
SHARE = 0.1  # of the pictures that a file must name
NO_TRUTH = re.compile("submission", re.IGNORECASE)  # an example of answers
Rows = list[list[str]]


def refuse_other_classes(path: Path, entries: Iterable[Entry | Problem], known: Iterable[Path]) -> None:
    """Stop where a file names most pictures and says other things of them than the folders around them.

    Args:
        known: tables that were judged before.

    Raises:
        UserError: there is one.
    """
    files = [entry for entry in entries if isinstance(entry, Entry)]
    passed = {table.relative_to(path).parts for table in known}
    tables = [
        item
        for item in files
        if extension_of(item.parts[-1]) in TABLES and item.parts not in passed and not NO_TRUTH.search(item.parts[-1])
    ]
    if not 0 < len(tables) <= MOST_FILES:
        return
    images = {item.parts[-1]: item.parts[:-1] for item in files if extension_of(item.parts[-1]) in EXTENSIONS}
    images |= {stem_of(name): folders for name, folders in images.items()}
    with open_reader(path, MOST_BYTES) as read:
        for entry in tables:
            try:
                rows = rows_of(read(entry.locator), extension_of(entry.parts[-1]))
            except (BadImage, OSError, ValueError, csv.Error, python_calamine.CalamineError):
                continue
            if cells := other_classes(rows, images):
                raise stop(path, entry, cells)


def stop(path: Path, entry: Entry, cells: Sequence[str]) -> UserError:
    """Return the error that a file says other classes than folders."""
    name, said = printable("/".join(entry.parts)), ", ".join(f"`{printable(cell)[:40]}`" for cell in cells[:4])
    return UserError(
        f"The file {name} names the pictures, and says other things of them than their folders do ({said}).",
        str(path),
        "If it says the classes, write it as a table labels.csv with the columns path and label, beside the pictures' "
        "folders, and give that as `data.path`. If the folders count: `data.format=image_folder`.",
    )


def rows_of(content: bytes, ending: str) -> Rows:
    """Return the first rows of a file; of a header too, where it has one.

    Raises:
        ValueError, csv.Error, CalamineError: it is no such file.
    """
    if ending == "json":
        return rows_of_json(json.loads(content))
    if ending in SHEETS:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        return [[str(cell) for cell in row] for row in book.get_sheet_by_index(0).to_python()[:LINES_SEEN]]
    lines = content.decode("utf-8-sig").splitlines()[:LINES_SEEN]
    first = lines[0] if lines else ""
    delimiter = max(DELIMITERS, key=first.count)
    if ending == "txt" and delimiter not in first:
        return [line.split() for line in lines]
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]


def rows_of_json(said: Any) -> Rows:
    """Return names and classes: of a dictionary of either by the other, or of a list of dictionaries."""
    if isinstance(said, dict):
        inner = [value for value in said.values() if isinstance(value, list)]
        if inner and all(isinstance(each, dict) for each in inner[0]) and "annotations" not in said:
            return rows_of_json(inner[0])
        if inner:
            return [[str(name), str(key)] for key, value in said.items() if isinstance(value, list) for name in value]
        return [[str(key), str(value)] for key, value in said.items() if isinstance(value, (str, int))][:LINES_SEEN]
    if isinstance(said, list) and said and all(isinstance(each, dict) for each in said):
        keys = list(said[0])
        return [keys, *([str(each.get(key, "")) for key in keys] for each in said[:LINES_SEEN])]
    return []


def other_classes(rows: Rows, images: dict[str, tuple[str, ...]]) -> list[str]:
    """Return the different cells of a column that comes again and again and is unlike all folders; none without.

    Args:
        rows: lines, of which the first may hold names of columns.
        images: the folders of each picture, by its name with and without ending.
    """
    if not rows or named_after_edges(rows[0]):
        return []
    width = len(rows[-1])
    even = [row for row in rows if len(row) == width]
    for place in range(width):
        named = [(images.get(row[place].replace("\\", "/").rpartition("/")[2]), row) for row in even[1:] or even]
        met = [(folders, row) for folders, row in named if folders is not None]
        few = len(met) < min(SHARE * len(images) / 2, LINES_SEEN / 2)  # each is there with and without its ending
        if width > 1 and len(met) > 1 and not few and fits(folders is not None for folders, _ in named):
            columns = [[row[other] for _, row in met] for other in range(width) if other != place]
            classes = [cells for cells in columns if repeats(cells) and not all(map(split_in_cell, cells))]
            folders = [folders for folders, _ in met]
            if classes and not any(agrees(cells, folders) for cells in classes):
                return list(dict.fromkeys(classes[0]))
            return []
    return []


def agrees(cells: Sequence[str], folders: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether cells say the folders around pictures, by their names or by a number for each."""
    for depth in range(1, max(map(len, folders)) + 1):
        names = [each[-depth] if len(each) >= depth else "" for each in folders]
        pairs = set(zip(names, cells, strict=True))
        if len(pairs) == len(set(names)) == len(set(cells)):
            return True
    return fits(cell in each for cell, each in zip(cells, folders, strict=True))
