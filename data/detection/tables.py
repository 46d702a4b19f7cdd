"""CSV tables beside photos: with or without a header, with the columns' names and the separators of any program."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from data.detection.texts import decode_text
from data.file_tree import Entry, extension_of
from data.sample import EXTENSIONS, BadImage, ReadFile

Rows = list[tuple[int, dict[str, str]]]

FILE_COLUMNS = (
    "filename", "imagefilename", "imgfilename", "filepath", "imagepath", "imgpath", "imagefile", "imgfile", "imagename",
    "imgname", "file", "fname", "path", "imageurl", "url", "uri", "image", "img", "photo", "picture", "imageid",
    "imgid", "images", "filenames", "photoid",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "subset", "set", "partition", "mlusage", "dataset", "usage", "fold", "phase")
DELIMITERS = ",;\t|"
EXCEL_DELIMITER = re.compile(r'"?sep=(?P<delimiter>[;,|\t])"?\r?\n')
NO_HEADER = {  # kinds of the first row's cells (image, number, text) and what they are
    "innnnt": ("filename", "xmin", "ymin", "xmax", "ymax", "class"),
    "itnnnn": ("filename", "class", "xmin", "ymin", "xmax", "ymax"),
    "inntnnnn": ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"),
}
CLOUD = ("split", "filename", "class", "xmin", "ymin", "right1", "right2", "xmax", "ymax", "left1", "left2")
CLOUD_SPLITS = ("train", "training", "validate", "validation", "test", "unassigned")


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: their names as they are compared, small letters and digits alone, in order.
        rows: line and cells by those names.
        header: whether the first line named them; else they were told from the first row.
        shares: the numbers are shares of the photos, as the tables of Google's cloud have them.
        titles: the columns' names as they stand there.
    """

    columns: tuple[str, ...]
    rows: Rows
    header: bool = True
    shares: bool = False
    titles: tuple[str, ...] = ()

    def title(self, column: str) -> str:
        """Return a column's name as it stands in the table."""
        return dict(zip(self.columns, self.titles, strict=False)).get(column, column)


def read_table(entry: Entry, read: ReadFile) -> Table | None:
    """Return a table, None where the file is no such text."""
    try:
        return parse_table(decode_text(read(entry.locator)))
    except (BadImage, OSError, UnicodeDecodeError, csv.Error):
        return None


def parse_table(text: str, most: int | None = None, strict: bool = False) -> Table | None:
    """Return the table of a text; None for an empty one.

    Args:
        most: so many rows at most.
        strict: whether a quote that does not end is an error; else it takes the rest of the text for one cell.

    Raises:
        csv.Error: a line is no CSV; says which.
    """
    named = EXCEL_DELIMITER.match(text)
    body = text[named.end() :] if named else text
    delimiter = named["delimiter"] if named else find_delimiter(body.partition("\n")[0])
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=strict)
    before = 1 if named else 0
    try:
        first = next(reader, None)
        if first is None:
            return None
        columns, header = columns_of(first)
        rows: Rows = [] if header else [(1 + before, cells(columns, first))]
        for row in reader:
            if row:
                rows.append((reader.line_num + before, cells(columns, row)))
            if most is not None and len(rows) >= most:
                break
    except csv.Error as error:
        raise csv.Error(f"line {reader.line_num + before}: {error}") from None
    titles = tuple(map(str.strip, first)) if header else ()
    return Table(columns, rows, header, not header and len(first) == len(CLOUD), titles)


def cells(columns: tuple[str, ...], row: list[str]) -> dict[str, str]:
    return dict(zip(columns, map(str.strip, row), strict=False))


def find_delimiter(first: str) -> str:
    """Return what separates the cells of a first line."""
    return max(DELIMITERS, key=re.sub(r"\[[^]]*\]", "", first).count)


def columns_of(first: list[str]) -> tuple[tuple[str, ...], bool]:
    """Return the columns' names, and whether the first row is made of them."""
    words = [word.strip() for word in first]
    if len(words) == len(CLOUD) and words[0].lower() in CLOUD_SPLITS and is_image(words[1]):
        return CLOUD, False
    kinds = "".join("i" if is_image(word) else "n" if is_number(word) else "t" for word in words)
    for pattern, columns in NO_HEADER.items():
        if kinds == pattern:
            return columns, False
    if len(words) == 6 and kinds[0] == "i" and not any(words[1:]):
        return NO_HEADER["innnnt"], False
    return tuple(map(simple, words)), True


def simple(name: str) -> str:
    """Return a column's name as it is compared: `X_min` and `x min` are `xmin`."""
    return re.sub(r"[\W_]+", "", name.lower())


def find_column(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """Return the first of the names that is a column."""
    there = set(columns)
    return next((name for name in names if name in there), None)


def is_image(word: str) -> bool:
    return extension_of(word) in EXTENSIONS


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
