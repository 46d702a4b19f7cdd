"""Files of a folder or zip with those of the zips in it, where zips stand in the place of folders.

    photos/cats.zip, photos/dogs.zip      a zip for each class, or for each split
    photos.zip: train.zip, test.zip       zips in a zip, as Kaggle packs them

A zip in a zip is copied out, once, into the folder of labline's own data sets: its files are read from there. The
user's folders are never written to.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.downloadable import data_folder, short_hash
from data.file_tree import (
    Entry,
    extension_of,
    is_visible,
    list_folder,
    list_zip,
    open_archive,
    parts_of,
    printable,
)
from data.sample import EXTENSIONS, Problem
from data.unpack import MAX_EXTRA, MAX_RATIO
from pipeline.disk import locked
from pipeline.errors import UserError, explain_os_error

DEEPEST = 3  # zips in each other; what is deeper is a mistake or an attack


def list_tree(path: Path) -> Iterator[Entry | Problem]:
    """Yield the files of a folder or zip, those of zips in it with the zip's name as a folder.

    Raises:
        UserError: a zip is damaged.
    """
    if path.is_dir():
        yield from list_folder(path, lambda archive, parts: list_archive(archive, parts, ("/".join(parts),), 1))
    else:
        yield from list_archive(path, (), (path.name,), 1)  # the zip may be renamed


def list_archive(
    archive: Path, parts: tuple[str, ...], place: tuple[Any, ...], depth: int
) -> Iterator[Entry | Problem]:
    """Yield the files of a zip, with those of the zips in it.

    Args:
        parts: what the paths of its files begin with.
        place: what their locators begin with: how a reader finds the zip.
        depth: 1 for a zip in a folder, 2 for a zip in that, and so on.
    """
    members = open_archive(archive)
    inside = zips_instead_of_folders(members)
    names = {parts_of(member) for member in inside}
    rest = [member for member in members if parts_of(member) not in names] if names else members
    for item in list_zip(rest, place):
        if isinstance(item, Problem):
            yield Problem(item.name, "/".join([*map(printable, parts), item.file]), item.detail) if parts else item
        else:
            yield Entry(parts + item.parts, item.locator)
    for member in inside:
        inner = parts + parts_of(member)
        key = printable("/".join(inner))
        if member.flag_bits & 1:
            yield Problem("unreadable_file", key, "it is encrypted")
        elif depth >= DEEPEST:
            yield Problem("unreadable_file", key, f"more than {DEEPEST} zips lie in each other")
        else:
            copy = copy_out(archive, member, key)
            yield from list_archive(copy, inner, (str(copy),), depth + 1)


def zips_instead_of_folders(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the zips in a zip that lie beside neither folders nor images."""
    zips = [member for member in members if extension_of(member.filename) == "zip" and is_visible(parts_of(member))]
    if not zips:
        return []
    others = set()
    for member in members:
        parts = parts_of(member)
        if is_visible(parts):
            others |= {parts[:depth] for depth in range(len(parts) - 1)}  # they have folders
            if extension_of(parts[-1]) in EXTENSIONS:
                others.add(parts[:-1])
    return [member for member in zips if parts_of(member)[:-1] not in others]


def copy_out(archive: Path, member: zipfile.ZipInfo, key: str) -> Path:
    """Return a copy of a zip that lies in a zip, made the first time it is asked for.

    Raises:
        UserError: it is damaged, or larger than can be believed.
    """
    status = archive.stat()
    if member.file_size > status.st_size * MAX_RATIO + MAX_EXTRA:
        what = f"This zip is not safe to unpack: `{key}` in it has {member.file_size:,} bytes."
        raise UserError(what, str(archive), "Do not use it; get the data from another place.")
    found = f"{archive.resolve()} {status.st_size} {status.st_mtime_ns} {member.header_offset}"
    identity = short_hash(printable(found))
    target = data_folder() / "unpacked" / f"{identity}.zip"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.with_name(f".{target.name}.lock")):
            if not target.exists():
                part = target.with_name(f".{target.name}.part")
                with zipfile.ZipFile(archive) as outer, outer.open(member) as source, part.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                part.rename(target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        what = f"The zip `{key}` in this zip is damaged: {error}."
        raise UserError(what, str(archive), "Copy or download it again.") from None
    except OSError as error:
        raise explain_os_error(error, target) from error
    return target
