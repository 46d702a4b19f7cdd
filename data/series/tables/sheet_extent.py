"""How far the cells of a workbook reach, before it is opened: the library that reads it lays out every cell between.

One cell in the last column of the last row would take hundreds of gigabytes, and end the program without a word.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.parsers import expat

from pipeline.errors import UserError

MOST_CELLS = 30_000_000  # between the first one and the last: a gigabyte
CHUNK = 1 << 22
OVERLAP = 200  # bytes of the chunk before that are looked at again: longer than what is searched for
SUSPECT = re.compile(rb' r="(?:[A-Za-z]{2}|[A-Za-z]?[0-9]{7})')  # beyond column Z, or the millionth row
COLUMN = re.compile(rb' r="([A-Za-z]{1,9})[0-9]')
LINE = re.compile(rb' r="[A-Za-z]{0,9}([0-9]{1,20})')
REPEATED = re.compile(rb"""number-(rows|columns)-repeated=["'](\d{1,20})["'][^>]*?(value|/?>)""")
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384  # of Excel and LibreOffice


def check_extent(content: IO[bytes], path: Path, sheets: bool) -> None:
    """Refuse a workbook in which a cell stands far from all others.

    Args:
        content: the file, at its start; it is left there.
        path: its name, for the error.
        sheets: those of Excel will be read; LibreOffice's always are, when the file is opened.

    Raises:
        UserError: there is such a cell.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            for name in archive.namelist():
                if sheets and re.fullmatch(r"xl/worksheets/[^/]+\.xml", name):
                    check_sheet(archive, name, path)
                elif name == "content.xml":
                    check_whole(archive, name, path)
                    check_repeats(archive, name, path)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError):
        pass  # an older workbook, or a damaged one: who opens it says so
    finally:
        content.seek(0)


def check_sheet(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Refuse a sheet of Excel's that is too large for its cells."""
    if not any(SUSPECT.search(chunk) for chunk in chunks(archive, name)):
        return  # twenty-six columns of a million rows can be had
    rows = columns = 1
    for chunk in chunks(archive, name):
        rows = max(rows, *map(int, set(LINE.findall(chunk))), 1)
        columns = max(columns, *map(number_of, set(COLUMN.findall(chunk))), 1)
    if rows > LAST_ROW or columns > LAST_COLUMN or rows * columns > MOST_CELLS:
        raise too_large(path, f"row {rows:,} and column {columns:,}")


def check_repeats(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Refuse a sheet of LibreOffice's with more rows or columns than there are, or a value over most of them."""
    for chunk in chunks(archive, name):
        for kind, number, filled in REPEATED.findall(chunk):
            many, last = int(number), LAST_ROW if kind == b"rows" else LAST_COLUMN
            if many > last or (filled == b"value" and many > MOST_CELLS // LAST_ROW):
                raise too_large(path, f"one of its {kind.decode()} {many:,} times")


def check_whole(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Refuse xml that ends early, for whose end the library would wait for ever.

    Raises:
        UserError: it does.
    """
    parser = expat.ParserCreate()
    try:
        with archive.open(name) as stream:
            parser.ParseFile(stream)
    except (expat.ExpatError, LookupError) as error:  # the latter for an encoding that is none
        raise UserError(f"This workbook is damaged: {error}.", str(path), "Save it anew, or as CSV UTF-8.") from None


def chunks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield a part piece by piece, each with the end of the one before."""
    before = b""
    with archive.open(name) as stream:
        while piece := stream.read(CHUNK):
            piece = before + piece.replace(b" r='", b' r="')
            yield piece
            before = piece[-OVERLAP:]


def number_of(letters: bytes) -> int:
    """Return a column's number: A is 1, AA 27."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - 64
    return number


def too_large(path: Path, reach: str) -> UserError:
    """Return the error that a workbook is too large for its cells."""
    return UserError(
        f"This workbook reaches to {reach}: more cells than there is memory for.",
        str(path),
        "Delete what stands far from the table, or save the table as CSV UTF-8.",
    )
