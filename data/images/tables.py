"""The tables in a folder of pictures: which of them say classes, and whether its folders say the same."""

from __future__ import annotations

import csv
import io
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from data.file_tree import extension_of, is_hidden, is_visible, open_archive, parts_of, printable, stem_of
from data.images.config import ImageDataConfig
from data.images.label_table import (
    DELIMITERS,
    LINES_SEEN,
    Columns,
    NoPictures,
    about_boxes,
    find_columns,
    find_image_column,
    named_after_edges,
    read_table,
)
from data.images.layout import find_layout
from data.images.picture_names import LOOKED_THROUGH, Finder, Pictures, fits
from data.images.tree import Tree
from data.nested_zips import list_tree
from data.sample import EXTENSIONS, Split
from data.split_names import splits_of
from pipeline.errors import UserError, explain_os_error

SUFFIXES = (".csv", ".tsv")
NO_TRUTH = re.compile("submission", re.IGNORECASE)  # an example of answers, all of one class
MOST_TEXT = 64 << 20  # bytes of a table in a zip that is looked at
ASKED = 50  # lines of a table that are compared with the folders


class Given(NamedTuple):
    """A table, what its columns hold, and the split that its name gives."""

    path: Path
    columns: Columns
    split: Split | None = None


def look_at(path: Path) -> Columns | UserError | None:
    """Return what a table's columns hold, or why that cannot be told; None where it is not about whole pictures."""
    try:
        if about_boxes(path):
            return None
        return find_columns(path, ImageDataConfig(path=str(path)), LOOKED_THROUGH)
    except (UnicodeError, csv.Error, OSError, NoPictures):
        return None
    except UserError as error:
        return error


def has_classes(columns: Columns) -> bool:
    """Tell whether a table says classes."""
    return columns.label is not None or bool(columns.one_hot)


def says_more_than_folders(path: Path) -> bool:
    """Tell whether a folder has a table that says other classes of its pictures than the folders around them."""
    for table in tables_in(path):
        found = look_at(table)
        if isinstance(found, UserError) and not some_column_agrees(table):
            return True
        if isinstance(found, Columns) and has_classes(found) and not folders_agree(found):
            return True
    return False


def tables_in(path: Path) -> list[Path]:
    """Return the tables in a folder, or in the folders of its splits, that may say classes.

    A single folder around everything is looked through.

    Raises:
        UserError: it cannot be read.
    """
    try:
        entries = sorted((entry for entry in os.scandir(path) if not is_hidden(entry.name)), key=lambda one: one.name)
        folders = [entry.name for entry in entries if entry.is_dir()]
    except OSError as error:
        raise explain_os_error(error, path) from None
    open_folders = [path / name for name in folders if os.access(path / name, os.R_OK | os.X_OK)]
    others = {extension_of(entry.name) for entry in entries} & {"csv", "tsv", *EXTENSIONS}
    if len(folders) == 1 and not others:
        return [table for folder in open_folders if not folder.is_symlink() for table in tables_in(folder)]
    places = [path, *(folder for folder in open_folders if folder.name in splits_of(folders))]
    found = [file for place in places for file in sorted(place.iterdir()) if file.suffix.lower() in SUFFIXES]
    return [file for file in found if file.is_file() and not is_hidden(file.name) and not NO_TRUTH.search(file.name)]


def folders_agree(columns: Columns) -> bool:
    """Tell whether the pictures lie in folders that are named as a table says their classes."""
    if columns.label is None:
        return False
    cells = columns.table.cells
    return agree(columns.pictures, cells[columns.image], cells[columns.label])


def agree(pictures: Pictures, images: list[str], labels: list[str]) -> bool:
    """Tell whether pictures lie in folders that are named as some cells."""
    lines = list(zip(images, labels, strict=True))[:ASKED]
    return fits(label in pictures.locate(cell)[0].split("/")[:-1] for cell, label in lines)


def some_column_agrees(path: Path) -> bool:
    """Tell whether any column of a table says the folders of the pictures, so that these lose nothing without it."""
    table = read_table(path)
    try:
        image, pictures = find_image_column(table, ImageDataConfig(path=str(path)), Finder(path, most=LOOKED_THROUGH))
    except UserError:
        return False
    return any(agree(pictures, table.column(image), cells) for cells in table.cells)


