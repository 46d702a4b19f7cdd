"""The CSV tables with boxes among the files of a data set, and how their columns are read."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Container, Iterable, Iterator
from typing import NamedTuple

from PIL import Image

from data.detection.box_columns import (
    IDS,
    WORDS,
    BoxColumns,
    BoxForm,
    Values,
    choose_form,
    find_columns,
    possible_forms,
)
from data.detection.config import DetectionDataConfig
from data.detection.pairing import Statement, pair
from data.detection.split_files import splits_by_name
from data.detection.tables import Table, parse_table
from data.detection.texts import decode_text, encoding_of
from data.file_tree import Entry, extension_of, printable, stem_of
from data.sample import EXTENSIONS, BadImage, Problem, ReadFile, Split
from pipeline.errors import UserError

LOOKED_AT = 20  # rows by which a table is recognised
HEAD = 1 << 16  # bytes that are looked at for that
MEASURED = 300  # photos whose size is looked at to tell what the numbers are
NEW_LINE = b"\n"
TABLES = ("csv", "tsv")
SWAPPED, ENOUGH = 0.1, 10  # share of boxes whose edges are in the wrong order that makes them no edges, of so many
FORMS = "Say it with `data.box_form`: `corners`, `corner_size` or `centre_size`."


class BoxTable(NamedTuple):
    """A table of boxes.

    Attributes:
        entry: its file.
        table: its rows.
        columns: what its columns are.
        split: the split that it is named after.
    """

    entry: Entry
    table: Table
    columns: BoxColumns
    split: Split | None

    @property
    def key(self) -> str:
        return printable("/".join(self.entry.parts))


def find_tables(entries: list[Entry], read: ReadFile) -> tuple[list[BoxTable], list[Problem]]:
    """Return the tables with boxes, and what is told of others; where some are named after splits, those alone.

    A table of all photos often lies beside those of the splits that were cut from it.

    Raises:
        UserError: a table is in another encoding than UTF-8, or no CSV.
    """
    found, problems, photos = list[BoxTable](), list[Problem](), stems_of(entries)
    for entry in entries:
        if extension_of(entry.parts[-1]) not in TABLES:
            continue
        table = read_boxes(entry, read, photos)
        if table is not None and (columns := find_columns(table)) is not None:
            refuse_lost_zeros(entry, {row.get(columns.file, "") for _, row in table.rows}, photos)
            found.append(BoxTable(entry, table, columns, None))
    named = splits_by_name([each.entry.parts for each in found])
    splits = set(named.values())
    if "train" in splits and len(splits) > 1:
        for each in found:
            if each.entry.parts not in named:
                problems.append(Problem("passed_over_file", each.key, "the tables of the splits are used"))
        return [each._replace(split=named[each.entry.parts]) for each in found if each.entry.parts in named], problems
    if named and "train" not in splits and len(named) == len(found):
        words = "with the split of its name no photo would be left to train on"
        return found, problems + [Problem("unused_list", each.key, words) for each in found]
    return [each._replace(split=named.get(each.entry.parts)) for each in found], problems


def refuse_lost_zeros(entry: Entry, names: set[str], photos: Iterable[str]) -> None:
    """Refuse numbers in place of names where photos have the same ones with zeros before them, which Excel drops.

    Raises:
        UserError: they are such numbers.
    """
    numbers = {name for name in names if name.isdecimal() and name[0] != "0"}
    if not numbers or len(numbers) < len(names) / 2:
        return
    padded = {photo.lstrip("0"): photo for photo in photos if photo.isdecimal() and photo[0] == "0"}
    lost = sorted(name for name in numbers if name in padded)
    if len(lost) > len(numbers) / 2:
        raise UserError(
            f"Its names seem to have lost zeros: it has `{lost[0]}`, and there is a photo `{padded[lost[0]]}`.",
            printable("/".join(entry.parts)),
            "Excel drops the zeros at the start of numbers: export the table again, or write the photos' names with "
            "their endings, such as `0001.jpg`.",
        )


def has_boxes(data: bytes, photos: Container[str], labelled: bool = False) -> bool:
    """Tell whether a table has columns for boxes.

    Args:
        photos: names of photos without endings, of which one must be among ids in place of names.
        labelled: whether it must have one for classes too.
    """
    try:
        start = parse_table(data[:HEAD].decode(encoding_of(data[:HEAD]), "replace"), LOOKED_AT)
    except csv.Error:
        return False
    columns = find_columns(start) if start is not None else None
    if start is None or columns is None or (labelled and columns.label is None):
        return False
    file = columns.file
    return file not in IDS or any(stem_of(row.get(file, "")) in photos for _, row in start.rows)


def stems_of(entries: Iterable[Entry]) -> set[str]:
    """Return the names of the photos without their endings."""
    return {stem_of(entry.parts[-1]) for entry in entries if extension_of(entry.parts[-1]) in EXTENSIONS}


def read_boxes(entry: Entry, read: ReadFile, photos: Container[str]) -> Table | None:
    """Return a table that has columns for boxes, None for another file.

    Raises:
        UserError: its text is in another encoding, or no CSV.
    """
    try:
        data = read(entry.locator)
        return parse_table(decode_text(data), strict=True) if has_boxes(data, photos) else None
    except UnicodeDecodeError as error:
        raise UserError(
            f"This table is not in UTF-8: byte 0x{data[error.start]:02x}.",
            f"{printable('/'.join(entry.parts))}, line {data.count(NEW_LINE, 0, error.start) + 1}",
            "Save it as `CSV UTF-8`.",
        ) from None
    except csv.Error as error:
        raise UserError(
            f"This table cannot be read: {error}.",
            printable("/".join(entry.parts)),
            "Does a quoted cell not end, or does something follow its end? Correct the line.",
        ) from None
    except (BadImage, OSError):
        return None


def form_of(each: BoxTable, entries: list[Entry], read: ReadFile, config: DetectionDataConfig) -> tuple[BoxForm, str]:
    """Return what the numbers of a table's boxes are, and how that is known, empty where the columns' names say it.

    Raises:
        UserError: it cannot be told.
    """
    columns = each.columns
    if config.box_form != "auto":
        return config.box_form, ""
    if columns.forms == ("corners",):
        shares, count = possible_forms(("corners",), ((values, None) for _, _, values in boxes_of(each)))
        if count >= ENOUGH and shares["corners"] > SWAPPED:
            raise UserError(
                f"{shares['corners']:.0%} of its boxes end before they begin, so the columns "
                f"{', '.join(map(each.table.title, columns.edges))} are no corners.",
                each.key,
                FORMS,
            )
        return "corners", ""
    sizes = photo_sizes(each, entries, read)
    shares, _ = possible_forms(columns.forms, ((values, sizes.get(name)) for name, row, values in boxes_of(each)))
    chosen = choose_form(shares)
    if chosen is None:
        said = ", ".join(f"as {WORDS[form]} {share:.0%} do not" for form, share in shares.items())
        names = ", ".join(map(each.table.title, columns.edges))
        raise UserError(
            f"It cannot be told what the numbers of a box ({names}) are: of the boxes that should lie in their photos, "
            f"{said}.",
            each.key,
            FORMS,
        )
    if len(shares) == 1:
        return chosen, ""
    return chosen, f"the numbers are {WORDS[chosen]}, for only so the boxes lie in their photos"


def boxes_of(each: BoxTable) -> Iterator[tuple[str, dict[str, str], Values]]:
    """Yield the photo's name, the row and the four numbers of the boxes whose numbers can be read."""
    for _, row in each.table.rows:
        try:
            one, two, three, four = map(float, each.columns.values(row))
        except ValueError:
            continue
        if math.isfinite(one + two + three + four):
            yield row.get(each.columns.file, ""), row, (one, two, three, four)


