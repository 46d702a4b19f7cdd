"""The tables in a folder of pictures: which of them say classes, and whether its folders say the same."""

from __future__ import annotations

import csv
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from data.file_tree import is_hidden
from data.images.config import ImageDataConfig
from data.images.label_table import Columns, NoPictures, about_boxes, find_columns
from data.images.layout import find_layout
from data.images.picture_names import LOOKED_THROUGH, fits
from data.images.tree import Tree
from data.nested_zips import list_tree
from data.sample import Split
from data.split_names import splits_of
from pipeline.errors import UserError, explain_os_error

SUFFIXES = (".csv", ".tsv")
NO_TRUTH = re.compile("submission", re.IGNORECASE)  # an example of answers, all of one class
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
    looked_at = [look_at(table) for table in tables_in(path)]
    if any(isinstance(found, Columns) and has_classes(found) and not folders_agree(found) for found in looked_at):
        return True
    return any(isinstance(found, UserError) for found in looked_at) and len(classes_of_folders(path)) < 2


def tables_in(path: Path) -> list[Path]:
    """Return the tables in a folder, or in the folders of its splits, that may say classes.

    Raises:
        UserError: it cannot be read.
    """
    try:
        folders = sorted(entry.name for entry in os.scandir(path) if not is_hidden(entry.name) and entry.is_dir())
    except OSError as error:
        raise explain_os_error(error, path) from None
    places = [path, *(path / name for name in splits_of(folders) if os.access(path / name, os.R_OK | os.X_OK))]
    found = [file for place in places for file in sorted(place.iterdir()) if file.suffix.lower() in SUFFIXES]
    return [file for file in found if file.is_file() and not is_hidden(file.name) and not NO_TRUTH.search(file.name)]


def folders_agree(columns: Columns) -> bool:
    """Tell whether the pictures lie in folders that are named as a table says their classes."""
    if columns.label is None:
        return False
    cells = columns.table.cells
    lines = list(zip(cells[columns.image], cells[columns.label], strict=True))[:ASKED]
    return fits(label in columns.pictures.locate(cell)[0].split("/")[:-1] for cell, label in lines)


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
    for table in tables_in(path):
        try:
            with suppress(NoPictures):
                if not about_boxes(table):
                    found.append(Given(table, find_columns(table, config)))
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


def no_text(path: Path, error: Exception) -> UserError:
    """Return the error that a table cannot be read as text."""
    return UserError(
        f"This is no CSV file in UTF-8: {error}.", str(path), "Save it as `CSV UTF-8`, or convert it with iconv."
    )
