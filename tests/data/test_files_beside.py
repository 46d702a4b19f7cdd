"""Files beside folders of pictures that say other classes than the folders stop the run, and parts are no classes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data import formats
from data.formats import image_csv, image_folder
from data.images.config import ImageDataConfig
from data.sample import ImageSample
from tests.support.image_trees import PLAIN, found, problems, stop, write
from tests.support.workbooks import write_xlsx

NAMES = [f"{folder}/{folder}_{number}.png" for folder in ("north", "south") for number in range(4)]
LABELS = ["cat", "dog"] * 4
BARE = [name.rpartition("/")[2] for name in NAMES]

FILES = {
    "labels.json": json.dumps(dict(zip(BARE, LABELS, strict=True))),
    "meta/classes.json": json.dumps({"cat": BARE[::2], "dog": BARE[1::2]}),
    "rows.json": json.dumps([{"file": name, "label": label} for name, label in zip(NAMES, LABELS, strict=True)]),
    "labels.txt": "\n".join(f"{name} {label}" for name, label in zip(NAMES, LABELS, strict=True)),
    "train.txt": "\n".join(f"{name} {LABELS.index(label)}" for name, label in zip(NAMES, LABELS, strict=True)),
    "meta/labels.csv": "\n".join(
        ["image,label", *(f"{Path(name).stem},{label}" for name, label in zip(BARE, LABELS, strict=True))]
    ),
}


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_says_other_classes_than_the_folders_stops_and_the_folders_can_count(
    tmp_path: Path, file: str
) -> None:
    write(tmp_path, *NAMES)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(FILES[file])
    error = stop(tmp_path)
    assert f"The file {file} names the pictures" in error.what
    assert "`data.format=image_folder`" in str(error.fix)
    assert {label for label, _ in found(tmp_path, format="image_folder")} == {"north", "south"}


def test_a_workbook_that_says_other_classes_stops(tmp_path: Path) -> None:
    write(tmp_path, *NAMES)
    write_xlsx(tmp_path / "labels.xlsx", {"Sheet1": [["name", "class"], *map(list, zip(BARE, LABELS, strict=True))]})
    assert "labels.xlsx" in stop(tmp_path).what


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{name} {name[:5]}" for name in NAMES),
        "\n".join(f"{name} {int(name < 's')}" for name in NAMES),
        "\n".join(NAMES),
        "a note\nof several lines",
    ],
)
def test_files_that_say_the_same_as_folders_or_nothing_do_not_stop(tmp_path: Path, text: str) -> None:
    write(tmp_path, *NAMES)
    (tmp_path / "list.txt").write_text(text)
    assert {label for label, _ in found(tmp_path)} == {"north", "south"}


@pytest.mark.parametrize("names", [("part1", "part2"), ("images_001", "images_002"), ("Batch A", "Batch B")])
def test_folders_named_as_parts_of_one_set_are_no_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    write(tmp_path, *(f"{name}/*3" for name in names))
    error = stop(tmp_path)
    assert "parts of one set" in error.what
    assert {label for label, _ in found(tmp_path, split_folders="none")} == set(names)


@pytest.mark.parametrize("names", [("c0", "c1"), ("n01440764", "n01443537"), ("grade1", "grade2"), ("1", "2")])
def test_classes_with_numbers_stay_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    write(tmp_path, *(f"{name}/*3" for name in names))
    assert {label for label, _ in found(tmp_path)} == set(names)


def test_a_table_with_a_column_of_splits_counts_more_than_split_folders_and_that_is_told(tmp_path: Path) -> None:
    write(tmp_path, *(f"{split}/{name}/*3" for split in ("train", "test") for name in ("cats", "dogs")))
    lines = [
        f"{split}/{name}/{number}.png,{name},{'test' if number == 2 else split}"
        for split in ("train", "test")
        for name in ("cats", "dogs")
        for number in range(3)
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,split", *lines]))
    assert formats.detect(tmp_path) == "image_folder"
    items = list(image_folder.list_samples(tmp_path, ImageDataConfig(path=str(tmp_path))))
    splits = {item.key: item.split for item in items if isinstance(item, ImageSample)}
    assert splits["train/cats/2.png"] == "test" and splits["train/cats/1.png"] == "train"
    assert ("contradicting_splits", "train/dogs/2.png") in problems(tmp_path)


def test_plain_class_folders_beside_a_table_without_classes_are_read(tmp_path: Path) -> None:
    write(tmp_path, "cats/*3", "dogs/*3")
    (tmp_path / "sizes.csv").write_text("path,bytes\ncats/0.png,70\ndogs/1.png,71\n")
    assert found(tmp_path) == PLAIN


def test_of_a_table_beside_part_folders_the_classes_are_the_table_s(tmp_path: Path) -> None:
    names = [f"part_{1 + number // 4}/{number}.png" for number in range(8)]
    write(tmp_path, *names)
    rows = [f"{number},{label}" for number, label in enumerate(LABELS)]
    (tmp_path / "labels.csv").write_text("\n".join(["id,kind", *rows]))
    items = list(image_csv.list_samples(tmp_path, ImageDataConfig(path=str(tmp_path))))
    assert formats.detect(tmp_path) == "image_csv"
    assert [item.label for item in items if isinstance(item, ImageSample)] == LABELS


def test_an_example_of_answers_says_no_classes_and_a_file_of_true_ones_stops(tmp_path: Path) -> None:
    write(tmp_path, "train/cats/*3", "train/dogs/*3", *(f"val/v{number}.png" for number in range(6)))
    rows = "\n".join(["file,label", *(f"val/v{number}.png,{'cats' if number % 2 else 'dogs'}" for number in range(6))])
    (tmp_path / "sample_submission.csv").write_text(rows)
    assert found(tmp_path) == {("cats", "train"), ("dogs", "train")}
    (tmp_path / "val.txt").write_text(rows.partition("\n")[2].replace(",", " "))
    assert "The file val.txt" in stop(tmp_path).what
