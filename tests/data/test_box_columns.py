"""Every column of a table of boxes is read as its author meant it, or is named where it is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.findings import KINDS
from data.formats import box_csv, image_csv
from data.sample import Problem
from pipeline.errors import UserError
from tests.support.image_trees import tiny

HEAD = "filename,class,xmin,ymin,xmax,ymax"


def read(root: Path, table: str, *photos: str) -> tuple[list[DetectionSample], dict[str, str]]:
    """Return what a table beside photos says, and the details of what is told by its kind."""
    for name in photos:
        (root / name).write_bytes(tiny())
    (root / "boxes.csv").write_text(table)
    assert formats.detect(root, "object_detection") == "box_csv"
    items = list(box_csv.list_samples(root, DetectionDataConfig(path=str(root))))
    told = {item.name: item.detail for item in items if isinstance(item, Problem)}
    assert told.keys() <= KINDS.keys()
    return [item for item in items if isinstance(item, DetectionSample)], told


@pytest.mark.parametrize("column", ["Usage", "split", "ML use", "purpose"])
def test_splits_of_a_column_of_any_name_are_honoured(tmp_path: Path, column: str) -> None:
    lines = "".join(
        f"{number}.png,cat,0,0,1,1,{word}\n" for number, word in enumerate(["Training", "PublicTest", "PrivateTest"])
    )
    samples, told = read(tmp_path, f"{HEAD},{column}\n{lines}", "0.png", "1.png", "2.png")
    assert [sample.split for sample in samples] == ["train", "validation", "test"]
    assert "unused_columns" not in told


def test_a_word_that_is_no_split_among_splits_is_an_error_and_no_crash(tmp_path: Path) -> None:
    table = f"{HEAD},Usage\n0.png,cat,0,0,1,1,Training\n1.png,cat,0,0,1,1,Test\n2.png,cat,0,0,1,1,Other\n"
    _, told = read(tmp_path, table, "0.png", "1.png", "2.png")
    assert told["unknown_split"] == "`Other`"
    assert KINDS["unknown_split"].severity == "error"


def test_columns_that_are_left_out_are_named(tmp_path: Path) -> None:
    _, told = read(tmp_path, f"{HEAD},Camera Name,fold\n0.png,cat,0,0,1,1,north,3\n", "0.png")
    assert told["unused_columns"] == "`Camera Name`, `fold`"


@pytest.mark.parametrize("blank", [",,,,0", "NaN,NaN,NaN,NaN,0"])
def test_boxes_by_the_ids_of_patients_are_boxes_and_no_classes_of_pictures(tmp_path: Path, blank: str) -> None:
    table = f"patientId,x,y,width,height,Target\na-1,{blank}\na-2,0,1,1,1,1\na-2,1,0,1,1,1\n"
    samples, told = read(tmp_path, table, "a-1.png", "a-2.png")
    assert [(sample.key, [box.label for box in sample.boxes]) for sample in samples] == [
        ("a-1.png", []),
        ("a-2.png", ["1", "1"]),
    ]
    assert "class `0` have no box" in told["recognised_columns"]
    assert not formats.looks_like(tmp_path, "image_classification") or not image_csv.detect(tmp_path)


def test_lines_of_a_class_that_has_boxes_too_are_no_statements_of_nothing(tmp_path: Path) -> None:
    _, told = read(tmp_path, f"{HEAD}\n0.png,normal,0,0,1,1\n1.png,normal,,,,\n", "0.png", "1.png")
    assert "box_not_a_number" in told


def test_ids_that_are_no_photos_make_no_table_of_boxes(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(tiny())
    (tmp_path / "sensors.csv").write_text("id,x,y,width,height,label\n17,0,1,1,1,a\n")
    assert not box_csv.detect(tmp_path)


def test_names_that_lost_their_zeros_are_no_other_photos_names(tmp_path: Path) -> None:
    lines = "".join(f"{number},cat,0,0,1,1\n" for number in range(1, 5))
    photos = [f"{number}.png" for number in range(1, 5)] + [f"000{number}.png" for number in range(1, 5)]
    with pytest.raises(UserError, match="lost zeros"):
        read(tmp_path, f"{HEAD}\n{lines}", *photos)
    (tmp_path / "boxes.csv").unlink()
    samples, _ = read(tmp_path, f"{HEAD}\n{lines}".replace(",cat", ".png,cat"))
    assert [sample.key for sample in samples] == photos[:4]
