"""Archives unpacked without trust: nothing outside the folder, no links, no devices, no bombs."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pipeline.disk import locked
from pipeline.errors import UserError, explain_os_error
from pipeline.progress import Progress

MAX_RATIO = 100  # images hardly compress; a text table compresses ten times
MAX_EXTRA = 64 << 20  # bytes that any archive may unpack to
MAX_FILES = 20_000_000
CHUNK = 1 << 20


class Member(NamedTuple):
    """A file in an archive: name, its bytes to read, and whether it is a link."""

    name: str
    content: IO[bytes] | None
    link: bool = False


def unpack(archive: Path, folder: Path, progress: Progress) -> None:
    """Write the files of a zip or tar (plain, gz, bz2, xz) below a folder.

    Raises:
        UserError: the archive is damaged, would write outside the folder, has a device, or grows beyond belief.
    """
    limit = archive.stat().st_size * MAX_RATIO + MAX_EXTRA
    written = files = links = 0
    with progress.job(f"unpacking {archive.name}") as job:
        try:
            for member in members(archive):
                target = safe_target(member.name, folder, archive)
                if member.link:
                    links += 1
                    continue
                files += 1
                written = copy(member, target, written, limit, archive)
                if files > MAX_FILES:
                    raise refuse(archive, f"it has more than {MAX_FILES:,} files")
                job()
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
            raise UserError(f"This archive is damaged: {error}.", str(archive), "Download it again.") from None
    if links:
        progress.say(f"{archive.name}: {links:,} links in it were left out")


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar, by its name; zip files are read where they are."""
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"))


def members(archive: Path) -> Iterator[Member]:
    """Yield the files of an archive, one after the other."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            for info in pack.infolist():
                if info.is_dir():
                    continue
                if stat.S_ISLNK(info.external_attr >> 16):
                    yield Member(info.filename, None, link=True)
                    continue
                with pack.open(info) as content:
                    yield Member(info.filename, content)
        return
    with tarfile.open(archive, "r:*") as pack:
        for item in pack:
            if item.isdir():
                continue
            if item.issym() or item.islnk():
                yield Member(item.name, None, link=True)
            elif item.isfile():
                yield Member(item.name, pack.extractfile(item))
            else:
                raise refuse(archive, f"`{item.name}` is a device or pipe")


def safe_target(name: str, folder: Path, archive: Path) -> Path:
    """Return where a member goes; refuse names that lead out of the folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0] or "\0" in name:
        raise refuse(archive, f"`{name}` would be written outside its folder")
    return folder.joinpath(*path.parts)


def copy(member: Member, target: Path, written: int, limit: int, archive: Path) -> int:
    """Write one file; return how many bytes have been written in all."""
    assert member.content is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        while chunk := member.content.read(CHUNK):
            written += len(chunk)
            if written > limit:
                file.close()
                target.unlink()
                raise refuse(archive, f"it unpacks to more than {limit:,} bytes")
            file.write(chunk)
    return written


def refuse(archive: Path, reason: str) -> UserError:
    return UserError(
        f"This archive is not safe to unpack: {reason}.",
        str(archive),
        "Do not use it; get the data from another place.",
    )


def unpack_once(archive: Path, folder: Path, progress: Progress) -> Path:
    """Return the folder with an archive's content, unpacking it the first time; two processes at once unpack it once.

    Args:
        archive: the user's file; it is not changed.
        folder: for this archive alone.
    """
    if folder.exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        wait = "waiting for another labline that is unpacking the same archive"
        with locked(folder.with_name(f".{folder.name}.lock"), lambda _: progress.say(wait)):
            if not folder.exists():
                part = folder.with_name(f".{folder.name}.part")
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                unpack(archive, part, progress)
                part.rename(folder)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return folder
