"""The splits that labelled photos come with: lists and tables of their names, else the folders that they are in.

A photo that two lists of one kind name goes to the split further from training. Where lists, the annotations' own names
and folders disagree, the list counts. Whatever is dropped is told; lists that name other photos end the run.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from data.detection.config import DetectionDataConfig
from data.detection.folder_splits import FolderSplits
from data.detection.pairing import Photos, Statement, pair
from data.detection.paths import Parts, parts_of_path
from data.detection.split_files import ANNOTATIONS, AWAY, Source, SplitList, read_sources, shown
from data.file_tree import Entry, extension_of
from data.sample import EXTENSIONS, SPLITS, Problem, ReadFile, Split
from pipeline.errors import UserError

FEW = 0.5  # a list of which less than this share is there is about other photos
NAMED_FIRST = re.compile(rf"(.*?\.(?:{'|'.join(EXTENSIONS)}))[\s,;]", re.IGNORECASE)
NUMBER_BEHIND = re.compile(r"\s+[-+]?\d+$")
Met = list[tuple[SplitList, set[Parts]]]


def find_splits(
    entries: list[Entry],
    photos: list[Entry],
    pictures: list[Entry],
    read: ReadFile,
    config: DetectionDataConfig,
    tables: bool = True,
) -> GivenSplits:
    """Return the splits of photos.

    Args:
        entries: all files of the data.
        photos: the photos that are used.
        pictures: these and the photos without annotation, but no masks.
        tables: whether CSV tables may give splits; the format that reads boxes from them passes False.

    Raises:
        UserError: a list names photos of which none or few are there, two lists of splits name the same photos, or a
            data.yaml names folders that are not there.
    """
    given = GivenSplits(FolderSplits(entry.parts for entry in entries), config.given_splits)
    for source in read_sources(entries, pictures, read, tables) if config.given_splits else ():
        met = meet(source, photos, pictures, given.problems)
        given.add(source, met, len(photos))
    return given


class GivenSplits:
    """The splits of photos by their paths.

    Args:
        folders: the splits of folders.
        honoured: whether there are any; False where the recipe passes over them.

    Attributes:
        problems: what is wrong with the lists, and whatever contradicts them; grows with each call of `of`.
    """

    def __init__(self, folders: FolderSplits, honoured: bool = True) -> None:
        self.folders = folders
        self.honoured = honoured
        self.listed: dict[Parts, tuple[Split, str]] = {}
        self.problems: list[Problem] = []

    def of(self, photo: Parts, annotation: Parts = (), stated: Split | None = None) -> Split | None:
        """Return the split of a photo: that of a list, else of its annotation file, else of a folder around either.

        Args:
            photo: its path.
            annotation: path of its annotation, if it has one.
            stated: the split that the annotation's file states itself.
        """
        if not self.honoured:
            return None
        near = self.folders.split_of(photo) or (self.folders.split_of(annotation) if annotation else None)
        listed, place = self.listed.get(photo, (None, ""))
        chosen = listed or stated or near
        for other, whose in ((stated, "its annotation's file"), (near, "its folder")):
            if chosen and other and other != chosen:
                words = f"{chosen} by {place or 'its annotation'}, {other} by {whose}"
                self.problems.append(Problem("contradicting_splits", shown(photo), words, chosen))
                break
        return chosen

    def add(self, source: Source, met: Met, total: int) -> None:
        """Add the splits of one kind of lists; those known before count more.

        Args:
            met: the photos of each list.
            total: number of all photos.

        Raises:
            UserError: most photos for training are in another split as well.
        """
        for place, words in source.unused:
            self.problems.append(Problem("unused_list", place, words))
        kept = drop_equal(met, self.problems)
        refuse_crossed(kept)
        chosen = self.merge(kept)
        if len(chosen) == total and all(item.split != "train" for item in chosen.values()):
            for place in dict.fromkeys(item.place for item in chosen.values()):
                words = "with it no photo would be left to train on"
                self.problems.append(Problem("unused_list", place, words))
            return
        self.refuse_contrary(chosen)
        for parts, item in chosen.items():
            split, place = self.listed.setdefault(parts, (item.split, item.place))
            if split != item.split:
                words = f"{split} by {place}, {item.split} by {item.place}"
                self.problems.append(Problem("contradicting_splits", shown(parts), words, split))

    def refuse_contrary(self, chosen: dict[Parts, SplitList]) -> None:
        """Refuse lists that put most of their photos into other splits than those known before.

        Raises:
            UserError: they do.
        """
        shared = [(parts, item) for parts, item in chosen.items() if parts in self.listed]
        contrary = [(parts, item) for parts, item in shared if self.listed[parts][0] != item.split]
        if len(contrary) > FEW * len(shared):
            parts, item = contrary[0]
            raise UserError(
                f"{len(contrary):,} photos are put into different splits, such as {shown(parts)}.",
                f"{self.listed[parts][1]}; {item.place}",
                f"Keep the one that is meant. {AWAY}",
            )

    def merge(self, met: Met) -> dict[Parts, SplitList]:
        """Return the list that each photo is in; of several that which is furthest from training."""
        chosen: dict[Parts, SplitList] = {}
        for item, photos in sorted(met, key=lambda one: (not one[0].with_validation, SPLITS.index(one[0].split))):
            for parts in sorted(photos):
                before = chosen.get(parts)
                expected = before is None or (before.with_validation and item.split != "test")
                if before and not expected and before.split != item.split:
                    words = f"{before.split} by {before.place}, {item.split} by {item.place}"
                    self.problems.append(Problem("photo_in_two_splits", shown(parts), words, item.split))
                chosen[parts] = item
        return chosen


def meet(source: Source, photos: list[Entry], pictures: list[Entry], problems: list[Problem]) -> Met:
    """Return the photos that each list means, and add what cannot be found to the problems.

    Args:
        photos: those that are used.
        pictures: those as well that have no annotation.

    Raises:
        UserError: of a list, none or few photos are there.
    """
    stated = [(item, line) for item in source.lists for line in item.names]
    found = find_photos(stated, photos, pictures)
    result: Met = []
    for item in source.lists:
        if item.folder is not None:
            depth = len(item.folder)
            result.append((item, {photo.parts for photo in photos if photo.parts[:depth] == item.folder}))
            continue
        mine = [found[item.file, line] for line in item.names]
        gone = [one for one in mine if isinstance(one, Problem)]
        if len(gone) > FEW * len(mine) and not item.sure:
            problems.append(Problem("unused_list", item.place, "its lines are no names of photos that are there"))
            continue
        refuse_other_photos(item, gone)
        for one in gone:
            kind = "ambiguous_photo" if one.name == "ambiguous_photo" else "unmet_in_split"
            problems.append(Problem(kind, item.place, one.detail, item.split))
        result.append((item, {one.parts for one in mine if isinstance(one, Entry)}))
    return result


def find_photos(
    stated: list[tuple[SplitList, str]], photos: list[Entry], pictures: list[Entry]
) -> dict[tuple[Parts, str], Entry | Problem | None]:
    """Return the photo of each line; None for a picture that has no annotation."""
    names, used = Photos(pictures), {photo.parts for photo in photos}
    statements = [Statement(item.file, name_in(line, names, item.sure), item.place) for item, line in stated]
    found: dict[tuple[Parts, str], Entry | Problem | None] = {}
    missing = False
    for (item, line), one in zip(stated, pair(statements, photos, False), strict=True):
        found[item.file, line] = one
        missing = missing or (isinstance(one, Problem) and one.name == "missing_photo")
    others = [picture for picture in pictures if picture.parts not in used] if missing else []
    for (item, line), other in zip(stated, pair(statements, others, False) if others else (), strict=bool(others)):
        first, there = found[item.file, line], isinstance(other, Entry) or other.name == "ambiguous_photo"
        if there and isinstance(first, Problem) and first.name == "missing_photo":
            found[item.file, line] = None
    return found


def name_in(line: str, names: Photos, cut: bool) -> str:
    """Return the photo's name in a line: all of it, else what stands before numbers or before anything else.

    VOC writes -1, 0 or 1 behind a name, others a class or the file of the labels.

    Args:
        cut: whether a first word can be a name.
    """
    shorter = [line]
    while (less := NUMBER_BEHIND.sub("", shorter[-1])) != shorter[-1]:
        shorter.append(less)
    for name in [*shorter, first_word(line)] if cut else shorter:
        if (path := parts_of_path(name)) and names.called(path[-1])[0]:
            return name
        short = name.rpartition(".")[0]  # of a list of the annotations
        if extension_of(name) in ANNOTATIONS and (path := parts_of_path(short)) and names.called(path[-1])[0]:
            return short
    return line


def first_word(line: str) -> str:
    """Return what stands before a blank or comma behind a picture's name; without an ending, the first word."""
    if found := NAMED_FIRST.match(line):
        return found[1]
    return re.split(r"[\s,;]", line, maxsplit=1)[0]


