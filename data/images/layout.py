"""What the folders around images say: a class, a split, or nothing.

    photos/cats/1.jpg                           classes
    photos/train/cats/1.jpg                     splits, then classes; also train_images, seg_train/seg_train, val2017
    photos/cats/train/1.jpg                     classes, then splits

Folders are splits where their names say several splits and the same classes lie below them. Where the names say one
thing and what lies below another, nothing is guessed: the error shows the folders, and `data.split_folders` settles
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from data.file_tree import printable
from data.images.tree import Level, Parts, Tree
from data.sample import Split
from data.second_pictures import WORDS
from data.split_names import ABOUT_PICTURES, SHORT, split_in, split_of, splits_of, words_of
from pipeline.errors import UserError, did_you_mean

PARTS = frozenset(
    [
        "part", "parts", "batch", "batches", "chunk", "shard", "folder", "dir", "archive", "subset", "fold", "volume",
        "vol", "disk", "disc", "piece", "pack", "bundle", "teil", "partie", "parte",
    ]
)  # fmt: skip
SplitFolders = Literal["auto", "none"] | Mapping[str, str]


class Root(NamedTuple):
    """A split's folder.

    Attributes:
        split: its split; None if its images have no classes and are left out.
        through: single folders in it that lead to the class folders.
    """

    split: Split | None
    through: Parts = ()


@dataclass(frozen=True)
class Layout:
    """Where the classes are.

    Attributes:
        around: folders around everything.
        roots: the split folders in the last of these, by name; empty where there are none.
        inside: the splits of the folders in each class folder, by name; empty where there are none.
        seconds: class folders whose names say that they hold masks of other classes' images.
    """

    around: Parts = ()
    roots: dict[str, Root] = field(default_factory=dict)
    inside: dict[str, Split] = field(default_factory=dict)
    seconds: frozenset[str] = frozenset()

    def class_folders(self) -> list[Parts]:
        """Return the folders that hold class folders."""
        split = [(*self.around, name, *root.through) for name, root in self.roots.items() if root.split]
        return split or [self.around]

    def is_second(self, parts: Parts) -> bool:
        """Tell whether an image lies in a folder of masks: beside other classes, or inside its class."""
        depth = len(self.around)
        root = self.roots.get(parts[depth]) if len(parts) > depth + 1 else None
        label, *inner = parts[depth + (1 + len(root.through) if root else 0) : -1] or [""]
        return label in self.seconds or any(set(words_of(part)) <= WORDS for part in inner)


def find_layout(tree: Tree, path: Path, chosen: SplitFolders, by_name: bool) -> Layout:
    """Say what the folders are.

    Args:
        tree: all folders.
        path: the data, for errors.
        chosen: `data.split_folders`.
        by_name: whether the names of images say their classes, so that folders need not.

    Raises:
        UserError: it cannot be told.
    """
    around: Parts = ()
    while (single := only_folder(tree, around)) and tree.folders((*around, single)):
        if isinstance(chosen, Mapping) and single in chosen:
            break
        around = (*around, single)
    if isinstance(chosen, Mapping):
        return chosen_layout(tree, path, around, chosen)
    if chosen == "none":
        return Layout(around)
    return Judge(tree, path, around, by_name).layout()


def only_folder(tree: Tree, place: Parts) -> str:
    """Return the folder that holds all images of a folder; none if there are several or some lie beside it."""
    names = tree.folders(place)
    return names[0] if len(names) == 1 and not tree.images(place) else ""


def chosen_layout(tree: Tree, path: Path, around: Parts, chosen: Mapping[str, Any]) -> Layout:
    """Return the layout with the splits that the recipe names, above the class folders or in each of them.

    Raises:
        UserError: there is no folder of such a name.
    """
    names = tree.folders(around)
    below = sorted({inner for name in names for inner in tree.folders((*around, name))})
    kept = {name: split for name, split in chosen.items() if split != "none"}
    for known in (names, below):
        if set(chosen) <= set(known):
            if known is names:
                classes = most_common_classes(tree, around, list(kept))
                return Layout(around, {name: root_of(tree, around, name, kept[name], classes) for name in kept})
            return Layout(around, {}, dict(kept))
    missing = next(name for name in chosen if name not in names)
    fix = f"{did_you_mean(missing, names or below)}\n{tree.show(around, path)}"
    raise UserError(f"There is no folder `{missing}` with pictures.", "data.split_folders", indented(fix))


def most_common_classes(tree: Tree, around: Parts, names: list[str]) -> frozenset[str]:
    """Return the largest set of folders that lie side by side below one of some folders."""
    found = [level.folders for name in names for level in tree.levels((*around, name))]
    return max(found, key=lambda folders: (len(folders), sorted(folders)), default=frozenset())


def root_of(tree: Tree, around: Parts, name: str, split: Split, classes: frozenset[str]) -> Root:
    """Return where the classes are in a split's folder."""
    level = matching(tree.levels((*around, name)), classes)
    return Root(split, level.through if level else ())


