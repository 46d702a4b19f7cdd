"""Labelled photos of the examples, and small pictures of them with their boxes drawn on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.photos.records import EDGES
from data.tfrecord import FeatureValue, decode_example, read_records
from object_detection.pictures import colour_of
from pipeline.artifacts import Examples

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Labelled:
    """A photo of the examples.

    Attributes:
        source: its path relative to the data.
        encoded: the JPEG or PNG file.
        boxes: (ymin, xmin, ymax, xmax) of each box as shares of the photo.
        labels: the boxes' classes, from 1.
    """

    source: str
    encoded: bytes
    boxes: list[tuple[float, ...]]
    labels: list[int]


def read_labelled(examples: Examples, split: str) -> Iterator[Labelled]:
    """Yield the photos of a split in the order of their records."""
    return map(to_labelled, map(decode_example, read_records(*examples.shards(split))))


def to_labelled(features: dict[str, list[FeatureValue]]) -> Labelled:
    """Return the photo of a record."""
    encoded, source = features["image/encoded"][0], features["image/filename"][0]
    assert isinstance(encoded, bytes)
    assert isinstance(source, bytes)
    edges = [[float(value) for value in features[f"image/object/bbox/{edge}"]] for edge in EDGES]
    labels = [int(value) for value in features["image/object/class/label"]]
    return Labelled(source.decode(), encoded, list(zip(*edges, strict=True)), labels)


def draw(photo: Labelled, side: int) -> Image.Image:
    """Return a photo with its boxes, each class in its colour, at most so many pixels on the longer side."""
    from PIL import Image, ImageDraw

    picture: Image.Image = Image.open(io.BytesIO(photo.encoded))
    picture.draft("RGB", (2 * side, 2 * side))
    picture = picture.convert("RGB")
    picture.thumbnail((side, side))
    pen = ImageDraw.Draw(picture)
    stroke = max(1, side // 80)
    for (ymin, xmin, ymax, xmax), label in zip(photo.boxes, photo.labels, strict=True):
        top, bottom = ymin * (picture.height - 1), ymax * (picture.height - 1)
        left, right = xmin * (picture.width - 1), xmax * (picture.width - 1)
        pen.rectangle((left, top, right, bottom), outline=colour_of(label), width=stroke)
    return picture
