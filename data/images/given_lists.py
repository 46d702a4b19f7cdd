"""Lists beside class folders that say which picture is in which split: train.txt and test.txt, a table with splits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from data.detection.folder_splits import FolderSplits
from data.detection.given_splits import GivenSplits, meet
from data.detection.split_files import read_sources, shown
from data.detection.tables import FILE_COLUMNS, SPLIT_COLUMNS, find_column, read_table
from data.file_tree import Entry, extension_of, open_reader, stem_of
from data.sample import EXTENSIONS, BadImage, Problem, ReadFile
from data.split_names import WORDS, words_of
from pipeline.errors import UserError

LISTS = ("txt", "csv", "tsv", "json", "yaml", "yml")
NAMES = 40  # pictures whose names show that a file is about them


def given_lists(path: Path, entries: Iterable[Entry | Problem]) -> GivenSplits | None:
    """Return the splits that files beside the pictures give; None where no file is named after splits.

    Raises:
        UserError: such a file is not understood, or names pictures that are not there.
    """
    files = [entry for entry in entries if isinstance(entry, Entry)]
    pictures = [entry for entry in files if extension_of(entry.parts[-1]) in EXTENSIONS]
    given, used = GivenSplits(FolderSplits(())), set[str]()
    with open_reader(path) as read:
        lists = [entry for entry in files if is_named_as_list(entry) or has_column_of_splits(entry, read)]
        if not lists:
            return None
        for source in read_sources([*lists, *pictures], pictures, read, True):
            given.add(source, meet(source, pictures, pictures, given.problems), len(pictures))
            used |= {shown(item.file) for item in source.lists}
        if not given.listed:
            refuse_unread([entry for entry in lists if shown(entry.parts) not in used], pictures, read)
    given.problems = [
        replace(item, name="ambiguous_name") if item.name == "ambiguous_photo" else item for item in given.problems
    ]
    given.problems += [Problem("used_list", file) for file in sorted({place for _, place in given.listed.values()})]
    return given


def is_named_as_list(entry: Entry) -> bool:
    """Tell whether a file is called as a list of a split is: train.txt, splits.csv, ImageSets/Main/val.txt."""
    words = words_of(stem_of(entry.parts[-1]))
    return extension_of(entry.parts[-1]) in LISTS and any(
        word in WORDS or word in ("split", "splits") for word in words
    )


def has_column_of_splits(entry: Entry, read: ReadFile) -> bool:
    """Tell whether a table has a column of pictures and one that is called as splits are."""
    if extension_of(entry.parts[-1]) not in ("csv", "tsv"):
        return False
    table = read_table(entry, read)
    found = table is not None and find_column(table.columns, FILE_COLUMNS)
    return bool(table and found and find_column(table.columns, SPLIT_COLUMNS))


def refuse_unread(lists: list[Entry], pictures: list[Entry], read: ReadFile) -> None:
    """Stop where a file that no one could read seems to say the splits of the pictures.

    Raises:
        UserError: as said.
    """
    names = [stem_of(picture.parts[-1]) for picture in pictures[:: max(1, len(pictures) // NAMES)]]
    for entry in lists:
        try:
            text = read(entry.locator).decode("utf-8", "replace")
        except (BadImage, OSError):
            continue
        if "split" in words_of(stem_of(entry.parts[-1])) or 2 * sum(name in text for name in names) > len(names):
            raise UserError(
                f"`{shown(entry.parts)}` seems to say which pictures are for training, and cannot be read as such.",
                shown(entry.parts),
                "Write train.txt and test.txt with the path of a picture in each line; or set "
                "`data.given_splits=false`, which passes over it and cuts the pictures anew.",
            )
