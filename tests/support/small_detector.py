"""Drawn images as sealed Examples, and an untrained small detector as a sealed Model, for the tests of serving."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from PIL import Image

from data.detection.boxes import Box
from data.detection.records import encode_detection
from data.tfrecord import write_record
from object_detection.saved_detector import SavedDetector, write_detector
from object_detection.ssd import SsdConfig, build_ssd
from pipeline.artifacts import Examples, Model, write_manifest
from tests.support.facts import detector_facts

LABELS = ["cross", "dot", "stripe"]
SIZES = ((60, 90), (80, 64), (72, 72), (120, 50))


def draw_image(number: int, kind: str = "JPEG") -> tuple[bytes, tuple[int, int]]:
    """Return a photo of smooth colours, as a file, and its height and width; every fourth has the same size."""
    height, width = SIZES[number % len(SIZES)]
    coarse = np.random.default_rng(number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(stream, kind)
    return stream.getvalue(), (height, width)


def write_images(folder: Path, splits: dict[str, int]) -> Examples:
    """Write and seal Examples of drawn photos with a box each."""
    examples, number = Examples.create(folder), 0
    for split, count in splits.items():
        with examples.file(f"{split}-00000-of-00001.tfrecord").open("wb") as file:
            for _ in range(count):
                kind = "PNG" if number % 5 == 4 else "JPEG"
                encoded, size = draw_image(number, kind)
                box = Box(LABELS[number % 3], 0.1, 0.2, 0.6, 0.9, "drawn")
                labels = {label: place for place, label in enumerate(LABELS, 1)}
                name = f"{number}.{kind.lower()}".encode()
                write_record(
                    file, encode_detection(encoded, kind.lower().encode(), name, number, (*size, 3), 0.5, [box], labels)
                )
                number += 1
    examples.properties = {
        "task": "object_detection",
        "splits": splits,
        "labels": LABELS,
        "image_shape": None,
        "channels": 3,
        "rejected": 0,
    }
    write_manifest(examples, created=0.0)
    return examples


def make_detector(seed: int = 3, **changes: Any) -> SavedDetector:
    """Return a network of width .25 for 160 pixels, whose normalisation has seen noise: no two outputs are alike."""
    config = SsdConfig(**{"classes": len(LABELS), "size": 160, "width": 0.25, "momentum": 0.0, **changes})
    tf_keras.utils.set_random_seed(seed)
    model = build_ssd(config)
    model(tf.random.stateless_uniform([8, config.size, config.size, 3], (5, 6), -1, 1), training=True)
    return SavedDetector(model, config, LABELS)


def write_model(folder: Path, trained: SavedDetector) -> Model:
    """Write and seal a Model as the trainer does."""
    model = Model.create(folder)
    write_detector(trained, model.path)
    model.write_facts(detector_facts(trained.labels, trained.config.size))
    write_manifest(model, created=0.0)
    return model
