"""Measures images beside what TFDV does: exact mean and deviation of the training pixels, and samples to look at."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from components.tasks.image_classification.facts import ImageExamplesFacts, ImageStatisticsFacts, PixelFacts
from components.tasks.task import ExactSums, Sums
from components.validation.thumbnails import side_by_side, thumbnail
from data.tfrecord import read_records
from pipeline.artifacts import Examples, Statistics

PAYLOAD = ("image/encoded", "image/source")  # the image and its name: nothing to count there
SAMPLES_A_CLASS, SAMPLE_CLASSES = 10, 20


def summed(images: list[bytes], examples: Examples) -> Sums:
    """Return per channel of some encoded images [number of pixels, their sum, sum of squares] as exact integers."""
    channels = examples.facts_as(ImageExamplesFacts).channels
    return add_sums([add_pixels(image, channels) for image in images])


def add_pixels(encoded: bytes, channels: int) -> list[list[int]]:
    """Return per channel of an image [number of pixels, their sum, sum of squares] as exact integers."""
    pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("L" if channels == 1 else "RGB")).reshape(-1, channels)
    counts = [np.bincount(pixels[:, channel], minlength=256) for channel in range(channels)]
    values = np.arange(256)
    return [[len(pixels), int(count @ values), int(count @ values**2)] for count in counts]


def add_sums(parts: Iterable[Sums]) -> Sums:
    """Add up tables of the same shape, in any order and grouping."""
    total: Sums = []
    for part in parts:
        total = (
            [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(total, part, strict=True)] if total else part
        )
    return total


SUMS = ExactSums("image/encoded", summed, add_sums)


def facts(examples: Examples, splits: list[str], sums: Sums) -> ImageStatisticsFacts:
    """Return what the statistics say of themselves."""
    pixels = pixel_statistics(sums)
    return ImageStatisticsFacts(task=examples.task, splits=splits, labels=examples.labels, pixels=pixels)


def pixel_statistics(sums: Sums) -> PixelFacts:
    """Turn exact sums of bytes into mean and standard deviation of pixel values, of all channels and by channel."""

    def moments(number: int, total: int, squares: int) -> tuple[float, float]:
        # one rounding: the numerator is an exact integer
        variance = (number * squares - total * total) / (number * number)
        return total / number / 255, math.sqrt(variance) / 255

    by_channel = [moments(*row) for row in sums]
    mean, std = moments(*(sum(column) for column in zip(*sums, strict=True)))
    return PixelFacts(
        mean=mean,
        std=std,
        channel_mean=[mean for mean, _ in by_channel],
        channel_std=[std for _, std in by_channel],
    )


def page(examples: Examples) -> dict[str, Any]:
    """Return what `statistics.json` tells beside the features."""
    return examples.facts_as(ImageExamplesFacts).model_dump(mode="json", include={"labels", "label_counts"})


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write one strip of the first training images for each of the first classes, as `samples/<class number>.png`."""
    wanted = dict.fromkeys(range(min(SAMPLE_CLASSES, len(examples.labels))), SAMPLES_A_CLASS)
    found: dict[int, list[bytes]] = {label: [] for label in wanted}
    records = read_records(*examples.shards("train"))
    for number, record in enumerate(records):
        feature = tf.train.Example.FromString(record).features.feature
        label = feature["image/class/label"].int64_list.value[0]
        if len(found.get(label, [])) < wanted.get(label, 0):
            found[label].append(feature["image/encoded"].bytes_list.value[0])
        if number > 20_000 or all(len(found[label]) == wanted[label] for label in wanted):
            break
    statistics.file("samples").mkdir()
    for label, images in found.items():
        if images:
            strip = side_by_side([thumbnail(image) for image in images])
            strip.save(statistics.file("samples", f"{label}.png"), "PNG")
