"""Archives unpacked without trust: nothing outside the folder, no links, no devices, no bombs."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from pipeline.disk import locked
from pipeline.errors import UserError, explain_os_error
from pipeline.progress import Job, Progress

MAX_RATIO = 100  # images hardly compress; a text table compresses ten times
MAX_EXTRA = 64 << 20  # bytes that any archive may unpack to
MAX_FILES = 20_000_000


def unpack(archive: Path, folder: Path, progress: Progress) -> None:
    """Write the files of a zip or tar (plain, gz, bz2, xz) below a folder.

    Raises:
        UserError: the archive is damaged, would write outside the folder, has a device, or grows beyond belief.
    """
    if not hasattr(tarfile, "data_filter"):
        raise UserError(
            "This Python cannot unpack archives safely.", str(archive), "Use Python 3.10.12, 3.11.4 or a later one."
        )
    with progress.job(f"unpacking {archive.name}") as job:
        members = Members(archive, job)
        try:
            (unpack_zip if zipfile.is_zipfile(archive) else unpack_tar)(archive, folder, members)
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
            raise UserError(f"This archive is damaged: {error}.", str(archive), "Download it again.") from None
    if members.links:
        progress.say(f"{archive.name}: {members.links:,} links in it were left out")


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar, by its name; zip files are read where they are."""
    return path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"))


class Members:
    """Counts the members of an archive before each of them is written, and refuses those that must not be."""

    def __init__(self, archive: Path, job: Job) -> None:
        self.archive, self.job = archive, job
        self.limit = archive.stat().st_size * MAX_RATIO + MAX_EXTRA
        self.size = self.files = self.links = 0

    def admit(self, name: str, size: int, link: bool) -> str:
        """Return the path below the folder that a member is written to; none for a link, which is left out.

        Args:
            size: bytes that the archive states; neither `tarfile` nor `zipfile` writes more.

        Raises:
            UserError: it would lead out of the folder, or makes the archive too large.
        """
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0] or "\0" in name:
            raise refuse(self.archive, f"`{name}` would be written outside its folder")
        if link:
            self.links += 1
            return ""
        self.size += size
        self.files += 1
        if self.size > self.limit:
            raise refuse(self.archive, f"it unpacks to more than {self.limit:,} bytes")
        if self.files > MAX_FILES:
            raise refuse(self.archive, f"it has more than {MAX_FILES:,} files")
        self.job()
        return str(path)


def unpack_zip(archive: Path, folder: Path, members: Members) -> None:
    """Write the files of a zip."""
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            link = stat.S_ISLNK(member.external_attr >> 16)
            if not member.is_dir() and (path := members.admit(member.filename, member.file_size, link)):
                member.filename = path
                file.extract(member, folder)


def unpack_tar(archive: Path, folder: Path, members: Members) -> None:
    """Write the files of a tar, without the owners, rights and times that it states."""
    with tarfile.open(archive, "r:*") as file:
        for member in file:
            if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
                raise refuse(archive, f"`{member.name}` is a device or pipe")
            link = member.issym() or member.islnk()
            if not member.isdir() and (path := members.admit(member.name, member.size, link)):
                member.name = path
                file.extract(member, folder, set_attrs=False, filter="data")


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
