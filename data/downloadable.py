"""What can be fetched by name: its files with addresses and checksums, and how it is unpacked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from pydantic import Field

from pipeline.errors import UserError
from pipeline.settings import Settings


class CatalogFile(Settings):
    """A file to download."""

    name: str = Field(description="what it is called here")
    urls: tuple[str, ...] = Field(description="addresses, the preferred one first")
    sha256: str | None = Field(None, description="checksum; null: none is published, the first download pins it")
    size: int | None = Field(None, description="bytes")
    unpack: bool = Field(False, description="zip or tar to be unpacked")


class Downloadable(Settings):
    """Something with a name that can be fetched."""

    name: str
    title: str
    description: str = ""
    licence: str
    homepage: str
    citation: str = ""
    checksum_source: str = Field("", description="where the checksums are from")
    files: tuple[CatalogFile, ...] = ()
    unpack_inside: tuple[str, ...] = Field((), description="archives inside the archive")
    root: str = Field("", description="folder inside, where the data begin")
    generated: str = Field(
        "", description="module of `data` whose `write_<name>(folder)` makes it on this machine, without a download"
    )
    manual: str = Field("", description="how to get it by hand, where it cannot be downloaded")


class NotDownloaded(UserError):
    """No address gave the file.

    Args:
        what, where: as every error's.
        advice: how it could still be had.
        instead: what names a file that was had elsewhere; it depends on what the file was wanted for.
    """

    def __init__(self, what: str, where: str, advice: str, instead: str = "set `data.path` to it") -> None:
        super().__init__(what, where, f"{advice} and {instead}.")
        self.advice = advice

    def with_other_way(self, instead: str) -> NotDownloaded:
        """Return the same error for a file that is no data set."""
        return NotDownloaded(self.what, self.where, self.advice, instead)


def data_folder() -> Path:
    """Return where data sets are kept: LABLINE_DATA_DIR, or a folder in the user's cache."""
    return Path(os.environ.get("LABLINE_DATA_DIR") or "~/.cache/labline/data").expanduser()


def short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
