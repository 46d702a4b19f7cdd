"""Which columns of a table hold pictures, classes and splits: as the recipe says, else by what is in them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from data.file_tree import extension_of, printable
from data.images.config import ImageDataConfig
from data.images.picture_names import Finder, Pictures, fits
from data.sample import EXTENSIONS
from data.split_names import split_in_cell
from pipeline.errors import UserError, did_you_mean

DELIMITERS = ",;\t|"
LINES_SEEN = 2000  # that tell what the columns hold
CLASS_COLUMNS = ("label", "labels", "class", "classes", "class_name", "classname", "category", "category_name")
ABOUT_BOXES = re.compile(r"^(x|y)_?(min|max)$|^bbox|^(x|y)[12]$|^region_shape", re.IGNORECASE)
BOX_OF_SIZE = ({"x", "y", "width", "height"}, {"x", "y", "w", "h"})
NUMBER = re.compile(r"[+-]?\d*[.,]\d*([eE][+-]?\d+)?")


class NoPictures(UserError):
    """A table that is not about pictures that are there."""


@dataclass(frozen=True)
class Table:
    """A table's first lines.

    Attributes:
        names: of the columns; `column1`, `column2` ... where it has no line with names.
        headed: whether its first line has names.
        cells: of each column, of the first lines.
    """

    path: Path
    delimiter: str
    names: list[str]
    headed: bool
    cells: list[list[str]]

    def column(self, name: str) -> list[str]:
        return self.cells[self.names.index(name)]

    def without_header(self) -> Table:
        """Return the table with its first line as one like the others."""
        cells = [[name, *cells] for name, cells in zip(self.names, self.cells, strict=True)]
        names = [f"column{number}" for number in range(1, len(cells) + 1)]
        return replace(self, names=names, headed=False, cells=cells)


@dataclass(frozen=True)
class Columns:
    """What the columns of a table hold, by their places.

    Attributes:
        image: names of pictures.
        label: classes; None where the table has none.
        one_hot: columns that are named after a class each and hold 0 or 1; empty unless classes are said so.
        split: splits, if there are any.
        pictures: finds the pictures.
        told: what was found that nobody said, as settings.
    """

    table: Table
    image: int
    label: int | None
    one_hot: tuple[int, ...]
    split: int | None
    pictures: Pictures
    told: str


def read_table(path: Path) -> Table:
    """Return the first lines of a table.

    Raises:
        UnicodeError, csv.Error: it is none.
    """
    delimiter = find_delimiter(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        names = [name.strip() for name in next(reader, [])]
        rows = [cells for cells in islice(reader, LINES_SEEN) if len(cells) == len(names)]
    return Table(path, delimiter, names, True, [[row[place].strip() for row in rows] for place in range(len(names))])


def find_delimiter(path: Path) -> str:
    """Return what separates the columns: the most frequent candidate in the first line."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    return max(DELIMITERS, key=first.count)


def about_boxes(path: Path) -> bool:
    """Tell whether a table's columns are named after the edges of boxes, so that it is about parts of pictures."""
    return named_after_edges(read_table(path).names)


def named_after_edges(names: Iterable[str]) -> bool:
    """Tell whether columns hold boxes: two corners, or one with a width and a height."""
    plain = {name.strip().lower() for name in names}
    return sum(map(bool, map(ABOUT_BOXES.match, plain))) > 1 or any(sizes <= plain for sizes in BOX_OF_SIZE)


