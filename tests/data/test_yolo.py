"""YOLO's lines are read as boxes, outlines or key points, and classes get the names that their files give them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.detection.yolo_lines import LineForm, find_form, form_of, read_line
from data.formats import yolo
from data.sample import Problem
from pipeline.errors import UserError

BOX = "0 0.5 0.5 0.2 0.4\n"
EDGES = pytest.approx((0.3, 0.4, 0.7, 0.6))


def listed(
    root: Path, files: Mapping[str, str | bytes], **settings: object
) -> tuple[list[DetectionSample], list[tuple[str, str]]]:
    """Return the photos of a folder with these files, and kind and words of the problems."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert formats.detect(root, "object_detection") == "yolo"
    items = list(yolo.list_samples(root, DetectionDataConfig.model_validate({"path": str(root), **settings})))
    samples = [item for item in items if isinstance(item, DetectionSample)]
    return samples, [(item.name, item.detail) for item in items if isinstance(item, Problem)]


def names_of(samples: list[DetectionSample]) -> list[str]:
    return [box.label for sample in samples for box in sample.boxes]


def photos(*labels: str | bytes, names: str = "cat\ndog\n") -> dict[str, str | bytes]:
    """Return photos with the given label files, and a list of classes."""
    files: dict[str, str | bytes] = {"classes.txt": names}
    for number, text in enumerate(labels):
        files |= {f"images/{number}.jpg": "", f"labels/{number}.txt": text}
    return files


# lines


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.2 0.4", "0.0 0.5 0.5 0.2 0.4", "0\t5e-1 .5 0.20 0.4", "0 0.4 0.3 0.6 0.3 0.6 0.7 0.4 0.7",
        "0 0.4 0.5 0.5 0.3 0.6 0.5 0.5 0.7", "0 0.4 0.3 0.6 0.4 0.5 0.7", "0 0.4 0.3 0.6 0.3 0.6 0.7 0.5 0.6 0.4 0.7",
    ],
)  # fmt: skip
def test_boxes_outlines_and_rotated_boxes_are_the_box_around_them(line: str, tmp_path: Path) -> None:
    samples, problems = listed(tmp_path, photos(line, BOX))
    assert [[box[1:5] for box in sample.boxes] for sample in samples] == [[EDGES], [EDGES]]
    outlined = len(line.split()) > 5
    assert [kind for kind, _ in problems] == (["box_around_outline"] if outlined else [])


def test_boxes_and_outlines_may_stand_in_one_file(tmp_path: Path) -> None:
    samples, problems = listed(tmp_path, photos(f"{BOX}1 0.4 0.3 0.6 0.3 0.6 0.7\n"))
    assert names_of(samples) == ["cat", "dog"]
    assert [kind for kind, _ in problems] == ["box_around_outline"]


