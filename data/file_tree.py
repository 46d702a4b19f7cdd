"""Files below a folder or in a zip: listed in order, and read by small locators that any worker can use.

What systems and programs put beside the user's files (Synology's @eaDir, Windows' Thumbs.db, Mac's __MACOSX, Jupyter's
checkpoints) is never listed.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from data.sample import EXTENSIONS, BadImage, Problem, ReadFile
from pipeline.errors import UserError, explain_os_error

HIDDEN = frozenset(
    [
        "__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb", "@tmp",
        "$recycle.bin", "recycler", "system volume information", "lost+found",
        "found.000", "network trash folder", "temporary items", "thumbs.db", "ehthumbs.db",
        "ehthumbs_vista.db", "desktop.ini", "__pycache__", "picasa.ini",
    ]
)  # fmt: skip
"""Names, in small letters, of what systems and programs put beside the user's files."""
MAX_FILE_BYTES = 1 << 28  # no image of 64 megapixels is larger; what a zip claims beyond is a bomb


class Entry(NamedTuple):
    """A file in a folder or zip: its path below it and how to read it."""

    parts: tuple[str, ...]
    locator: tuple[Any, ...]


ListArchive: TypeAlias = "Callable[[Path, tuple[str, ...]], Iterator[Entry | Problem]]"


@contextmanager
def open_reader(path: Path, most: int = MAX_FILE_BYTES) -> Iterator[ReadFile]:
    """Give a function that reads an image's file; zip files are opened once.

    Args:
        most: bytes that a file may have.
    """
    folder = os.fspath(path) if path.is_dir() else os.fspath(path.parent)
    archives: dict[str, int] = {}

    def read(locator: tuple[Any, ...]) -> bytes:
        if len(locator) == 1:
            return read_image(f"{folder}/{locator[0]}", most)
        archive = locator[0]
        if archive not in archives:
            archives[archive] = os.open(os.path.join(folder, archive), os.O_RDONLY)  # noqa: PTH118 - may be absolute
        offset, packed_size, size, method, crc = locator[1:]
        return read_member(archives[archive], offset, packed_size, size, method, crc, most)

    try:
        yield read
    finally:
        for handle in archives.values():
            os.close(handle)


def read_image(path: str, most: int = MAX_FILE_BYTES) -> bytes:
    """Return an image file's bytes.

    Raises:
        BadImage: it is larger than any image.
    """
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - Path.open costs as much again
        if os.fstat(file.fileno()).st_size > most:
            raise BadImage("too_large_file", f"more than {most >> 20:,} MiB")
        return file.read()


