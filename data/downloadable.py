"""What can be fetched by name: its files with addresses and checksums, and how it is unpacked."""

from __future__ import annotations

from pydantic import Field

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
