"""Label maps of the Object Detection API are read, and written so that its tools read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.detection.label_map import read_label_map, write_label_map
from object_detection import zoo
from pipeline.errors import UserError


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_a_label_map_gives_names_by_number(tmp_path: Path) -> None:
    text = """
    item { id: 2 name: '/m/01yrx' display_name: "caf\\303\\251 cat" }
    item { name: "dog" id: 1 keypoints { id: 3 label: "nose" } }
    item { id: 0 name: 'background' }
    item { id: 2 name: 'a second name of 2' }
    """
    assert read_label_map(write(tmp_path / "map.pbtxt", text)) == {1: "dog", 2: "café cat"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\nitem { id: 0 name: 'dog' }", ", line 2"),
        ("item { id: -1 name: 'dog' }", ", line 1"),
        ("item { id: 1 }", ", line 1"),
        ("item { name: 'dog' }", ", line 1"),
        ("item: 3", ", line 1"),
        ("item { id: 'one' name: 'dog' }", ", line 1"),
        ("", ""),
    ],
)
def test_what_is_no_label_map_is_refused_with_its_line(tmp_path: Path, text: str, line: str) -> None:
    path = write(tmp_path / "map.pbtxt", text)
    with pytest.raises(UserError) as error:
        read_label_map(path)
    assert error.value.where == f"{path}{line}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("person\nbicycle\n???\nstop sign\n", {1: "person", 2: "bicycle", 4: "stop sign"}),
        ("???\nperson\n\ncar\n", {1: "person", 3: "car"}),
        ("background\r\ncat: tame\r\n", {1: "cat: tame"}),
    ],
)
def test_a_list_of_names_is_a_label_map_too(tmp_path: Path, text: str, expected: dict[int, str]) -> None:
    assert read_label_map(write(tmp_path / "labels.txt", text)) == expected


def test_an_empty_list_of_names_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no classes"):
        read_label_map(write(tmp_path / "labels.txt", "???\n\n"))


def test_the_list_beside_a_tflite_model_of_coco_names_its_classes_as_coco_does(real_data: Path) -> None:
    listed = read_label_map(real_data / "weights" / "tflite-support" / "coco_ssd_labelmap.txt")
    assert listed == read_label_map(zoo.FOLDER / "coco.pbtxt")


def test_a_label_map_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_label_map(tmp_path / "none.pbtxt")
    (tmp_path / "binary.pbtxt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        read_label_map(tmp_path / "binary.pbtxt")


def test_a_written_label_map_is_read_back(tmp_path: Path) -> None:
    classes = {1: "raccoon", 2: "it's a \\ trap", 7: "Bär"}
    write_label_map(tmp_path / "map.pbtxt", classes)
    assert read_label_map(tmp_path / "map.pbtxt") == classes


def test_coco_has_its_80_classes_under_their_90_numbers() -> None:
    labels = read_label_map(zoo.FOLDER / "coco.pbtxt")
    assert (len(labels), max(labels)) == (80, 90)
    assert (labels[1], labels[17], labels[18], labels[90]) == ("person", "cat", "dog", "toothbrush")


@pytest.mark.parametrize(
    ("written", "line", "meant"),
    [
        ("item { id: 1 name: 'cat' }\nitems { id: 2 name: 'dog' }", 2, "item"),
        ("item {\n  id: 1\n  name: 'n01'\n  display_nam: 'cat'\n}", 4, "display_name"),
    ],
)
def test_a_misspelt_field_is_told_instead_of_leaving_out_what_it_says(
    tmp_path: Path, written: str, line: int, meant: str
) -> None:
    (tmp_path / "map.pbtxt").write_text(written)
    with pytest.raises(UserError, match=f"line {line}") as error:
        read_label_map(tmp_path / "map.pbtxt")
    assert error.value.fix == f"Did you mean `{meant}`?"


def test_fields_of_newer_label_maps_may_stand_there(tmp_path: Path) -> None:
    (tmp_path / "map.pbtxt").write_text(
        "item { id: 1 name: 'cat' frequency: FREQUENT keypoints { id: 0 label: 'nose' } }"
    )
    assert read_label_map(tmp_path / "map.pbtxt") == {1: "cat"}


def test_a_single_backslash_in_a_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "map.pbtxt").write_text("item { id: 1 name: 'cats\\dogs' }")
    with pytest.raises(UserError, match="escape") as error:
        read_label_map(tmp_path / "map.pbtxt")
    assert r"cats\\dogs" in error.value.fix
