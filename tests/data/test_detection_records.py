"""TFRecord files of the Object Detection API are taken over with their splits, classes and boxes.

Damage is named by file and record.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from components.example_gen import example_gen
from data.config import BeamConfig
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.formats import detection_records
from data.sample import Problem
from data.tfrecord import scan_records, write_record
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError
from tests.support.labelled_shapes import PATCH, SIZE, draw

LABEL_MAP = "item {\n  id: 3\n  name: 'cat'\n}\nitem {\n  id: 7\n  name: 'dog'\n}\n"
SHARES = (10 / 40, 8 / 64, 30 / 40, 48 / 64)


def feature(values: list[Any]) -> Any:
    import tensorflow as tf

    if values and isinstance(values[0], bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
    if values and isinstance(values[0], float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def write_records(path: Path, images: list[dict[str, list[Any]]]) -> None:
    """Write a file as the Object Detection API's scripts do."""
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for image in images:
            features = tf.train.Features(feature={name: feature(values) for name, values in image.items()})
            writer.write(tf.train.Example(features=features).SerializeToString())


def image(number: int, boxes: int = 1, label: int = 3, text: bytes = b"cat", **changes: Any) -> dict[str, list[Any]]:
    """Return the features that the Object Detection API's scripts write of a photo."""
    name = f"{number}.jpg".encode()
    edges = dict(zip(("ymin", "xmin", "ymax", "xmax"), SHARES, strict=True))
    return {
        "image/encoded": [draw(number)],
        "image/format": [b"jpeg"],
        "image/filename": [name],
        "image/source_id": [name],
        "image/height": [SIZE[0]],
        "image/width": [SIZE[1]],
        **{f"image/object/bbox/{edge}": [value] * boxes for edge, value in edges.items()},
        "image/object/class/label": [label] * boxes,
        "image/object/class/text": [text] * boxes,
        "image/object/difficult": [1] * boxes,
        "image/object/view": [b"Frontal"] * boxes,
        **changes,
    }


def listed(path: Path, **settings: Any) -> tuple[list[DetectionSample], list[tuple[str, str]]]:
    """Return the photos, and kind and place of the problems."""
    items = list(detection_records.list_samples(path, DetectionDataConfig(path=str(path), **settings)))
    problems = [(item.name, item.file) for item in items if isinstance(item, Problem)]
    return [item for item in items if isinstance(item, DetectionSample)], problems


