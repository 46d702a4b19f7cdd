"""Pictures of TensorFlow Datasets, read from what TFDS prepared, without TFDS."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from data.formats import tfds
from data.images.config import ImageDataConfig
from data.sample import ImageSample, Problem
from data.tfrecord import integer_feature, varint, write_record


def test_pictures_that_come_without_a_class_are_told_and_get_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tiny-unlabelled.tfrecord-00000-of-00001"
    with file.open("wb") as stream:
        for number in (0, 1, 2**64 - 1):  # -1, as protobuf writes it
            features = integer_feature(b"label", number)
            write_record(stream, b"\x0a" + varint(len(features)) + features)
    info = SimpleNamespace(
        features={"label": SimpleNamespace(names=["ant", "bee"])},
        splits={"unlabelled": SimpleNamespace(filepaths=[file])},
    )
    monkeypatch.setattr(tfds, "open_builder", lambda path: (SimpleNamespace(info=info), "image", "label"))
    found = list(tfds.list_samples(tmp_path, ImageDataConfig(path="tfds:tiny")))
    assert [item.label for item in found if isinstance(item, ImageSample)] == ["ant", "bee"]
    assert [(item.name, item.file) for item in found if isinstance(item, Problem)] == [
        ("unlabelled_image", f"{file.name}#2")
    ]
