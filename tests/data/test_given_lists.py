"""Lists beside class folders say the splits of their pictures, or the run stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.findings import KINDS
from data.formats import image_folder
from data.images.config import ImageDataConfig
from data.sample import ImageSample, Problem
from pipeline.errors import UserError
from tests.data.conftest import write_folder

NAMES = [f"{name}/{number:03d}" for name in ("cats", "dogs") for number in range(4)]


def listed(root: Path, **settings: object) -> tuple[dict[str, str | None], list[tuple[str, str]]]:
    """Return the split of each picture, and kind and file of the problems."""
    items = list(image_folder.list_samples(root, ImageDataConfig.model_validate({"path": str(root), **settings})))
    splits: dict[str, str | None] = {item.key: item.split for item in items if isinstance(item, ImageSample)}
    return splits, [(item.name, item.file) for item in items if isinstance(item, Problem)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", {"cats": 4, "dogs": 4})


@pytest.mark.parametrize("ending", [".png", ""])
@pytest.mark.parametrize("place", ["", "meta/"])
def test_lists_of_names_give_the_splits(root: Path, ending: str, place: str) -> None:
    (root / "meta").mkdir()
    for name, lines in (("train", NAMES[1:]), ("test", NAMES[:1])):
        (root / f"{place}{name}.txt").write_text("\n".join(line + ending for line in lines))
    splits, problems = listed(root)
    assert splits == {f"{name}.png": "test" if name == NAMES[0] else "train" for name in NAMES}
    assert {kind for kind, _ in problems} - {"empty_class"} == {"used_list"}


def test_a_table_with_a_column_of_splits_gives_them(root: Path) -> None:
    rows = [f"{name}.png,{'val' if name == NAMES[0] else 'train'}" for name in NAMES]
    (root / "splits.csv").write_text("\n".join(["path,split", *rows]))
    splits, problems = listed(root)
    assert splits["cats/000.png"] == "validation"
    assert set(splits.values()) == {"train", "validation"}
    assert problems == [("used_list", "splits.csv")]


def test_a_list_of_pictures_that_are_not_there_stops(root: Path) -> None:
    (root / "train.txt").write_text("birds/1.png\nbirds/2.png")
    with pytest.raises(UserError, match="not found"):
        listed(root)


@pytest.mark.parametrize("name", ["train_test_split.txt", "split.json"])
def test_a_file_of_splits_that_is_not_understood_stops_and_can_be_passed_over(root: Path, name: str) -> None:
    text = (
        "\n".join(f"{number} {number % 2}" for number in range(8)) if name.endswith("txt") else f'{{"train": {NAMES}}}'
    )
    (root / name).write_text(text)
    with pytest.raises(UserError) as error:
        listed(root)
    assert "`data.given_splits=false`" in error.value.fix
    assert set(listed(root, given_splits=False)[0].values()) == {None}


def test_pictures_that_no_list_names_are_told(root: Path) -> None:
    (root / "train.txt").write_text("\n".join(NAMES[2:]))
    (root / "test.txt").write_text(NAMES[0])
    assert ("picture_without_split", "cats/001.png") in listed(root)[1]


@pytest.mark.parametrize(("folder", "plain"), [("cats_masks", "cats"), ("cats_GT", "cats")])
def test_a_folder_of_masks_beside_its_class_is_no_class(root: Path, folder: str, plain: str) -> None:
    write_folder(root, {folder: 3}, start=50)
    splits, problems = listed(root)
    assert {key.partition("/")[0] for key in splits} == {plain, "dogs"}
    assert len(problems) == 3


def test_masks_inside_class_folders_are_no_pictures_of_it(tmp_path: Path) -> None:
    for number, name in enumerate(("ill", "well")):
        write_folder(tmp_path / "data" / name, {"images": 2, "masks": 2}, start=10 * number)
    splits, problems = listed(tmp_path / "data")
    assert {key.split("/")[1] for key in splits} == {"images"}
    assert [kind for kind, _ in problems].count("second_picture") == 4


def test_files_beside_and_above_the_class_folders_are_told(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "data" / "set", {"cats": 2, "dogs": 2})
    (root.parent / "notes.md").write_text("cats and dogs")
    splits, problems = listed(root.parent)
    assert len(splits) == 4
    assert problems == [("stray_file", "notes.md")]


def test_a_bare_name_of_pictures_in_two_classes_is_an_error_of_a_known_kind(root: Path) -> None:
    for name, lines in (("train", NAMES[3:]), ("test", ["000", *NAMES[1:3]])):
        (root / f"{name}.txt").write_text("\n".join(line + ".png" for line in lines))
    _, problems = listed(root)
    assert ("ambiguous_name", "test.txt") in problems
    assert {kind for kind, _ in problems} <= KINDS.keys()