def test_records_keep_their_splits_numbers_and_photos(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_records(root / "train.record", [image(number) for number in range(8)])
    write_records(
        root / "eval.record", [image(20, label=7, text=b"dog"), image(21, label=7, text=b"dog"), image(22, boxes=0)]
    )
    (root / "label_map.pbtxt").write_text(LABEL_MAP)
    examples = Examples.create(tmp_path / "examples")
    config = DetectionDataConfig(path=str(root), validation_fraction=0.25)
    example_gen(examples=examples, config=config, beam=BeamConfig(), context=Context.standalone(tmp_path / "context"))
    assert examples.splits == {"train": 6, "validation": 2, "test": 3}
    assert examples.labels == ["unused_1", "unused_2", "cat", "unused_4", "unused_5", "unused_6", "dog"]
    assert examples.properties["label_counts"]["test"] == [0, 0, 0, 0, 0, 0, 2]
    assert examples.properties["empty"]["test"] == 1
    samples, problems = listed(examples.path)
    assert problems == []
    assert {sample.key.partition("/")[2] for sample in samples} == {
        *(f"train.record/{number}.jpg" for number in range(8)),
        *(f"eval.record/{number}.jpg" for number in (20, 21, 22)),
    }
    assert samples[0].boxes[0][1:5] == pytest.approx(SHARES)
    assert samples[0].boxes[0].difficult


@pytest.mark.parametrize("pattern", ["train.record-*", "train.record-0000?-of-00002", "*"])
def test_a_pattern_or_a_folder_names_files_in_parts(tmp_path: Path, pattern: str) -> None:
    for part in range(2):
        write_records(tmp_path / f"train.record-{part:05d}-of-00002", [image(part)])
    (tmp_path / "label_map.pbtxt").write_text(LABEL_MAP)
    path = tmp_path if pattern == "*" else tmp_path / pattern
    samples, problems = listed(path)
    assert [sample.split for sample in samples] == ["train", "train"]
    assert problems == []
    from data.locate import locate
    from pipeline.progress import Progress

    config = DetectionDataConfig(path=str(path))
    assert detection_records.detect(locate(config, Progress(quiet=True))[0])
    with detection_records.open_reader(path) as read:
        assert read(samples[1].locator) == draw(1)
    assert [file.name for file in detection_records.sources(path, config)] == [
        "train.record-00000-of-00002",
        "train.record-00001-of-00002",
        "label_map.pbtxt",
    ]


def test_the_label_map_names_boxes_that_have_only_numbers(tmp_path: Path) -> None:
    numbers_only = image(0, label=7)
    del numbers_only["image/object/class/text"]
    write_records(tmp_path / "train.record", [numbers_only])
    assert listed(tmp_path)[0][0].boxes[0].label == "7"
    (tmp_path / "label_map.pbtxt").write_text(LABEL_MAP)
    assert listed(tmp_path)[0][0].boxes[0].label == "dog"
    (tmp_path / "other.pbtxt").write_text("item { id: 7 name: 'wolf' }")
    assert listed(tmp_path, label_map=tmp_path / "other.pbtxt")[0][0].boxes[0].label == "wolf"
    with pytest.raises(UserError, match="2 label maps") as caught:
        listed(tmp_path)
    assert "data.label_map" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.record", "train"),
        ("pet_faces_train.record-00000-of-00010", "train"),
        ("coco_trainval2017.tfrecord", "train"),
        ("TrainSet.record", "train"),
        ("valid/cats.tfrecord", "validation"),
        ("val_images/cats.tfrecord", "validation"),
        ("eval.record", "test"),
        ("test_project/cats.record", None),
        ("cats.record", None),
    ],
)
def test_a_word_of_the_files_name_or_its_folders_name_gives_the_split(name: str, split: str | None) -> None:
    assert detection_records.split_of(name) == split


def test_given_splits_are_passed_over_where_the_recipe_says_so(tmp_path: Path) -> None:
    write_records(tmp_path / "train.record", [image(0)])
    assert [sample.split for sample in listed(tmp_path)[0]] == ["train"]
    assert [sample.split for sample in listed(tmp_path, given_splits=False)[0]] == [None]


def test_damage_is_named_by_file_and_record(tmp_path: Path) -> None:
    write_records(tmp_path / "a.record", [image(0), image(1) | {"image/object/bbox/xmax": []}, image(2)])
    no_image = image(3)
    del no_image["image/encoded"]
    write_records(tmp_path / "b.record", [no_image, image(4, label=0, text=b""), image(5)])
    whole = (tmp_path / "b.record").read_bytes()
    (tmp_path / "c.record").write_bytes(whole[:-20])
    broken = bytearray(whole)
    broken[-100] ^= 1
    (tmp_path / "d.record").write_bytes(broken)
    (tmp_path / "e.record").write_bytes(b"\x78\x9c" + whole)
    write_records(tmp_path / "f.record-00001-of-00003", [image(6)])
    samples, problems = listed(tmp_path)
    assert [sample.key for sample in samples] == [
        "a.record/0.jpg",
        "a.record/2.jpg",
        "b.record/4.jpg",
        "b.record/5.jpg",
        "c.record/4.jpg",
        "d.record/4.jpg",
        "f.record-00001-of-00003/6.jpg",
    ]
    assert ("unreadable_annotation", "a.record, record 2") in problems
    assert ("unreadable_annotation", "b.record, record 1") in problems
    assert ("box_without_class", "b.record, record 2, box 1") in problems
    assert [place for kind, place in problems if kind == "damaged_record"] == [
        "c.record, record 3",
        "d.record, record 3",
        "e.record, record 1",
    ]
    assert [place for kind, place in problems if kind == "missing_shard"] == [
        "f.record-00000-of-00003",
        "f.record-00002-of-00003",
    ]


