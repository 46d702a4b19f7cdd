"""Which photo an annotation is about: all annotations of a data set are paired with its photos at once.

By the whole path that an annotation states first, whatever its capitals, Unicode form or percent signs; then by
parallel structure, as `images/train/1.jpg` lies to `labels/train/1.txt`; by the bare name only where one photo is left.
Where several are, that is a problem which names them: nothing is chosen.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from data.detection.paths import (
    SPELLINGS,
    Parts,
    common_end,
    composed,
    decoded,
    is_beside,
    is_named_alike,
    is_parallel,
    is_whole,
    parts_of_path,
    shared_start,
    split_of_parts,
)
from data.file_tree import Entry, extension_of, printable, stem_of
from data.sample import EXTENSIONS, UNSUPPORTED, Problem
from data.second_pictures import in_picture_folder
from data.split_names import split_of


class Statement(NamedTuple):
    """What an annotation says of its photo.

    Attributes:
        file: path of the annotation's file below the data.
        stated: the photo's path as it stands there; empty where there is none.
        place: the annotation, for people.
        folder: where the photo lay when it was annotated; counts only where several photos have the stated name.
    """

    file: Parts
    stated: str
    place: str
    folder: str = ""


@dataclass
class Found:
    """The photos that one statement can mean, and whether more than a bare name speaks for them."""

    photos: list[Entry] = field(default_factory=list)
    strong: bool = False

    @property
    def one(self) -> Entry | None:
        return self.photos[0] if len(self.photos) == 1 else None


NONE = Found()


class Photos:
    """The photos of a data set by their names, with any spelling and with or without their ending."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.by_name: dict[str, list[Entry]] = defaultdict(list)
        self.by_stem: dict[str, list[Entry]] = defaultdict(list)
        self.folders: set[Parts] = set()
        self.known: dict[Parts, bool] = {}
        for entry in entries:
            self.folders.add(entry.parts[:-1])
            name = decoded(entry.parts[-1])
            self.by_name[name].append(entry)
            self.by_stem[stem_of(name)].append(entry)

    def called(self, name: str) -> tuple[list[Entry], bool]:
        """Return the photos of a name, and whether their ending is the stated one."""
        wanted = decoded(name)
        if found := self.by_name.get(wanted):
            return found, True
        if found := self.by_stem.get(wanted):  # stated without an ending
            return found, True
        ending = extension_of(wanted)
        return (self.by_stem.get(stem_of(wanted), []) if ending in EXTENSIONS or ending in UNSUPPORTED else []), False

    def any_called(self, name: str) -> bool:
        """Tell whether there is a photo of a name, in any spelling, with or without its ending."""
        wanted = decoded(name)
        return wanted in self.by_stem or wanted in self.by_name

    def stated(self, statement: Statement) -> Found:
        """Return the photos that the stated path can mean."""
        stated = parts_of_path(statement.stated) if statement.stated else ()
        if not stated:
            return NONE
        candidates, exact = self.called(stated[-1])
        for spelling in SPELLINGS if exact or len(stated) > 1 else ():
            whole = [entry for entry in candidates if is_whole(entry.parts, stated, spelling, not exact)]
            if whole:
                return Found(narrow(whole, statement, stated, False), True)
        if self.has_folder(stated[:-1]):
            return Found()  # its folder is there, and it is not in it
        shared = [common_end(entry.parts, stated, decoded, not exact) for entry in candidates]
        longest = max(shared, default=0)
        if longest > 1:
            nearest = [entry for entry, length in zip(candidates, shared, strict=True) if length == longest]
            return Found(narrow(nearest, statement, stated, False))
        return Found(narrow(candidates, statement, stated, False), len(stated) == 1 and exact)

    def has_folder(self, stated: Parts) -> bool:
        """Tell whether photos lie in a stated folder: whether one of the two paths ends with the whole other."""
        if stated not in self.known:
            self.known[stated] = any(
                folder and all(map(same_part, reversed(folder), reversed(stated))) for folder in self.folders if stated
            )
        return self.known[stated]

    def own(self, statement: Statement) -> Found:
        """Return the photos that the annotation file's own name can mean."""
        name = stem_of(statement.file[-1])
        candidates = self.by_stem.get(decoded(name)) or self.by_name.get(decoded(name)) or []
        if len(candidates) == 1:  # nearly always
            return Found(candidates, is_parallel(candidates[0].parts[:-1], statement.file[:-1]))
        for spelling in SPELLINGS:
            spelt = [entry for entry in candidates if spelling(name) in own_names(entry, spelling)]
            if spelt:
                beside = [entry for entry in spelt if is_parallel(entry.parts[:-1], statement.file[:-1])]
                return Found(narrow(beside or spelt, statement, (), True), bool(beside))
        return Found()