def test_a_confidence_behind_a_box_is_told_once(tmp_path: Path) -> None:
    samples, problems = listed(tmp_path, photos("0 0.5 0.5 0.2 0.4 0.91\n", "0 0.5 0.5 0.2 0.4 0.3\n"))
    assert [sample.boxes[0][1:5] for sample in samples] == [EDGES, EDGES]
    assert [kind for kind, _ in problems] == ["boxes_with_confidence"]
    _, problems = listed(tmp_path, photos("0 0.5 0.5 0.2 0.4 17\n"))
    assert ("box_not_a_number", "6 values instead of 5, and the last one, 17, is no confidence") in problems


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 0.2", "4 values instead of 5"),
        ("0 0,5 0,5 0,2 0,4", "decimal commas are not read"),
        ("0.5 0.5 0.5 0.2 0.4", "`0.5 0.5"),
        ("-1 0.5 0.5 0.2 0.4", "`-1 0.5"),
        ("0 nan 0.5 0.2 0.4", "`0 nan"),
        ("0 0.1 0.1 0.4 0.1 0.4 0.4 0.9", "neither a box nor the points of an outline"),
        ("7 0.5 0.5 0.2 0.4", "class 7 is not among the 2 names"),
    ],
)
def test_what_cannot_be_read_is_named(line: str, words: str, tmp_path: Path) -> None:
    samples, problems = listed(tmp_path, photos(f"{BOX}{line}\n", BOX, BOX))
    assert len(names_of(samples)) == 3
    assert len(problems) == 1 and words in problems[0][1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_labels_of_windows_programs_are_read(encoding: str, tmp_path: Path) -> None:
    samples, problems = listed(tmp_path, photos(BOX.replace("\n", "\r\n").encode(encoding)))
    assert samples[0].boxes[0][1:5] == EDGES
    assert problems == []


def test_pixels_end_the_run_and_its_remedy_works(tmp_path: Path) -> None:
    files = photos("0 320 240 100 200\n", "1 100 90 20 40\n")
    with pytest.raises(UserError, match="they seem to be pixels") as caught:
        listed(tmp_path, files)
    assert caught.value.where == "labels/0.txt, line 1"
    assert "`data.boxes=pixels`" in str(caught.value.fix)
    listed(tmp_path, files, boxes="pixels")


@pytest.mark.parametrize("form", ["corners", "corner_size"])
def test_boxes_that_are_no_centres_and_sizes_end_the_run_and_its_remedy_works(form: str, tmp_path: Path) -> None:
    chance, texts, boxes = random.Random(4), list[str](), list[object]()
    for _ in range(12):
        x, y = chance.uniform(0, 0.6), chance.uniform(0, 0.6)
        wide, high = chance.uniform(0.2, 1 - x), chance.uniform(0.2, 1 - y)
        texts.append(f"0 {x} {y} {x + wide} {y + high}" if form == "corners" else f"0 {x} {y} {wide} {high}")
        boxes.append(pytest.approx((y, x, y + high, x + wide)))
    with pytest.raises(UserError, match="of the boxes do not lie in their photos") as caught:
        listed(tmp_path, photos(*texts))
    assert f"`data.box_form={form}`" in str(caught.value.fix)
    samples, _ = listed(tmp_path, photos(*texts), box_form=form)
    assert [samples[place].boxes[0][1:5] for place in (0, 1)] == boxes[:2]
    listed(tmp_path, photos(*texts), box_form="centre_size")


# key points


def pose(seed: int, points: int, size: int) -> str:
    """Return a line of a box with points within it."""
    chance = random.Random(seed)
    x, y, wide, high = chance.uniform(0.3, 0.7), chance.uniform(0.3, 0.7), chance.uniform(0.1, 0.5), 0.4
    words = [x, y, wide, high]
    for _ in range(points):
        seen = chance.random() < 0.8
        place = [x + chance.uniform(-0.5, 0.5) * wide, y + chance.uniform(-0.5, 0.5) * high] if seen else [0.0, 0.0]
        words += place + ([2.0 if seen else 0.0] if size == 3 else [])
    return "0 " + " ".join(f"{word:.6f}" for word in words)


def outline(seed: int, points: int) -> str:
    """Return a line of the points of an ellipse."""
    chance = random.Random(seed)
    x, y, wide, high = (chance.uniform(0.3, 0.7), chance.uniform(0.3, 0.7), chance.uniform(0.1, 0.3), 0.2)
    angles = [2 * math.pi * place / points for place in range(points)]
    words = [word for angle in angles for word in (x + wide * math.cos(angle), y + high * math.sin(angle))]
    return "0 " + " ".join(f"{word:.6f}" for word in words)


@pytest.mark.parametrize("shape", [(17, 3), (4, 2), (1, 3), (3, 2), (2, 3), (5, 2)])
def test_key_points_are_told_from_outlines(shape: tuple[int, int], tmp_path: Path) -> None:
    lines = [pose(seed, *shape) for seed in range(12)]
    samples, problems = listed(tmp_path, photos(*lines))
    assert [kind for kind, _ in problems] == ["unread_key_points"]
    for sample in samples:
        line = lines[int(Path(sample.key).stem)]
        x, y, wide, high = map(float, line.split()[1:5])
        assert sample.boxes[0][1:5] == pytest.approx((y - high / 2, x - wide / 2, y + high / 2, x + wide / 2))


@pytest.mark.parametrize("points", [3, 4, 5, 6, 10, 17, 23])
def test_outlines_are_told_from_key_points(points: int, tmp_path: Path) -> None:
    lines = [outline(seed, points) for seed in range(12)]
    samples, problems = listed(tmp_path, photos(*lines))
    assert [kind for kind, _ in problems] == ["box_around_outline"]
    for sample in samples:
        line = lines[int(Path(sample.key).stem)]
        values = list(map(float, line.split()[1:]))
        around = (min(values[1::2]), min(values[::2]), max(values[1::2]), max(values[::2]))
        assert sample.boxes[0][1:5] == pytest.approx(around)


def test_where_key_points_and_outlines_cannot_be_told_apart_a_data_yaml_says_it(tmp_path: Path) -> None:
    line = "0 0.5 0.5 0.4 0.4 0.45 0.5 0.55 0.6\n"  # few lines with two points, or an outline of four
    samples, problems = listed(tmp_path, photos(line))
    assert samples[0].boxes == ()
    assert [kind for kind, _ in problems] == ["box_not_a_number"]
    assert "kpt_shape: [17, 3]" in problems[0][1]
    samples, problems = listed(tmp_path, {"data.yaml": "kpt_shape: [2, 2]\nnames: [cat, dog]\n"})
    assert samples[0].boxes[0][1:5] == pytest.approx((0.3, 0.3, 0.7, 0.7))
    assert [kind for kind, _ in problems] == ["unread_key_points"]


def test_lines_of_one_length_that_are_neither_shapes_nor_hold_their_points_stop_and_both_ways_lead_on(
    tmp_path: Path,
) -> None:
    chance = random.Random(1)
    lines = [
        f"0 0.{chance.randrange(30, 70)} 0.{chance.randrange(30, 70)} 0.20 0.30 0 0 0.3 0.7 0.6 0.4 0.9 0.1\n"
        for _ in range(12)
    ]
    with pytest.raises(UserError, match="outlines or boxes with key points") as caught:
        listed(tmp_path, photos(*lines))
    assert "kpt_shape" in caught.value.fix and "data.more_values=outlines" in caught.value.fix
    for choice, right in (("points", 0.2), ("outlines", 0.9)):
        samples, _ = listed(tmp_path, photos(*lines), more_values=choice)
        assert samples[0].boxes[0].xmax - samples[0].boxes[0].xmin == pytest.approx(right)


def test_a_setting_for_lines_that_are_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no lines of more than a box"):
        listed(tmp_path, photos(BOX), more_values="points")


def test_lines_of_another_length_than_the_stated_key_points_are_named() -> None:
    form, _ = find_form([("1.txt", pose(1, 2, 3))], (2, 3), DetectionDataConfig(path="x"))
    assert form == LineForm("points", 10)
    problem = read_line(["0", "0.4", "0.3", "0.6", "0.3", "0.6", "0.7"], "1.txt, line 1", {}, form)
    assert isinstance(problem, Problem) and "7 values instead of 11" in problem.detail
    assert form_of([], None, True) == LineForm()


# names


@pytest.mark.parametrize(
    "names",
    [
        "[cat, dog]", "\n- cat\n- dog", "{0: cat, 1: dog}", "\n  '0': cat\n  '1': dog", '{"0": cat, "1": dog}',
        "classes.txt", "./classes.txt", "/home/me/data/classes.txt",
    ],
)  # fmt: skip
def test_a_data_yaml_names_classes_in_any_of_its_ways(names: str, tmp_path: Path) -> None:
    files = photos(BOX, "1 0.5 0.5 0.2 0.4") | {"data.yaml": f"nc: 2\nnames: {names}\n"}
    samples, problems = listed(tmp_path, files)
    assert (names_of(samples), problems) == (["cat", "dog"], [])


@pytest.mark.parametrize("name", ["obj.names", "classes.txt", "data/coco.names", "labels/classes.txt", "names.txt"])
def test_a_list_of_classes_names_them(name: str, tmp_path: Path) -> None:
    files = {key: text for key, text in photos(BOX).items() if key != "classes.txt"} | {name: "cat\r\ndog\r\n"}
    samples, problems = listed(tmp_path, files)
    assert (names_of(samples), problems) == (["cat"], [])


def test_classes_without_names_are_called_by_their_numbers_and_that_is_told(tmp_path: Path) -> None:
    samples, problems = listed(tmp_path, {"1.jpg": "", "1.txt": BOX})
    assert names_of(samples) == ["0"]
    assert [kind for kind, _ in problems] == ["unnamed_classes"]


@pytest.mark.parametrize("names", ["{a: cat}", "[[cat], [dog]]", "missing.txt", "7"])
def test_names_that_cannot_be_understood_end_the_run(names: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        listed(tmp_path, photos(BOX) | {"data.yaml": f"names: {names}\n"})
    assert caught.value.where == "data.yaml"
    assert "names: {0: cat, 1: dog}" in str(caught.value.fix)


def test_files_that_name_different_classes_end_the_run_and_are_named(tmp_path: Path) -> None:
    files = photos(BOX) | {"data.yaml": "names: [cat, dog]\n", "old/data.yaml": "names: [dog, cat]\n"}
    with pytest.raises(UserError, match="0 cat, 1 dog; 0 dog, 1 cat") as caught:
        listed(tmp_path / "yaml", files)
    assert caught.value.where == "data.yaml; old/data.yaml"
    with pytest.raises(UserError, match="name different classes"):
        listed(tmp_path / "lists", photos(BOX) | {"labels/classes.txt": "dog\ncat\n"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nc: 3\nnames: [cat, dog]\n", "nc is 3, and there are 2 names"),
        ("names: [cat, cat]\n", "`cat` is the name of several numbers"),
        ("names: [dog, cat]\n", "data.yaml names other classes, and counts: 0 dog, 1 cat and not 0 cat, 1 dog"),
    ],
)
def test_doubtful_names_are_told(text: str, words: str, tmp_path: Path) -> None:
    _, problems = listed(tmp_path, photos(BOX) | {"data.yaml": text})
    assert any(kind == "doubtful_class_names" and words in detail for kind, detail in problems)


def test_other_yaml_files_are_passed_over(tmp_path: Path) -> None:
    others = {"docker-compose.yml": "services: {a: !x b}\n", "hyp.yaml": "lr0: 0.01\n", "args.yaml": "task: detect\n"}
    samples, problems = listed(tmp_path, photos(BOX) | others)
    assert (names_of(samples), problems) == (["cat"], [])


# photos without labels


def test_a_photo_without_labels_is_background_only_where_others_of_its_folder_have_some(tmp_path: Path) -> None:
    files = photos(BOX, "") | {"images/9.jpg": "", "night/1.jpg": "", "night/2.jpg": ""}
    samples, problems = listed(tmp_path, files)
    assert [sample.key for sample in samples if not sample.boxes] == ["images/1.jpg", "images/9.jpg"]
    assert [kind for kind, _ in problems] == ["photo_without_annotation", "photo_without_annotation"]


def test_masks_beside_labelled_photos_are_no_photos(tmp_path: Path) -> None:
    files = photos(BOX, BOX) | {"masks/0.png": "", "masks/1.png": ""}
    samples, problems = listed(tmp_path, files)
    assert [sample.key for sample in samples] == ["images/0.jpg", "images/1.jpg"]
    assert [kind for kind, _ in problems] == ["second_picture", "second_picture"]


def test_captions_and_other_texts_beside_photos_are_no_labels(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"")
    (tmp_path / "1.txt").write_text("a cat on 1 2 3 4 mats")
    assert not yolo.detect(tmp_path)
