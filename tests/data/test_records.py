"""Records are what TensorFlow itself would write and read."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from data.images.records import encode_image
from data.tfrecord import decode_example, read_records, write_record

FIELDS = {"encoded": b"\xff\xd8" + b"x" * 300, "image_format": b"jpeg", "source": "dög/1.jpg".encode()}


def example(**changes: object) -> bytes:
    return encode_image(**{**FIELDS, "size": (28, 300, 3), "brightness": 0.25, "label": 7, "text": b"dog", **changes})  # type: ignore[arg-type]


def test_tensorflow_parses_a_hand_built_example_to_the_same_values() -> None:
    tf = pytest.importorskip("tensorflow")
    parsed = tf.train.Example.FromString(example())
    feature = parsed.features.feature
    assert feature["image/encoded"].bytes_list.value[0] == FIELDS["encoded"]
    assert feature["image/source"].bytes_list.value[0].decode() == "dög/1.jpg"
    assert feature["image/format"].bytes_list.value[0] == b"jpeg"
    assert feature["image/class/text"].bytes_list.value[0] == b"dog"
    assert feature["image/brightness"].float_list.value[0] == 0.25
    numbers = {
        name: feature[f"image/{name}"].int64_list.value[0]
        for name in ("height", "width", "channels", "bytes", "class/label")
    }
    assert numbers == {"height": 28, "width": 300, "channels": 3, "bytes": 302, "class/label": 7}
    assert len(feature) == 10


def test_hand_built_bytes_equal_the_deterministic_serialisation_of_the_proto() -> None:
    tf = pytest.importorskip("tensorflow")
    data = example(label=300, size=(1, 70000, 1))
    assert tf.train.Example.FromString(data).SerializeToString(deterministic=True) == data


def test_tensorflow_reads_the_record_file(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    written = [example(label=number, encoded=b"y" * number) for number in range(5)]
    with (tmp_path / "shard").open("wb") as file:
        for data in written:
            write_record(file, data)
    assert [item.numpy() for item in tf.data.TFRecordDataset(str(tmp_path / "shard"))] == written
    assert list(read_records(tmp_path / "shard")) == written


def test_what_is_encoded_is_decoded() -> None:
    features = decode_example(example())
    assert features["image/class/label"] == [7]
    assert features["image/encoded"] == [FIELDS["encoded"]]
    assert features["image/brightness"] == [0.25]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:20] + b"?" + data[21:], lambda data: data[:5]]
)
def test_a_damaged_record_file_is_not_read(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with (tmp_path / "shard").open("wb") as file:
        write_record(file, example())
    (tmp_path / "shard").write_bytes(damage((tmp_path / "shard").read_bytes()))
    with pytest.raises(ValueError, match="damaged"):
        list(read_records(tmp_path / "shard"))


def test_bytes_that_are_no_example_are_refused_in_one_way_only() -> None:
    whole, chance = example(), random.Random(7)
    for _ in range(2000):
        broken = bytearray(whole)
        for _ in range(3):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        with suppress(ValueError):
            decode_example(bytes(broken))
    for length in range(1, len(whole)):
        with pytest.raises(ValueError):
            decode_example(whole[:length])
