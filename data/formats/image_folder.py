"""Folders or zip files of pictures: `<class>/<name>`, nested deeper at will, maybe above or below folders of splits.

    photos/cats/1.jpg                 classes
    photos/train/cats/1.jpg           given splits; also training_set, seg_train/seg_train, val2017
    photos/cats/train/1.jpg           the same, the other way round
    photos.zip: photos/cats/1.jpg     one folder around everything is looked through
    photos/cats.zip, photos/dogs.zip  zips in the place of folders, also in a zip

See `data.images.layout` for how they are told apart. Hidden files are skipped silently; other files that are no
pictures are reported and ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from data.detection.given_splits import GivenSplits
from data.file_tree import Entry, extension_of, is_hidden, list_files, open_reader, printable, stem_of
from data.images.config import ImageDataConfig
from data.images.files_beside import refuse_other_classes
from data.images.given_lists import given_lists
from data.images.layout import Layout, find_layout
from data.images.tables import refuse_table_in_zip, tables_in
from data.images.tree import Tree
from data.nested_zips import list_tree
from data.sample import EXTENSIONS, UNSUPPORTED, ImageSample, Problem, Split
from data.second_pictures import first_picture

__all__ = ["TASK", "detect", "list_samples", "open_reader", "sources"]

TASK = "image_classification"


def detect(path: Path) -> bool:
    """Tell whether there is a zip, or a folder with folders, zips or pictures in it."""
    if path.is_dir():
        entries = [entry for entry in os.scandir(path) if not is_hidden(entry.name)]
        return any(entry.is_dir() or extension_of(entry.name) in ("zip", *EXTENSIONS) for entry in entries)
    return path.suffix.lower() == ".zip"  # a damaged one is told of when it is opened


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures in the order of their paths; the folder below the data, or below its split, is the class.

    Raises:
        UserError: it cannot be told which folders are classes.
    """
    by_name = config.label_pattern is not None
    if path.is_file() and config.format == "auto" and not by_name:
        refuse_table_in_zip(path)
    tree = Tree(list_tree(path))
    if tree.tables and config.format == "auto" and config.split_folders == "auto" and not by_name:
        refuse_other_classes(path, list_tree(path), tables_in(path) if path.is_dir() else ())
    layout = find_layout(tree, path, config.split_folders, by_name)
    yield from remarks(tree, layout, path, by_name)
    first = firsts(path, tree.wanted) if tree.wanted else set()
    given = given_lists(path, list_tree(path)) if config.given_splits and tree.lists else None
    yield from given.problems if given else ()
    used = {place for _, place in given.listed.values()} if given else set()
    for entry in list_tree(path):
        if isinstance(entry, Problem):
            yield entry
        elif (first and (entry.parts[:-1], first_picture(entry.parts[-1])) in first) or layout.is_second(entry.parts):
            yield Problem("second_picture", printable("/".join(entry.parts)), "by its name and that of its folder")
        else:
            item = label(entry, layout, by_name)
            if isinstance(item, Problem) and item.file in used:
                continue
            yield from in_listed_split(item, entry.parts, given) if given and given.listed else (item,)


def in_listed_split(
    item: ImageSample | Problem, parts: tuple[str, ...], given: GivenSplits
) -> Iterator[ImageSample | Problem]:
    """Yield a picture in the split that a list gives it, and what is to be told of that."""
    listed, place = given.listed.get(parts, (None, ""))
    if not isinstance(item, ImageSample):
        yield item
        return
    if listed is None and item.split is None:
        yield Problem("picture_without_split", item.key)
    elif listed and item.split and listed != item.split:
        yield Problem("contradicting_splits", item.key, f"{listed} by {place}, {item.split} by its folder", listed)
    yield item._replace(split=listed or item.split)


def firsts(path: Path, wanted: set[tuple[tuple[str, ...], str]]) -> set[tuple[tuple[str, ...], str]]:
    """Return which of some images, by folder and name without ending, are there."""
    found = {
        (entry.parts[:-1], stem_of(entry.parts[-1]).lower())
        for entry in list_tree(path)
        if isinstance(entry, Entry) and extension_of(entry.parts[-1]) in EXTENSIONS
    }
    return found & wanted


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the zip file, or every file below the folder."""
    return [path] if path.is_file() else list_files(path)


def remarks(tree: Tree, layout: Layout, path: Path, by_name: bool) -> Iterator[Problem]:
    """Yield what is worth a remark about the class folders: those without pictures, those with folders in them."""
    if by_name:
        return
    told: set[str] = set()
    for place in layout.class_folders():
        for name in (*tree.empty(place), *without_files(path.joinpath(*place), tree, place)):
            yield Problem("empty_class", printable("/".join((*place, name))), "no pictures in it", "", class_of(name))
        names = tree.folders(place)
        inner = {name: tree.folders((*place, name)) for name in names}
        for name in names:
            folders = [folder for folder in inner[name] if folder not in layout.inside]
            uneven = len(folders) > 1 or (folders and any(not inner[other] for other in names))
            if uneven and class_of(name) not in told:
                told.add(class_of(name))
                listed = ", ".join(printable(folder) for folder in folders[:5]) + ", ..." * (len(folders) > 5)
                yield Problem("nested_folders", printable("/".join((*place, name))), listed, "", class_of(name))


def without_files(folder: Path, tree: Tree, place: tuple[str, ...]) -> list[str]:
    """Return the names of the folders in a folder on disk in which there is no file at all."""
    try:
        entries = [entry for entry in os.scandir(folder) if not is_hidden(entry.name) and entry.is_dir()]
        found = sorted(entry.name for entry in entries if entry.name not in tree.below.get(place, []))
        return [name for name in found if os.access(folder / name, os.R_OK | os.X_OK)]  # else told as unreadable
    except OSError:
        return []


def label(entry: Entry, layout: Layout, by_name: bool) -> ImageSample | Problem:
    """Return a sample or a problem of a file; its folders give class and split."""
    parts, depth = entry.parts, len(layout.around)
    key = printable("/".join(parts))
    extension = extension_of(parts[-1])
    split: Split | None = None
    if layout.roots and len(parts) > depth + 1:
        if parts[depth] not in layout.roots:
            return Problem("beside_splits", key)
        split, through = layout.roots[parts[depth]]
        if split is None:
            return Problem("unlabelled_image" if extension in EXTENSIONS else "stray_file", key)
        depth += 1 + len(through)
        if parts[depth - len(through) : depth] != through:
            depth = len(parts)
    elif layout.roots:
        depth = len(parts)
    if layout.inside and len(parts) > depth + 2:
        if parts[depth + 1] not in layout.inside:
            return Problem("beside_splits", key)
        split = layout.inside[parts[depth + 1]]
    name = class_of(parts[depth]) if len(parts) > depth + 1 else ""
    if not name and not (by_name and (extension in EXTENSIONS or extension in UNSUPPORTED)):
        return Problem("stray_file", key)
    if extension in UNSUPPORTED:
        return Problem("unsupported_format", key, f"save .{extension} files as PNG or JPEG", split or "", name)
    if extension and extension not in EXTENSIONS:
        return Problem("unknown_file", key, "", split or "", name)
    return ImageSample(key, name, entry.locator, split)


def class_of(folder: str) -> str:
    """Return the class that a folder, or a zip in its place, is named after."""
    return printable(folder[:-4] if folder.lower().endswith(".zip") else folder)
