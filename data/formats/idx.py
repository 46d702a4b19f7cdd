"""The IDX files of MNIST and its kin: `*-images-idx3-ubyte` with `*-labels-idx1-ubyte`, gzipped or not.

`train-*` is for training, `t10k-*` and `test-*` for test. Format: http://yann.lecun.com/exdb/mnist, at the end of the
page.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data.images.config import ImageDataConfig
from data.sample import ImageSample, Pixels, Read, Split
from pipeline.errors import UserError, explain_os_error

if TYPE_CHECKING:
    pass


TASK = "image_classification"
IMAGES = re.compile(r"images?[-.]idx[34]-ubyte(\.gz)?$")
SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "t10k": "test",
    "test": "test",
    "valid": "validation",
    "val": "validation",
}


class Pair(NamedTuple):
    """A file of pictures and the file of their classes."""

    images: Path
    labels: Path
    split: Split | None


def detect(path: Path) -> bool:
    """Tell whether there is an IDX file of pictures."""
    return bool(image_files(path))


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample]:
    """Yield the pictures in the order of the files.

    Raises:
        UserError: a file is damaged, its labels are missing or do not fit, or `class_names` are too few.
    """
    for pair in pairs(path):
        labels = read_array(pair.labels)
        images = image_count(pair.images)
        if labels.ndim != 1 or len(labels) != images:
            raise UserError(
                f"{images:,} pictures but {len(labels):,} labels.",
                f"{pair.images} and {pair.labels.name}",
                "Get both files again.",
            )
        names = config.class_names or tuple(str(number) for number in range(256))
        if len(labels) and int(labels.max()) >= len(names):
            raise UserError(
                f"Class {labels.max()} has no name.",
                "data.class_names",
                f"Give {labels.max() + 1} names, not {len(names)}.",
            )
        for number, label in enumerate(labels.tolist()):
            yield ImageSample(f"{pair.images.name}#{number}", names[label], (pair.images.name, number), pair.split)


@contextmanager
def open_reader(path: Path) -> Iterator[Read]:
    """Give a function that returns a picture's pixels.

    A gzipped file is held in memory (MNIST 47 MB), others are mapped.
    """
    folder = path if path.is_dir() else path.parent
    arrays: dict[str, Pixels] = {}

    def read(locator: tuple[Any, ...]) -> Pixels:
        name, number = locator
        if name not in arrays:
            arrays[name] = read_array(folder / name)
        pixels: Pixels = arrays[name][number]
        return pixels

    yield read


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the files of pictures and of classes."""
    return [file for pair in pairs(path) for file in (pair.images, pair.labels)]


def image_files(path: Path) -> list[Path]:
    """List the IDX files of pictures; of a file that is there both gzipped and plain, the plain one."""
    if not path.is_dir():
        return [path] if IMAGES.search(path.name) else []
    found = sorted(file for file in path.iterdir() if IMAGES.search(file.name) and file.is_file())
    plain = {file.name for file in found}
    return [file for file in found if file.suffix != ".gz" or file.name[:-3] not in plain]


def pairs(path: Path) -> list[Pair]:
    """Return the files of pictures with their labels."""
    result = []
    for images in image_files(path):
        name = re.sub(r"idx[34]", "idx1", images.name.replace("images", "labels").replace("image", "label"))
        stem = name.removesuffix(".gz")
        labels = next(
            (images.with_name(item) for item in (name, stem, f"{stem}.gz") if images.with_name(item).is_file()), None
        )
        if labels is None:
            raise UserError(
                "The labels of these pictures are missing.", str(images), f"Put {stem} or {stem}.gz beside it."
            )
        split = next(
            (split for word, split in SPLIT_NAMES.items() if re.search(rf"(^|[-_.]){word}", images.name)), None
        )
        result.append(Pair(images, labels, split))
    return result


def image_count(path: Path) -> int:
    """Return the number of pictures that a file's head states."""
    return read_head(read_bytes(path, 16), path)[0]


def read_array(path: Path) -> Pixels:
    """Return a file's values as uint8: [n], [n, height, width] or [n, height, width, 3]."""
    import numpy as np

    shape = read_head(read_bytes(path, 20), path)
    offset, count = 4 + 4 * len(shape), int(np.prod(shape))
    if path.suffix == ".gz":
        values = np.frombuffer(read_bytes(path, offset + count), np.uint8, offset=offset)
    else:
        values = np.memmap(path, np.uint8, "r", offset) if path.stat().st_size > offset else np.zeros(0, np.uint8)
    if len(values) < count:
        raise UserError(f"The file ends early: {len(values):,} of {count:,} values.", str(path), "Get it again.")
    return values[:count].reshape(shape)


def read_bytes(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, unpacked; never more than asked for."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(size)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"The file is damaged: {error}.", str(path), "Get it again.") from None
    except OSError as error:
        raise explain_os_error(error, path) from None


def read_head(head: bytes, path: Path) -> tuple[int, ...]:
    """Return the shape that an IDX file states; only unsigned bytes are pictures."""
    if len(head) < 8 or head[:3] != b"\0\0\x08" or head[3] not in (1, 3, 4) or len(head) < 4 + 4 * min(head[3], 3):
        raise UserError(
            "This is no IDX file of bytes.",
            str(path),
            f"It starts with {head[:4].hex() or 'nothing'}; expected 00000801, 00000803 or 00000804.",
        )
    shape = tuple(int.from_bytes(head[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(head[3]))
    if head[3] == 4 and shape[3:] not in ((1,), (3,), (0,)):
        raise UserError(f"Pictures with {shape[3]} channels.", str(path), "IDX pictures have 1 or 3 channels.")
    return shape