def matching(levels: list[Level], classes: frozenset[str]) -> Level | None:
    """Return the first level whose folders are for the most part the classes."""
    return next((level for level in levels if 2 * len(level.folders & classes) > len(level.folders)), None)


class Judge:
    """Tells splits from classes by the names of folders and what lies below them.

    Args:
        around: folders around everything.
    """

    def __init__(self, tree: Tree, path: Path, around: Parts, by_name: bool) -> None:
        self.tree, self.path, self.around, self.by_name = tree, path, around, by_name
        self.names = tree.folders(around)
        self.told = splits_of(self.names)
        self.classes = most_common_classes(tree, around, list(self.told) or self.names)
        self.levels = {name: tree.levels((*around, name)) for name in self.names}
        self.fitting = {name: level for name in self.names if (level := matching(self.levels[name], self.classes))}
        self.flat = [name for name in self.names if not self.levels[name]]

    def layout(self) -> Layout:
        """Return the layout.

        Raises:
            UserError: it cannot be told.
        """
        if len(set(self.told.values())) > 1 and not self.only_short_names_of_classes():
            return self.splits_first()
        if inside := self.splits_inside():
            return Layout(self.around, {}, inside)
        if not self.by_name:
            self.refuse_what_may_be_splits()
            self.refuse_kinds_of_files()
            self.refuse_equal_folders()
            self.refuse_parts()
        return Layout(self.around, seconds=mask_folders(self.names))

    def only_short_names_of_classes(self) -> bool:
        """Tell whether `te` and `tr` are among other flat folders, which are classes then."""
        short = all(set(words_of(name)) & SHORT for name in self.told)
        return short and len(self.flat) == len(self.names) > len(self.told)

    def splits_first(self) -> Layout:
        """Return the layout where folders are named as splits."""
        if self.by_name:
            return Layout(self.around, {name: Root(split) for name, split in self.told.items()})
        if all(name in self.flat for name in self.told):
            raise self.no_classes()
        if set(splits_of(self.classes)) == self.classes and len(set(splits_of(self.classes).values())) > 1:
            raise self.unclear("folders named as splits lie in folders named as splits")
        for name in self.names:
            unlike = name in self.told and name not in self.fitting and name not in self.flat
            more = name not in self.told and split_in(name)[0] and name in self.fitting
            if unlike or more:
                raise self.unclear(f"`{printable(name)}` is unlike the folders beside it")
        if not any(self.told[name] == "train" for name in self.fitting if name in self.told):
            raise self.unclear("no folder with classes is for training")
        roots = {
            name: Root(split, self.fitting[name].through) if name in self.fitting else Root(None)
            for name, split in self.told.items()
        }
        return Layout(self.around, roots, seconds=mask_folders(sorted(self.classes)))

    def splits_inside(self) -> dict[str, Split]:
        """Return the splits of the folders inside class folders; none where these say none.

        Raises:
            UserError: some classes have split folders and others do not.
        """
        inside = {name: self.tree.folders((*self.around, name)) for name in self.names}
        told = splits_of({inner for folders in inside.values() for inner in folders})
        if len(set(told.values())) < 2:
            return {}
        whole = [
            name
            for name, folders in inside.items()
            if folders and set(folders) <= told.keys() and not self.tree.images((*self.around, name))
        ]
        several = [name for name in whole if len({told[inner] for inner in inside[name]}) > 1]
        if not several:
            return {}
        if len(whole) < len(self.names):
            raise self.unclear(f"`{printable(several[0])}` has folders named as splits, and others have none")
        return told

    def refuse_what_may_be_splits(self) -> None:
        """Stop where folders are named as splits at least in part, and what lies below them is no class's.

        Raises:
            UserError: as said.
        """
        worded = [name for name in self.names if split_in(name)[0] or split_of(name)]
        if not worded or len(self.names) < 2:
            return
        alike = [name for name in self.names if name in self.fitting]
        if len(alike) > 1 and len(self.classes) > 1:
            raise self.unclear("the same folders lie in folders of which some are named as splits")
        deep = [name for name in worded if any(len(level.folders) > 1 for level in self.levels[name])]
        if deep and self.flat:
            raise self.unclear(f"`{printable(deep[0])}` holds folders, and `{printable(self.flat[0])}` holds none")
        if len(worded) == len(self.names):
            raise self.unclear("all folders are named as splits")

    def refuse_kinds_of_files(self) -> None:
        """Stop where folders are named after kinds of files: images beside masks, photos beside previews.

        Raises:
            UserError: as said.
        """
        kinds = [name for name in self.names if set(words_of(name)) <= ABOUT_PICTURES | WORDS]
        if len(kinds) > 1 and len(kinds) == len(self.names):
            raise self.other_classes(
                f"{listed(self.names)} are named after kinds of files, not classes",
                "If they hold the same things in other ways, as photos and their masks, name the photos' folder as "
                "`data.path`; it needs a folder for each class, or a table with the classes.",
            )

    def refuse_parts(self) -> None:
        """Stop where folders differ in nothing but a number behind a word for a part: part1, part2; images_001.

        Raises:
            UserError: as said.
        """
        rest = {tuple(word for word in words_of(name) if len(word) > 1 and not word.isdigit()) for name in self.names}
        if len(self.names) > 1 and len(rest) == 1 and (words := rest.pop()) and set(words) <= PARTS | ABOUT_PICTURES:
            raise self.other_classes(
                f"{listed(self.names)} are named as parts of one set, not as classes",
                "If their pictures have classes, give a table with them (labels.csv: path,label) as `data.path`, or "
                "put the pictures into a folder for each class.",
            )

    def refuse_equal_folders(self) -> None:
        """Stop where the same folders lie in all folders, which may be folds, versions or places then.

        Raises:
            UserError: as said.
        """
        classes = [name for name in sorted(self.classes) if not set(words_of(name)) <= WORDS]  # all but masks
        alike = len(self.names) > 1 and len(classes) > 1 and len(self.fitting) == len(self.names)
        if alike and not any(self.tree.images((*self.around, name)) for name in self.names):
            raise self.other_classes(
                f"in all of {listed(self.names)} lie {listed(classes)}",
                "If the last folders are the classes: `data.label_pattern='([^/]+)/[^/]+$'`.",
            )

    def other_classes(self, why: str, way: str) -> UserError:
        """Return the error that it cannot be told which folders are the classes."""
        ways = [way, "If the first folders are the classes: `data.split_folders=none`."]
        what = f"It cannot be told which folders are the classes: {why}."
        return UserError(what, str(self.path), indented("\n".join([*ways, self.tree.show(self.around, self.path)])))

    def no_classes(self) -> UserError:
        """Return the error that there are split folders without class folders in them."""
        pattern = propose_pattern(self.tree.names)
        ways = [
            f"The names of the pictures seem to begin with their classes: `data.label_pattern='{pattern}'`."
            if pattern
            else "Give each class a folder in each split (train/cats/1.jpg), or a table with the classes.",
            "If these folders are the classes: `data.split_folders=none`.",
        ]
        shown = self.tree.show(self.around, self.path)
        what = "These folders are named as splits, and there are no class folders in them."
        return UserError(what, str(self.path), indented("\n".join([*ways, shown])))

    def unclear(self, why: str) -> UserError:
        """Return the error that it cannot be told what the folders are, with the folders and both ways out."""
        splits = {name: self.told.get(name) or split_in(name)[0] or "none" for name in self.names}
        ways = [
            f"If they are splits, say which (train, validation, test, or none to leave one out): {setting_of(splits)}.",
            "If they are classes: `data.split_folders=none`.",
            self.tree.show(self.around, self.path),
        ]
        what = f"It cannot be told whether these folders are splits or classes: {why}."
        return UserError(what, str(self.path), indented("\n".join(ways)))