def same_part(one: str, other: str) -> bool:
    return decoded(one) == decoded(other)


def own_names(entry: Entry, spelling: Callable[[str], str]) -> tuple[str, str]:
    name = spelling(entry.parts[-1])
    return name, stem_of(name)


def pair(
    statements: Sequence[Statement], entries: Iterable[Entry], own: bool, by: str = "auto"
) -> list[Entry | Problem]:
    """Return the photo of each statement, or the problem that there is none or more than one.

    Args:
        statements: all of the data set.
        entries: its photos.
        own: whether each annotation has a file of its own, whose name counts too.
        by: `filename`: what annotations state alone; `own_name`: their own names alone; `auto`: both.
    """
    photos = Photos(entries)
    once: dict[tuple[Parts, str], Statement] = {}
    for statement in statements:
        once.setdefault((statement.file, statement.stated), statement)
    stated = {key: photos.stated(item) if by != "own_name" else Found() for key, item in once.items()}
    found: dict[tuple[Parts, str], Found | Problem] = dict(stated)
    if own and by != "filename" and not any(item.photos for item in stated.values()):  # as in YOLO
        found = {key: photos.own(item) for key, item in once.items()}
    elif own and by != "filename":
        found = with_own_names(once, stated, {key: photos.own(item) for key, item in once.items()})
    without_strays(once, found, own)
    without_collisions(once, found)
    result: list[Entry | Problem] = []
    for statement in statements:
        item = found[statement.file, statement.stated]
        result.append(replace(item, file=statement.place) if isinstance(item, Problem) else told(item, statement))
    return result


def told(found: Found, statement: Statement) -> Entry | Problem:
    """Return the one photo, or the problem that there is none or that there are several."""
    if found.one:
        return found.one
    name = statement.stated or statement.file[-1]
    if not found.photos:
        return Problem("missing_photo", statement.place, f"there is no photo `{printable(name)}`")
    return Problem("ambiguous_photo", statement.place, f"`{printable(name)}` could be {names_of(found.photos)}")


def names_of(photos: Sequence[Entry]) -> str:
    named = " or ".join(f"`{name_of(photo)}`" for photo in photos[:2])
    return named if len(photos) <= 2 else f"{named} or {len(photos) - 2:,} more"


def name_of(photo: Entry) -> str:
    return printable("/".join(photo.parts))


def with_own_names(
    once: dict[tuple[Parts, str], Statement],
    stated: dict[tuple[Parts, str], Found],
    own: dict[tuple[Parts, str], Found],
) -> dict[tuple[Parts, str], Found | Problem]:
    """Weigh what annotations state against their own names.

    Photos and annotations that were renamed together state the old names. So an own name counts where the stated photo
    has an annotation of its own name; it is undecided where neither photo would have another annotation.
    """
    named = {item.one.parts for item in own.values() if item.one and item.strong}
    meant = Counter(item.one.parts for item in stated.values() if item.one)
    result: dict[tuple[Parts, str], Found | Problem] = {}
    for key, statement in once.items():
        said, called = stated[key], own[key]
        if not said.photos or not called.photos:
            result[key] = said if said.photos else called
        elif said.one is None:
            both = [photo for photo in called.photos if photo in said.photos]
            result[key] = Found(both, True) if len(both) == 1 else said
        elif called.one is None or called.one.parts == said.one.parts or not called.strong:
            result[key] = said
        elif said.one.parts in named:
            result[key] = called
        elif meant[called.one.parts]:
            result[key] = said
        else:
            detail = f"it states `{name_of(said.one)}` and is called as `{name_of(called.one)}`"
            result[key] = Problem("ambiguous_photo", statement.place, detail)
    undecided(once, result, stated, own)
    return result