def photo_sizes(each: BoxTable, entries: list[Entry], read: ReadFile) -> dict[str, tuple[int, int]]:
    """Return (height, width) of photos by their stated names: of the table, else of some of the files."""
    if each.columns.size:
        stated = {name: size_in(row, each.columns) for name, row, _ in boxes_of(each)}
        if found := {name: size for name, size in stated.items() if size}:
            return found
    names = list(dict.fromkeys(name for name, _, _ in boxes_of(each)))
    names = names[:: max(1, len(names) // MEASURED)]
    pictures = [entry for entry in entries if extension_of(entry.parts[-1]) in EXTENSIONS]
    paired = pair([Statement(each.entry.parts, name, each.key) for name in names], pictures, False)
    sizes = {}
    for name, photo in zip(names, paired, strict=True):
        if isinstance(photo, Entry) and (size := measure(photo, read)):
            sizes[name] = size
    return sizes


def measure(photo: Entry, read: ReadFile) -> tuple[int, int] | None:
    """Return (height, width) of a photo as it is seen; None if it cannot be opened."""
    try:
        with Image.open(io.BytesIO(read(photo.locator))) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return image.size if turned else (image.height, image.width)
    except Exception:
        return None


def size_in(row: dict[str, str], columns: BoxColumns) -> tuple[int, int] | None:
    """Return the height and width of a photo that a row states; None if it states none."""
    if columns.size is None:
        return None
    height, width = (row.get(name, "") for name in columns.size)
    if height.isdecimal() and width.isdecimal() and len(height) + len(width) < 20:  # the common case, in half the time
        return (int(height), int(width)) if int(height) and int(width) else None
    try:
        high, wide = float(height), float(width)
    except ValueError:
        return None
    return (int(high), int(wide)) if high >= 1 and wide >= 1 and high.is_integer() and wide.is_integer() else None
