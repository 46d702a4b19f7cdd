"""Labelled images of the examples, and small images of them with their boxes drawn on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw

from data.detection.records import EDGES
from data.tfrecord import FeatureValue, decode_example, read_records
from object_detection.drawing import colour_of
from pipeline.artifacts import Examples


@dataclass(frozen=True)
class Labelled:
    """An image of the examples.

    Attributes:
        source: its path relative to the data.
        encoded: the JPEG or PNG file.
        boxes: (ymin, xmin, ymax, xmax) of each box, normalized.
        labels: the boxes' classes, from 1.
    """

    source: str
    encoded: bytes
    boxes: list[tuple[float, ...]]
    labels: list[int]


def read_labelled(examples: Examples, split: str) -> Iterator[Labelled]:
    """Yield the images of a split in the order of their records."""
    return map(to_labelled, map(decode_example, read_records(*examples.shards(split))))


def to_labelled(features: dict[str, list[FeatureValue]]) -> Labelled:
    """Return the image of a record."""
    encoded, source = features["image/encoded"][0], features["image/filename"][0]
    assert isinstance(encoded, bytes)
    assert isinstance(source, bytes)
    edges = [[float(value) for value in features[f"image/object/bbox/{edge}"]] for edge in EDGES]
    labels = [int(value) for value in features["image/object/class/label"]]
    return Labelled(source.decode(), encoded, list(zip(*edges, strict=True)), labels)


def draw(labelled: Labelled, side: int) -> Image.Image:
    """Return an image with its boxes, each class in its colour, at most so many pixels on the longer side."""
    image: Image.Image = Image.open(io.BytesIO(labelled.encoded))
    image.draft("RGB", (2 * side, 2 * side))
    image = image.convert("RGB")
    image.thumbnail((side, side))
    pen = ImageDraw.Draw(image)
    stroke = max(1, side // 80)
    for (ymin, xmin, ymax, xmax), label in zip(labelled.boxes, labelled.labels, strict=True):
        top, bottom = ymin * (image.height - 1), ymax * (image.height - 1)
        left, right = xmin * (image.width - 1), xmax * (image.width - 1)
        pen.rectangle((left, top, right, bottom), outline=colour_of(label), width=stroke)
    return image
