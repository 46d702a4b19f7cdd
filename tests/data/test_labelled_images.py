"""Photos labelled in COCO json, YOLO txt or CSV are read with their splits, and what is wrong is named by file and
place.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from data import formats
from data.detection.boxes import DetectionSample, fit_boxes
from data.detection.findings import box_findings
from data.detection.listing import BoxColumns, list_boxes
from data.formats import box_csv, coco, yolo
from tests.support.labelled_files import listed, write

# ymin, xmin, ymax, xmax of the same box in every format, on photos of 20 x 10
EDGES = pytest.approx((0.1, 0.1, 0.9, 0.4))


def normalized(sample: DetectionSample) -> list[tuple[str, tuple[float, ...]]]:
    """Return label and edges of a photo's boxes, normalized to a photo of 20 x 10 pixels."""
    boxes, problems = fit_boxes(sample, 10, 20)
    assert problems == []
    return [(box.label, (box.ymin, box.xmin, box.ymax, box.xmax)) for box in boxes]


def coco_file(**changes: object) -> dict[str, object]:
    return {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 20, "height": 10}, {"id": 2, "file_name": "2.jpg"}],
        "annotations": [{"id": 7, "image_id": 1, "category_id": 3, "bbox": [2, 1, 6, 8], "iscrowd": 1}],
        "categories": [{"id": 3, "name": "cat"}],
    } | changes


YOLO_LINE = "0 0.25 0.5 0.3 0.8\n"
CSV_HEAD = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
EXAMPLES: dict[str, dict[str, object]] = {
    "coco": {"a.json": coco_file(), "1.jpg": "", "2.jpg": ""},
    "yolo": {"labels/1.txt": YOLO_LINE, "images/1.jpg": "", "images/2.jpg": "", "classes.txt": "cat\n"},
    "box_csv": {"labels.csv": f"{CSV_HEAD}1.jpg,20,10,cat,2,1,8,9\n2.jpg,,,,,,,\n", "1.jpg": "", "2.jpg": ""},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_format_is_recognised_and_gives_the_photos_with_their_boxes(name: str, tmp_path: Path) -> None:
    root = write(tmp_path / name, EXAMPLES[name])
    assert formats.detect(root, "object_detection") == name
    samples, problems = listed(formats.find(name, "object_detection"), root)
    assert problems == []
    assert [Path(sample.key).name for sample in samples] == ["1.jpg", "2.jpg"]
    ((label, found),) = normalized(samples[0])
    assert label == "cat"
    assert found == EDGES
    assert normalized(samples[1]) == []


def test_files_that_are_none_of_these_are_not_taken_for_them(tmp_path: Path) -> None:
    root = write(
        tmp_path, {"1.jpg": "", "1.txt": "a caption of five words", "a.json": {"b": 1}, "c.csv": "path,label\n"}
    )
    for module in (coco, yolo, box_csv):
        assert not module.detect(root)
        assert not module.detect(root / "1.txt")


UNREADABLE: dict[str, dict[str, object]] = {  # of each format, 2.jpg with one object that cannot be read
    "coco": {"a.json": coco_file(annotations=[{"id": 8, "image_id": 2, "category_id": 3, "bbox": [2, "x", 6, 8]}])},
    "yolo": {"labels/2.txt": "0 0.25 x 0.3 0.8\n"},
    "box_csv": {"labels.csv": f"{CSV_HEAD}2.jpg,20,10,cat,2,x,8,9\n"},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_photo_of_which_no_box_can_be_read_is_no_background(name: str, tmp_path: Path) -> None:
    root = write(tmp_path / name, EXAMPLES[name] | UNREADABLE[name])
    samples, problems = listed(formats.find(name, "object_detection"), root)
    image = next(sample for sample in samples if sample.key.endswith("2.jpg"))
    assert (image.boxes, image.unread) == ((), 1)
    assert problems[0][0] == "box_not_a_number"
    findings = box_findings()
    assert len(list(list_boxes(samples, findings, BoxColumns()))) == len(samples) - 1
    assert [row["file"] for row in findings.examples["no_usable_box"]] == [image.key]


# YOLO


def test_classes_are_named_by_a_yaml_file_and_splits_by_folders(tmp_path: Path) -> None:
    files = {
        f"{kind}/{split}/1.{end}": YOLO_LINE
        for split in ("train", "val")
        for kind, end in (("images", "jpg"), ("labels", "txt"))
    }
    files |= {
        "data.yaml": "train: images/train\nnames: {0: cat, 1: dog}\n",
        "README.roboflow.txt": "hello",
        "train.txt": "images/train/1.jpg",
    }
    samples, problems = listed(yolo, write(tmp_path, files))
    assert problems == []
    assert [(sample.key, sample.split, sample.place) for sample in samples] == [
        ("images/train/1.jpg", "train", "labels/train/1.txt"),
        ("images/val/1.jpg", "validation", "labels/val/1.txt"),
    ]
    assert samples[0].boxes[0].label == "cat"


def test_classes_without_names_are_called_by_their_numbers(tmp_path: Path) -> None:
    samples, _ = listed(yolo, write(tmp_path, {"1.jpg": "", "1.txt": "4 0.5 0.5 1 1\n"}))
    assert samples[0].boxes[0].label == "4"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("0 0.5 0.5 0.1", "box_not_a_number"),
        ("0 0.5 x 0.1 0.1", "box_not_a_number"),
        ("cat 0.5 0.5 0.1 0.1", "box_not_a_number"),
        ("1 0.5 0.5 0.1 0.1", "box_without_class"),
    ],
)
def test_what_is_wrong_in_a_txt_file_is_named_by_its_line(tmp_path: Path, line: str, kind: str) -> None:
    files = EXAMPLES["yolo"] | {"labels/1.txt": f"{YOLO_LINE}{line}\n"}
    samples, problems = listed(yolo, write(tmp_path, files))
    assert problems == [(kind, "labels/1.txt, line 2")]
    assert len(samples[0].boxes) == 1


