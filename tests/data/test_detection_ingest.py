"""Labelled photos become records that the Object Detection API's users know, in splits that do not leak, and what is
wrong is named.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from components.example_gen import example_gen
from data.config import BeamConfig
from data.detection import workers as detection_workers
from data.detection.config import DetectionDataConfig
from data.detection.label_map import read_label_map
from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from tests.support.detection_records import edges, findings, image_upright, records
from tests.support.labelled_shapes import PATCH, SIZE, add_image, draw, write_images

SHARES = (10 / 40, 8 / 64, 30 / 40, 48 / 64)  # of PATCH


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Examples]:
    """Return a function that writes the examples of a folder."""
    numbers = iter(range(100))

    def write(root: Path, beam: BeamConfig | None = None, **settings: Any) -> Examples:
        examples = Examples.create(tmp_path / f"examples {next(numbers)}")
        config = DetectionDataConfig(path=str(root), **settings)
        example_gen(
            examples=examples,
            config=config,
            beam=beam or BeamConfig(),
            context=Context.standalone(tmp_path / "context"),
        )
        return examples

    return write


def test_a_photo_keeps_its_bytes_and_its_boxes_become_shares(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = write_images(tmp_path / "raw", {"cat": 6, "dog": 4})
    examples = ingest(root)
    found = records(examples)
    assert len(found) == 10
    for name, features in found.items():
        assert features["image/encoded"] == [(root / name).read_bytes()]
        assert edges(features) == pytest.approx(SHARES)
        assert (features["image/height"], features["image/width"]) == ([40], [64])
        assert features["image/object/class/text"] == [b"cat" if int(name[-7:-4]) < 6 else b"dog"]
        assert features["image/object/class/label"] == [1 if int(name[-7:-4]) < 6 else 2]
    assert len({features["image/source_id"][0] for features in found.values()}) == 10
    assert read_label_map(examples.file("label_map.pbtxt")) == {1: "cat", 2: "dog"}
    assert sum(examples.splits.values()) == sum(examples.properties["boxes"].values()) == 10
    assert [sum(column) for column in zip(*examples.properties["label_counts"].values(), strict=True)] == [6, 4]


def test_the_bytes_are_the_same_whatever_the_workers(
    tmp_path: Path, ingest: Callable[..., Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_images(tmp_path / "raw", {"cat": 30, "dog": 9})
    written = []
    for threads, piece, beam in (
        (1, 64, None),
        (4, 7, None),
        (2, 3, BeamConfig(options={"direct_num_workers": 2, "direct_running_mode": "multi_threading"})),
    ):
        monkeypatch.setattr(detection_workers, "THREADS", threads)
        monkeypatch.setattr("data.detection.ingest.CHUNK", piece)
        examples = ingest(root, beam, examples_per_shard=10)
        written.append({file.name: file.read_bytes() for file in sorted(examples.path.iterdir())})
    assert sum(name.startswith("train") for name in written[0]) > 1
    assert written[0] == written[1] == written[2]


def test_given_splits_stay_and_validation_is_cut_from_training(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = tmp_path / "raw"
    for number in range(40):
        add_image(root, f"{'test' if number < 10 else 'train'}/{number}.jpg", data=draw(number))
    examples = ingest(root, validation_fraction=0.2)
    assert examples.splits == {"train": 24, "validation": 6, "test": 10}
    for name, features in records(examples).items():
        assert (features["split"] == ["test"]) == ("test" in name)


def test_a_seeded_split_spreads_the_rarest_class_over_the_splits(
    tmp_path: Path, ingest: Callable[..., Examples]
) -> None:
    root = tmp_path / "raw"
    for number in range(60):
        rare = [("owl", PATCH)] if number < 10 else []
        add_image(root, f"{number}.jpg", [("cat", PATCH), *rare], draw(number))
    examples = ingest(root)
    assert {split: counts[1] for split, counts in examples.properties["label_counts"].items()} == {
        "train": 8,
        "validation": 1,
        "test": 1,
    }
    again, other = records(ingest(root)), records(ingest(root, seed=1))
    first = records(examples)
    assert {name: row["split"] for name, row in first.items()} == {name: row["split"] for name, row in again.items()}
    assert {name: row["split"] for name, row in first.items()} != {name: row["split"] for name, row in other.items()}


def test_equal_photos_never_stand_in_two_splits(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = tmp_path / "raw"
    for number in range(12):
        add_image(root, f"train/{number}.jpg", data=draw(number))
    add_image(root, "test/same.jpg", [("cat", (0, 0, 20, 20))], data=draw(3))
    for number in range(20, 26):
        add_image(root, f"test/{number}.jpg", data=draw(number))
    examples = ingest(root)
    assert "photos/train/3.jpg" not in records(examples)
    assert findings(examples)["duplicate_across_splits"] == [
        ("photos/train/3.jpg", "same bytes as photos/test/same.jpg")
    ]
    assert findings(examples)["conflicting_boxes"][0][0] == "photos/train/3.jpg"


def test_equal_photos_of_one_split_go_the_same_way(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = tmp_path / "raw"
    for number in range(40):
        add_image(root, f"{number:02d}.jpg", data=draw(number % 20))
    found = records(ingest(root))
    assert len(found) == 40
    for number in range(20):
        assert found[f"photos/{number:02d}.jpg"]["split"] == found[f"photos/{number + 20:02d}.jpg"]["split"]


def test_photos_of_a_group_stay_together(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = tmp_path / "raw"
    for number in range(40):
        add_image(root, f"clip{number // 4}_{number}.jpg", data=draw(number))
    splits: dict[str, set[str]] = {}
    for name, features in records(ingest(root, group_by="clip([0-9]+)")).items():
        splits.setdefault(name.partition("_")[0], set()).update(features["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) == 3


def test_what_is_wrong_is_named_by_file_and_line(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = write_images(tmp_path / "raw", {"cat": 20})
    good = ("cat", PATCH)
    bad = {
        "empty_box": (5, 5, 5, 20),
        "swapped_box": (30, 8, 10, 48),
        "outside_box": (50, 8, 70, 48),
        "box_beyond_edge": (10, 8, 45, 48),
        "box_not_a_number": (10, "left", 30, 48),
    }
    for number, (kind, box) in enumerate(bad.items()):
        add_image(root, f"{kind}.jpg", [good, ("cat", box)], draw(100 + number))
    add_image(root, "only.jpg", [("cat", (5, 5, 5, 5))], draw(200))
    add_image(root, "spoilt.jpg", [("cat", (5, 5, 5, "x"))], draw(201))
    add_image(root, "mismatch.jpg", [good], draw(202), size=(64, 40))
    add_image(root, "resized.jpg", [("cat", (5, 4, 15, 24))], draw(203), size=(20, 32))
    add_image(root, "nothing.jpg", [], draw(204))
    add_image(root, "corrupt.jpg", [good], draw(205)[:300])
    add_image(root, "odd.jpg", [("Cat", PATCH)], draw(206))
    add_image(root, "wrong.jpg", [good], draw(207, kind="PNG"))
    (root / "photos" / "alone.jpg").write_bytes(draw(208))
    (root / "annotations" / "lost.xml").write_text("<annotation><filename>lost.jpg</filename></annotation>")
    examples = ingest(root)
    said = findings(examples)
    places = {kind: [file for file, _ in rows] for kind, rows in said.items()}
    for kind in bad:
        line = "line 15" if kind == "box_not_a_number" else "line 12"
        assert f"annotations/{kind}.xml, {line}" in places[kind]
    assert "annotations/only.xml, line 4" in places["empty_box"]
    assert sorted(places["no_usable_box"]) == ["photos/only.jpg", "photos/spoilt.jpg"]
    assert places["size_mismatch"] == ["annotations/mismatch.xml"]
    assert places["resized_photo"] == ["annotations/resized.xml"]
    assert places["background_photo"] == ["photos/nothing.jpg"]
    assert places["truncated_file"] == ["photos/corrupt.jpg"]
    assert places["similar_classes"] == ["cat"]
    assert said["wrong_extension"] == [("photos/wrong.jpg", "a PNG file")]
    assert places["photo_without_annotation"] == ["photos/alone.jpg"]
    assert places["missing_photo"] == ["annotations/lost.xml"]
    assert examples.properties["rejected"] == 6
    found = records(examples)
    assert not {"photos/only.jpg", "photos/spoilt.jpg", "photos/mismatch.jpg", "photos/corrupt.jpg"} & set(found)
    assert found["photos/nothing.jpg"]["image/boxes"] == [0]
    assert edges(found["photos/resized.jpg"]) == pytest.approx(SHARES)
    assert edges(found["photos/swapped_box.jpg"], 1) == pytest.approx(SHARES)
    assert edges(found["photos/box_beyond_edge.jpg"], 1)[2] == 1.0
    assert found["photos/empty_box.jpg"]["image/boxes"] == [1]
    assert examples.properties["empty"] == {
        **dict.fromkeys(examples.splits, 0),
        found["photos/nothing.jpg"]["split"][0]: 1,
    }


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("labelled", ["as seen", "as stored", "without size"])
def test_a_turned_photo_is_stored_upright_and_its_box_still_holds_the_object(
    tmp_path: Path, ingest: Callable[..., Examples], orientation: int, labelled: str
) -> None:
    import tensorflow as tf

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = draw(0, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        seen = np.asarray(image_upright(image))
    rows, columns = np.flatnonzero((seen.mean(2) > 120).any(1)), np.flatnonzero((seen.mean(2) > 120).any(0))
    upright = (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    stored = labelled == "as stored" and orientation >= 5  # half turns and mirrors do not show in the size
    box, size = (PATCH, SIZE) if stored else (upright, (seen.shape[0], seen.shape[1]))
    root = write_images(tmp_path / "raw", {"cat": 3})
    add_image(root, "turned.jpg", [("cat", box)], data, None if labelled == "without size" else size)
    features = records(ingest(root))["photos/turned.jpg"]
    pixels = tf.io.decode_image(features["image/encoded"][0], channels=3).numpy()
    assert pixels.shape == seen.shape
    assert np.abs(pixels.astype(int) - seen).mean() < 3
    height, width = pixels.shape[:2]
    ymin, xmin, ymax, xmax = (
        round(edge * side) for edge, side in zip(edges(features), (height, width) * 2, strict=True)
    )
    inside = pixels[ymin:ymax, xmin:xmax].mean()
    assert inside > 200
    assert (pixels.mean() * height * width - inside * (ymax - ymin) * (xmax - xmin)) / (height * width) < 20


@pytest.mark.parametrize(
    ("kind", "mode", "name"),
    [
        ("JPEG", "L", "a.jpg"),
        ("JPEG", "CMYK", "a.jpg"),
        ("PNG", "RGB", "a.png"),
        ("PNG", "L", "a.png"),
        ("PNG", "P", "a.png"),
        ("PNG", "RGBA", "a.png"),
        ("BMP", "RGB", "a.bmp"),
        ("WebP", "RGB", "a.webp"),
    ],
)
def test_tensorflow_reads_whatever_the_photo_was(
    tmp_path: Path, ingest: Callable[..., Examples], kind: str, mode: str, name: str
) -> None:
    import tensorflow as tf

    root = write_images(tmp_path / "raw", {"cat": 3})
    data = draw(0, kind=kind, mode=mode)
    add_image(root, name, data=data)
    features = records(ingest(root))[f"photos/{name}"]
    pixels = tf.io.decode_image(features["image/encoded"][0], channels=3, expand_animations=False).numpy()
    with Image.open(io.BytesIO(data)) as image:
        assert np.abs(pixels.astype(int) - np.asarray(image.convert("RGB"))).mean() < 6
    assert features["image/format"] in ([b"jpeg"], [b"png"])
    assert features["image/brightness"][0] == pytest.approx(pixels.mean() / 255, abs=0.05)
    if (kind, mode) in (("JPEG", "L"), ("PNG", "RGB"), ("PNG", "L")):
        assert features["image/encoded"] == [data]


def test_large_photos_are_shrunk_on_demand_and_small_ones_left_alone(
    tmp_path: Path, ingest: Callable[..., Examples]
) -> None:
    root = write_images(tmp_path / "raw", {"cat": 3})
    add_image(root, "large.jpg", [("cat", (20, 16, 60, 96))], draw(9, (20, 16, 60, 96), (80, 128)), (80, 128))
    add_image(root, "long.png", [("cat", (20, 16, 60, 96))], draw(9, (20, 16, 60, 96), (80, 128), "PNG"), (80, 128))
    found = records(ingest(root, max_side=100))
    assert found["photos/000.jpg"]["image/encoded"] == [(root / "photos" / "000.jpg").read_bytes()]
    for name, kind in (("photos/large.jpg", b"jpeg"), ("photos/long.png", b"png")):
        features = found[name]
        with Image.open(io.BytesIO(features["image/encoded"][0])) as image:
            assert image.size == (100, 62)
            assert np.asarray(image)[18:44, 15:72].mean() > 200
        assert (features["image/height"], features["image/width"], features["image/format"]) == ([62], [100], [kind])
        assert edges(features) == pytest.approx(SHARES)


def test_a_label_map_gives_the_numbers_and_classes_outside_it_are_told(
    tmp_path: Path, ingest: Callable[..., Examples]
) -> None:
    root = write_images(tmp_path / "raw", {"cat": 6, "dog": 6, "emu": 2})
    (tmp_path / "map.pbtxt").write_text("item { id: 4 name: 'cat' }\nitem { id: 2 name: 'dog' }\n")
    examples = ingest(root, label_map=tmp_path / "map.pbtxt")
    assert examples.labels == ["unused_1", "dog", "unused_3", "cat"]
    numbers = {
        (row["image/object/class/text"][0], row["image/object/class/label"][0]) for row in records(examples).values()
    }
    assert numbers == {(b"cat", 4), (b"dog", 2)}
    assert [detail for _, detail in findings(examples)["unknown_class"]] == ["`emu`", "`emu`"]
    with pytest.raises(UserError, match="no class `emu`"):
        ingest(root, label_map=tmp_path / "map.pbtxt", classes=("emu",))


def test_chosen_classes_are_numbered_as_they_are_named(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = write_images(tmp_path / "raw", {"cat": 6, "dog": 6, "emu": 6})
    add_image(root, "both.jpg", [("dog", PATCH), ("emu", PATCH)], draw(100))
    add_image(root, "none.jpg", [], draw(101))
    examples = ingest(root, classes=("emu", "cat"))
    found = records(examples)
    assert examples.labels == ["emu", "cat"]
    assert len(found) == 14
    assert found["photos/both.jpg"]["image/object/class/text"] == [b"emu"]
    assert found["photos/none.jpg"]["image/boxes"] == [0]
    with pytest.raises(UserError) as caught:
        ingest(root, classes=("cow",))
    assert "`cow`" in caught.value.what


def test_a_limit_takes_photos_of_every_class(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = write_images(tmp_path / "raw", {"cat": 40, "dog": 20})
    examples = ingest(root, limit=12)
    assert sum(examples.splits.values()) == 12
    assert [sum(column) for column in zip(*examples.properties["label_counts"].values(), strict=True)] == [8, 4]


def test_shares_taken_for_pixels_are_noticed(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = tmp_path / "raw"
    for number in range(10):
        add_image(root, f"{number}.jpg", [("cat", SHARES)], draw(number), None)
    with pytest.raises(UserError, match="first pixel") as caught:
        ingest(root)
    assert "data.boxes=shares" in caught.value.fix
    assert edges(records(ingest(root, boxes="shares"))["photos/0.jpg"]) == pytest.approx(SHARES)


def test_photos_that_the_lists_of_splits_forget_are_told(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = write_images(tmp_path / "raw", {"cat": 12})
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("".join(f"{number:03d}\n" for number in range(8)))
    (lists / "test.txt").write_text("008\n009\n010\n")
    examples = ingest(root, validation_fraction=0)
    assert findings(examples)["photo_without_split"] == [("photos/011.jpg", "")]
    assert examples.splits == {"train": 9, "validation": 0, "test": 3}


@pytest.mark.parametrize("setting", [{"box_form": "corners"}, {"pair_by": "own_name"}, {"more_values": "points"}])
def test_a_setting_that_does_nothing_with_the_format_is_refused(
    tmp_path: Path, ingest: Callable[..., Examples], setting: dict[str, str]
) -> None:
    root = write_images(tmp_path / "raw", {"cat": 4})
    config = {"format": "yolo" if "pair_by" in setting else "voc"}
    with pytest.raises(UserError, match="acts on") as caught:
        ingest(root, **config, **setting)
    assert caught.value.where == f"data.{next(iter(setting))}"


def test_a_photo_that_changes_while_it_is_read_stops_the_run(
    tmp_path: Path, ingest: Callable[..., Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_images(tmp_path / "raw", {"cat": 6})
    from components.tasks.object_detection import ingest as detection_ingest

    survey = detection_ingest.survey  # type: ignore[attr-defined]  # imported there, and looked up there

    def survey_and_change(*arguments: Any) -> Any:
        found = survey(*arguments)
        (root / "photos" / "003.jpg").write_bytes(draw(77))
        return found

    monkeypatch.setattr(detection_ingest, "survey", survey_and_change)
    with pytest.raises(UserError, match="changed while"):
        ingest(root)


def test_data_without_a_usable_box_say_why(tmp_path: Path, ingest: Callable[..., Examples]) -> None:
    root = tmp_path / "raw"
    for number in range(3):
        add_image(root, f"{number}.jpg", [("cat", (5, 5, 5, 9))], draw(number))
    with pytest.raises(UserError, match="no photo with a usable box") as caught:
        ingest(root)
    assert "empty_box" in caught.value.fix
    assert "annotations/0.xml, line 4" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "splits", "boxes", "labels"),
    [
        ("raccoon", {"train": 144, "validation": 16, "test": 40}, [173, 44], ["raccoon"]),
        ("bccd", {"train": 205, "validation": 87, "test": 72}, [3941, 945], ["Platelets", "RBC", "WBC"]),
        ("frog_crops", {"train": 73, "validation": 8, "test": 22}, [113, 33], ["frog"]),
    ],
)
def test_real_data_sets_come_whole(
    real_data: Path,
    ingest: Callable[..., Examples],
    name: str,
    splits: dict[str, int],
    boxes: list[int],
    labels: list[str],
) -> None:
    examples = ingest(real_data / "detection" / f"{name}.zip")
    assert examples.splits == splits
    counts = examples.properties["boxes"]
    assert [counts["train"] + counts["validation"], counts["test"]] == boxes
    assert examples.labels == labels
    wrong = set(findings(examples)) - {"duplicate_image", "conflicting_boxes"}
    assert wrong == ({"empty_box"} if name == "bccd" else set())


def test_photos_and_labels_whose_names_are_no_utf_8_come_through(
    tmp_path: Path, ingest: Callable[..., Examples]
) -> None:
    root = write_images(tmp_path / "raw", {"cat": 20})
    for folder, ending in (("photos", ".jpg"), ("annotations", ".xml")):
        (root / folder / f"003{ending}").rename(root / folder / (os.fsdecode(b"caf\xe9") + ending))
    examples = ingest(root)
    assert sum(examples.splits.values()) == 20
    records = [decode_example(data) for split in examples.splits for data in read_records(*examples.shards(split))]
    assert b"photos/caf\\xe9.jpg" in [record["image/filename"][0] for record in records]
