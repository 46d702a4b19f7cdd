"""Names of files: their parts are what pathlib makes of them."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from data.file_tree import stem_of


@pytest.mark.parametrize("name", ["a/b/1.jpg", "1.tar.gz", ".hidden", "a.b/c", "trailing.", "..", "plain", "a/.x.txt"])
def test_the_stem_of_a_name_is_pathlibs(name: str) -> None:
    assert stem_of(name) == PurePosixPath(name).stem
