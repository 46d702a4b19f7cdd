"""Folders or zip files of pictures: `<class>/<name>`, nested deeper at will, optionally below train/validation/test folders.

    photos/cats/1.jpg                 classes
    photos/train/cats/1.jpg           given splits; also train.zip and test.zip side by side
    photos.zip: photos/cats/1.jpg     one folder around everything is looked through

Hidden files are skipped silently; other files that are no pictures are reported and ignored.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data.picture import EXTENSIONS, UNSUPPORTED, BadPicture
from data.sample import SPLIT_FOLDERS, ImageSample, Problem, Split
from pipeline.errors import UserError, explain_os_error

if TYPE_CHECKING:
    from data.formats import Read
    from data.image_data import ImageDataConfig

TASK = "image_classification"
MAX_FILE_BYTES = 1 << 28  # no picture of 64 megapixels is larger; what a zip claims beyond is a bomb


class Layout(NamedTuple):
    """Where the classes are: how many folders stand around them, and the split folders, if any."""

    depth: int
    splits: dict[str, Split]


class Entry(NamedTuple):
    """A file in a folder or zip: its path below it and how to read it."""

    parts: tuple[str, ...]
    locator: tuple[Any, ...]


def detect(path: Path) -> bool:
    """Tell whether there is a folder or zip with folders in it, or split zips."""
    if path.is_dir():
        return bool(split_archives(path)) or any(entry.is_dir() for entry in os.scandir(path))
    return path.suffix.lower() == ".zip"  # a damaged one is told of when it is opened


def list_samples(path: Path, config: ImageDataConfig) -> Iterator[ImageSample | Problem]:
    """Yield the pictures in the order of their paths; the folder below the data, or below its split, is the class."""
    if archives := split_archives(path):
        for name, split in archives.items():
            members = open_archive(path / name)
            layout = find_layout(lambda prefix, members=members: children_in_zip(members, prefix))  # type: ignore[misc]
            yield from label_files(list_zip(members, (name,)), Layout(layout.depth, {}), (name,), split)
    elif path.is_dir():
        yield from label_files(
            list_folder(path), find_layout(lambda prefix: children_in_folder(path, prefix)), (), None
        )
    else:
        members = open_archive(path)
        layout = find_layout(lambda prefix: children_in_zip(members, prefix))
        yield from label_files(list_zip(members, (path.name,)), layout, (), None)  # the zip may be renamed


@contextmanager
def open_reader(path: Path) -> Iterator[Read]:
    """Give a function that reads a picture's file; zip files are opened once."""
    folder = os.fspath(path) if path.is_dir() else os.fspath(path.parent)
    archives: dict[str, int] = {}

    def read(locator: tuple[Any, ...]) -> bytes:
        if len(locator) == 1:
            with open(f"{folder}/{locator[0]}", "rb", buffering=0) as file:  # noqa: PTH123 - Path.open costs as much again
                if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                    raise BadPicture("too_large_file", "more than 256 MiB")
                return file.read()
        archive = locator[0]
        if archive not in archives:
            archives[archive] = os.open(f"{folder}/{archive}", os.O_RDONLY)
        return read_member(archives[archive], *locator[1:])

    try:
        yield read
    finally:
        for handle in archives.values():
            os.close(handle)


def sources(path: Path, config: ImageDataConfig) -> list[Path]:
    """List the zip file or files, or every file below the folder."""
    if path.is_file():
        return [path]
    if archives := split_archives(path):
        return [path / name for name in archives]
    files = (Path(folder) / name for folder, _, names in os.walk(path, followlinks=True) for name in names)
    return sorted(file for file in files if file.is_file())


def split_archives(path: Path) -> dict[str, Split]:
    """Return the zip files named as splits in a folder that has no folders, such as train.zip and test.zip."""
    if not path.is_dir():
        return {}
    entries = [entry for entry in os.scandir(path) if not entry.name.startswith(".")]
    if any(entry.is_dir() for entry in entries):
        return {}
    found = {
        entry.name: SPLIT_FOLDERS.get(entry.name[:-4].lower())
        for entry in entries
        if entry.name.lower().endswith(".zip")
    }
    named = {name: split for name, split in sorted(found.items()) if split}
    return named if len(named) > 1 else {}


def find_layout(children: Callable[[tuple[str, ...]], tuple[list[str], bool]]) -> Layout:
    """Look through single folders around everything and find out whether the first folders are splits.

    Args:
        children: gives the names of the folders in a folder, and whether there are pictures in it.
    """
    prefix: tuple[str, ...] = ()
    folders, pictures = children(prefix)
    while len(folders) == 1 and not pictures:
        inner, inner_pictures = children((*prefix, folders[0]))
        if not inner:
            break
        prefix, folders, pictures = (*prefix, folders[0]), inner, inner_pictures
    splits = {name: SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in SPLIT_FOLDERS}
    given = set(splits.values())
    whole = len(given) > 1 and (len(splits) == len(folders) or "train" in given)
    return Layout(len(prefix), splits if whole else {})


