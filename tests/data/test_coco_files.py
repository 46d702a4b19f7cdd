"""Which json files are COCO's, which photo they mean, and what is damaged, is told by file and place."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import formats
from data.detection.boxes import fit_boxes
from data.detection.findings import box_findings
from data.findings import nothing_usable
from data.formats import coco
from data.sample import Problem
from pipeline.errors import UserError
from tests.support.coco_files import BOX, FILES, IMAGES, boxes_of, coco_file
from tests.support.labelled_files import listed, write

# other files beside


CAPTIONS = {"images": IMAGES, "annotations": [{"id": 1, "image_id": 1, "caption": "a cat"}]}
KEYPOINTS = coco_file(annotations=[BOX | {"bbox": [1, 1, 2, 2], "keypoints": [1, 2, 2], "num_keypoints": 1}])
RESULTS = [{"image_id": 1, "category_id": 3, "bbox": [1, 1, 2, 2], "score": 0.5}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions_train2017.json", CAPTIONS),
        ("person_keypoints_train2017.json", KEYPOINTS),
        ("image_info_test2017.json", {"images": IMAGES, "categories": [{"id": 3, "name": "cat"}]}),
        ("stuff_train2017.json", coco_file(annotations=[BOX | {"bbox": [0, 0, 20, 10]}])),
        ("panoptic.json", {"images": IMAGES, "annotations": [{"image_id": 1, "segments_info": []}], "categories": []}),
        ("results.json", RESULTS),
        ("predicted.json", coco_file(annotations=[BOX | {"bbox": [1, 1, 2, 2], "score": 0.5}])),
        ("package.json", {"name": "tool", "files": 3}),
        ("dataset.json", {"images": [1, 2], "annotations": "none"}),
        ("list.json", [1, 2]),
        ("number.json", "3"),
    ],
)
def test_a_json_file_that_says_something_else_is_passed_over_and_told(
    tmp_path: Path, name: str, content: object
) -> None:
    root = write(tmp_path, FILES | {"instances_train2017.json": coco_file(), name: content})
    samples, problems = listed(coco, root)
    assert problems == [("passed_over_file", name)]
    assert [[box[:5] for box in sample.boxes] for sample in samples] == [[("cat", 1, 2, 9, 8)], []]


def test_keypoints_and_what_a_detector_found_are_used_where_no_other_file_has_boxes(tmp_path: Path) -> None:
    root = write(tmp_path / "keypoints", FILES | {"keypoints.json": KEYPOINTS, "captions.json": CAPTIONS})
    assert boxes_of(root)["1.jpg"] == [("cat", 1, 1, 3, 3)]
    scored = coco_file(annotations=[BOX | {"score": 0.5}])
    samples, problems = listed(coco, write(tmp_path / "scored", FILES | {"a.json": scored}))
    assert (len(samples), problems) == (2, [("scored_boxes", "a.json")])


def test_where_no_json_file_has_boxes_each_is_named_with_what_it_is(tmp_path: Path) -> None:
    root = write(tmp_path, FILES | {"captions.json": CAPTIONS, "results.json": RESULTS})
    with pytest.raises(UserError, match="captions.json: captions; results.json: a list of a detector's results"):
        listed(coco, root)


def test_files_that_agree_on_a_photo_are_one_annotation_and_those_that_differ_an_error(tmp_path: Path) -> None:
    other = coco_file(annotations=[BOX | {"bbox": [2, 1, 6, 7]}])
    root = write(tmp_path, FILES | {"a.json": coco_file(), "b.json": other})
    samples, problems = listed(coco, root)
    assert problems == [("contradicting_annotation", "b.json, image 1"), ("duplicate_annotation", "b.json, image 2")]


def test_a_file_of_all_photos_beside_those_of_the_splits_leaves_them_their_splits(tmp_path: Path) -> None:
    files = FILES | {
        "all.json": coco_file(),
        "train.json": coco_file(images=IMAGES[:1]),
        "val.json": coco_file(images=IMAGES[1:], annotations=[]),
    }
    samples, problems = listed(coco, write(tmp_path, files))
    assert [(sample.key, sample.split) for sample in samples] == [("1.jpg", "train"), ("2.jpg", "validation")]
    assert {kind for kind, _ in problems} == {"duplicate_annotation"}


def test_where_nothing_can_be_used_an_error_is_named_before_what_is_only_a_warning(tmp_path: Path) -> None:
    findings = box_findings()
    for number in range(9):
        findings.add(Problem("photo_without_annotation", f"{number}.jpg"))
    findings.add(Problem("missing_photo", "a.json, image 1"))
    error = nothing_usable("There are no photos with annotations.", tmp_path, "coco", findings)
    assert error.fix.startswith("1 x missing_photo, for example a.json, image 1")


# exports of other programs


def test_photos_of_equal_names_in_two_folders_keep_their_boxes(tmp_path: Path) -> None:
    one = [{"id": 1, "file_name": "frame_0.PNG"}]
    files: dict[str, object] = {f"images/{split}/frame_0.PNG": "" for split in ("train", "val")}
    files["annotations/instances_train.json"] = coco_file(images=one)
    files["annotations/instances_val.json"] = coco_file(images=one, annotations=[BOX | {"category_id": 4}])
    samples, problems = listed(coco, write(tmp_path, files))
    assert problems == []
    assert {(sample.key, sample.split, sample.boxes[0].label) for sample in samples} == {
        ("images/train/frame_0.PNG", "train", "cat"),
        ("images/val/frame_0.PNG", "validation", "dog"),
    }


@pytest.mark.parametrize(
    ("stated", "photo"),
    [
        ("images\\ab12-1.jpg", "images/ab12-1.jpg"),
        ("../../label-studio/data/media/upload/1/ab12-1.jpg", "images/ab12-1.jpg"),
        ("/data/upload/1/ab12-1.jpg", "images/ab12-1.jpg"),
        ("/data/local-files/?d=photos/cam%201/1.jpg", "photos/cam 1/1.jpg"),
        ("https://example.org/photos/1.jpg", "photos/1.jpg"),
        ("https://example.org/photos/1.jpg?token=ab/c", "photos/1.jpg"),
        ("https://example.org/data/local-files/?d=photos/1.jpg", "photos/1.jpg"),
        ("d\u00e9cran_0.jpg", "images/de\u0301cran_0.jpg"),
    ],
)
def test_paths_of_other_machines_and_programs_find_their_photos(tmp_path: Path, stated: str, photo: str) -> None:
    content = coco_file(images=[{"id": 1, "file_name": stated}])
    samples, problems = listed(coco, write(tmp_path, {photo: "", "result.json": content}))
    assert problems == []
    assert [(sample.key, len(sample.boxes)) for sample in samples] == [(photo, 1)]


def test_an_address_tells_the_photo_where_lvis_states_no_name(tmp_path: Path) -> None:
    content = coco_file(images=[{"id": 1, "coco_url": "http://images.example.org/train2017/000000000009.jpg"}])
    root = write(tmp_path, {"train2017/000000000009.jpg": "", "val2017/000000000009.jpg": "", "lvis.json": content})
    assert boxes_of(root) == {"train2017/000000000009.jpg": [("cat", 1, 2, 9, 8)]}


# damage


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_is_read_in_any_unicode(tmp_path: Path, encoding: str) -> None:
    content = json.dumps(coco_file(categories=[{"id": 3, "name": "Kätzchen"}]), ensure_ascii=False)
    root = write(tmp_path, FILES | {"a.json": content.encode(encoding)})
    assert formats.detect(root, "object_detection") == "coco"
    assert boxes_of(root)["1.jpg"][0][0] == "Kätzchen"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps(coco_file())[:95], "line 1 column 96"),
        (json.dumps(coco_file(), indent=1)[:-30], "line "),
        (json.dumps(coco_file())[:-1] + ', "x": ' + "[" * 100_000, "Nested too deep"),
        (json.dumps(coco_file()).replace("[2, 1", f"[2, 1{'0' * 5000}"), "too many digits"),
        (json.dumps(coco_file()) + "}", "Extra data"),
        (json.dumps(coco_file(info="é"), ensure_ascii=False).encode("latin-1"), "is no UTF-8"),
    ],
)
def test_a_damaged_file_ends_the_run_with_its_place(tmp_path: Path, content: str | bytes, words: str) -> None:
    root = write(tmp_path, FILES | {"a.json": content, "b.json": coco_file()})
    with pytest.raises(UserError, match=words) as caught:
        listed(coco, root)
    assert caught.value.where == "a.json"


def test_a_damaged_file_that_is_none_of_cocos_is_told(tmp_path: Path) -> None:
    root = write(tmp_path, FILES | {"a.json": '{"name": "x", ', "b.json": coco_file()})
    samples, problems = listed(coco, root)
    assert (len(samples), problems) == (2, [("unreadable_annotation", "a.json")])


@pytest.mark.parametrize(
    "edges", ["[2, 1, NaN, 8]", "[2, 1, Infinity, 8]", f"[2, 1, 1{'0' * 400}, 8]", "[2, true, 6, 8]"]
)
def test_what_is_no_finite_number_is_no_edge(tmp_path: Path, edges: str) -> None:
    root = write(tmp_path, FILES | {"a.json": json.dumps(coco_file()).replace("[2, 1, 6, 8]", edges)})
    assert listed(coco, root)[1] == [("box_not_a_number", "a.json, annotation 7")]


def test_a_stated_size_that_is_turned_leaves_the_photo_out(tmp_path: Path) -> None:
    turned = [{"id": 1, "file_name": "1.jpg", "width": 10, "height": 20}]
    (sample,) = listed(coco, write(tmp_path, {"1.jpg": "", "a.json": coco_file(images=turned)}))[0]
    boxes, problems = fit_boxes(sample, 10, 20)
    assert (boxes, [item.name for item in problems]) == ([], ["size_mismatch"])


# however it is spelt


def spelt(draw: st.DrawFn, number: float) -> float | str:
    """Return a whole number as one of the programs would write it."""
    written: list[float | str] = [number, str(number), float(number), f"{number}.0"]
    return draw(st.sampled_from(written))


@st.composite
def spellings(draw: st.DrawFn) -> tuple[bytes, dict[str, list[tuple[object, ...]]]]:
    """Return a file of two photos in any spelling, and label, ymin, xmin, ymax, xmax of their boxes."""
    truth: dict[str, list[tuple[object, ...]]] = {"1.jpg": [], "2.jpg": []}
    annotations = []
    for number in range(draw(st.integers(1, 5))):
        place, label = draw(st.integers(1, 2)), draw(st.integers(1, 3))
        x, y, width, height = (draw(st.integers(low, high)) for low, high in ((0, 9), (0, 4), (2, 8), (2, 5)))
        row: dict[str, object] = {"id": number, "image_id": spelt(draw, place), "category_id": spelt(draw, label)}
        mask = np.zeros((10, 20), np.int8)
        mask[y : y + height, x : x + width] = 1
        changes = np.flatnonzero(np.diff(np.concatenate([[0], mask.T.ravel()])))
        outlines: dict[str, dict[str, object]] = {
            "bbox": {"bbox": [spelt(draw, edge) for edge in (x, y, width, height)]},
            "polygon": {"bbox": None, "segmentation": [[x, y, x + width, y, x + width, y + height, x, y + height]]},
            "runs": {"segmentation": {"size": [10, 20], "counts": np.diff([0, *changes, 200]).tolist()}},
        }
        annotations.append(row | outlines[draw(st.sampled_from(sorted(outlines)))])
        truth[f"{place}.jpg"].append((f"class {label}", y, x, y + height, x + width))
    categories = [{"id": spelt(draw, number), "name": f"class {number}"} for number in (1, 2, 3)]
    images = [{"id": spelt(draw, n), "file_name": f"{n}.jpg", "width": spelt(draw, 20), "height": 10} for n in (1, 2)]
    lists = {"images": images, "annotations": annotations, "categories": categories, "info": {"year": 2020}}
    content = {key: lists[key] for key in draw(st.permutations(sorted(lists)))}
    text = json.dumps(content, indent=draw(st.sampled_from([None, 1, 4])))
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))), truth


@settings(max_examples=50, deadline=None)
@given(drawn=spellings())
def test_however_a_file_is_spelt_the_same_boxes_come_out(
    drawn: tuple[bytes, dict[str, list[tuple[object, ...]]]],
) -> None:
    content, truth = drawn
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), FILES | {"a.json": content})
        assert formats.detect(root, "object_detection") == "coco"
        assert listed(coco, root)[1] == []
        assert boxes_of(root) == truth