def mask_folders(names: list[str]) -> frozenset[str]:
    """Return the folders named as another one with a word for masks behind: `sick_masks` beside `sick`."""
    plain = {tuple(words_of(name)): name for name in names}
    masks = WORDS | {"gt", "seg"}
    found = set()
    for name in names:
        words = tuple(words_of(name))
        rest = tuple(word for word in words if word not in masks)
        if rest and rest != words and rest in plain:
            found.add(name)
    return frozenset(found)


def listed(names: list[str], most: int = 4) -> str:
    named = ", ".join(f"`{printable(name)}`" for name in names[:most])
    return f"{named} ..." if len(names) > most else named


def setting_of(splits: Mapping[str, str], most: int = 12) -> str:
    """Write the setting that gives folders their splits, as it is typed in a shell."""
    pairs = ", ".join(f"{quoted(name)}: {split}" for name, split in list(splits.items())[:most])
    more = ", ..." if len(splits) > most else ""
    return f"`data.split_folders='{{{pairs}{more}}}'`"


def quoted(name: str) -> str:
    """Write a name as YAML reads it back."""
    plain = re.fullmatch(r"[A-Za-z_][\w-]*", name) and name.lower() not in ("yes", "no", "on", "off", "true", "false")
    return name if plain and name.lower() not in ("null", "y", "n") else json.dumps(name, ensure_ascii=False)


def indented(text: str) -> str:
    """Write the lines of an error's remedy under each other."""
    return text.replace("\n", "\n         ")


PATTERNS = (
    r"([^/\d]*[^/\d\s._()-])[\s._-]*[(]?\d+[)]?[.][^/.]+$",  # cat.0.jpg, cat_001.jpg, cat (1).jpg
    r"([^/]+)[._-]\d+[.][^/.]+$",  # n02085620_7.jpg
    r"\d+[\s._-]+([^/\d]*[^/\d\s._-])[.][^/.]+$",  # 001_cat.jpg
)


def propose_pattern(names: list[str]) -> str:
    """Return an expression that finds classes in the names of images; empty if none finds a few in all of them."""
    for pattern in PATTERNS:
        found = [match[1] for name in names if (match := re.search(pattern, name))]
        if len(found) * 2 >= len(names) and 1 < len(set(found)) <= max(2, len(found) // 3):
            return pattern
    return ""
