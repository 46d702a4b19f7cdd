"""CIFAR-10 and CIFAR-100 as published: the binary form, and the python form, of which nothing but arrays is built.

Records of the binary form are 1 (CIFAR-10) or 2 (CIFAR-100: coarse, fine) label bytes and 3 x 1024 bytes red, green,
blue. Format: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data.images.config import ImageDataConfig
from data.sample import ImageSample, Pixels, Read, Split
from pipeline.errors import UserError

if TYPE_CHECKING:
    pass


TASK = "image_classification"
PIXELS = 3 * 32 * 32


class Layout(NamedTuple):
    """One of the four ways that CIFAR comes in: files by split, the file with class names, label bytes a record."""

    files: dict[str, Split]
    names: str
    names_key: str
    label_bytes: int
    python: bool


TEN: dict[str, Split] = {**{f"data_batch_{number}": "train" for number in range(1, 6)}, "test_batch": "test"}
LAYOUTS = (
    Layout({f"{name}.bin": split for name, split in TEN.items()}, "batches.meta.txt", "", 1, False),
    Layout({"train.bin": "train", "test.bin": "test"}, "fine_label_names.txt", "", 2, False),
    Layout(TEN, "batches.meta", "label_names", 0, True),
    Layout({"train": "train", "test": "test"}, "meta", "fine_label_names", 0, True),
)


class Arrays(pickle.Unpickler):
    """An unpickler for numpy arrays in dicts and lists; anything else, such as a function to call, is refused."""

    ALLOWED = (
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return encode_latin1  # how Python 3 pickles bytes in protocol 2
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it wants to build {module}.{name}")
        return super().find_class(module, name)

    def persistent_load(self, pid: object) -> Any:
        raise pickle.UnpicklingError("it refers to something outside the file")


def detect(path: Path) -> bool:
    """Tell whether there is a folder with CIFAR's files."""
    return find_layout(path) is not None


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample]:
    """Yield the pictures in the order of the files.

    Raises:
        UserError: a file is damaged or not what CIFAR publishes.
    """
    folder, layout = located(path)
    names = class_names(folder, layout)
    for file, split in layout.files.items():
        if not (folder / file).is_file():
            continue
        labels, keys = read_labels(folder / file, layout)
        for number, label in enumerate(labels):
            if not 0 <= label < len(names):
                raise UserError(
                    f"Picture {number} is of class {label}; there are {len(names)}.",
                    str(folder / file),
                    "Get the data again.",
                )
            yield ImageSample(
                f"{file}/{keys[number]}" if keys else f"{file}#{number}", names[label], (file, number), split
            )


@contextmanager
def open_reader(path: Path) -> Iterator[Read]:
    """Give a function that returns a picture's pixels, uint8 [32, 32, 3]."""
    folder, layout = located(path)
    arrays: dict[str, Pixels] = {}

    def read(locator: tuple[Any, ...]) -> Pixels:
        file, number = locator
        if file not in arrays:
            arrays[file] = read_pixels(folder / file, layout)
        pixels: Pixels = arrays[file][number].reshape(3, 32, 32).transpose(1, 2, 0).copy()
        return pixels

    yield read


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the files of pictures and the file of class names."""
    folder, layout = located(path)
    return [folder / file for file in [*layout.files, layout.names] if (folder / file).is_file()]


def find_layout(path: Path) -> tuple[Path, Layout] | None:
    """Return the folder with CIFAR's files, `path` or the only folder in it, and which form it is."""
    if not path.is_dir():
        return None
    inside = [item for item in path.iterdir() if item.is_dir() and not item.name.startswith(".")]
    for folder in [path, *(inside if len(inside) == 1 else [])]:
        for layout in LAYOUTS:
            if (folder / layout.names).is_file() and any((folder / file).is_file() for file in layout.files):
                return folder, layout
    return None


def located(path: Path) -> tuple[Path, Layout]:
    found = find_layout(path)
    if found is None:
        wanted = " or ".join(f"{layout.names} and {next(iter(layout.files))}" for layout in LAYOUTS)
        raise UserError("There are no CIFAR files.", str(path), f"Expected {wanted}.")
    return found


def class_names(folder: Path, layout: Layout) -> list[str]:
    """Return the names of the classes in the order of their numbers."""
    if layout.python:
        return [as_text(name) for name in unpickle(folder / layout.names, layout.names_key)[layout.names_key]]
    return [line.strip() for line in (folder / layout.names).read_text("utf-8").splitlines() if line.strip()]


def read_labels(file: Path, layout: Layout) -> tuple[list[int], list[str]]:
    """Return the class numbers of a file's pictures, and their names if the file has them."""
    if not layout.python:
        return read_records(file, layout)[:, layout.label_bytes - 1].tolist(), []
    content = unpickle(file, "data")
    labels = content.get("labels", content.get("fine_labels"))
    if not isinstance(labels, list) or len(labels) != len(content["data"]):
        raise UserError("The labels are missing or do not fit the pictures.", str(file), "Get the data again.")
    return [int(label) for label in labels], [as_text(name) for name in content.get("filenames", [])]


def read_pixels(file: Path, layout: Layout) -> Pixels:
    """Return the pixels of a file, uint8 [n, 3072]."""
    import numpy as np

    if not layout.python:
        return read_records(file, layout)[:, layout.label_bytes :]
    pixels = unpickle(file, "data")["data"]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        raise UserError("These are not 32 x 32 pictures in colour.", str(file), "Get the data again.")
    return pixels


def read_records(file: Path, layout: Layout) -> Pixels:
    """Map a binary file as uint8 [n, label bytes + 3072]."""
    import numpy as np

    size = layout.label_bytes + PIXELS
    if file.stat().st_size == 0 or file.stat().st_size % size:
        raise UserError(
            f"The file's size is no multiple of {size}: it was cut short.", str(file), "Get the data again."
        )
    return np.memmap(file, np.uint8, "r").reshape(-1, size)


def unpickle(file: Path, key: str) -> dict[str, Any]:
    """Return the dict of a python-form file, its keys as text.

    Raises:
        UserError: it is damaged, would build anything but arrays, or lacks `key`.
    """
    try:
        content = Arrays(io.BytesIO(file.read_bytes()), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UserError(
            f"This file is not read: {error}.", str(file), "Use the data from the CIFAR page, or their binary form."
        ) from None
    if not isinstance(content, dict) or key not in {as_text(name) for name in content}:
        raise UserError(
            f"There is no `{key}` in it.", str(file), "Use the data from the CIFAR page, or their binary form."
        )
    return {as_text(name): value for name, value in content.items()}


def encode_latin1(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1")


def as_text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