def find_columns(path: Path, config: ImageDataConfig, most: int | None = None) -> Columns:
    """Say what the columns of a table hold.

    Args:
        most: files that are looked at in search of the pictures; None for all.

    Raises:
        UserError: it cannot be told, or a column that the recipe names is not there.
        UnicodeError, csv.Error: it is no table.
    """
    table = read_table(path)
    finder = Finder(path, config.image_folder, config.image_ending, most)
    if lacks_header(table, config):
        table = table.without_header()
    image, pictures = find_image_column(table, config, finder)
    if table.headed and is_id_column(table.column(image)) and pictures.exists(image):
        place = table.names.index(image)
        table = table.without_header()
        image = table.names[place]
    split = find_split_column(table, config, image)
    others = [name for name in table.names if name not in (image, split)]
    label, one_hot = find_label_column(table, config, others)
    said = {
        "path_column": image != (config.path_column or "path") and image,
        "label_column": label is not None and label != (config.label_column or "label") and label,
        "split_column": split is not None and split != (config.split_column or "split") and split,
    }
    return Columns(
        table,
        table.names.index(image),
        None if label is None else table.names.index(label),
        tuple(table.names.index(name) for name in one_hot),
        None if split is None else table.names.index(split),
        pictures,
        tell(said, pictures, one_hot, table.headed),
    )


def lacks_header(table: Table, config: ImageDataConfig) -> bool:
    """Tell whether a table's first line is one like the others: the recipe numbers columns, or it names a picture."""
    said = [name for name in (config.path_column, config.label_column, config.split_column) if name]
    if any(re.fullmatch(r"column\d+", name) and name not in table.names for name in said):
        return True
    pairs = zip(table.names, table.cells, strict=True)
    return any(looks_like_picture(name) and holds_pictures(cells) for name, cells in pairs)


def tell(said: Mapping[str, str | bool], pictures: Pictures, one_hot: list[str], headed: bool) -> str:
    """Write what was found and not said."""
    words = ["the table has no line with names"] if not headed else []
    words += [f"data.{key}={printable(str(name))}" for key, name in said.items() if name]
    if one_hot:
        words.append(f"a column of 0 and 1 for each of {len(one_hot)} classes")
    if pictures.found and pictures.place.foreign:
        words.append(f"names without {printable(pictures.place.foreign)}")
    elif pictures.otherwise:
        words.append("pictures whose names are spelled otherwise")
    elif pictures.found and pictures.index is not None:
        words.append("pictures in several folders, by their names")
    elif pictures.found:
        words.append(f"data.image_folder={printable(pictures.place.folder or '.')}")
        words += [f"data.image_ending={pictures.place.ending}"] * bool(pictures.place.ending)
    return ", ".join(words)


def looks_like_picture(cell: str) -> bool:
    return extension_of(cell) in EXTENSIONS


def holds_pictures(cells: list[str]) -> bool:
    """Tell whether nearly all cells of a column are names of pictures by their endings."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and fits(looks_like_picture(cell) for cell in filled)


def is_id_column(cells: list[str]) -> bool:
    """Tell whether hardly a cell of a column comes twice, as in one that says pictures."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and 2 * len(set(filled)) > len(filled) and not holds_pictures(cells)


def find_image_column(table: Table, config: ImageDataConfig, finder: Finder) -> tuple[str, Pictures]:
    """Return the column with the pictures, and where these are.

    Raises:
        UserError: there is none, or several may be.
    """
    wanted = config.path_column or ("path" if "path" in table.names else None)
    if wanted is not None:
        expect_column(table, wanted, "data.path_column")
        found = finder.find(table.column(wanted))
        return wanted, found or finder.said
    named = [name for name in table.names if holds_pictures(table.column(name))]
    located = located_of(table, named, finder)
    if not located and len(named) == 1:
        return named[0], finder.said
    if not named:
        located = located_of(table, [name for name in table.names if is_id_column(table.column(name))], finder)
    if len(located) == 1:
        return next(iter(located.items()))
    if located or named:
        ways = " or ".join(way_of("path_column", name) for name in located or named)
        what = "Several columns of this table name pictures."
        raise UserError(what, str(table.path), f"Say which one counts: {ways}.")
    raise NoPictures(
        "No column of this table names pictures that are there.",
        str(table.path),
        "Names are looked for in the table's folder and those below it, with and without ending. `data.path_column` "
        f"names the column (there are: {', '.join(f'`{printable(name)}`' for name in table.names)}), "
        "`data.image_folder` the folder of the pictures, and `data.image_ending` what their names in the table lack.",
    )


