"""Tables with a picture's name and class in each line, and optionally its split; alone, or in the pictures' folder.

    labels.csv: path,label,split            names are relative to the table's folder
    labels.csv: id,breed; train/ID.jpg      folder and ending are found, or said by data.image_folder, data.image_ending
    train/_classes.csv: filename,cat,dog    a column of 0 and 1 for each class
    img/1.jpg,cats                          no line with names: columns are called column1, column2
    photos/train.csv, photos/val.csv        the tables' names, or their folders', give the splits

Columns that the recipe does not name are found by what they hold, and told.
"""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.file_tree import Entry, extension_of, list_folder, printable, read_image
from data.images.config import ImageDataConfig
from data.images.label_table import find_columns
from data.images.tables import (
    SUFFIXES,
    Given,
    classes_of_folders,
    has_classes,
    look_at,
    no_text,
    says_more_than_folders,
    tables_in,
    tables_with_classes,
)
from data.sample import EXTENSIONS, SPLIT_FOLDERS, BadImage, ImageSample, Problem, Read, Split
from data.split_names import split_in_cell
from pipeline.errors import UserError, did_you_mean, explain_os_error

TASK = "image_classification"
ONES, ZEROS = ("1", "1.0"), ("0", "0.0", "")


def detect(path: Path) -> bool:
    """Tell whether `path` is a CSV or TSV file, or a folder with one that says more of its pictures than folders do."""
    return says_more_than_folders(path) if path.is_dir() else path.is_file() and path.suffix.lower() in SUFFIXES


def names_images(path: Path) -> bool:
    """Tell whether the file is a table about pictures; other tables may be series."""
    return look_at(path) is not None


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures in the order of the lines.

    Raises:
        UserError: a column is missing or cannot be told, a split has an unknown name, or it is no text in UTF-8.
    """
    if path.is_dir():
        yield from list_folder_of_tables(path, config)
        return
    try:
        columns = find_columns(path, config)
    except (UnicodeError, csv.Error) as error:
        raise no_text(path, error) from None
    except OSError as error:
        raise explain_os_error(error, path) from None
    if not has_classes(columns):
        names = ", ".join(f"`{printable(name)}`" for name in columns.table.names)
        what = "No column of this table holds a class that comes more than once."
        raise UserError(what, str(path), f"There are the columns {names}: set `data.label_column`.")
    yield from list_table(Given(path, columns), path.parent)


def list_folder_of_tables(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures that the tables in a folder name.

    Raises:
        UserError: folders and tables say different classes, or it cannot be told which table counts.
    """
    tables = tables_in(path)
    folders = classes_of_folders(path) if config.format == "auto" else set()
    if len(folders) > 1 and tables:
        table = next((table for table in tables if look_at(table) is not None), tables[0])
        listed = ", ".join(printable(name) for name in sorted(folders)[:5])
        raise UserError(
            f"The table {table.name} names the pictures, and says other things than their folders do ({listed}).",
            str(path),
            f"If the table counts: `data.path={table}`. If the folders count: `data.format=image_folder`.",
        )
    named: set[str] = set()
    labelled, others = tables_with_classes(path, config)
    for given in labelled:
        for item in list_table(given, path):
            named.add(item.key if isinstance(item, ImageSample) else item.file)
            yield item
    for given in others:
        for item in list_table(given, path):
            if isinstance(item, Problem) and (item.name != "unlabelled_image" or item.file not in named):
                yield item
            named.add(item.key if isinstance(item, ImageSample) else item.file)
    for entry in list_folder(path):
        if isinstance(entry, Entry) and extension_of(entry.parts[-1]) in EXTENSIONS:
            key = "/".join(entry.parts)
            if key not in named:
                yield Problem("unlabelled_image", printable(key), "no table names it")
    for table in sorted({*path.glob("*.csv"), *path.glob("*.tsv")} - {given.path for given in (*labelled, *others)}):
        yield Problem("stray_file", printable(table.name), "a table that names no pictures with their classes")


