"""Formats of raw data, one file each, found by file name.

A format of pictures is a module with
    TASK = "image_classification"
    detect(path) -> bool                         whether the data at `path` look like this format
    list_samples(path, config) -> iterator       `ImageSample`s without pixels, and `Problem`s met on the way; always in the same order
    open_reader(path) -> context manager         of a function from a sample's locator to the file's bytes or a uint8 array
    sources(path, config) -> list of files       whose content decides what comes out

A format of labelled photos has the same functions and
    TASK = "object_detection"
    list_samples(path, config) -> iterator       `PhotoSample`s with their boxes, and `Problem`s
and may have
    classes(path, config) -> number -> name      where the data's own numbers of the classes are to be kept
    TURNED_BY_EXIF = False                       where boxes are on the pixels as they are stored, whatever EXIF data say

A format of series is a module with `detect` and `sources` as above and
    TASK = "forecasting"
    open_layout(path, config) -> Layout          what the columns are, after a look at the data
    read_chunks(layout, findings, missing) -> iterator of `Chunk`s, rows as numbers with their lines; what is wrong goes to the findings
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from data.sample import ImageSample, Problem
from pipeline.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from data.images.config import ImageDataConfig

Read = Callable[[Any], Any]  # locator -> bytes of a file, or a uint8 array [height, width] or [height, width, 3]
ASKED_LAST = (
    "detection_records",  # often made of annotations that lie beside them
    "box_csv",  # so are tables
    "image_folder",  # nearly any folder could be one
)
EXPECTED = {
    "image_classification": "A folder of pictures has one folder for each class: photos/cats/1.jpg, photos/dogs/2.jpg. "
    "Pictures that a CSV file names: give that file as `data.path`. See `data.format` for the others.",
    "object_detection": "Labelled photos come as a folder or zip with the photos and their annotations in it: Pascal VOC xml, COCO json, "
    "YOLO txt or a CSV with the columns filename, class, xmin, ymin, xmax, ymax (give the folder, not the table); or as TFRecord files "
    "(`data/*.record`) of the Object Detection API with a label map beside them.",
    "forecasting": "Series come as a CSV, TSV or TXT file (also .gz), or as a folder of such files, one series each; "
    "folders below it are not looked into.",
}


class Format(Protocol):
    """What a module in this folder offers."""

    TASK: str

    def detect(self, path: Path) -> bool:
        """Tell whether the data at `path` look like this format."""

    def list_samples(self, path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
        """Yield the samples, always in the same order."""

    def open_reader(self, path: Path) -> AbstractContextManager[Read]:
        """Give a function that reads samples by their locators."""

    def sources(self, path: Path, config: ImageDataConfig) -> list[Path]:
        """List the files whose content decides what comes out."""


def names(task: str) -> list[str]:
    """List the formats of a task."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    return [name for name in found if task == find_module(name).TASK]


def find_module(name: str) -> Any:
    return importlib.import_module(f"data.formats.{name}")


def find(name: str, task: str = "image_classification") -> Any:
    """Return the module of a format.

    Raises:
        UserError: there is none of that name.
    """
    known = names(task)
    if name not in known:
        raise UserError(f"There is no data format `{name}`.", "data.format", did_you_mean(name, [*known, "auto"]))
    return find_module(name)


def in_turn(known: list[str]) -> list[str]:
    """Return formats in the order in which data are tried on them."""
    return sorted(known, key=lambda name: (ASKED_LAST.index(name) + 1 if name in ASKED_LAST else 0, name))


def looks_like(path: Path, task: str) -> bool:
    """Tell whether the data at `path` are in one of a task's formats."""
    return any(find_module(name).detect(path) for name in in_turn(names(task)))


def detect(path: Path, task: str = "image_classification") -> str:
    """Return the name of the format that the data at `path` are in.

    Raises:
        UserError: none fits.
    """
    known = names(task)
    for name in in_turn(known):
        if find_module(name).detect(path):
            return name
    if path.is_dir() and not any(path.iterdir()):
        raise UserError("This folder is empty.", str(path), "Check `data.path`.")
    raise UserError(
        f"These data are in none of the known formats ({', '.join(known)}).", str(path), EXPECTED.get(task, "")
    )
