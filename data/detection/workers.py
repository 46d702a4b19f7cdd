"""The parts of the ingest of labelled images that run on Beam's workers; imported only where a pipeline is built, since it loads Beam.

Each piece of work leaves its result as files in a shared folder, put there by a rename, so a piece that a runner repeats does no harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from data import formats
from data.detection.boxes import Box, DetectionSample
from data.detection.exif import upright_boxes
from data.detection.file import examine_image, orientation_of, stored_image
from data.detection.findings import box_findings
from data.detection.listing import BoxListingReader
from data.detection.records import encode_detection
from data.images.image import BadImage, RawImage
from data.images.workers import (
    ALL_FACTS,
    PLAN,
    ImageWork,
    Source,
    changed_meanwhile,
    half_of,
    hash_image,
    wrong_extension,
)
from data.sample import Problem
from data.shards import Shard
from data.tfrecord import write_record
from pipeline.disk import replacing

FACTS = np.dtype(
    [
        ("hash", "<u8", 2),
        ("height", "<i4"),
        ("width", "<i4"),
        ("channels", "u1"),
        ("usable", "?"),
        ("convert", "?"),
        ("brightness", "<f4"),
        ("orientation", "u1"),
        ("boxes_hash", "<u8"),
    ]
)  # fmt: skip
"""What is known of a photo after it was looked at; height and width are those of the upright photo, the orientation is EXIF's, 1 to 8."""
UNUSABLE = ((0, 0), 0, 0, 0, False, False, 0.0, 1, 0)
BOXES = np.dtype([("row", "<i8"), ("label", "<i4"), ("height", "<f4"), ("width", "<f4")])
"""A usable box: row of its photo, number of its class in the listing, height and width as shares of the photo."""

TINY, LARGE = 0.02, 2048  # mean side of a box as a share of the image; pixels of an image's longer side
THREADS = min(8, os.cpu_count() or 1)  # decoding lets other threads work


