"""The parts of the ingest of labelled images that run on Beam's workers.

Each piece of work leaves its result as files in a shared folder, put there by a rename, so a piece that a runner
repeats does no harm.
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
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data import formats
from data.detection.boxes import Box, DetectionSample
from data.detection.exif import upright_boxes
from data.detection.file import examine_image, orientation_of, stored_image
from data.detection.findings import box_findings
from data.detection.listing import BoxListingReader
from data.detection.records import encode_detection
from data.images.image import RawImage
from data.images.workers import FACTS as IMAGE_FACTS
from data.images.workers import UNUSABLE as UNUSABLE_IMAGE
from data.images.workers import (
    Fact,
    ImageWork,
    RecordWork,
    Source,
    changed_meanwhile,
    digest_of,
    facts_of,
    half_of,
    why_unusable,
)
from data.images.workers import remarks as image_remarks
from data.sample import BadImage, Problem
from pipeline.disk import replacing

FACTS = np.dtype([*IMAGE_FACTS.descr, ("orientation", "u1"), ("boxes_hash", "<u8")])
"""What is known of an image after it was looked at, height and width being those of the upright one.

The orientation is EXIF's, 1 to 8.
"""
UNUSABLE = (*UNUSABLE_IMAGE, 1, 0)
BOXES = np.dtype([("row", "<i8"), ("label", "<i4"), ("height", "<f4"), ("width", "<f4")])
"""A usable box: row of its image, number of its class in the listing, normalized height and width."""

TINY, LARGE = 0.02, 2048  # mean side of a box as a share of the image; pixels of an image's longer side
THREADS = min(8, os.cpu_count() or 1)  # decoding lets other threads work

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class DetectionWork(ImageWork[DetectionSample]):
    """Keeps the listing, the raw data and some threads on a worker."""

    reader = BoxListingReader

    def setup(self) -> None:
        super().setup()
        self.turned = formats.find(self.source.format, "object_detection").TURNED_BY_EXIF
        self.reading = threading.Lock()
        self.threads = self.open_files.enter_context(ThreadPoolExecutor(THREADS))

    def in_threads(self, function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[ResultT]:
        """Yield what a function makes of the items, in their order; few more than there are threads are in memory."""
        running: deque[Future[ResultT]] = deque()
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

    def process(self, chunk: tuple[int, int, int]) -> Iterator[int]:
        number, start, stop = chunk
        facts: list[Fact] = []
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
        # the last one: it counts as done
        with replacing(self.folder / f"{number:07d}.facts.npy", durable=False) as file:
            np.save(file, np.array(facts, FACTS))
        yield stop - start

    def look(self, sample: DetectionSample) -> tuple[Fact, list[Box], list[Problem]]:
        """Return an image's facts, its usable boxes, and what is wrong with it."""
        try:
            with self.reading:
                data = self.read(sample.locator)
            image = examine_image(data, self.source.max_pixels)
        except (BadImage, OSError) as error:
            kind, detail = why_unusable(error)
            return UNUSABLE, [], [Problem(kind, sample.key, detail, sample.split or "")]
        orientation = orientation_of(data, image)
        height, width, _ = image.size
        boxes, problems = upright_boxes(sample, height, width, orientation, self.turned)
        boxes, unknown = self.drop_unknown(boxes)
        problems += unknown + remarks(sample, image, boxes, orientation)
        if sample.boxes and not boxes and problems[0].name != "size_mismatch":
            problems.append(Problem("no_usable_box", sample.key, f"see {sample.place}", sample.split or ""))
        usable = bool(boxes) or not sample.boxes
        fact = (*facts_of(data, image, usable), orientation, hash_boxes(boxes))
        return fact, boxes, problems

    def drop_unknown(self, boxes: list[Box]) -> tuple[list[Box], list[Problem]]:
        """Return the boxes whose class the label map has, and what to say of the others."""
        if self.known is None:
            return boxes, []
        unknown = [box for box in boxes if box.label not in self.known]
        problems = [Problem("unknown_class", box.place, f"`{box.label}`", "", box.label) for box in unknown]
        return [box for box in boxes if box.label in self.known], problems


def remarks(sample: DetectionSample, image: RawImage, boxes: list[Box], orientation: int) -> list[Problem]:
    """Return what is worth a remark about an image that can be used."""
    height, width, _ = image.size
    split = sample.split or ""
    found: list[Problem] = []
    found += [Problem(kind, sample.key, detail, split) for kind, detail in image_remarks(sample.key, image)]
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


class WriteDetections(RecordWork[DetectionSample], DetectionWork):
    """Writes whole TFRecord files of images with boxes.

    Args:
        labels: number of each class that is used, from 1; boxes of others are left out.
        max_side: pixels that the longer side of an image may have; None for any number.
    """

    def __init__(
        self, folder: Path, source: Source, target: Path, labels: dict[str, int], max_side: int | None
    ) -> None:
        super().__init__(folder, source, target)
        self.labels, self.max_side = labels, max_side

    def records(self, planned: Iterable[tuple[tuple[int, int], Fact]], facts: NDArray[np.void]) -> Iterator[bytes]:
        in_turn = self.in_threads if self.max_side or facts["convert"].any() else map  # copying bytes gains nothing
        return in_turn(self.record, planned)

    def record(self, planned: tuple[tuple[int, int], Fact]) -> bytes:
        (row_number, _), (content, height, width, channels, _, convert, brightness, _, orientation, _) = planned
        with self.reading:
            sample = self.rows[row_number]
        try:
            with self.reading:
                data = self.read(sample.locator)
        except (BadImage, OSError) as error:
            raise changed_meanwhile(sample.key) from error
        digest = digest_of(data)
        if half_of(digest) != tuple(content):
            raise changed_meanwhile(sample.key)
        boxes, _ = upright_boxes(sample, height, width, orientation, self.turned)
        used = [box for box in boxes if box.label in self.labels]
        size = (height, width, channels)
        encoded, kind, size = stored_image(data, size, convert, self.max_side, self.source.max_pixels)
        name, checksum = sample.key.encode(), digest.hex() if encoded is data else ""
        return encode_detection(encoded, kind, name, row_number, size, brightness, used, self.labels, checksum)
