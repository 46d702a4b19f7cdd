"""Image data sets of TensorFlow Datasets: `tfds:NAME`, or `tfds:NAME/CONFIG:VERSION` as TFDS writes them.

TFDS downloads and prepares; the prepared TFRecord files are then read directly, picture files as they are, without
decoding.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.downloadable import data_folder
from data.images.config import ImageDataConfig
from data.sample import SPLIT_FOLDERS, ImageSample, Problem, Read
from data.tfrecord import Record, decode_example, scan_records
from pipeline.errors import UserError, install_extra
from pipeline.progress import Progress

TASK = "image_classification"
INFO = "dataset_info.json"


def prepare(name: str, progress: Progress) -> Path:
    """Return the folder of a data set that TFDS has prepared, letting it download the first time.

    The data are kept where TFDS keeps its own if TFDS_DATA_DIR says so, else among labline's data sets.

    Raises:
        UserError: the package is not installed, has no such data set, or could not fetch it.
    """
    ready = find_prepared(name)
    if len(ready) == 1:
        return ready[0]  # known without loading TFDS
    builder = find_builder(name)
    if not Path(builder.data_dir, INFO).exists():
        progress.say(f"TensorFlow Datasets fetches {name} into {builder.data_dir}")
        try:
            builder.download_and_prepare(file_format="tfrecord")
        except ModuleNotFoundError as error:  # 4.9.10 needs importlib_resources without saying so
            raise UserError(
                f"TensorFlow Datasets needs `{error.name}`.", f"tfds:{name}", f"pip install {error.name}"
            ) from None
        except Exception as error:
            raise UserError(
                f"TensorFlow Datasets could not fetch it: {error}.", f"tfds:{name}", "Check the network."
            ) from error
    return Path(builder.data_dir)


def expect_prepared(name: str) -> None:
    """Refuse a data set that is not here yet, without fetching it.

    Raises:
        UserError: it is not here, there is none of that name, or the package is not installed.
    """
    if not find_prepared(name):
        builder = find_builder(name)
        raise UserError(
            f"`tfds:{name}` is not on this machine yet, and a look does not fetch it.",
            str(builder.data_dir),
            f"The first run fetches it: `labline run {TASK} data.path=tfds:{name}`.",
        )


def data_dir() -> Path:
    """Return where prepared data sets are kept."""
    return Path(os.environ.get("TFDS_DATA_DIR") or data_folder() / "tfds")


def find_prepared(name: str) -> list[Path]:
    """Return the folders of a data set that are prepared: one for each of its versions and configurations."""
    return [file.parent for file in (data_dir() / name.replace(":", "/")).glob("**/" + INFO)]


def find_builder(name: str) -> Any:
    """Return TFDS's view of a data set that may still have to be fetched.

    Raises:
        UserError: the package is not installed, or has no such data set.
    """
    try:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow_datasets
    except ImportError:
        raise UserError("TensorFlow Datasets is not installed.", f"tfds:{name}", install_extra("tfds")) from None
    try:
        return tensorflow_datasets.builder(name, data_dir=os.fspath(data_dir()))
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
    near = difflib.get_close_matches(re.split("[/:]", name)[0], known, n=1)
    suggestion = f"Did you mean `tfds:{near[0]}`? " if near else ""
    raise UserError(
        f"TensorFlow Datasets has no `{name}`.",
        "data.path",
        f"{suggestion}https://www.tensorflow.org/datasets/catalog/overview lists what it has.",
    )


def detect(path: Path) -> bool:
    """Tell whether TFDS prepared this folder."""
    return path.is_dir() and (path / INFO).is_file() and (path / "features.json").is_file()


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures in the order of the files; TFDS has -1 for the class of those that come without one.

    Raises:
        UserError: the data set has no picture with one class, or a file is damaged.
    """
    builder, image, label = open_builder(path)
    names = builder.info.features[label].names
    for split, info in builder.info.splits.items():
        given = SPLIT_FOLDERS.get(split) if len(builder.info.splits) > 1 else None
        for file in map(Path, info.filepaths):
            for number, record in enumerate(records_of(file)):
                key, numbered = f"{file.name}#{number}", int(decode_example(record.data)[label][0])
                place = (file.name, record.offset, len(record.data), image)
                if 0 <= numbered < len(names):
                    yield ImageSample(key, names[numbered], place, given)
                else:
                    yield Problem("unlabelled_image", key, f"its class is {numbered}", given or "")


def records_of(file: Path) -> Iterator[Record]:
    """Yield the records of a prepared file.

    Raises:
        UserError: it is damaged.
    """
    with file.open("rb") as stream:
        try:
            yield from scan_records(stream)
        except ValueError as error:
            raise UserError(
                f"This TFRecord file is damaged: {error}.",
                str(file),
                "Delete the folder and let TFDS prepare it again.",
            ) from None


@contextmanager
def open_reader(path: Path) -> Iterator[Read]:
    """Give a function that returns a picture's file."""

    def read(locator: tuple[Any, ...]) -> bytes:
        name, offset, size, feature = locator
        with open(path / name, "rb", buffering=0) as file:  # noqa: PTH123 - as image_folder
            value = decode_example(os.pread(file.fileno(), size, offset))[feature][0]
        assert isinstance(value, bytes)
        return value

    yield read


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the prepared files."""
    return sorted(file for file in path.iterdir() if file.is_file())


def open_builder(path: Path) -> tuple[Any, str, str]:
    """Return TFDS's view of the folder and the names of the picture and the class."""
    import tensorflow_datasets

    builder = tensorflow_datasets.builder_from_directory(path)
    features = builder.info.features
    image = next(
        (name for name, feature in features.items() if isinstance(feature, tensorflow_datasets.features.Image)), None
    )
    label = next(
        (name for name, feature in features.items() if isinstance(feature, tensorflow_datasets.features.ClassLabel)),
        None,
    )
    if image is None or label is None:
        raise UserError(
            f"`{builder.name}` is not for image classification: it has {', '.join(features)}.",
            str(path),
            "Choose a data set with one class a picture.",
        )
    if str(builder.info.file_format.value) != "tfrecord":
        raise UserError(
            f"`{builder.name}` is stored as {builder.info.file_format.value}.",
            str(path),
            "Prepare it with file_format='tfrecord'.",
        )
    supervised = builder.info.supervised_keys
    return (
        (builder, *supervised)
        if supervised and len(supervised) == 2 and supervised[1] == label
        else (builder, image, label)
    )
