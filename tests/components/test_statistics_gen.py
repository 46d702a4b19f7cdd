"""Promises of statistics_gen."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.statistics.measure import batches
from components.statistics_gen import statistics_gen
from data.config import BeamConfig
from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples, Statistics, write_manifest
from pipeline.component import Context
from pipeline.errors import UserError


def test_pixel_mean_and_deviation_are_exact_and_of_the_training_pictures(
    tiny_examples: Examples, tiny_statistics: Statistics
) -> None:
    records = map(decode_example, read_records(*tiny_examples.shards("train")))
    files = [content for record in records for content in record["image/encoded"] if isinstance(content, bytes)]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(content)), np.float64) for content in files]) / 255
    measured = tiny_statistics.properties["pixels"]
    assert measured["mean"] == pytest.approx(pixels.mean(), abs=1e-12)
    assert measured["std"] == pytest.approx(pixels.std(), abs=1e-12)
    assert measured["channel_mean"] == [measured["mean"]]


def test_every_split_has_tfdv_statistics_and_the_same_as_plain_numbers(
    tiny_examples: Examples, tiny_statistics: Statistics
) -> None:
    plain = tiny_statistics.read_json("statistics.json")["splits"]
    for split, number in tiny_examples.splits.items():
        proto = statistics_pb2.DatasetFeatureStatisticsList.FromString(tiny_statistics.file(f"{split}.pb").read_bytes())
        assert proto.datasets[0].num_examples == plain[split]["examples"] == number
    features = {row["name"]: row for row in plain["train"]["features"]}
    assert features["image/height"]["min"] == features["image/height"]["max"] == 12
    assert dict(map(tuple, features["image/class/text"]["top"])) == {"cross": 40, "dot": 40, "stripe": 40}
    assert "image/encoded" not in features
    assert "image/source" not in features


def test_the_same_examples_give_the_same_bytes(
    tiny_examples: Examples, tiny_statistics: Statistics, tmp_path: Path
) -> None:
    again = Statistics.create(tmp_path / "statistics")
    statistics_gen(examples=tiny_examples, statistics=again, beam=BeamConfig(), context=Context.standalone(tmp_path))
    write_manifest(again, created=1.0)
    assert again.digest == tiny_statistics.digest


def test_every_class_has_a_strip_of_samples(tiny_statistics: Statistics) -> None:
    for label in range(3):
        assert Image.open(tiny_statistics.file("samples", f"{label}.png")).width > 100


def test_no_training_pictures_is_told_as_such(make_examples: Callable[..., Examples], tmp_path: Path) -> None:
    examples = make_examples("empty", {"train": 0, "test": 3})
    with pytest.raises(UserError, match="no example in the training split"):
        statistics_gen(
            examples=examples,
            statistics=Statistics.create(tmp_path / "s"),
            beam=BeamConfig(),
            context=Context.standalone(tmp_path),
        )


def test_large_photos_come_in_short_batches() -> None:
    assert [len(batch) for batch in batches(iter([b"x" * (20 << 20)] * 5))] == [2, 2, 1]
    assert [len(batch) for batch in batches(iter([b"x"] * 5000))] == [2048, 2048, 904]
