"""Real images of a split as clients send them: encoded, as records, and as pixels of bearable number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from object_detection.preprocessing import decode
from pipeline.artifacts import Examples
from serving.samples import UNSEEN_FIRST, encoded_image, sample_records

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


MAX_VALUES = 200_000  # of an image sent as pixels; as JSON numbers about 0.8 MB


@dataclass(frozen=True)
class ImageReader:
    """Images of a split.

    Attributes:
        records: serialized `tf.train.Example`s.
        encoded: JPEG or PNG files.
    """

    split: str
    records: list[bytes]
    encoded: list[bytes]


def sample_images(examples: Examples, count: int, order: tuple[str, ...] = UNSEEN_FIRST) -> ImageReader:
    """Return up to `count` images, spread evenly over the first split in `order` that is not empty."""
    split, records = sample_records(examples, count, order)
    return ImageReader(split, records, [encoded_image(record) for record in records])


def few_pixels(encoded: bytes) -> NDArray[np.uint8]:
    """Return an image's pixels, uint8 [height, width, 3], large images thinned to every second, third ... of them."""
    pixels: NDArray[np.uint8] = decode(tf.constant(encoded)).numpy()
    step = math.ceil(math.sqrt(max(pixels.size / MAX_VALUES, 1)))
    return pixels[::step, ::step]
