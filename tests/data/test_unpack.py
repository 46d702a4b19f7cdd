"""Archives cannot write outside their folder, make links or devices, or fill the disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data import unpack
from pipeline.errors import UserError
from pipeline.progress import Progress

QUIET = Progress(quiet=True)


def make_tar(path: Path, *names: str, kind: bytes = tarfile.REGTYPE, link: str = "", content: bytes = b"x") -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(content))
    return path


def make_zip(path: Path, *names: str, content: bytes = b"x") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def test_zip_and_tar_are_unpacked(tmp_path: Path) -> None:
    for number, archive in enumerate(
        [make_zip(tmp_path / "a.zip", "d/x.txt"), make_tar(tmp_path / "a.tar.gz", "./d/x.txt")]
    ):
        unpack.unpack(archive, tmp_path / str(number), QUIET)
        assert (tmp_path / str(number) / "d" / "x.txt").read_bytes() == b"x"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:\\evil"])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str, make: Callable[..., Path]) -> None:
    archive = make(tmp_path / "a.archive", name)
    with pytest.raises(UserError, match="outside its folder"):
        unpack.unpack(archive, tmp_path / "inner" / "folder", QUIET)
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_left_out(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar", "link", kind=kind, link="/etc/passwd")
    unpack.unpack(archive, tmp_path / "out", QUIET)
    assert not (tmp_path / "out" / "link").exists()
    assert not (tmp_path / "out" / "link").is_symlink()


def test_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    unpack.unpack(tmp_path / "a.zip", tmp_path / "out", QUIET)
    assert not (tmp_path / "out" / "link").is_symlink()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(UserError, match="device or pipe"):
        unpack.unpack(make_tar(tmp_path / "a.tar", "null", kind=kind), tmp_path / "out", QUIET)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_bomb_is_stopped_while_it_unpacks(
    tmp_path: Path, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "MAX_EXTRA", 1 << 20)
    archive = make(tmp_path / "a.tar.gz", "zeros", content=bytes(32 << 20))
    with pytest.raises(UserError, match="unpacks to more than"):
        unpack.unpack(archive, tmp_path / "out", QUIET)
    assert not (tmp_path / "out" / "zeros").exists()


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_FILES", 3)
    with pytest.raises(UserError, match="more than 3 files"):
        unpack.unpack(make_zip(tmp_path / "a.zip", *map(str, range(9))), tmp_path / "out", QUIET)


def test_a_damaged_archive_is_a_clear_error(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", *map(str, range(99)), content=bytes(range(256)) * 9)
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(UserError, match="damaged"):
        unpack.unpack(archive, tmp_path / "out", QUIET)


def test_two_runs_that_read_one_archive_at_once_both_get_all_of_it(tmp_path: Path) -> None:
    names = [f"{number}.txt" for number in range(300)]
    archive = make_tar(tmp_path / "a.tar", *names)
    with ThreadPoolExecutor(8) as pool:
        folders = [pool.submit(unpack.unpack_once, archive, tmp_path / "out" / "a", QUIET) for _ in range(8)]
        assert {len(list(folder.result().iterdir())) for folder in folders} == {300}
