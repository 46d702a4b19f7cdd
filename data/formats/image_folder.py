"""Folders or zip files of pictures: `<class>/<name>`, nested deeper at will, maybe below train and test folders.

    photos/cats/1.jpg                 classes
    photos/train/cats/1.jpg           given splits; also train.zip and test.zip side by side
    photos.zip: photos/cats/1.jpg     one folder around everything is looked through

Hidden files are skipped silently; other files that are no pictures are reported and ignored.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from data.file_tree import (
    Entry,
    extension_of,
    is_visible,
    list_files,
    list_folder,
    list_zip,
    open_archive,
    open_reader,
    parts_of,
    printable,
)
from data.images.config import ImageDataConfig
from data.sample import EXTENSIONS, SPLIT_FOLDERS, UNSUPPORTED, ImageSample, Problem, Split
from pipeline.errors import explain_os_error

__all__ = ["TASK", "detect", "list_samples", "open_reader", "sources"]

TASK = "image_classification"


class Layout(NamedTuple):
    """Where the classes are: how many folders stand around them, and the split folders, if any."""

    depth: int
    splits: dict[str, Split]


def detect(path: Path) -> bool:
    """Tell whether there is a folder or zip with folders in it, or split zips."""
    if path.is_dir():
        return bool(split_archives(path)) or any(entry.is_dir() for entry in os.scandir(path))
    return path.suffix.lower() == ".zip"  # a damaged one is told of when it is opened


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures in the order of their paths; the folder below the data, or below its split, is the class."""
    if archives := split_archives(path):
        for name, split in archives.items():
            members = open_archive(path / name)
            layout = find_layout(partial(children_in_zip, members))
            yield from label_files(list_zip(members, (name,)), Layout(layout.depth, {}), (name,), split)
    elif path.is_dir():
        yield from label_files(list_folder(path), find_layout(partial(children_in_folder, path)), (), None)
    else:
        members = open_archive(path)
        layout = find_layout(partial(children_in_zip, members))
        yield from label_files(list_zip(members, (path.name,)), layout, (), None)  # the zip may be renamed


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the zip file or files, or every file below the folder."""
    if path.is_file():
        return [path]
    if archives := split_archives(path):
        return [path / name for name in archives]
    return list_files(path)


def split_archives(path: Path) -> dict[str, Split]:
    """Return the zip files named as splits in a folder that has no folders, such as train.zip and test.zip."""
    if not path.is_dir():
        return {}
    entries = [entry for entry in os.scandir(path) if not entry.name.startswith(".")]
    if any(entry.is_dir() for entry in entries):
        return {}
    found = {
        entry.name: SPLIT_FOLDERS.get(entry.name[:-4].lower())
        for entry in entries
        if entry.name.lower().endswith(".zip")
    }
    named = {name: split for name, split in sorted(found.items()) if split}
    return named if len(named) > 1 else {}


def find_layout(children: Callable[[tuple[str, ...]], tuple[list[str], bool]]) -> Layout:
    """Look through single folders around everything and find out whether the first folders are splits.

    Args:
        children: gives the names of the folders in a folder, and whether there are pictures in it.
    """
    prefix: tuple[str, ...] = ()
    folders, images = children(prefix)
    while len(folders) == 1 and not images:
        inner, inner_images = children((*prefix, folders[0]))
        if not inner:
            break
        prefix, folders, images = (*prefix, folders[0]), inner, inner_images
    splits = {name: SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS}
    given = set(splits.values())
    whole = len(given) > 1 and (len(splits) == len(folders) or "train" in given)
    return Layout(len(prefix), splits if whole else {})


def children_in_folder(path: Path, prefix: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return the visible folders in a folder and whether it holds pictures."""
    try:
        entries = [entry for entry in os.scandir(path.joinpath(*prefix)) if not entry.name.startswith(".")]
    except OSError as error:
        raise explain_os_error(error, path) from None
    return sorted(entry.name for entry in entries if entry.is_dir()), any(
        extension_of(entry.name) in EXTENSIONS for entry in entries
    )


def children_in_zip(members: list[zipfile.ZipInfo], prefix: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return the visible folders in a folder of a zip and whether it holds pictures."""
    depth, folders, images = len(prefix), set(), False
    for member in members:
        parts = parts_of(member)
        if parts[:depth] == prefix and is_visible(parts):
            if len(parts) > depth + 1:
                folders.add(parts[depth])
            elif extension_of(parts[-1]) in EXTENSIONS:
                images = True
    return sorted(folders), images


def label_files(
    entries: Iterator[Entry | Problem], layout: Layout, prefix: tuple[str, ...], split: Split | None
) -> Iterator[ImageSample | Problem]:
    """Yield a sample or a problem for each file; its folders give class and split.

    Args:
        entries: the files and the problems met in listing them.
        layout: where the classes are.
        prefix: what to put before the files' names.
        split: the split of all of them, if it is known.
    """
    class_depth = layout.depth + (1 if layout.splits else 0)
    for entry in entries:
        if isinstance(entry, Problem):
            yield entry
            continue
        key = printable("/".join(prefix + entry.parts))
        if layout.splits and len(entry.parts) > class_depth and entry.parts[layout.depth] not in layout.splits:
            yield Problem("beside_splits", key)
            continue
        own_split = layout.splits.get(entry.parts[layout.depth], split) if len(entry.parts) > layout.depth else split
        label = printable(entry.parts[class_depth]) if len(entry.parts) > class_depth + 1 else ""
        extension = extension_of(key.rpartition("/")[2])
        if not label:
            yield Problem("stray_file", key)
        elif extension in UNSUPPORTED:
            yield Problem("unsupported_format", key, f"save .{extension} files as PNG or JPEG", own_split or "", label)
        elif extension and extension not in EXTENSIONS:
            yield Problem("unknown_file", key, "", own_split or "", label)
        else:
            yield ImageSample(key, label, entry.locator, own_split)
