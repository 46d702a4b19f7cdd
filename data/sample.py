"""What a format says about an image before anyone looks at its pixels, and what a look can find wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Pixels: TypeAlias = "NDArray[np.uint8]"  # [height, width], or [height, width, 3]
Content: TypeAlias = "bytes | Pixels"  # of an image: its file's bytes, or its pixels where it has no file of its own
Read: TypeAlias = "Callable[[tuple[Any, ...]], Content]"  # from an image's locator to its content
ReadFile: TypeAlias = "Callable[[tuple[Any, ...]], bytes]"  # where every image has a file

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


EXTENSIONS: dict[str, str] = {
    "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP",
    "dib": "BMP", "webp": "WebP", "tif": "TIFF", "tiff": "TIFF", "avif": "AVIF", "heic": "HEIC", "heif": "HEIC",
    "hif": "HEIC", "jp2": "JPEG 2000", "j2k": "JPEG 2000", "jpx": "JPEG 2000", "tga": "TGA", "ppm": "PNM", "pgm": "PNM",
    "pbm": "PNM", "pnm": "PNM", "ico": "ICO",
}  # fmt: skip
UNSUPPORTED = frozenset(
    [
        "jxl",
        "svg",
        "psd",
        "xcf",
        "raw",
        "dng",
        "cr2",
        "cr3",
        "nef",
        "arw",
        "orf",
        "rw2",
        "dcm",
        "exr",
        "hdr",
        "pdf",
        "eps",
        "wmf",
        "emf",
        "nii",
        "czi",
        "svs",
        "ndpi",
    ]
)


class ImageSample(NamedTuple):
    """One image of the user's data.

    Attributes:
        key: its name for people: the path relative to the data, for archives the member's name.
        label: its class.
        locator: how the format's reader finds it again; small JSON values.
        split: the split that the data put it in; None if the data has no splits.
    """

    key: str
    label: str
    locator: tuple[Any, ...]
    split: Split | None = None


@dataclass(frozen=True)
class Problem:
    """Something that a format, or a look at the pixels, found wrong.

    Attributes:
        name: its kind, one of `data.findings.KINDS`.
        file: the image or folder it concerns.
        detail: what exactly.
        split: where it stood, if anywhere.
        label: its class, if known.
    """

    name: str
    file: str
    detail: str = ""
    split: str = ""
    label: str = ""


class BadImage(Exception):
    """An image that cannot be used; `args` are the kind of finding and a detail."""
