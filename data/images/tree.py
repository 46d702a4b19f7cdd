"""How many images lie in which folder, and the names of the folders in each other: what a layout is told from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from data.file_tree import Entry, extension_of, printable
from data.images.files_beside import TABLES
from data.images.given_lists import LISTS, is_named_as_list
from data.sample import EXTENSIONS, UNSUPPORTED, Problem
from data.second_pictures import first_picture
from data.split_names import split_of

Parts = tuple[str, ...]
SHOWN_FOLDERS, SHOWN_BELOW = 10, 6
KINDS_OF_NAMES, NAMES_OF_A_KIND = 200, 5
NUMBERED = re.compile(r"\d+[)]?\.[^.]*$")
WITHOUT_DIGITS = str.maketrans("", "", "0123456789")


class Level(NamedTuple):
    """A folder that may hold the class folders: the single folders below a split that lead to it, and what is in it."""

    through: Parts
    folders: frozenset[str]


class Tree:
    """Folders with their numbers of images.

    Args:
        entries: the files.

    Attributes:
        tables: whether there is a file that may say something of each image.
        lists: whether a file is called as a list of a split is.
        wanted: folder and name without ending of the images that others, by their names, are masks of.
    """

    def __init__(self, entries: Iterable[Entry | Problem]) -> None:
        self.own: dict[Parts, int] = {}
        self.examples: dict[str, list[str]] = {}
        self.wanted: set[tuple[Parts, str]] = set()
        self.lists = self.tables = False
        for entry in entries:
            if isinstance(entry, Entry):
                folder = entry.parts[:-1]
                extension = extension_of(entry.parts[-1])
                image = extension in EXTENSIONS or extension in UNSUPPORTED
                self.own[folder] = self.own.get(folder, 0) + image
                if extension in LISTS or extension in TABLES:
                    self.tables = self.tables or extension in TABLES
                    self.lists = self.lists or extension in ("csv", "tsv") or is_named_as_list(entry)
                if image:
                    self.remember(entry.parts[-1])
                if image and (first := first_picture(entry.parts[-1])):
                    self.wanted.add((folder, first))
        self.total: dict[Parts, int] = {}
        self.below: dict[Parts, list[str]] = {}
        for folder, images in self.own.items():
            for depth in range(len(folder) + 1):
                self.total[folder[:depth]] = self.total.get(folder[:depth], 0) + images
        for folder in sorted(self.total):
            if folder:
                self.below.setdefault(folder[:-1], []).append(folder[-1])

    def remember(self, name: str) -> None:
        """Keep a few names of images of every kind: `cat.1.jpg` and `cat.2.jpg` are of one."""
        kind = NUMBERED.sub("", name)
        kind = name.translate(WITHOUT_DIGITS) if kind == name else kind
        if kind in self.examples:
            if len(self.examples[kind]) < NAMES_OF_A_KIND:
                self.examples[kind].append(name)
        elif len(self.examples) < KINDS_OF_NAMES:
            self.examples[kind] = [name]

    @property
    def names(self) -> list[str]:
        """Names of some images, of all kinds that there are."""
        return [name for names in self.examples.values() for name in names]

    def folders(self, place: Parts) -> list[str]:
        """Return the names of the folders in a folder that hold images somewhere."""
        return [name for name in self.below.get(place, []) if self.total[(*place, name)]]

    def empty(self, place: Parts) -> list[str]:
        """Return the names of the folders in a folder that hold files, but no images."""
        return [name for name in self.below.get(place, []) if not self.total[(*place, name)]]

    def images(self, place: Parts) -> int:
        """Return how many images lie in a folder itself."""
        return self.own.get(place, 0)

    def levels(self, place: Parts) -> list[Level]:
        """Return where the class folders of a split may be: in its folder, or below single folders in it.

        A single folder that repeats the split's own name, as in `seg_train/seg_train`, is no class.
        """
        found: list[Level] = []
        through: Parts = ()
        while True:
            here = (*place, *through)
            folders = self.folders(here)
            single = len(folders) == 1 and not self.images(here)
            if folders and not (single and says_the_same(folders[0], here[-1])):
                found.append(Level(through, frozenset(folders)))
            if not single:
                return found
            through = (*through, folders[0])

    def show(self, place: Parts, root: Path) -> str:
        """Write two levels of folders with their numbers of images, a line for each folder of the first."""
        names = self.folders(place)
        lines = [f"{printable('/'.join((root.name, *place)))}/  {self.total.get(place, 0):,} pictures"]
        if self.images(place) and names:
            lines.append(f"  {self.images(place):,} pictures in itself")
        for name in names[:SHOWN_FOLDERS]:
            inner = (*place, name)
            parts = [f"{printable(below)}/ {self.total[(*inner, below)]:,}" for below in self.folders(inner)]
            listed = ", ".join(parts[:SHOWN_BELOW]) + (f" and {len(parts) - SHOWN_BELOW} more" * (len(parts) > 6))
            own = f"{self.images(inner):,} in itself" if self.images(inner) and parts else ""
            words = ": ".join([f"  {printable(name)}/  {self.total[inner]:,}", *filter(None, [listed])])
            lines.append(", ".join(filter(None, [words, own])))
        if len(names) > SHOWN_FOLDERS:
            lines.append(f"  and {len(names) - SHOWN_FOLDERS:,} more folders")
        return "\n".join(lines)


def says_the_same(inner: str, outer: str) -> bool:
    """Tell whether a folder's name repeats that of the folder around it, or says the same split."""
    one, other = inner.casefold().removesuffix(".zip"), outer.casefold().removesuffix(".zip")
    return one == other or (split_of(one) is not None and split_of(one) == split_of(other))
