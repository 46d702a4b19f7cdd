"""Tables that hold the values of pixels in place of pictures: told, since no format reads them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from data.file_tree import is_hidden
from pipeline.errors import UserError

COLUMN = re.compile(r"(?:pixel|px)[-_. ]?\d+|\d+x\d+", re.IGNORECASE)
CELL = re.compile(r"\d{1,3}(?: \d{1,3}){63,}")
FEWEST = 64  # pixels of a picture
LOOKED_AT = 5  # tables of a folder
MOST_CHARACTERS = 1 << 20  # of a line


def refuse_pixel_tables(place: Path) -> None:
    """Refuse a table, or a folder with one, whose lines are pictures by their pixels.

    Raises:
        UserError: it is one.
    """
    for table in tables_of(place):
        if holds_pixels(table):
            raise UserError(
                "This table holds the pixels of pictures, which are read from picture files only.",
                str(table),
                "Write each line as a PNG file into a folder of its class (train/3/17.png); with numpy and Pillow: "
                "`Image.fromarray(pixels.reshape(28, 28).astype('uint8')).save(name)`. If it is no such table: "
                "`--task forecasting`.",
            )


def tables_of(place: Path) -> list[Path]:
    """Return the tables that a place is or directly holds."""
    if place.is_file():
        return [place] if place.suffix.lower() == ".csv" else []
    found = (file for file in sorted(place.glob("*.csv")) if file.is_file() and not is_hidden(file.name))
    return list(found)[:LOOKED_AT] if place.is_dir() else []


def holds_pixels(table: Path) -> bool:
    """Tell whether most columns are called as pixels, or one has cells of many of them."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = [file.readline(MOST_CHARACTERS) for _ in range(2)]
        names, cells = (next(csv.reader([line]), []) for line in lines)
    except (OSError, UnicodeError, csv.Error):
        return False
    many = sum(bool(COLUMN.fullmatch(name.strip())) for name in names)
    return (many >= FEWEST and 2 * many > len(names)) or any(CELL.fullmatch(cell.strip()) for cell in cells)