def located_of(table: Table, names: list[str], finder: Finder) -> dict[str, Pictures]:
    """Return the columns whose pictures are there, with where they are."""
    found = {name: finder.find(table.column(name)) for name in names}
    return {name: pictures for name, pictures in found.items() if pictures is not None}


def expect_column(table: Table, name: str, key: str) -> None:
    """Make sure of a column.

    Raises:
        UserError: it is not there.
    """
    if name not in table.names:
        headless = "" if table.headed else "The table has no line with names, so its columns have numbers. "
        fix = f"{headless}{did_you_mean(name, table.names)} Set `{key}`."
        raise UserError(f"There is no column `{name}`.", str(table.path), fix)


def find_split_column(table: Table, config: ImageDataConfig, image: str) -> str | None:
    """Return the column with the splits, if there is one."""
    if config.split_column is not None:
        expect_column(table, config.split_column, "data.split_column")
        return config.split_column
    if "split" in table.names:
        return "split"
    for name, cells in zip(table.names, table.cells, strict=True):
        told = {split_in_cell(cell) for cell in set(cells)} if name != image and len(set(cells)) < 8 else {None}
        if None not in told and len(told) > 1:
            return name
    return None


def find_label_column(table: Table, config: ImageDataConfig, others: list[str]) -> tuple[str | None, list[str]]:
    """Return the column with the classes, or the columns named after a class each; neither where there are none.

    Raises:
        UserError: several columns may be the classes.
    """
    wanted = config.label_column or ("label" if "label" in others else None)
    if wanted is not None:
        expect_column(table, wanted, "data.label_column")
        return wanted, []
    binary = [name for name in others if is_binary(table.column(name))]
    if len(binary) > 1:
        return None, binary
    likely = [name for name in others if repeats(table.column(name))]
    likely = likely or [name for name in others if repeats([without_point(cell) for cell in table.column(name)])]
    if len(likely) > 1 and (named := [name for name in likely if name.lower() in CLASS_COLUMNS]):
        likely = named
    if len(likely) > 1 and all(say_the_same(table.column(likely[0]), table.column(name)) for name in likely[1:]):
        likely = [next((name for name in likely if not all_numbers(table.column(name))), likely[0])]
    if len(likely) > 1:
        ways = " or ".join(way_of("label_column", name) for name in likely[:8])
        what = "Several columns of this table may hold the classes."
        raise UserError(what, str(table.path), f"Say which one does: {ways}.")
    return (likely[0] if likely else None), []


def way_of(key: str, column: str) -> str:
    """Write a setting that names a column, as it is typed in a shell."""
    name = printable(column)
    return f"`data.{key}={name}`" if re.fullmatch(r"[\w.-]+", name) else f"`data.{key}='{name}'`"


def is_binary(cells: list[str]) -> bool:
    """Tell whether a column holds 0 and 1 and nothing else."""
    return bool(cells) and set(cells) <= {"0", "1", "0.0", "1.0"}


def repeats(cells: list[str]) -> bool:
    """Tell whether a column has few different cells that come again and again, and are no measured numbers."""
    filled = [cell for cell in cells if cell]
    different = set(filled)
    measured = any(NUMBER.fullmatch(cell) and any(digit.isdigit() for digit in cell) for cell in different)
    return 1 < len(different) <= max(2, len(filled) // 2) and not measured


def without_point(cell: str) -> str:
    """Return a whole number as such: pandas writes 1.0 for the class 1 where a cell of the column was empty."""
    return cell.partition(".")[0] if re.fullmatch(r"\d+\.0", cell) else cell


def say_the_same(one: list[str], other: list[str]) -> bool:
    """Tell whether two columns say the same, each in words of its own, such as numbers and names of classes."""
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len({first for first, _ in pairs}) == len({second for _, second in pairs})


def all_numbers(cells: list[str]) -> bool:
    return all(cell.isdigit() for cell in cells if cell)