def list_table(given: Given, root: Path) -> Iterator[ImageSample | Problem]:
    """Yield the picture, or what is wrong, of each line.

    Args:
        root: what the names of pictures and tables are told relative to.
    """
    table, columns = given.path, given.columns
    name = printable(table.relative_to(root).as_posix())
    folder = table.parent.relative_to(root).as_posix()
    if columns.told and has_classes(columns):
        yield Problem("found_columns", name, columns.told)
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=columns.table.delimiter)
            if columns.table.headed:
                next(reader, [])
            for cells in reader:
                if cells:  # a cell in quotes may hold several lines
                    yield read_line(cells, f"{name}, line {reader.line_num}", given, folder)
    except (UnicodeError, csv.Error) as error:
        raise no_text(table, error) from None
    except OSError as error:
        raise explain_os_error(error, table) from None


def read_line(cells: Sequence[str], line: str, given: Given, folder: str) -> ImageSample | Problem:
    """Return the picture, or what is wrong, of a line.

    Args:
        folder: what stands before the pictures' names; `.` for nothing.
    """
    columns = given.columns
    if len(cells) != len(columns.table.names):
        return Problem("corrupt_file", line, f"{len(cells)} cells instead of {len(columns.table.names)}")
    cell = cells[columns.image].strip()
    label = class_in(cells, given, line)
    if not cell or label is None:
        return Problem("corrupt_file", line, "no path or no class")
    if "\0" in cell:
        return Problem("corrupt_file", line, "a zero byte in the path")
    found = columns.pictures.locate(cell)
    if len(found) > 1:
        return Problem("ambiguous_name", line, f"{printable(cell)}: {', '.join(map(printable, found[:3]))}")
    key = found[0] if folder == "." else f"{folder}/{found[0]}"
    if not label:
        return Problem("unlabelled_image", key, line)
    said = find_split(cells[columns.split], given, line) if columns.split is not None else None
    return ImageSample(key, label, (key,), said or given.split)


def class_in(cells: Sequence[str], given: Given, line: str) -> str | None:
    """Return the class that a line says; empty if it says that there is none, None if that is a mistake.

    Raises:
        UserError: it says several.
    """
    columns = given.columns
    if columns.label is not None:
        return cells[columns.label].strip() or None
    said = {columns.table.names[place]: cells[place].strip() for place in columns.one_hot}
    if any(value not in (*ONES, *ZEROS) for value in said.values()):
        return None
    names = [name for name, value in said.items() if value in ONES]
    if len(names) > 1:
        raise UserError(
            f"This picture has several classes: {', '.join(printable(name) for name in names[:5])}.",
            where_of(given, line),
            "Only one class for each picture can be learnt. Leave such lines out, or name the one column that counts "
            "as `data.label_column`.",
        )
    return names[0] if names else ""


def where_of(given: Given, line: str) -> str:
    """Return a table's path with a line's number."""
    return f"{given.path}, {line.rpartition(', ')[2]}"


def find_split(name: str, given: Given, line: str) -> Split | None:
    """Return the split that a cell names; an empty cell leaves it to the recipe.

    Raises:
        UserError: it names none.
    """
    if not name.strip():
        return None
    if split := split_in_cell(name):
        return split
    raise UserError(f"`{name}` is no split.", where_of(given, line), did_you_mean(name, SPLIT_FOLDERS))


@contextmanager
def open_reader(path: Path) -> Iterator[Read]:
    """Give a function that reads a picture's file."""
    root = path if path.is_dir() else path.parent

    def read(locator: tuple[Any, ...]) -> bytes:
        file = root / locator[0]
        if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe would wait for ever
            raise BadImage("unreadable_file", "a folder, pipe, socket or device")
        return read_image(str(file))

    yield read


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the tables and the pictures they name that exist."""
    root, tables = (path, tables_in(path)) if path.is_dir() else (path.parent, [path])
    images = {root / item.key for item in list_samples(path, config) if isinstance(item, ImageSample)}
    return [*tables, *sorted(file for file in images if file.is_file())]
