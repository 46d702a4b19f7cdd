"""Names of files: their parts are what pathlib makes of them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from data.file_tree import list_files, stem_of


@pytest.mark.parametrize("name", ["a/b/1.jpg", "1.tar.gz", ".hidden", "a.b/c", "trailing.", "..", "plain", "a/.x.txt"])
def test_the_stem_of_a_name_is_pathlibs(name: str) -> None:
    assert stem_of(name) == PurePosixPath(name).stem


def test_a_link_to_the_folder_around_it_brings_no_file_twice(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "train.record").write_bytes(b"")
    (tmp_path / "parts" / ".DS_Store").write_bytes(b"")
    (tmp_path / "parts" / "latest").symlink_to(tmp_path)
    assert list_files(tmp_path) == [tmp_path / "parts" / "train.record"]