def test_records_packed_with_gzip_are_read_like_others(tmp_path: Path) -> None:
    write_records(tmp_path / "plain" / "train.record", [image(number) for number in range(3)])
    packed = gzip.compress((tmp_path / "plain" / "train.record").read_bytes())
    (tmp_path / "packed").mkdir()
    for name in ("train.record", "test.tfrecord-00000-of-00001.gz"):
        (tmp_path / "packed" / name).write_bytes(packed)
    assert detection_records.detect(tmp_path / "packed")
    samples, problems = listed(tmp_path / "packed")
    assert [sample.split for sample in samples] == ["test"] * 3 + ["train"] * 3
    assert problems == []
    with detection_records.open_reader(tmp_path / "packed") as read:
        assert [read(sample.locator) for sample in reversed(samples[3:])] == [draw(2), draw(1), draw(0)]


@pytest.mark.parametrize("size", [0x9C78, 0x8B1F])  # as zlib's and gzip's first bytes, lowest byte first
def test_a_plain_file_whose_first_record_is_as_long_as_packed_files_begin_is_read(tmp_path: Path, size: int) -> None:
    with (tmp_path / "train.record").open("wb") as file:
        write_record(file, bytes(size))
    with detection_records.open_unpacked(tmp_path / "train.record") as stream:
        assert [len(record.data) for record in scan_records(stream)] == [size]
    with detection_records.open_seekable(tmp_path / "train.record") as stream:
        assert stream.seek(12) + len(stream.read(size)) == 12 + size


def test_of_a_packed_file_that_ends_early_the_whole_records_are_read(tmp_path: Path) -> None:
    write_records(tmp_path / "train.record", [image(number) for number in range(20)])
    packed = gzip.compress((tmp_path / "train.record").read_bytes())
    (tmp_path / "train.record").write_bytes(packed[: len(packed) // 2])
    samples, problems = listed(tmp_path)
    assert 0 < len(samples) < 20
    assert problems == [("damaged_record", f"train.record, record {len(samples) + 1}")]
    with detection_records.open_reader(tmp_path) as read:
        assert read(samples[-1].locator) == draw(len(samples) - 1)


def test_records_of_other_kinds_are_not_taken_for_photos_with_boxes(tmp_path: Path) -> None:
    write_records(tmp_path / "train.tfrecord", [{"image/encoded": [draw(0)], "image/class/label": [1]}])
    assert not detection_records.detect(tmp_path)
    (tmp_path / "train.tfrecord").write_bytes(b"no record at all")
    assert not detection_records.detect(tmp_path)
    assert not detection_records.detect(tmp_path / "train.txt")


def test_records_are_recognised_where_the_first_photos_have_no_objects_and_no_keys_for_them(tmp_path: Path) -> None:
    bare = {key: value for key, value in image(0).items() if "/object/" not in key}
    write_records(tmp_path / "test.record", [bare, image(1)])
    assert detection_records.detect(tmp_path)
    write_records(tmp_path / "bare" / "train.record", [bare, bare])
    assert not detection_records.detect(tmp_path / "bare")
    (tmp_path / "bare" / "label_map.pbtxt").write_text(LABEL_MAP)
    assert detection_records.detect(tmp_path / "bare")
    write_records(tmp_path / "bare" / "train.record", [bare | {"image/class/label": [1]}])
    assert not detection_records.detect(tmp_path / "bare")


def test_a_photo_that_exif_turns_keeps_the_boxes_of_its_pixels(tmp_path: Path) -> None:
    from PIL import Image

    from data.detection.exif import upright_boxes

    exif = Image.Exif()
    exif[0x0112] = 3
    write_records(tmp_path / "train.record", [image(0) | {"image/encoded": [draw(0, exif=exif)]}])
    sample = listed(tmp_path)[0][0]
    boxes, _ = upright_boxes(sample, *SIZE, orientation=3, turned=detection_records.TURNED_BY_EXIF)
    assert boxes[0][1:5] == pytest.approx((1 - SHARES[2], 1 - SHARES[3], 1 - SHARES[0], 1 - SHARES[1]))
    assert PATCH[0] / SIZE[0] == SHARES[0]