def refuse_table_in_zip(path: Path) -> None:
    """Stop where a table in a zip names pictures and says other things than their folders: it is not read there.

    Raises:
        UserError: as said.
    """
    members = [member for member in open_archive(path) if is_visible(parts_of(member))]
    images = {parts_of(member)[-1]: parts_of(member)[:-1] for member in members if is_image(parts_of(member)[-1])}
    images |= {stem_of(name): folders for name, folders in images.items()}
    for member in members:
        name = parts_of(member)[-1]
        if not name.lower().endswith(SUFFIXES) or NO_TRUTH.search(name) or member.file_size > MOST_TEXT:
            continue
        with suppress(zipfile.BadZipFile, RuntimeError, UnicodeError, csv.Error), zipfile.ZipFile(path) as archive:
            text = archive.read(member).decode("utf-8-sig")
            if not is_said_by_folders(text, images):
                raise UserError(
                    f"The table {printable(name)} in this zip names its pictures, and says other things than folders.",
                    str(path),
                    "Tables in a zip are not read: unpack it and give the folder. If the folders are the classes: "
                    "`data.format=image_folder`.",
                )


def is_said_by_folders(text: str, images: Mapping[str, tuple[str, ...]]) -> bool:
    """Tell whether a table says nothing of pictures that their folders do not say.

    Args:
        images: the folders of each picture, by its name with and without ending.
    """
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    names, *rows = list(islice(csv.reader(io.StringIO(text), delimiter=delimiter), LINES_SEEN)) or [[]]
    columns = list(zip(*(row for row in rows if len(row) == len(names)), strict=True))
    if named_after_edges(names):
        return True
    for cells in columns:
        folders = [images.get(cell.strip().replace("\\", "/").rpartition("/")[2]) for cell in cells]
        if len(columns) > 1 and 2 * len(set(cells)) > len(cells) and fits(found is not None for found in folders):
            others = [other for other in columns if other is not cells]
            return any(
                fits(cell.strip() in (found or ()) for cell, found in zip(other, folders, strict=True))
                for other in others
            )
    return True


def is_image(name: str) -> bool:
    return extension_of(name) in EXTENSIONS


def classes_of_folders(path: Path) -> set[str]:
    """Return the classes that the folders of a folder say by themselves."""
    tree = Tree(list_tree(path))
    with suppress(UserError):
        places = find_layout(tree, path, "auto", False).class_folders()
        return {name for place in places for name in tree.folders(place)}
    return set()


def tables_with_classes(path: Path, config: ImageDataConfig) -> tuple[list[Given], list[Given]]:
    """Return a folder's tables that say classes, with the splits that their names give, and those without classes.

    Raises:
        UserError: there is none with classes, or it cannot be told which one counts.
    """
    found: list[Given] = []
    tables = tables_in(path)
    for table in tables:
        try:
            with suppress(NoPictures):
                if not about_boxes(table):
                    found.append(Given(table, columns_of(table, config, tables)))
        except (UnicodeError, csv.Error) as error:
            raise no_text(table, error) from None
    labelled = [given for given in found if has_classes(given.columns)]
    others = [given for given in found if not has_classes(given.columns)]
    if not labelled:
        what = "There is no table with the classes of pictures."
        raise UserError(what, str(path), "Give the table itself as `data.path`, with `data.label_column`.")
    if len(labelled) == 1:
        return labelled, others
    by_folder = splits_of({given.path.parent.name for given in labelled if given.path.parent != path})
    by_name = splits_of({given.path.stem for given in labelled})
    splits = [by_folder.get(given.path.parent.name) or by_name.get(given.path.stem) for given in labelled]
    if None in splits or len(set(splits)) == 1:
        ways = " or ".join(f"`data.path={given.path}`" for given in labelled[:5])
        raise UserError("Several tables say the classes of pictures.", str(path), f"Say which one counts: {ways}.")
    return [given._replace(split=split) for given, split in zip(labelled, splits, strict=True)], others


def columns_of(table: Path, config: ImageDataConfig, tables: Sequence[Path]) -> Columns:
    """Return what the columns of a table hold; without the class that the recipe names it where others have that.

    Raises:
        UserError: it cannot be told, or no table has the column that the recipe names.
        UnicodeError, csv.Error: it is no table.
    """
    wanted = config.label_column
    others = [other for other in tables if other != table]
    if not wanted or wanted in read_table(table).names or not any(wanted in read_table(each).names for each in others):
        return find_columns(table, config)
    return replace(find_columns(table, config.model_copy(update={"label_column": None})), label=None, one_hot=())


def no_text(path: Path, error: Exception) -> UserError:
    """Return the error that a table cannot be read as text."""
    return UserError(
        f"This is no CSV file in UTF-8: {error}.", str(path), "Save it as `CSV UTF-8`, or convert it with iconv."
    )
