"""Photos with Pascal VOC annotations are read whatever their folders, and what is wrong is named by file and line."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data.detection.boxes import DetectionSample, fit_boxes
from data.detection.config import DetectionDataConfig
from data.formats import voc
from data.sample import Problem

OBJECT = (
    "<object><name>{0}</name>\n<bndbox><xmin>{1}</xmin><ymin>{2}</ymin><xmax>{3}</xmax><ymax>{4}</ymax></bndbox>"
    "</object>\n"
)


def annotation(
    *objects: tuple[Any, ...], filename: str = "", size: str = "<size><width>20</width><height>10</height></size>"
) -> str:
    name = f"<filename>{filename}</filename>" if filename else ""
    return f"<annotation>\n{name}{size}\n{''.join(OBJECT.format(*item) for item in objects)}</annotation>"


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder; those whose names end in jpg may hold anything."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def listed(root: Path) -> tuple[list[DetectionSample], list[Problem]]:
    items = list(voc.list_samples(root, DetectionDataConfig(path=str(root))))
    return [item for item in items if isinstance(item, DetectionSample)], [
        item for item in items if isinstance(item, Problem)
    ]


CAT = ("cat", 2, 1, 8, 9)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write(
        tmp_path / "pets",
        {
            "images/one.jpg": b"1",
            "images/two.JPG": b"2",
            "README.md": "stray",
            "LICENSE": "stray",
            "annotations/one.xml": annotation(CAT, ("dog", 1.5, 0, 20, 10), filename="one.jpg"),
            "annotations/two.xml": annotation(filename="two.JPG"),
        },
    )


def test_photos_are_found_with_their_boxes_and_an_empty_one_is_background(images: Path) -> None:
    samples, problems = listed(images)
    assert problems == []
    assert [(sample.key, sample.size, sample.split) for sample in samples] == [
        ("images/one.jpg", (10, 20), None),
        ("images/two.JPG", (10, 20), None),
    ]
    cat, dog = samples[0].boxes
    assert (cat.label, cat.xmin, cat.ymin, cat.xmax, cat.ymax) == CAT
    assert (dog.label, dog.xmin) == ("dog", 1.5)
    assert (cat.place, dog.place) == ("annotations/one.xml, line 3", "annotations/one.xml, line 5")
    assert samples[1].boxes == ()


def test_a_zip_is_read_as_its_folder(images: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for file in sorted(images.rglob("*")):
            archive.write(file, file.relative_to(images))
    inside, _ = listed(tmp_path / "pets.zip")
    assert [(sample.key, sample.boxes) for sample in inside] == [
        (sample.key, sample.boxes) for sample in listed(images)[0]
    ]
    with voc.open_reader(tmp_path / "pets.zip") as read:
        assert [read(sample.locator) for sample in inside] == [b"1", b"2"]


def test_the_format_is_recognised_by_its_annotations(images: Path, tmp_path: Path) -> None:
    assert voc.detect(images)
    assert not voc.detect(write(tmp_path / "other", {"a.xml": "<html/>", "a.jpg": b""}))
    assert not voc.detect(tmp_path / "pets" / "README.md")


def test_split_folders_are_honoured_and_names_may_return_in_them(tmp_path: Path) -> None:
    files = {
        f"{split}/{kind}/1.{end}": annotation(CAT)
        for split in ("train", "test")
        for kind, end in (("images", "jpg"), ("annotations", "xml"))
    }
    samples, problems = listed(write(tmp_path, files))
    assert problems == []
    assert [(sample.key, sample.split) for sample in samples] == [
        ("test/images/1.jpg", "test"),
        ("train/images/1.jpg", "train"),
    ]


def test_image_sets_give_the_splits_and_a_lone_table_does_not(tmp_path: Path) -> None:
    files = {f"JPEGImages/{name}.jpg": b"" for name in "abcd"} | {
        f"Annotations/{name}.xml": annotation(CAT) for name in "abcd"
    }
    sets = {"trainval": "a\nb\n", "train": "a\n", "val": "b\n", "test": "c 1\n", "cat_train": "d 1\n"}
    files |= {f"ImageSets/Main/{name}.txt": text for name, text in sets.items()} | {
        "test.csv": "filename\na.jpg\nb.jpg\n"
    }
    samples, _ = listed(write(tmp_path, files))
    assert [sample.split for sample in samples] == ["train", "validation", "test", None]


def test_tables_for_training_and_test_give_the_splits(images: Path) -> None:
    write(
        images, {"data/train_labels.csv": "width,filename\n5,one.jpg\n", "data/test_labels.csv": "filename\ntwo.JPG\n"}
    )
    assert [sample.split for sample in listed(images)[0]] == ["train", "test"]


def test_a_photo_is_found_by_its_annotations_own_name_where_the_stated_one_is_wrong(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.xml": annotation(filename="C:\\\\photos\\\\renamed.png"),
        "a.jpg": b"",
        "b.xml": annotation(filename="b"),
        "b.png": b"",
    }
    assert [sample.key for sample in listed(write(tmp_path, files))[0]] == ["a.jpg", "b.png"]


@pytest.mark.parametrize(
    ("content", "kind", "place", "words"),
    [
        ("<annotation><object>", "unreadable_annotation", "a.xml", "line 1: no element found"),
        ("", "unreadable_annotation", "a.xml", "no element found"),
        ("<html></html>", "unreadable_annotation", "a.xml", "`html`, not `annotation`"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation>&b;</annotation>", "unreadable_annotation", "a.xml", "entities"),
        (annotation(("cat", "x", 1, 2, 3)), "box_not_a_number", "a.xml, line 4", "`cat`: xmin is `x`"),
        (annotation(("cat", "nan", 1, 2, 3)), "box_not_a_number", "a.xml, line 4", "`cat`: xmin is `nan`"),
        (annotation(("cat", 1, "", 2, 3)), "box_not_a_number", "a.xml, line 4", "`cat`: there is no ymin"),
        (annotation(("", 1, 1, 2, 3)), "box_without_class", "a.xml, line 3", "no name"),
        (annotation(filename="a.jpg") * 2, "unreadable_annotation", "a.xml", "junk after document element"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(
    tmp_path: Path, content: str, kind: str, place: str, words: str
) -> None:
    _, problems = listed(write(tmp_path, {"a.xml": content, "a.jpg": b""}))
    assert (problems[0].name, problems[0].file) == (kind, place)
    assert words in problems[0].detail


def test_xml_about_something_else_is_passed_over_and_told(images: Path) -> None:
    write(images, {"info.xml": "<info/>"})
    samples, problems = listed(images)
    assert len(samples) == 2
    assert [(item.name, item.file) for item in problems] == [("passed_over_file", "info.xml")]


def test_boxes_around_outlines_are_told_once(images: Path) -> None:
    shape = "<polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>2</y2><x3>5</x3><y3>8</y3></polygon>"
    outlined = f"<annotation><object><name>cat</name>{shape}</object></annotation>"
    write(images, {"annotations/one.xml": outlined, "annotations/two.xml": outlined})
    samples, problems = listed(images)
    assert [box[1:5] for box in samples[0].boxes] == [(1, 1, 8, 9)]
    assert [(item.name, item.file) for item in problems] == [("box_around_outline", "annotations/one.xml, line 1")]


def test_missing_lonely_and_doubled_photos_are_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a.xml": annotation(filename="none.jpg"),
        "b.xml": annotation(filename="b.jpg"),
        "c.xml": annotation(filename="b.jpg"),
        "b.jpg": b"",
        "d.jpg": b"",
    }
    samples, problems = listed(write(tmp_path, files))
    assert [sample.place for sample in samples] == ["b.xml"]
    found = {(item.name, item.file) for item in problems}
    assert found == {
        ("missing_photo", "a.xml"),
        ("duplicate_annotation", "c.xml"),
        ("photo_without_annotation", "d.jpg"),
    }


def test_parts_of_an_object_are_not_objects(tmp_path: Path) -> None:
    text = "<annotation><object><name>person</name>"
    text += "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>"
    text += "<part><name>head</name><bndbox><xmin>9</xmin><ymin>9</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part>"
    text += "<difficult>1</difficult><truncated>0</truncated></object></annotation>"
    (box,) = listed(write(tmp_path, {"a.xml": text, "a.jpg": b""}))[0][0].boxes
    assert (box.label, box.xmin, box.ymin, box.xmax, box.ymax, box.difficult, box.truncated) == (
        "person",
        1,
        2,
        3,
        4,
        True,
        False,
    )


# boxes on the photo itself


@pytest.mark.parametrize(
    ("edges", "kind", "fitted"),
    [
        ((2, 1, 8, 9), "", (0.1, 0.1, 0.9, 0.4)),
        ((8, 9, 2, 1), "swapped_box", (0.1, 0.1, 0.9, 0.4)),
        ((-3, 1, 8, 12), "box_beyond_edge", (0.1, 0, 1, 0.4)),
        ((2, 1, 2, 9), "empty_box", None),
        ((30, 1, 40, 9), "outside_box", None),
        ((0, 0, 20, 10), "", (0, 0, 1, 1)),
    ],
)
def test_boxes_are_mended_or_left_out_and_that_is_told_with_their_line(
    tmp_path: Path, edges: tuple[float | str, ...], kind: str, fitted: tuple[float, ...] | None
) -> None:
    (sample,) = listed(write(tmp_path, {"a.xml": annotation(("cat", *edges)), "a.jpg": b""}))[0]
    boxes, problems = fit_boxes(sample, 10, 20)
    assert [(item.name, item.file) for item in problems] == ([(kind, "a.xml, line 3")] if kind else [])
    assert [(box.ymin, box.xmin, box.ymax, box.xmax) for box in boxes] == ([pytest.approx(fitted)] if fitted else [])


def test_boxes_of_a_photo_that_was_resized_are_scaled_and_of_another_photo_refused(tmp_path: Path) -> None:
    (sample,) = listed(write(tmp_path, {"a.xml": annotation(CAT), "a.jpg": b""}))[0]
    boxes, problems = fit_boxes(sample, 100, 200)
    assert boxes[0].xmin == pytest.approx(0.1)
    assert problems[0].name == "resized_photo"
    boxes, problems = fit_boxes(sample, 20, 10)
    assert (boxes, problems[0].name) == ([], "size_mismatch")
    assert problems[0].detail == "the annotation says 20 x 10, the photo is 10 x 20"


# real photos


@pytest.mark.parametrize(
    ("name", "splits", "boxes", "empty"),
    [
        ("raccoon", {"train": 160, "test": 40}, 217, 0),
        ("bccd", {"train": 205, "validation": 87, "test": 72}, 4888, 2),
        ("frog_crops", {"train": 81, "test": 22}, 146, 0),
    ],
)
def test_real_data_sets_are_read_whole(
    real_data: Path, name: str, splits: dict[str, int], boxes: int, empty: int
) -> None:
    path = real_data / "detection" / f"{name}.zip"
    samples, problems = listed(path)
    assert voc.detect(path)
    assert problems == []
    assert Counter(sample.split for sample in samples) == splits
    assert sum(len(sample.boxes) for sample in samples) == boxes
    wrong = [item.name for sample in samples if sample.size for item in fit_boxes(sample, *sample.size)[1]]
    assert wrong.count("empty_box") == empty