def refuse_other_photos(item: SplitList, gone: list[Problem]) -> None:
    """Refuse a list of which none or few photos are there.

    Raises:
        UserError: it is such a list.
    """
    if gone and len(gone) > FEW * len(item.names):
        raise UserError(
            f"It puts {len(item.names):,} photos into {item.split}, and {len(gone):,} of them are not found: "
            f"{gone[0].detail}.",
            item.place,
            f"Put the photos where the list says, or correct the list. {AWAY}",
        )


def drop_equal(met: Met, problems: list[Problem]) -> Met:
    """Leave out a split that has the very photos of one nearer to training, such as coco128's `val: images/train`."""
    photos_of: dict[Split, set[Parts]] = defaultdict(set)
    for item, photos in met:
        if not item.with_validation:
            photos_of[item.split] |= photos
    dropped: dict[Split, Split] = {}
    for place, split in enumerate(SPLITS):
        for nearer in SPLITS[:place]:
            if photos_of[split] and photos_of[split] == photos_of[nearer]:
                dropped.setdefault(split, nearer)
    kept: Met = []
    for item, photos in met:
        if item.split in dropped and not item.with_validation:
            words = f"it has the same {len(photos):,} photos as {dropped[item.split]}, so it is no split of its own"
            problems.append(Problem("unused_list", item.place, words))
        else:
            kept.append((item, photos))
    return kept


def refuse_crossed(met: Met) -> None:
    """Refuse lists that put most training photos into another split too, as the files of several folds do.

    Raises:
        UserError: they do.
    """
    lists = [(item, photos) for item, photos in met if not item.with_validation]
    train = union(photos for item, photos in lists if item.split == "train")
    both = train & union(photos for item, photos in lists if item.split != "train")
    if len(both) > FEW * len(train):
        one = next(item.place for item, photos in lists if item.split == "train" and photos & both)
        two = next(item.place for item, photos in lists if item.split != "train" and photos & both)
        raise UserError(
            f"{len(both):,} of {len(train):,} photos for training are in another split as well.",
            f"{one}; {two}",
            f"Keep one list for each split; of several folds, those of one. {AWAY}",
        )


def union(sets: Iterable[set[Parts]]) -> set[Parts]:
    return set().union(*sets)