def children_in_folder(path: Path, prefix: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return the visible folders in a folder and whether it holds pictures."""
    try:
        entries = [entry for entry in os.scandir(path.joinpath(*prefix)) if not entry.name.startswith(".")]
    except OSError as error:
        raise explain_os_error(error, path) from None
    return sorted(entry.name for entry in entries if entry.is_dir()), any(
        extension_of(entry.name) in EXTENSIONS for entry in entries
    )


def children_in_zip(members: list[zipfile.ZipInfo], prefix: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return the visible folders in a folder of a zip and whether it holds pictures."""
    depth, folders, pictures = len(prefix), set(), False
    for member in members:
        parts = parts_of(member)
        if parts[:depth] == prefix and is_visible(parts):
            if len(parts) > depth + 1:
                folders.add(parts[depth])
            elif extension_of(parts[-1]) in EXTENSIONS:
                pictures = True
    return sorted(folders), pictures


def parts_of(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """Return the folders and the name of a member; old programs for Windows put backslashes between them."""
    name = member.filename
    return tuple((name if "/" in name else name.replace("\\", "/")).split("/"))


def is_visible(parts: tuple[str, ...]) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def extension_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


def label_files(
    entries: Iterator[Entry | Problem], layout: Layout, prefix: tuple[str, ...], split: Split | None
) -> Iterator[ImageSample | Problem]:
    """Yield a sample or a problem for each file; its folders give class and split.

    Args:
        entries: the files and the problems met in listing them.
        layout: where the classes are.
        prefix: what to put before the files' names.
        split: the split of all of them, if it is known.
    """
    class_depth = layout.depth + (1 if layout.splits else 0)
    for entry in entries:
        if isinstance(entry, Problem):
            yield entry
            continue
        key = printable("/".join(prefix + entry.parts))
        if layout.splits and len(entry.parts) > class_depth and entry.parts[layout.depth] not in layout.splits:
            yield Problem("beside_splits", key)
            continue
        own_split = layout.splits.get(entry.parts[layout.depth], split) if len(entry.parts) > layout.depth else split
        label = printable(entry.parts[class_depth]) if len(entry.parts) > class_depth + 1 else ""
        extension = extension_of(key.rpartition("/")[2])
        if not label:
            yield Problem("stray_file", key)
        elif extension in UNSUPPORTED:
            yield Problem("unsupported_format", key, f"save .{extension} files as PNG or JPEG", own_split or "", label)
        elif extension and extension not in EXTENSIONS:
            yield Problem("unknown_file", key, "", own_split or "", label)
        else:
            yield ImageSample(key, label, entry.locator, own_split)


def printable(name: str) -> str:
    """Return a name that can be written as UTF-8, whatever bytes the disk had for it."""
    return name if name.isascii() else name.encode("utf-8", "replace").decode("utf-8")


def list_folder(path: Path) -> Iterator[Entry | Problem]:
    """Yield the files below a folder, by name; links are followed, but never round in circles."""

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
        for entry in entries:
            if entry.name.startswith("."):
                continue
            inner = (*parts, entry.name)
            try:
                if entry.is_dir():
                    yield from walk(inner, above | {here})
                elif entry.is_file():
                    yield Entry(inner, ("/".join(inner),))
                else:  # opening a pipe would wait for ever
                    link = entry.is_symlink()
                    why = "a link to a pipe, socket or device, or to nothing" if link else "a pipe, socket or device"
                    yield Problem("unreadable_file", printable("/".join(inner)), why)
            except OSError as error:  # a link to itself
                yield Problem("unreadable_file", printable("/".join(inner)), error.strerror or str(error))

    yield from walk((), frozenset())


def open_archive(path: Path) -> list[zipfile.ZipInfo]:
    """Return the members of a zip file, by name.

    Raises:
        UserError: it is damaged or no zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(
                (member for member in archive.infolist() if not member.is_dir()), key=lambda member: member.filename
            )
    except (zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"This zip file is damaged: {error}.", str(path), "Copy or download it again.") from None
    except OSError as error:
        raise explain_os_error(error, path) from None


def list_zip(members: list[zipfile.ZipInfo], prefix: tuple[str, ...]) -> Iterator[Entry | Problem]:
    """Yield the files of a zip; what cannot be read safely is a problem."""
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


def read_member(archive: int, offset: int, packed_size: int, size: int, method: int, crc: int) -> bytes:
    """Read a member of an open zip file; the standard library's reader takes five times as long for small files."""
    if size > MAX_FILE_BYTES or packed_size > MAX_FILE_BYTES:
        raise BadPicture("too_large_file", f"{size:,} bytes")
    head = os.pread(archive, 30 + packed_size + 512, offset)
    if head[:4] != b"PK\x03\x04" or len(head) < 30:
        raise BadPicture("corrupt_file", "the zip has no file where its index says")
    start = 30 + int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    data = head[start : start + packed_size]
    if len(data) < packed_size:  # a long name or extra field
        data = os.pread(archive, packed_size, offset + start)
    if method == zipfile.ZIP_DEFLATED:
        try:
            data = zlib.decompressobj(-15).decompress(data, size + 1)
        except zlib.error as error:
            raise BadPicture("corrupt_file", f"damaged in the zip: {error}") from None
    if len(data) != size or zlib.crc32(data) != crc:
        raise BadPicture("corrupt_file", "damaged in the zip: wrong size or checksum")
    return data