def undecided(
    once: dict[tuple[Parts, str], Statement],
    result: dict[tuple[Parts, str], Found | Problem],
    stated: dict[tuple[Parts, str], Found],
    own: dict[tuple[Parts, str], Found],
) -> None:
    """Refuse stated photos whose annotations leave the photo of their own name to no one."""
    taken = {item.one.parts for item in result.values() if isinstance(item, Found) and item.one}
    for key, statement in once.items():
        said, called = stated[key].one, own[key].one
        if said is None or called is None or not own[key].strong or called.parts == said.parts:
            continue
        if result[key] is stated[key] and called.parts not in taken:
            detail = f"it states `{name_of(said)}` and is called as `{name_of(called)}`"
            result[key] = Problem("ambiguous_photo", statement.place, detail)


def without_strays(
    once: dict[tuple[Parts, str], Statement], found: dict[tuple[Parts, str], Found | Problem], own: bool
) -> None:
    """Refuse photos of the right name elsewhere, where others of the same file or folder have theirs beside them.

    The annotation of a photo that was taken away would else go to one of another folder.
    """
    groups: dict[tuple[Parts, Parts], list[tuple[tuple[Parts, str], Entry, bool]]] = defaultdict(list)
    for key, item in found.items():
        if not isinstance(item, Found) or item.one is None:
            continue
        file, stated = key[0], parts_of_path(key[1])
        folder = item.one.parts[:-1]
        if len(stated) > 1 and common_end(item.one.parts, stated, decoded, True) > 1:
            continue  # its folder is stated
        near = is_parallel(folder, file[:-1]) or (not own and is_named_alike(folder, file, stated))
        groups[file[:-1] if own else file, stated[:-1]].append((key, item.one, near))
    for members in groups.values():
        for key, photo, near in members if any(near for *_, near in members) else ():
            if not near:
                name = printable(key[1] or key[0][-1])
                detail = f"there is no photo `{name}` beside those of the others; `{name_of(photo)}` is elsewhere"
                found[key] = Problem("missing_photo", once[key].place, detail)


def without_collisions(
    once: dict[tuple[Parts, str], Statement], found: dict[tuple[Parts, str], Found | Problem]
) -> None:
    """Turn statements of different paths about one photo into problems, but for one that alone has more than a name."""
    claims: dict[Entry, list[tuple[Parts, str]]] = defaultdict(list)
    for key, item in found.items():
        if isinstance(item, Found) and item.one:
            claims[item.one].append(key)
    for one, keys in claims.items():
        if len(keys) < 2:
            continue
        weak = [key for key in keys if not strength(found[key])]
        if not weak or len({parts_of_path(key[1]) for key in keys}) < 2:
            continue
        for key in weak:
            other = once[next(each for each in keys if each != key)]
            kind = "ambiguous_photo" if len(weak) == len(keys) else "missing_photo"
            detail = (
                f"`{printable(key[1] or key[0][-1])}` is not there, and the one photo of that name, "
                f"`{name_of(one)}`, is meant by {other.place} too"
            )
            found[key] = Problem(kind, once[key].place, detail)


def strength(found: Found | Problem) -> bool:
    return isinstance(found, Found) and found.strong


def narrow(photos: list[Entry], statement: Statement, stated: Parts, own: bool) -> list[Entry]:
    """Leave of several photos those that lie to the annotation as photos do."""
    if len(photos) < 2:
        return photos
    folder, folders = statement.file[:-1], parts_of_path(statement.folder)
    named = {composed(part) for part in (*stated[:-1], *folder)}
    split = split_of(stem_of(statement.file[-1])) if not own else None
    split = split or split_of_parts(folder)
    around = [shared_start(photo.parts, folder) for photo in photos]
    rules: list[Callable[[Entry], bool]] = [
        lambda photo: not in_picture_folder(photo.parts, named),
        lambda photo: bool(folders) and common_end((*photo.parts[:-1], ""), (*folders, ""), decoded, False) > 1,
        lambda photo: bool(stated) and photo.parts in (parts_of_path("/".join((*folder, *stated))), stated),
        lambda photo: photo.parts[:-1] == folder,
        lambda photo: is_beside(photo.parts[:-1], folder),
        lambda photo: not own and is_named_alike(photo.parts[:-1], statement.file, stated),
        lambda photo: split is not None and split_of_parts(photo.parts[:-1]) == split,
        lambda photo: shared_start(photo.parts, folder) == max(around),
    ]
    for rule in rules:
        photos = [photo for photo in photos if rule(photo)] or photos
        if len(photos) == 1:
            break
    return photos