class DetectionWork(ImageWork):
    """Keeps the listing, the raw data and some threads on a worker."""

    listing = BoxListingReader

    def setup(self) -> None:
        super().setup()
        self.turned = turned_by_exif(self.source.format)
        self.reading = threading.Lock()
        self.threads = self.open_files.enter_context(ThreadPoolExecutor(THREADS))

    def in_threads(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yield what a function makes of the items, in their order, with little more than one for each thread in memory."""
        running: deque[Future[Any]] = deque()
        for item in items:
            running.append(self.threads.submit(function, item))
            if len(running) > 2 * THREADS:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


class LookAtDetections(DetectionWork):
    """Writes the facts of a range of images, their usable boxes, and what is wrong with some.

    Args:
        names: the classes in the order of the listing's numbers.
        known: the classes of the label map; None without one.
    """

    def __init__(self, folder: Path, source: Source, names: list[str], known: frozenset[str] | None) -> None:
        super().__init__(folder, source)
        self.numbers, self.known = {name: number for number, name in enumerate(names)}, known

    def process(self, piece: tuple[int, int, int]) -> Iterator[int]:
        number, start, stop = piece
        facts: list[tuple[Any, ...]] = []
        boxes: list[tuple[int, int, float, float]] = []
        findings = box_findings()
        samples = self.rows.between(start, stop)
        looks = self.in_threads(self.look, samples)
        for row_number, sample, (fact, found, problems) in zip(range(start, stop), samples, looks, strict=True):
            facts.append(fact)
            boxes += [(row_number, self.numbers[box.label], box.ymax - box.ymin, box.xmax - box.xmin) for box in found]
            for problem in problems:
                findings.add(problem, sample.key)
        with replacing(self.folder / f"{number:07d}.findings.json", durable=False) as file:
            file.write(json.dumps([findings.counts, findings.examples]).encode())
        with replacing(self.folder / f"{number:07d}.boxes.npy", durable=False) as file:
            np.save(file, np.array(boxes, BOXES))
        with replacing(
            self.folder / f"{number:07d}.facts.npy", durable=False
        ) as file:  # the last one: it counts as done
            np.save(file, np.array(facts, FACTS))
        yield stop - start

    def look(self, sample: DetectionSample) -> tuple[tuple[Any, ...], list[Box], list[Problem]]:
        """Return an image's facts, its usable boxes, and what is wrong with it."""
        try:
            with self.reading:
                data = self.read(sample.locator)
            image = examine_image(data, self.source.max_pixels)
        except BadImage as error:
            return UNUSABLE, [], [Problem(error.args[0], sample.key, error.args[1], sample.split or "")]
        except OSError as error:
            return (
                UNUSABLE,
                [],
                [Problem("unreadable_file", sample.key, error.strerror or str(error), sample.split or "")],
            )
        orientation = orientation_of(data, image)
        height, width, channels = image.size
        boxes, problems = upright_boxes(sample, height, width, orientation, self.turned)
        boxes, unknown = self.drop_unknown(boxes)
        problems += unknown + remarks(sample, image, boxes, orientation)
        if sample.boxes and not boxes and problems[0].name != "size_mismatch":
            problems.append(Problem("no_usable_box", sample.key, f"see {sample.place}", sample.split or ""))
        usable = bool(boxes) or not sample.boxes
        fact = (
            hash_image(data), height, width, channels, usable, image.decoded is not None, image.brightness,
            orientation, hash_boxes(boxes),
        )  # fmt: skip
        return fact, boxes, problems

    def drop_unknown(self, boxes: list[Box]) -> tuple[list[Box], list[Problem]]:
        """Return the boxes whose class the label map has, and what to say of the others."""
        if self.known is None:
            return boxes, []
        unknown = [box for box in boxes if box.label not in self.known]
        problems = [Problem("unknown_class", box.place, f"`{box.label}`", "", box.label) for box in unknown]
        return [box for box in boxes if box.label in self.known], problems


def turned_by_exif(format_name: str) -> bool:
    """Tell whether a format's boxes are on the image as it is seen, if it does not say; records are on pixels as they are stored."""
    return getattr(formats.find_module(format_name), "TURNED_BY_EXIF", True)


def remarks(sample: DetectionSample, image: RawImage, boxes: list[Box], orientation: int) -> list[Problem]:
    """Return what is worth a remark about an image that can be used."""
    height, width, _ = image.size
    split = sample.split or ""
    found = []
    if unlike := wrong_extension(sample.key, image.kind):
        found.append(Problem("wrong_extension", sample.key, unlike, split))
    if orientation != 1:
        found.append(Problem("turned_photo", sample.key, f"EXIF orientation {orientation}", split))
    if max(height, width) > LARGE:
        found.append(Problem("large_photo", sample.key, f"{width} x {height}", split))
    if not sample.boxes:
        found.append(Problem("background_photo", sample.key, "", split))
    for box in boxes:
        high, wide = box.ymax - box.ymin, box.xmax - box.xmin
        if (high * wide) ** 0.5 < TINY:
            words = f"{wide * width:.0f} x {high * height:.0f} pixels of {width} x {height}"
            found.append(Problem("tiny_box", box.place or sample.key, words, split, box.label))
    return found


def hash_boxes(boxes: list[Box]) -> int:
    """Return 64 bits that differ where the boxes of two images do, in any order."""
    words = sorted(f"{box.label} {box.ymin:.4f} {box.xmin:.4f} {box.ymax:.4f} {box.xmax:.4f}" for box in boxes)
    return int.from_bytes(hashlib.blake2b("\n".join(words).encode(), digest_size=8).digest(), "little")


class WriteDetections(DetectionWork):
    """Writes whole TFRecord files.

    Args:
        labels: number of each class that is used, from 1; boxes of others are left out.
        max_side: pixels that the longer side of an image may have; None for any number.
    """

    listing = BoxListingReader

    def __init__(
        self, folder: Path, source: Source, target: Path, labels: dict[str, int], max_side: int | None
    ) -> None:
        super().__init__(folder, source)
        self.target, self.labels, self.max_side = target, labels, max_side

    def setup(self) -> None:
        super().setup()
        self.plan = np.load(self.folder / PLAN, mmap_mode="r")
        self.facts = np.load(self.folder / ALL_FACTS, mmap_mode="r")

    def process(self, shard: Shard) -> Iterator[int]:
        rows = self.plan["row"][shard.start : shard.stop]
        facts = self.facts[rows]
        in_turn = self.in_threads if self.max_side or facts["convert"].any() else map  # copying bytes gains nothing
        with replacing(self.target / shard.name, durable=False) as file:
            for record in in_turn(self.record, zip(rows.tolist(), facts.tolist(), strict=True)):
                write_record(file, record)
        yield len(rows)

    def record(self, planned: tuple[int, tuple[Any, ...]]) -> bytes:
        """Return the record of one image, of its row and its facts.

        Raises:
            UserError: its file is no longer what it was when it was looked at.
        """
        row_number, fact = planned
        with self.reading:
            sample = self.rows[row_number]
        content, height, width, channels, _, convert, brightness, orientation, _ = fact
        try:
            with self.reading:
                data = self.read(sample.locator)
        except (BadImage, OSError) as error:
            raise changed_meanwhile(sample.key) from error
        digest = hashlib.sha256(data).digest()
        if half_of(digest) != tuple(content):
            raise changed_meanwhile(sample.key)
        boxes, _ = upright_boxes(sample, height, width, orientation, self.turned)
        used = [box for box in boxes if box.label in self.labels]
        size = (height, width, channels)
        encoded, kind, size = stored_image(data, size, convert, self.max_side, self.source.max_pixels)
        name, checksum = sample.key.encode(), digest.hex() if encoded is data else ""
        return encode_detection(encoded, kind, name, row_number, size, brightness, used, self.labels, checksum)
