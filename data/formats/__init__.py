"""Formats of raw data, one file each, found by file name.

A format is a module that has what one of the protocols below says: `ImageFormat` for images with a class each,
`DetectionFormat` for images with boxes, `SeriesFormat` for series. Its `TASK` says which.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, overload

from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.labelled import listed_once
from data.detection.recognising import describe_unknown
from data.images.config import ImageDataConfig
from data.sample import ImageSample, Problem, Read
from data.series.config import SeriesDataConfig
from data.series.findings import SeriesFindings
from pipeline.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from data.series.tables.chunks import Chunk
    from data.series.tables.columns import Layout

ASKED_LAST = (
    "detection_records",  # often made of annotations that lie beside them
    "box_csv",  # so are tables
    "image_folder",  # nearly any folder could be one
)
MADE_OF = {  # formats that are often made of others, which may lie beside them
    "detection_records": ("box_csv", "coco", "cvat_images", "labelme", "voc", "yolo"),
    "box_csv": ("voc",),
}
EXPECTED = {
    "image_classification": "A folder of pictures has one folder for each class: photos/cats/1.jpg, photos/dogs/2.jpg. "
    "Pictures that a CSV file names: give that file as `data.path`. See `data.format` for the others.",
    "object_detection": "Labelled photos come as a folder or zip with the photos and their annotations in it: "
    "Pascal VOC xml, COCO json, YOLO txt, CVAT for images xml, LabelMe json or a CSV with the columns filename, class, "
    "xmin, ymin, xmax, ymax (give the folder, not the table); or as TFRecord files (`data/*.record`) of the Object "
    "Detection API with a label map beside them.",
    "forecasting": "Series come as a CSV, TSV or TXT file (also .gz, .bz2, .xz), a workbook (.xlsx, .xls, .xlsb, .ods) "
    "or a Parquet or Feather file, also in a zip, or as a folder of such files, one series each; folders below it are "
    "not looked into.",
}


class Format(Protocol):
    """What every format has."""

    @property
    def TASK(self) -> str:  # noqa: N802 - a constant of the module
        """The task that the data are for."""

    def detect(self, path: Path) -> bool:
        """Tell whether the data at `path` look like this format."""

    def sources(self, path: Path, config: Any) -> list[Path]:
        """List the files whose content decides what comes out."""


class ImagesFormat(Format, Protocol):
    """A format of images of either kind."""

    def open_reader(self, path: Path) -> AbstractContextManager[Read]:
        """Give a function that reads images by their locators."""


class ImageFormat(ImagesFormat, Protocol):
    """A format of images with a class each."""

    def list_samples(self, path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
        """Yield the images without pixels, and problems met on the way; always in the same order."""


class DetectionFormat(ImagesFormat, Protocol):
    """A format of images with boxes; `data.detection.labelled` has defaults of the two last ones."""

    def list_samples(self, path: Path, config: DetectionDataConfig) -> Iterator[DetectionSample | Problem]:
        """Yield the images with their boxes, and problems met on the way; always in the same order."""

    def classes(self, path: Path, config: DetectionDataConfig) -> dict[int, str]:
        """Return the classes by number, where the data's own numbers are to be kept; none elsewhere."""

    @property
    def TURNED_BY_EXIF(self) -> bool:  # noqa: N802 - a constant of the module
        """Whether boxes are on the image as it is seen; False where they are on the pixels as they are stored."""


class SeriesFormat(Format, Protocol):
    """A format of series."""

    def open_layout(self, path: Path, config: SeriesDataConfig) -> Layout:
        """Say what the columns are, after a look at the data."""

    def read_chunks(
        self, layout: Layout, findings: SeriesFindings, more_missing: tuple[str, ...] = ()
    ) -> Iterator[Chunk]:
        """Yield rows as numbers with their lines; what is wrong goes to the findings."""


def names(task: str) -> list[str]:
    """List the formats of a task."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    return [name for name in found if task == load(name).TASK]


def load(name: str) -> Format:
    """Return the module of a format that is there."""
    return cast("Format", importlib.import_module(f"data.formats.{name}"))


@overload
def find(name: str, task: Literal["image_classification"] = ...) -> ImageFormat: ...
@overload
def find(name: str, task: Literal["object_detection"]) -> DetectionFormat: ...
@overload
def find(name: str, task: Literal["forecasting"]) -> SeriesFormat: ...
@overload
def find(name: str, task: Literal["image_classification", "object_detection"]) -> ImagesFormat: ...
@overload
def find(name: str, task: str) -> Format: ...
def find(name: str, task: str = "image_classification") -> Format:
    """Return the module of a format.

    Raises:
        UserError: there is none of that name.
    """
    # only the one that is asked for is loaded: a run in which all is reused needs no more
    here = name.isidentifier() and not name.startswith("_") and (Path(__file__).parent / f"{name}.py").exists()
    if not here or task != load(name).TASK:
        fix = did_you_mean(name, [*names(task), "auto"])
        raise UserError(f"There is no data format `{name}`.", "data.format", fix)
    return load(name)


def in_turn(known: list[str]) -> list[str]:
    """Return formats in the order in which data are tried on them."""
    return sorted(known, key=lambda name: (ASKED_LAST.index(name) + 1 if name in ASKED_LAST else 0, name))


def looks_like(path: Path, task: str) -> bool:
    """Tell whether the data at `path` are in one of a task's formats."""
    with listed_once():
        return any(load(name).detect(path) for name in in_turn(names(task)))


def detect(path: Path, task: str = "image_classification") -> str:
    """Return the name of the format that the data at `path` are in.

    Raises:
        UserError: none fits, or several kinds of annotations say where objects are.
    """
    known, labelled = names(task), task == DetectionDataConfig.task
    with listed_once():
        fitting = (name for name in in_turn(known) if load(name).detect(path))
        first = next(fitting, None)
        rivals = [name for name in fitting if first not in MADE_OF.get(name, ())] if labelled else []
    if first and rivals:
        raise several(path, [first, *rivals])
    if first:
        return first
    if path.is_dir() and not any(path.iterdir()):
        raise UserError("This folder is empty.", str(path), "Check `data.path`.")
    unknown = describe_unknown(path) if labelled else ""
    what = f"These data are in none of the known formats ({', '.join(known)})."
    layouts = f"`labline data formats {task}` shows all layouts."
    raise UserError(what, str(path), " ".join(filter(None, (unknown, EXPECTED.get(task, ""), layouts))))


def several(path: Path, found: list[str]) -> UserError:
    """Return the error that there are annotations of several formats, which may differ."""
    return UserError(
        f"Annotations in {len(found)} formats lie beside each other here: {', '.join(found)}.",
        str(path),
        f"Say which of them counts: {' or '.join(f'`data.format={name}`' for name in found)}; or take the others away.",
    )
