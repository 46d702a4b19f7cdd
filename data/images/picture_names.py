"""Where the pictures are that a table names: in its own folder, in one below it, or with an ending that it lacks."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from data.file_tree import Entry, extension_of, list_folder, printable, stem_of
from data.sample import EXTENSIONS
from data.split_names import split_of
from pipeline.errors import UserError

ASKED = 60  # names of a table that are looked for; the others lie as these do
NEARLY_ALL = 0.9
LOOKED_THROUGH = 50_000  # files, where it is only to be told whether a table is about pictures


class Place(NamedTuple):
    """What stands around a name in a table: a folder relative to the table's, and an ending with its dot.

    Attributes:
        foreign: folders at the beginning of the names that are not here, with their slash: those of another machine.
    """

    folder: str
    ending: str
    foreign: str = ""


HERE = Place("", "")


class Index:
    """The pictures below a folder, by name and by name without ending.

    Args:
        root: the table's folder.
        most: files that are looked at; None for all.
    """

    def __init__(self, root: Path, most: int | None = None) -> None:
        self.names: defaultdict[str, list[str]] = defaultdict(list)
        self.stems: defaultdict[str, list[str]] = defaultdict(list)
        self.folded: defaultdict[str, list[str]] = defaultdict(list)
        for entry in islice(list_folder(root), most):
            if isinstance(entry, Entry) and extension_of(entry.parts[-1]) in EXTENSIONS:
                path = "/".join(entry.parts)
                self.names[entry.parts[-1]].append(path)
                self.stems[stem_of(entry.parts[-1])].append(path)
                self.folded[folded(entry.parts[-1])].append(path)

    def places(self, name: str) -> list[tuple[str, Place]]:
        """Return the pictures that a name may mean, and what stands around the name in each."""
        last = name.rpartition("/")[2]
        found = []
        for path in self.names.get(last, []):
            if path == name or path.endswith(f"/{name}"):
                found.append((path, Place(path[: -len(name)].rstrip("/"), "")))
        for path in self.stems.get(last, []) if last not in self.names else []:
            bare = path[: -len(extension_of(path)) - 1]
            if bare == name or bare.endswith(f"/{name}"):
                found.append((path, Place(bare[: -len(name)].rstrip("/"), path[len(bare) :])))
        return found

    def spelled_otherwise(self, name: str) -> list[str]:
        """Return the pictures whose path ends as a name but for small and large letters, forms of letters, or %20."""
        wanted = folded(unquote(name))
        paths = self.folded.get(wanted.rpartition("/")[2], [])
        return [path for path in paths if f"/{folded(path)}".endswith(f"/{wanted}")]


def folded(path: str) -> str:
    """Return what is equal for all spellings of a path."""
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


@dataclass(frozen=True)
class Pictures:
    """Finds the pictures that a table names.

    Attributes:
        root: the table's folder.
        place: what stands around every name.
        index: all pictures, where names are looked up one by one since they lie in several folders.
        otherwise: whether the pictures' names are spelled otherwise than in the table.
        found: whether the place was found and not said.
    """

    root: Path
    place: Place = HERE
    index: Index | None = None
    otherwise: bool = False
    found: bool = False

    def locate(self, cell: str) -> list[str]:
        """Return the paths, relative to the table's folder, of the pictures that a cell may mean; at least one."""
        if self.place.foreign:
            cell = slashes(cell).removeprefix(self.place.foreign)
        if self.index is not None and self.otherwise:
            name = self.stated(slashes(cell) + self.place.ending)
            return self.index.spelled_otherwise(name) or [name]
        if self.index is not None:
            return [path for path, _ in self.index.places(slashes(cell))] or [slashes(cell)]
        name = written_here(cell, self.root / self.place.folder, self.place.ending)
        return [self.stated(name)]

    def stated(self, name: str) -> str:
        """Return a name with the folder around it."""
        return f"{self.place.folder}/{name}" if self.place.folder else name

    def exists(self, cell: str) -> bool:
        """Tell whether a cell names a picture that is there."""
        return is_there(self.root, self.locate(cell)[0])


def is_there(root: Path, path: str) -> bool:
    """Tell whether a table's folder has a file of this path."""
    try:
        return bool(path) and os.path.isfile(os.path.join(root, path))  # noqa: PTH113, PTH118 - too long: not there
    except ValueError:
        return False


def slashes(cell: str) -> str:
    """Return a name with the slashes of this system and nothing before it that means the folder itself."""
    return cell.replace("\\", "/").removeprefix("./")


def written_here(cell: str, folder: Path, ending: str) -> str:
    """Return a name that Windows wrote as this system writes it, unless a file has that very name."""
    name = cell if "\\" not in cell or is_there(folder, cell + ending) else slashes(cell)
    return name + ending


