"""What a format says about an image before anyone looks at its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip


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
