"""The class names shown beside an answer are those of the version that was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.labels import read_labels


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with two versions of one model whose classes differ, and one without names."""
    for version, names in (("1", "cat\ndog\n"), ("0012", "cat\ndog\nfox\n")):
        assets = tmp_path / "served_models" / "pets" / version / "assets"
        assets.mkdir(parents=True)
        (assets / "labels.txt").write_text(names)
    (tmp_path / "served_models" / "pets" / ".rejected-13").mkdir()
    (tmp_path / "served_models" / "numbers" / "1").mkdir(parents=True)
    return tmp_path


def test_each_version_has_its_own_names_and_the_newest_is_meant_if_none_is_named(workspace: Path) -> None:
    assert read_labels(workspace, "pets", 1) == ["cat", "dog"]
    assert read_labels(workspace, "pets", 12) == read_labels(workspace, "pets") == ["cat", "dog", "fox"]


def test_without_names_there_is_nothing_to_show(workspace: Path) -> None:
    assert read_labels(workspace, "pets", 2) == []
    assert read_labels(workspace, "numbers") == []
    assert read_labels(workspace, "nobody") == []
