"""COCO's json files are read whatever program wrote them, and what is wrong in them is named by file and id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.formats import coco
from pipeline.errors import UserError
from tests.support.coco_files import BOX, FILES, IMAGES, boxes_of, coco_file
from tests.support.labelled_files import listed, write


def test_the_split_is_a_word_of_the_json_files_name_or_its_folder(tmp_path: Path) -> None:
    one = {"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": []}
    files = {"annotations/instances_train2017.json": one, "train2017/1.jpg": ""}
    files |= {"valid/_annotations.coco.json": one | {"images": [{"id": 1, "file_name": "2.jpg"}]}, "valid/2.jpg": ""}
    samples, _ = listed(coco, write(tmp_path, files))
    assert [(sample.key, sample.split) for sample in samples] == [
        ("train2017/1.jpg", "train"),
        ("valid/2.jpg", "validation"),
    ]


def test_crowds_are_marked_and_sizes_kept(tmp_path: Path) -> None:
    first, second = listed(coco, write(tmp_path, FILES | {"a.json": coco_file(annotations=[BOX | {"iscrowd": 1}])}))[0]
    assert (first.boxes[0].crowd, first.boxes[0].place, first.size) == (True, "a.json, annotation 7", (10, 20))
    assert second.size is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"annotations": [{"id": 7, "image_id": 1, "category_id": 5, "bbox": [2, 1, 6, 8]}]},
            ("box_without_class", "a.json, annotation 7"),
        ),
        (
            {"annotations": [{"id": 7, "image_id": 1, "category_id": 3, "bbox": [2, 1, "6x", 8]}]},
            ("box_not_a_number", "a.json, annotation 7"),
        ),
        (
            {"annotations": [{"id": 7, "image_id": 1, "category_id": 3, "bbox": []}]},
            ("box_not_a_number", "a.json, annotation 7"),
        ),
        (
            {"annotations": [{"id": 7, "image_id": 9, "category_id": 3, "bbox": [2, 1, 6, 8]}]},
            ("box_without_photo", "a.json, annotation 7"),
        ),
        ({"images": [{"id": 1, "file_name": "3.jpg"}], "annotations": []}, ("missing_photo", "a.json, image 1")),
        (
            {"images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "1.jpg"}]},
            ("contradicting_annotation", "a.json, image 2"),
        ),
    ],
)
def test_what_is_wrong_in_a_coco_file_is_named_by_its_ids(
    tmp_path: Path, changes: dict[str, Any], problem: tuple[str, str]
) -> None:
    _, problems = listed(coco, write(tmp_path, FILES | {"a.json": coco_file(**changes)}))
    assert problems[0] == problem


@pytest.mark.parametrize(
    "changes", [{"categories": {"a": 1}}, {"images": [{"id": [1], "file_name": "1.jpg"}]}, {"categories": [{"id": {}}]}]
)
def test_lists_that_are_not_cocos_end_the_run_with_their_file(tmp_path: Path, changes: dict[str, Any]) -> None:
    root = write(tmp_path, FILES | {"a.json": coco_file(**changes)})
    with pytest.raises(UserError) as caught:
        listed(coco, root)
    assert caught.value.where == "a.json"


def test_categories_that_are_no_list_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="`categories` is no list"):
        listed(coco, write(tmp_path, {"a.json": coco_file(categories={"cat": 3})}))


# ids and numbers


def test_ids_and_numbers_may_be_text_or_have_a_decimal_point(tmp_path: Path) -> None:
    content = coco_file(
        images=[{"id": "1", "file_name": "1.jpg", "width": "20", "height": 10.0}, {"id": 2.0, "file_name": "2.jpg"}],
        annotations=[
            {"id": "a", "image_id": 1, "category_id": "3", "bbox": ["2", "1.0", 6, 8]},
            {"id": "b", "image_id": "2", "category_id": 4.0, "bbox": [0, 0, 1, 1]},
        ],
    )
    samples, problems = listed(coco, write(tmp_path, FILES | {"a.json": content}))
    assert problems == []
    assert [(box.label, sample.size) for sample in samples for box in sample.boxes] == [
        ("cat", (10, 20)),
        ("dog", None),
    ]


def test_ids_that_only_look_alike_stay_apart(tmp_path: Path) -> None:
    content = coco_file(
        categories=[{"id": "01", "name": "cat"}, {"id": 1, "name": "dog"}],
        annotations=[BOX | {"category_id": "01"}, BOX | {"image_id": 2, "category_id": "1"}],
    )
    found = boxes_of(write(tmp_path, FILES | {"a.json": content}))
    assert [box[0] for boxes in found.values() for box in boxes] == ["cat", "dog"]


def test_an_id_of_two_categories_gives_no_class_and_a_name_with_two_ids_is_told(tmp_path: Path) -> None:
    twice = [{"id": 3, "name": "cat"}, {"id": "3", "name": "dog"}]
    root = write(tmp_path / "ids", FILES | {"a.json": coco_file(categories=twice)})
    assert listed(coco, root)[1] == [("box_without_class", "a.json, annotation 7")]
    both = coco_file(
        categories=[{"id": 0, "name": "cat"}, {"id": 3, "name": "cat"}, {"id": 4, "name": "cat"}],
        annotations=[BOX, BOX | {"image_id": 2, "category_id": 4}],
    )
    assert listed(coco, write(tmp_path / "names", FILES | {"a.json": both}))[1] == [("repeated_class", "a.json")]
    unused = coco_file(categories=[{"id": 0, "name": "cat"}, {"id": 3, "name": "cat"}])
    assert listed(coco, write(tmp_path / "unused", FILES | {"a.json": unused}))[1] == []


@pytest.mark.parametrize(
    "images",
    [
        [{"id": 1, "file_name": "1.jpg"}, {"id": 1, "file_name": "2.jpg"}],
        [{"file_name": "1.jpg"}, {"file_name": "2.jpg"}],
    ],
)
def test_photos_whose_ids_are_missing_or_equal_get_no_boxes_and_are_no_background(
    tmp_path: Path, images: list[dict[str, object]]
) -> None:
    samples, problems = listed(coco, write(tmp_path, FILES | {"a.json": coco_file(images=images)}))
    assert samples == []
    assert problems[0][0] == "unclear_id"


# outlines


@pytest.mark.parametrize(
    ("segmentation", "edges"),
    [
        ([[1, 2, 8, 2, 8, 6, 1, 6]], (2, 1, 6, 8)),
        ([[1, 2, 8, 2, 8, 6], ["10", 1, 12, 1, 12, 3.5]], (1, 1, 6, 12)),
        ([1, 2, 8, 2, 8, 6], (2, 1, 6, 8)),
        ({"size": [10, 20], "counts": [12, 3, 7, 4, 174]}, (2, 1, 6, 3)),
        ({"size": [10, 20], "counts": [0, 200]}, (0, 0, 10, 20)),
        ({"size": [10, 20], "counts": "\\0:R1"}, None),
    ],
)
def test_an_annotation_without_a_box_gets_the_one_around_its_outline(
    tmp_path: Path, segmentation: object, edges: tuple[float, ...] | None
) -> None:
    row = {"id": 7, "image_id": 1, "category_id": 3, "segmentation": segmentation}
    for name, more in (("without", {}), ("null", {"bbox": None}), ("empty", {"bbox": []})):
        root = write(tmp_path / name, FILES | {"a.json": coco_file(annotations=[row | more])})
        assert formats.detect(root, "object_detection") == "coco"
        found = boxes_of(root)["1.jpg"]
        assert found == ([("cat", *edges)] if edges else [])


def test_a_packed_mask_gives_the_box_that_cocos_own_tools_give(tmp_path: Path) -> None:
    mask = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(5)
    for number in range(60):
        pixels = (rng.random((10, 20)) < rng.choice([0.01, 0.1, 0.6])).astype(np.uint8)
        pixels[rng.integers(10), rng.integers(20)] = 1
        packed = mask.encode(np.asfortranarray(pixels))
        x, y, width, height = mask.toBbox(packed)
        row = {
            "id": 7, "image_id": 1, "category_id": 3,
            "segmentation": {"size": [10, 20], "counts": packed["counts"].decode()},
        }  # fmt: skip
        found = boxes_of(write(tmp_path / str(number), FILES | {"a.json": coco_file(annotations=[row])}))
        assert found["1.jpg"] == [("cat", y, x, y + height, x + width)]


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        [],
        [[1, 2]],
        [[1, 2, 3, 4, 5, "x"]],
        {"size": [10, 20], "counts": [200]},
        {"size": [10, 20], "counts": [3, 4]},
        {"size": [20, 10], "counts": [0, 200]},
        {"counts": [0, 200]},
        {"size": [10, 20], "counts": "~~~"},
    ],
)
def test_an_outline_that_cannot_be_read_is_named_and_its_photo_is_no_background(
    tmp_path: Path, segmentation: object
) -> None:
    row = {"id": 7, "image_id": 1, "category_id": 3, "bbox": None, "segmentation": segmentation}
    samples, problems = listed(coco, write(tmp_path, FILES | {"a.json": coco_file(annotations=[row])}))
    assert problems == [("box_not_a_number", "a.json, annotation 7")]
    assert (samples[0].boxes, samples[0].unread) == ((), 1)


@pytest.mark.parametrize("known", ["by outlines", "by sizes"])
def test_boxes_written_as_two_corners_are_refused_and_the_remedy_reads_them(tmp_path: Path, known: str) -> None:
    corners = [(2, 1, 8, 9), (11, 2, 19, 8), (10, 1, 18, 10)]
    rows = [BOX | {"id": number, "bbox": list(edges)} for number, edges in enumerate(corners)]
    if known == "by outlines":
        rows = [
            row | {"segmentation": [[x, y, z, y, z, t, x, t]]} for row, (x, y, z, t) in zip(rows, corners, strict=True)
        ]
    images = [image if known == "by sizes" else {"id": 1, "file_name": "1.jpg"} for image in IMAGES[:1]]
    root = write(tmp_path, FILES | {"a.json": coco_file(images=images, annotations=rows)})
    with pytest.raises(UserError, match="as two corners") as caught:
        listed(coco, root)
    assert "`data.box_form=corners`" in caught.value.fix
    config = DetectionDataConfig(path=str(root), box_form="corners")
    (sample,) = (item for item in coco.list_samples(root, config) if isinstance(item, DetectionSample))
    assert [(box.xmin, box.ymin, box.xmax, box.ymax) for box in sample.boxes] == corners
    config = DetectionDataConfig(path=str(root), box_form="corner_size")
    (sample,) = (item for item in coco.list_samples(root, config) if isinstance(item, DetectionSample))
    assert sample.boxes[0].xmax == 10


def test_boxes_written_as_a_centre_are_refused_where_their_outlines_show_it(tmp_path: Path) -> None:
    outline = [[4, 2, 8, 2, 8, 8, 4, 8]]
    row = BOX | {"bbox": [6, 5, 4, 6], "segmentation": outline}
    root = write(tmp_path, FILES | {"a.json": coco_file(annotations=[row])})
    with pytest.raises(UserError, match="as a centre") as caught:
        listed(coco, root)
    assert "`data.box_form=centre_size`" in caught.value.fix
    config = DetectionDataConfig(path=str(root), box_form="centre_size")
    sample = next(item for item in coco.list_samples(root, config) if isinstance(item, DetectionSample))
    assert sample.boxes[0][1:5] == (2, 4, 8, 8)
