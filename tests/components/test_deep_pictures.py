"""Pictures of 12 bits a value: stored, served and measured by the same rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.example_gen import example_gen
from components.tasks.image_classification.images import decode
from components.tasks.image_classification.serving_check import deepened
from data.config import BeamConfig
from data.images.config import ImageDataConfig
from data.images.image import encode_png
from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples
from pipeline.component import Context
from serving.client.images import prepare
from serving.monitor.measured_images import measure_encoded


@pytest.fixture
def images(tmp_path: Path) -> Path:
    chance = np.random.default_rng(0)
    for label in ("normal", "ill"):
        (tmp_path / "scans" / label).mkdir(parents=True)
        for number in range(10):
            values = chance.integers(0, 4096, (6, 5)).astype(np.uint16)
            (tmp_path / "scans" / label / f"{number}.png").write_bytes(encode_png(values))
    return tmp_path / "scans"


@pytest.mark.parametrize("channels", [1, 3])
def test_the_served_model_takes_a_file_for_the_pixels_that_were_stored_of_it(
    images: Path, tmp_path: Path, channels: int
) -> None:
    examples = Examples.create(tmp_path / "examples")
    config = ImageDataConfig(path=str(images))
    example_gen(examples=examples, config=config, beam=BeamConfig(), context=Context.standalone(tmp_path / "context"))
    assert examples.properties["deep_bits"] == 12
    records = [decode_example(data) for split in examples.splits for data in read_records(*examples.shards(split))]
    stored = [record["image/encoded"][0] for record in records]
    files = [images / bytes(record["image/source"][0]).decode() for record in records]  # type: ignore[arg-type]
    expected = decode(tf.constant(stored), (6, 5, channels)).numpy()
    assert expected.max() > 250
    for sent in ([file.read_bytes() for file in files], [prepare(file) for file in files]):
        assert (decode(tf.constant(sent), (6, 5, channels), deep_bits=12).numpy() == expected).all()
    checked = [deepened(image, 12) for image in stored]  # type: ignore[arg-type]
    assert (decode(tf.constant(checked), (6, 5, channels), deep_bits=12).numpy() == expected).all()
    assert (decode(tf.constant(stored), (6, 5, channels), deep_bits=12).numpy() == expected).all()
    for file, record in zip(files, records, strict=True):
        measured = measure_encoded(file.read_bytes(), 12)
        assert measured is not None
        assert measured["image/brightness"] == pytest.approx(record["image/brightness"])
        assert record["image/brightness"][0] == pytest.approx(0.5, abs=0.1)
