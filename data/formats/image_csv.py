"""A CSV file with a picture's path and class in each line, and optionally its split.

Paths are relative to the CSV file.
"""

from __future__ import annotations

import csv
import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.file_tree import extension_of, read_image
from data.images.config import ImageDataConfig
from data.sample import EXTENSIONS, SPLIT_FOLDERS, BadImage, ImageSample, Problem, Read, Split
from pipeline.errors import UserError, did_you_mean, explain_os_error

TASK = "image_classification"
DELIMITERS = ",;\t|"
LINES_SEEN = 20  # that tell what the columns hold


def detect(path: Path) -> bool:
    """Tell whether `path` is a CSV or TSV file."""
    return path.is_file() and path.suffix.lower() in (".csv", ".tsv")


def names_images(path: Path) -> bool:
    """Tell whether the file has the usual columns of this format, or one with names of pictures.

    Other tables may be series.
    """
    columns = read_start(path)
    return {"path", "label"} <= columns.keys() or bool(image_columns(columns))


def read_start(path: Path) -> dict[str, list[str]]:
    """Return the first cells of each column."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=find_delimiter(path))
        try:
            names = [name.strip() for name in next(reader, [])]
            rows = [cells for cells in itertools.islice(reader, LINES_SEEN) if len(cells) == len(names)]
        except csv.Error:
            return {}
    return {name: [cells[place].strip() for cells in rows] for place, name in enumerate(names)}


def image_columns(columns: dict[str, list[str]]) -> list[str]:
    """Return the names of the columns that hold nothing but names of pictures."""
    return [
        name for name, cells in columns.items() if cells and all(extension_of(cell) in EXTENSIONS for cell in cells)
    ]


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures in the order of the lines.

    Raises:
        UserError: a column is missing, a split has an unknown name, or it is no text in UTF-8.
    """
    try:
        yield from list_lines(path, config)
    except (UnicodeError, csv.Error) as error:
        raise UserError(
            f"This is no CSV file in UTF-8: {error}.", str(path), "Save it as `CSV UTF-8`, or convert it with iconv."
        ) from None
    except OSError as error:
        raise explain_os_error(error, path) from None


def list_lines(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the picture, or what is wrong, of each line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=find_delimiter(path))
        columns = [name.strip() for name in next(reader, [])]
        path_column = find_path_column(config, columns, path)
        label_column = find_column(config.label_column, "data.label_column", columns, path)
        split_column = find_split_column(config, columns, path)
        for cells in reader:
            if not cells:
                continue
            line = reader.line_num  # a cell in quotes may hold several lines
            if len(cells) != len(columns):
                yield Problem(
                    "corrupt_file", f"{path.name}, line {line}", f"{len(cells)} cells instead of {len(columns)}"
                )
                continue
            key, label = cells[path_column].strip(), cells[label_column].strip()
            if not key or not label:
                yield Problem("corrupt_file", f"{path.name}, line {line}", "no path or no class")
                continue
            if "\0" in key:
                yield Problem("corrupt_file", f"{path.name}, line {line}", "a zero byte in the path")
                continue
            key = as_written_here(key, path.parent)
            yield ImageSample(
                key, label, (key,), find_split(cells[split_column], path, line) if split_column is not None else None
            )


def as_written_here(key: str, folder: Path) -> str:
    """Return a path that Windows wrote as this system writes it, unless a file has that very name."""
    if "\\" in key and not os.path.exists(folder / key):  # noqa: PTH110 - a name that is too long is simply not there
        return key.replace("\\", "/")
    return key


@contextmanager
def open_reader(path: Path) -> Iterator[Read]:
    """Give a function that reads a picture's file."""

    def read(locator: tuple[Any, ...]) -> bytes:
        file = path.parent / locator[0]
        if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe would wait for ever
            raise BadImage("unreadable_file", "a folder, pipe, socket or device")
        return read_image(str(file))

    yield read


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the CSV file and the pictures it names that exist."""
    images = {path.parent / item.key for item in list_samples(path, config) if isinstance(item, ImageSample)}
    return [path, *sorted(file for file in images if file.is_file())]


def find_delimiter(path: Path) -> str:
    """Return what separates the columns: the most frequent candidate in the first line."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    return max(DELIMITERS, key=first.count)


def find_column(name: str, key: str, columns: list[str], path: Path) -> int:
    """Return the place of a column."""
    if name not in columns:
        raise UserError(f"There is no column `{name}`.", str(path), f"{did_you_mean(name, columns)} Set `{key}`.")
    return columns.index(name)


def find_path_column(config: ImageDataConfig, columns: list[str], path: Path) -> int:
    """Return the place of the column with the paths.

    Raises:
        UserError: it is not there; a column that holds names of pictures is suggested.
    """
    likely = image_columns(read_start(path))
    if config.path_column not in columns and likely:
        raise UserError(
            f"There is no column `{config.path_column}`.",
            str(path),
            f"Did you mean `{likely[0]}`? It holds names of pictures: set `data.path_column={likely[0]}`. "
            f"The column with the classes is named by `data.label_column`, now `{config.label_column}`.",
        )
    return find_column(config.path_column, "data.path_column", columns, path)


def find_split_column(config: ImageDataConfig, columns: list[str], path: Path) -> int | None:
    """Return the place of the column with the splits, if there is one."""
    if config.split_column is not None:
        return find_column(config.split_column, "data.split_column", columns, path)
    return columns.index("split") if "split" in columns else None


def find_split(name: str, path: Path, line: int) -> Split | None:
    """Return the split that a cell names; an empty cell leaves it to the recipe."""
    if not name.strip():
        return None
    if name.strip().lower() not in SPLIT_FOLDERS:
        raise UserError(f"`{name}` is no split.", f"{path}, line {line}", did_you_mean(name, SPLIT_FOLDERS))
    return SPLIT_FOLDERS[name.strip().lower()]