@dataclass
class Finder:
    """Finds out where the pictures of a table are.

    Attributes:
        table: the table.
        folder, ending: as the recipe says; None where it says nothing.
        most: as for `Index`.
    """

    table: Path
    folder: str | None = None
    ending: str | None = None
    most: int | None = None
    indexed: list[Index] = field(default_factory=list)

    @property
    def index(self) -> Index:
        """All pictures below the table's folder, listed when they are first asked for."""
        if not self.indexed:
            self.indexed.append(Index(self.table.parent, self.most))
        return self.indexed[0]

    @property
    def said(self) -> Pictures:
        """Where the pictures are as the recipe says."""
        return Pictures(self.table.parent, Place(said_folder(self.folder), with_dot(self.ending)))

    def find(self, cells: Sequence[str]) -> Pictures | None:
        """Return where the pictures of some cells are; None if they are nowhere.

        Raises:
            UserError: they may be in several places.
        """
        asked = spread(cells, ASKED)
        if not asked:
            return None
        if fits(self.said.exists(cell) for cell in asked):
            return self.said
        if foreign := self.foreign(asked):
            return foreign
        found = [self.allowed(slashes(cell)) for cell in asked]
        counts = Counter(place for places in found for place in {place for _, place in places})
        likely = sorted(place for place, count in counts.items() if count >= NEARLY_ALL * len(asked))
        if len(likely) == 1:
            return Pictures(self.table.parent, likely[0], found=True)
        if len(own := [place for place in likely if self.is_named_as(place.folder)]) == 1:
            return Pictures(self.table.parent, own[0], found=True)
        if likely:
            raise self.several(likely)
        if fits(len(places) == 1 for places in found):
            return Pictures(self.table.parent, index=self.index, found=True)
        spelled = Pictures(self.table.parent, self.said.place, self.index, otherwise=True, found=True)
        return spelled if fits(spelled.exists(cell) for cell in asked) else None

    def is_named_as(self, folder: str) -> bool:
        """Tell whether a folder is called as the table is, or after the same split: train.csv belongs to train/."""
        name = folder.split("/")[0]
        split = split_of(self.table.stem)
        return folder != "" and (name == self.table.stem or (split is not None and split == split_of(name)))

    def foreign(self, asked: list[str]) -> Pictures | None:
        """Return where the pictures are if all names begin with the same folders, those of another machine."""
        names = [slashes(cell) for cell in asked]
        common = names[0].split("/")[:-1]
        for name in names:
            parts = name.split("/")[:-1]
            same = [one == other for one, other in zip(common, parts, strict=False)]
            common = common[: same.index(False) if False in same else len(same)]
        for depth in range(1, len(common) + 1):
            start = "/".join(common[:depth]) + "/"
            pictures = Pictures(self.table.parent, self.said.place._replace(foreign=start), found=True)
            if fits(pictures.exists(cell) for cell in asked):
                return pictures
        return None

    def allowed(self, name: str) -> list[tuple[str, Place]]:
        """Return the pictures that a name may mean, of those that the recipe allows."""
        places = self.index.places(name)
        if self.folder is not None:
            places = [item for item in places if item[1].folder == said_folder(self.folder)]
        if self.ending is not None:
            places = [item for item in places if item[1].ending == with_dot(self.ending)]
        return places

    def several(self, places: list[Place]) -> UserError:
        """Return the error that the names fit the pictures of several folders."""
        folders = {place.folder for place in places}
        if len(folders) > 1:
            ways = [f"`data.image_folder='{printable(place.folder or '.')}'`" for place in places]
        else:
            ways = [f"`data.image_ending='{place.ending}'`" for place in places]
        what = "The names in this table fit pictures in several places."
        return UserError(what, str(self.table), f"Say which are meant: {' or '.join(dict.fromkeys(ways))}.")


def said_folder(folder: str | None) -> str:
    """Return a folder that the recipe says as it stands before a name; `.` is the table's own."""
    return "" if folder in (None, ".") else str(folder).rstrip("/").removeprefix("./")


def with_dot(ending: str | None) -> str:
    """Return an ending as it stands after a name; it may be said with or without its dot."""
    return f".{ending.removeprefix('.')}" if ending else ""


def fits(answers: Iterable[bool]) -> bool:
    """Tell whether nearly all of some answers are yes."""
    given = list(answers)
    return sum(given) >= NEARLY_ALL * len(given)


def spread(cells: Sequence[str], number: int) -> list[str]:
    """Return so many different cells from all parts of a column."""
    known = list(dict.fromkeys(cell for cell in cells if cell and "\0" not in cell))
    step = max(1, len(known) // number)
    return known[::step][:number]