def test_labels_without_a_photo_are_named(tmp_path: Path) -> None:
    assert listed(yolo, write(tmp_path, EXAMPLES["yolo"] | {"labels/9.txt": YOLO_LINE}))[1] == [
        ("missing_photo", "labels/9.txt")
    ]


# CSV


def test_tables_of_splits_win_over_the_one_they_were_cut_from(tmp_path: Path) -> None:
    files = {
        f"data/{name}_labels.csv": f"{CSV_HEAD}{image}.jpg,20,10,cat,2,1,8,9\n"
        for name, image in (("all", 1), ("train", 1), ("test", 2))
    }
    samples, problems = listed(box_csv, write(tmp_path, files | {"images/1.jpg": "", "images/2.jpg": ""}))
    assert problems == [("passed_over_file", "data/all_labels.csv")]
    assert {sample.key: (sample.split, len(sample.boxes)) for sample in samples} == {
        "images/1.jpg": ("train", 1),
        "images/2.jpg": ("test", 1),
    }


def test_several_lines_are_one_photo_and_a_column_may_give_its_split(tmp_path: Path) -> None:
    table = (
        "filename;class;xmin;ymin;xmax;ymax;split\n1.jpg;cat;2;1;8,5;9;valid\n1.jpg;cat;2;1;8;9;valid\n"
        "1.jpg;dog;0;0;20;10;valid\n"
    )
    samples, problems = listed(box_csv, write(tmp_path, {"boxes.csv": table, "1.jpg": ""}))
    assert problems == [("box_not_a_number", "boxes.csv, line 2")]
    assert (samples[0].split, samples[0].size, [box.label for box in samples[0].boxes]) == (
        "validation",
        None,
        ["cat", "dog"],
    )


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("3.jpg,20,10,cat,2,1,8,9", "missing_photo"),
        ("1.jpg,20,10,,2,1,8,9", "box_without_class"),
        ("1.jpg,20,10,cat,2,,8,9", "box_not_a_number"),
        ("1.jpg", None),
    ],
)
def test_what_is_wrong_in_a_table_is_named_by_its_line(tmp_path: Path, line: str, kind: str | None) -> None:
    root = write(
        tmp_path, EXAMPLES["box_csv"] | {"labels.csv": f"{CSV_HEAD}1.jpg,20,10,cat,2,1,8,9\n{line}\n2.jpg,,,,,,,\n"}
    )
    assert listed(box_csv, root)[1] == ([(kind, "labels.csv, line 3")] if kind else [])


def test_the_real_tables_agree_with_the_real_annotations(real_data: Path) -> None:
    from data.formats import voc

    path = real_data / "detection" / "raccoon.zip"
    tables, _ = listed(box_csv, path)
    annotations = {sample.key: sample for sample in listed(voc, path)[0]}
    assert len(tables) == 200
    for sample in tables:
        other = annotations[sample.key]
        assert (sample.split, sample.size) == (other.split, other.size)
        assert [box[:5] for box in sample.boxes] == [box[:5] for box in other.boxes]


def test_an_edge_that_rounding_puts_beyond_the_photo_is_cut_without_a_word(tmp_path: Path) -> None:
    files = {"1.txt": "0 0.809374 0.6 0.153125 0.800002\n", "1.jpg": "", "classes.txt": "cat\n"}
    samples, _ = listed(yolo, write(tmp_path, files))
    assert samples[0].boxes[0].ymax > 1
    boxes, problems = fit_boxes(samples[0], 480, 640)
    assert problems == []
    assert boxes[0].ymax == 1.0
    assert boxes[0].xmin == pytest.approx(0.732812, abs=1e-6)


def test_a_yolo_box_beyond_the_photo_is_told_in_shares(tmp_path: Path) -> None:
    files = {"1.txt": "0 0.9 0.5 0.4 0.2\n", "1.jpg": "", "classes.txt": "cat\n"}
    samples, _ = listed(yolo, write(tmp_path, files))
    _, problems = fit_boxes(samples[0], 480, 640)
    assert [item.name for item in problems] == ["box_beyond_edge"]
    assert problems[0].detail == "x 0.7 to 1.1, y 0.4 to 0.6 (shares of the photo's sides); they go from 0 to 1"
