"""Masks and previews beside pictures are no pictures of a class, and folders of them are no classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.formats import image_folder
from data.images.config import ImageDataConfig
from data.sample import ImageSample, Problem
from data.second_pictures import first_picture
from pipeline.errors import UserError
from tests.data.conftest import write_folder


def listed(root: Path, **settings: object) -> tuple[set[tuple[str, str]], list[tuple[str, str]]]:
    """Return name and class of the pictures, and kind and file of the problems."""
    items = list(image_folder.list_samples(root, ImageDataConfig.model_validate({"path": str(root), **settings})))
    pictures = {(item.key, item.label) for item in items if isinstance(item, ImageSample)}
    return pictures, [(item.name, item.file) for item in items if isinstance(item, Problem)]


@pytest.mark.parametrize(
    ("name", "first"),
    [("benign (1)_mask.png", "benign (1)"), ("benign (1)_mask_2.png", "benign (1)"), ("A_Segmentation.PNG", "a"),
     ("7-thumb.jpg", "7"), ("unmask.png", ""), ("mask.png", ""), ("with_mask_1.jpg", "with"), ("1.jpg", "")],
)  # fmt: skip
def test_a_name_says_of_which_picture_it_is_the_mask(name: str, first: str) -> None:
    assert first_picture(name) == first


def test_masks_beside_their_pictures_are_left_out_and_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "scans", {"benign": 2, "malignant": 2})
    for file in list(root.rglob("*.png")):
        file.with_stem(f"{file.stem}_mask").write_bytes(file.read_bytes())
    (root / "benign" / "lonely_mask.png").write_bytes((root / "benign" / "000.png").read_bytes())
    pictures, problems = listed(root)
    assert pictures == {
        ("benign/000.png", "benign"), ("benign/001.png", "benign"), ("benign/lonely_mask.png", "benign"),
        ("malignant/000.png", "malignant"), ("malignant/001.png", "malignant"),
    }  # fmt: skip
    assert {kind for kind, _ in problems} == {"second_picture"}
    assert len(problems) == 4


@pytest.mark.parametrize("names", [("images", "masks"), ("photos", "previews"), ("img", "thumbnails", "labels")])
def test_folders_named_after_kinds_of_files_are_no_classes_unless_one_says_so(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    root = write_folder(tmp_path / "data", dict.fromkeys(names, 2))
    with pytest.raises(UserError, match="kinds of files") as error:
        listed(root)
    assert "`data.split_folders=none`" in error.value.fix
    assert {label for _, label in listed(root, split_folders="none")[0]} == set(names)


@pytest.mark.parametrize("names", [("fold_0", "fold_1"), ("original", "augmented"), ("v1", "v2"), ("cats", "dogs")])
def test_the_same_folders_in_all_folders_stop_and_both_ways_out_lead_on(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        write_folder(tmp_path / "data" / name, {"left": 2, "right": 2}, start=100 * names.index(name))
    with pytest.raises(UserError, match="which folders are the classes") as error:
        listed(tmp_path / "data")
    assert "`data.label_pattern='([^/]+)/[^/]+$'`" in error.value.fix
    inner, _ = listed(tmp_path / "data", label_pattern="([^/]+)/[^/]+$")
    assert len(inner) == 8  # the labels of this pattern are given when the list is written
    assert {label for _, label in listed(tmp_path / "data", split_folders="none")[0]} == set(names)