def parts_of(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the folders and the name of a member; old programs for Windows put backslashes between them."""
    name = member.filename
    return tuple((name if "/" in name else name.replace("\\", "/")).split("/"))


def is_visible(parts: tuple[str, ...]) -> bool:
    """Tell whether a file and all folders around it are the user's."""
    return not any(is_hidden(part) for part in parts)


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is hidden, or one that a system or program put there."""
    return name.startswith(".") or name.lower() in HIDDEN


def extension_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def stem_of(name: str) -> str:
    """Return a file's name without folders and its last ending, as `PurePath.stem` does in ten times the time."""
    name = name.rpartition("/")[2]
    dot = name.rfind(".")
    return name[:dot] if 0 < dot < len(name) - 1 else name


def printable(name: str) -> str:
    """Return a name that can be written as UTF-8, whatever bytes the disk had for it; different ones stay different."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def list_files(path: Path) -> list[Path]:
    """Return every file below a folder that `list_folder` yields."""
    return sorted(path.joinpath(*entry.parts) for entry in list_folder(path) if isinstance(entry, Entry))


def list_folder(path: Path, unpack: ListArchive | None = None) -> Iterator[Entry | Problem]:
    """Yield the files below a folder, by name; links are followed, but never round in circles.

    Args:
        unpack: yields the files of the zip at a path, with parts that begin with those given. It is asked for zips that
            stand where folders of images would, beside neither folders nor images; without it zips are files.
    """

    def walk(parts: tuple[str, ...], above: frozenset[tuple[int, int]]) -> Iterator[Entry | Problem]:
        folder = path.joinpath(*parts)
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Problem("unreadable_directory", printable("/".join(parts)), error.strerror or str(error))
            return
        here = (status.st_dev, status.st_ino)
        if here in above:
            yield Problem("unreadable_directory", printable("/".join(parts)), "a link to a folder around it")
            return
        entries = [entry for entry in entries if not is_hidden(entry.name)]
        instead = unpack is not None and zips_instead_of_folders(entries)
        for entry in entries:
            inner = (*parts, entry.name)
            try:
                if entry.is_dir():
                    yield from walk(inner, above | {here})
                elif instead and unpack and entry.is_file() and extension_of(entry.name) == "zip":
                    yield from unpack(folder / entry.name, inner)
                elif entry.is_file():
                    yield Entry(inner, ("/".join(inner),))
                else:  # opening a pipe would wait for ever
                    link = entry.is_symlink()
                    why = "a link to a pipe, socket or device, or to nothing" if link else "a pipe, socket or device"
                    yield Problem("unreadable_file", printable("/".join(inner)), why)
            except OSError as error:  # a link to itself
                yield Problem("unreadable_file", printable("/".join(inner)), error.strerror or str(error))

    yield from walk((), frozenset())


def zips_instead_of_folders(entries: list[os.DirEntry[str]]) -> bool:
    """Tell whether a folder's zips stand where folders of images would; beside folders they are what these were."""
    kinds = {extension_of(entry.name) for entry in entries}
    if "zip" not in kinds or kinds & EXTENSIONS.keys():
        return False
    try:
        return not any(entry.is_dir() for entry in entries)
    except OSError:
        return False


def open_archive(path: Path) -> list[zipfile.ZipInfo]:
    """Return the members of a zip file, by name.

    Raises:
        UserError: it is damaged or no zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [with_readable_name(member) for member in archive.infolist() if not member.is_dir()]
            return sorted(members, key=lambda member: member.filename)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"This zip file is damaged: {error}.", str(path), "Copy or download it again.") from None
    except OSError as error:
        raise explain_os_error(error, path) from None


def with_readable_name(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a member whose name is read as UTF-8 where it is that; Macs write such names without saying so."""
    if not member.flag_bits & 0x800 and not member.filename.isascii():
        with suppress(UnicodeError):
            member.filename = member.filename.encode("cp437").decode("utf-8")
    return member


def list_zip(members: list[zipfile.ZipInfo], prefix: tuple[str, ...]) -> Iterator[Entry | Problem]:
    """Yield the files of a zip; what cannot be read safely is a problem."""
    unsure = next((member.filename for member in members if not is_sure_of_name(member)), "")
    if unsure:
        yield Problem("garbled_names", printable(unsure))
    for member in members:
        parts = parts_of(member)
        if not is_visible(parts):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            yield Problem("unknown_file", printable(member.filename), "a link")
        elif member.flag_bits & 1:
            yield Problem("unreadable_file", printable(member.filename), "it is encrypted")
        elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            yield Problem(
                "unreadable_file", printable(member.filename), "its compression is neither `stored` nor `deflate`"
            )
        else:
            yield Entry(
                parts,
                (
                    *prefix,
                    member.header_offset,
                    member.compress_size,
                    member.file_size,
                    member.compress_type,
                    member.CRC,
                ),
            )


def is_sure_of_name(member: zipfile.ZipInfo) -> bool:
    """Tell whether it is known in which letters a name was written; each code page of Windows has others."""
    return bool(member.flag_bits & 0x800) or member.filename.isascii() or member.filename != member.orig_filename


def read_member(
    archive: int, offset: int, packed_size: int, size: int, method: int, crc: int, most: int = MAX_FILE_BYTES
) -> bytes:
    """Read a member of an open zip file; the standard library's reader takes five times as long for small files."""
    if size > most or packed_size > most:
        raise BadImage("too_large_file", f"{size:,} bytes")
    head = os.pread(archive, 30 + packed_size + 512, offset)
    if head[:4] != b"PK\x03\x04" or len(head) < 30:
        raise BadImage("corrupt_file", "the zip has no file where its index says")
    start = 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    data = head[start : start + packed_size]
    if len(data) < packed_size:  # a long name or extra field
        data = os.pread(archive, packed_size, offset + start)
    if method == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-15).decompress(data, size + 1)
        except zlib.error as error:
            raise BadImage("corrupt_file", f"damaged in the zip: {error}") from None
    if len(data) != size or zlib.crc32(data) != crc:
        raise BadImage("corrupt_file", "damaged in the zip: wrong size or checksum")
    return data
