"""LabelMe's json files: every shape that has a box gets it, the others are told, and photos inside are read."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

import pytest

from data import formats
from data.detection.config import DetectionDataConfig
from data.formats import labelme
from data.sample import BadImage
from tests.support.labelled_files import listed, write
from tests.support.labelled_shapes import draw


def content(path: str | None, *shapes: dict[str, Any], **changes: object) -> dict[str, object]:
    return {
        "version": "5.0.1", "flags": {"checked": True}, "shapes": list(shapes), "imagePath": path, "imageData": None,
        "imageHeight": 40, "imageWidth": 64,
    } | changes  # fmt: skip


def shape(points: object, kind: str | None = "rectangle", label: object = "cat", **changes: object) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}} | changes


CAT = shape([[1, 2], [11, 12.5]])


@pytest.mark.parametrize(
    ("found", "edges"),
    [
        (CAT, (2, 1, 12.5, 11)),
        (shape([[11, 12], [1, 2]]), (2, 1, 12, 11)),
        (shape([["1", "2"], ["11", "12"]]), (2, 1, 12, 11)),
        (shape([[1, 2], [10, 2], [5, 20]], "polygon"), (2, 1, 20, 10)),
        (shape([[1, 2], [10, 2], [5, 20]], None), (2, 1, 20, 10)),
        (shape([[20, 20], [23, 24]], "circle"), (15, 15, 25, 25)),
        (shape([[3, 4], [7, 9]], "mask", mask="iVBORw0K"), (4, 3, 10, 8)),
        (shape([[3, 4], [7, 4], [7, 9], [3, 9]], "rotation"), (4, 3, 9, 7)),
    ],
)
def test_a_shape_gets_the_box_around_it(tmp_path: Path, found: dict[str, Any], edges: tuple[float, ...]) -> None:
    files = {"1.jpg": "", "1.json": content("1.jpg", found), "2.jpg": "", "2.json": content("2.jpg")}
    root = write(tmp_path, files)
    assert formats.detect(root, "object_detection") == "labelme"
    samples, problems = listed(labelme, root)
    assert problems == []
    assert [(sample.key, len(sample.boxes), sample.size) for sample in samples] == [
        ("1.jpg", 1, (40, 64)),
        ("2.jpg", 0, (40, 64)),
    ]
    assert samples[0].boxes[0][:6] == ("cat", *map(pytest.approx, edges), "1.json, shape 1")


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (shape([[1, 2]], "point"), "shape_without_box"),
        (shape([[1, 2], [3, 4]], "line"), "shape_without_box"),
        (shape([[1, 2], [3, 4], [5, 5]], "linestrip"), "shape_without_box"),
        (shape([[1, 2], [11, 12]], label=""), "box_without_class"),
        (shape([[1, 2], [11, 12]], label=None), "box_without_class"),
        (shape([[1, 2], [11, None]]), "box_not_a_number"),
        (shape([[1, 2], [11, math.nan]]), "box_not_a_number"),
        (shape([[1, 2]]), "box_not_a_number"),
        (shape([[1, 2], [3, 4]], "polygon"), "box_not_a_number"),
        (shape("x"), "box_not_a_number"),
    ],
)
def test_a_shape_without_a_box_is_told_with_its_number_and_leaves_no_background(
    tmp_path: Path, found: dict[str, Any], kind: str
) -> None:
    samples, problems = listed(labelme, write(tmp_path, {"1.jpg": "", "1.json": content("1.jpg", found)}))
    assert problems == [(kind, "1.json, shape 1")]
    assert (samples[0].boxes, samples[0].unread) == ((), 1)


def test_outlines_of_one_group_and_label_are_one_object_and_that_is_told(tmp_path: Path) -> None:
    one, other = [[1, 1], [5, 1], [3, 9]], [[20, 20], [25, 21], [23, 29]]
    shapes = [
        shape(one, "polygon", group_id=1),
        shape(other, "polygon", group_id=1),
        shape(one, "polygon", "dog", group_id=1),
        shape([[1, 1], [5, 5]], group_id=1),
        shape(other, "polygon"),
    ]
    samples, problems = listed(labelme, write(tmp_path, {"1.jpg": "", "1.json": content("1.jpg", *shapes)}))
    assert problems == [("joined_shapes", "1.json")]
    assert [box[:5] for box in samples[0].boxes] == [
        ("cat", 1, 1, 29, 25),
        ("dog", 1, 1, 9, 5),
        ("cat", 1, 1, 5, 5),
        ("cat", 20, 20, 29, 25),
    ]


@pytest.mark.parametrize(
    ("photo", "annotation", "stated"),
    [
        ("1.jpg", "1.json", "1.jpg"),
        ("images/1.jpg", "labels/1.json", "..\\images\\1.jpg"),
        ("images/1.jpg", "labels/1.json", "C:\\Users\\me\\images\\1.jpg"),
        ("a b.jpg", "a b.json", "a%20b.jpg"),
        ("new_1.jpg", "new_1.json", "1.jpg"),
        ("1.jpg", "1.json", None),
    ],
)
def test_a_photo_is_found_by_the_stated_path_or_the_json_files_own_name(
    tmp_path: Path, photo: str, annotation: str, stated: str | None
) -> None:
    samples, problems = listed(labelme, write(tmp_path, {photo: "", annotation: content(stated, CAT)}))
    assert problems == []
    assert [(sample.key, len(sample.boxes)) for sample in samples] == [(photo, 1)]


def test_folders_give_the_splits_and_other_json_files_are_passed_over(tmp_path: Path) -> None:
    files = {f"{split}/1.jpg": "" for split in ("train", "test")}
    annotations = {f"{split}/1.json": content("1.jpg", CAT) for split in ("train", "test")}
    samples, problems = listed(labelme, write(tmp_path, files | annotations | {"package.json": {"name": "x"}}))
    assert problems == [("passed_over_file", "package.json")]
    assert {sample.key: sample.split for sample in samples} == {"train/1.jpg": "train", "test/1.jpg": "test"}


def test_a_photo_that_lies_only_in_its_json_file_is_read_from_there(tmp_path: Path) -> None:
    inside = base64.b64encode(draw(1)).decode()
    files = {
        "1.json": content("..\\photos\\1.jpg", CAT, imageData=inside),
        "2.json": content("2.jpg", CAT, imageData=inside),
        "2.jpg": draw(2),
        "3.json": content("3.jpg", CAT, imageData="no base64!"),
        "4.json": content("4.jpg", CAT),
    }
    root = write(tmp_path, files)
    assert formats.detect(root, "object_detection") == "labelme"
    samples, problems = listed(labelme, root)
    assert problems == [("missing_photo", "4.json")]
    locators = {sample.key: sample.locator for sample in samples}
    assert list(locators) == ["1.json/1.jpg", "2.jpg", "3.json/3.jpg"]
    with labelme.open_reader(root) as read:
        assert read(locators["1.json/1.jpg"]) == draw(1)
        assert read(locators["2.jpg"]) == draw(2)
        with pytest.raises(BadImage):
            read(locators["3.json/3.jpg"])


def test_damage_is_named_with_its_place(tmp_path: Path) -> None:
    root = write(tmp_path, {"1.jpg": "", "1.json": '{"version": "5", "shapes": [', "2.json": content("2.jpg", CAT)})
    found = list(labelme.list_samples(root, DetectionDataConfig(path=str(root))))
    assert [(item.name, item.file) for item in found if not hasattr(item, "boxes")][:2] == [
        ("unreadable_annotation", "1.json"),
        ("missing_photo", "2.json"),
    ]
