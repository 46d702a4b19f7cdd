"""The parts of ingest that run on Beam's workers.

Each piece of work leaves its result as files in a shared folder, put there by a rename, so a piece that a runner
repeats does no harm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import apache_beam
import numpy as np
from numpy.typing import NDArray

from data import formats
from data.images.depth import largest_of
from data.images.image import RawImage, brightness_of, examine, stored_bytes
from data.images.listing import ImageListingReader, ListingReader, Row
from data.images.records import encode_image
from data.sample import EXTENSIONS, BadImage, Content
from data.shards import Shard
from data.tfrecord import write_record
from pipeline.disk import replacing
from pipeline.errors import UserError

FACTS = np.dtype(
    [
        ("hash", "<u8", 2),
        ("height", "<i4"),
        ("width", "<i4"),
        ("channels", "u1"),
        ("usable", "?"),
        ("convert", "?"),
        ("brightness", "<f4"),
        ("largest", "<u2"),
    ]
)
"""What is known of an image after it was looked at.

The hash is 128 bits of its SHA-256; the largest value, but for one in a thousand, is 0 where 8 bits hold
them all.
"""
UNUSABLE = ((0, 0), 0, 0, 0, False, False, 0.0, 0)
PLAN, ALL_FACTS = "plan.npy", "facts.npy"

Fact = tuple[Any, ...]  # one row of FACTS
RowT = TypeVar("RowT")


class Source(NamedTuple):
    """Where the images are, in a form that travels to workers."""

    task: Literal["image_classification", "object_detection"]
    format: str
    path: str
    max_pixels: int


class ImageWork(apache_beam.DoFn, Generic[RowT]):
    """Keeps the listing and the raw data open on a worker."""

    reader: type[ListingReader[RowT]]

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder, self.source = folder, source

    def setup(self) -> None:
        self.open_files = ExitStack()
        self.rows = self.reader(self.folder)
        self.open_files.callback(self.rows.close)
        module = formats.find(self.source.format, self.source.task)
        self.read = self.open_files.enter_context(module.open_reader(Path(self.source.path)))

    def teardown(self) -> None:
        self.open_files.close()


class LookAtImages(ImageWork[Row]):
    """Writes the facts of a range of images, and what is wrong with some."""

    reader = ImageListingReader

    def process(self, chunk: tuple[int, int, int]) -> Iterator[int]:
        number, start, stop = chunk
        facts: list[Fact] = []
        problems: list[tuple[str, str, int]] = []
        for row_number, row in enumerate(self.rows.between(start, stop), start):
            try:
                data = self.read(row.locator)
                image = examine(data, self.source.max_pixels)
            except (BadImage, OSError) as error:
                problems.append((*why_unusable(error), row_number))
                facts.append(UNUSABLE)
                continue
            facts.append(facts_of(data, image))
            problems += [(kind, detail, row_number) for kind, detail in remarks(row.key, image)]
        if problems:
            with replacing(self.folder / f"{number:07d}.problems.json", durable=False) as file:
                file.write(json.dumps(problems).encode())
        with replacing(self.folder / f"{number:07d}.facts.npy", durable=False) as file:
            np.save(file, np.array(facts, FACTS))
        yield stop - start


class RecordWork(ImageWork[RowT]):
    """Writes whole TFRecord files of what the plan says."""

    def __init__(self, folder: Path, source: Source, target: Path) -> None:
        super().__init__(folder, source)
        self.target = target

    def setup(self) -> None:
        super().setup()
        self.plan = np.load(self.folder / PLAN, mmap_mode="r")
        self.facts = np.load(self.folder / ALL_FACTS, mmap_mode="r")

    def process(self, shard: Shard) -> Iterator[int]:
        plan = self.plan[shard.start : shard.stop]
        facts = self.facts[plan["row"]]
        with replacing(self.target / shard.name, durable=False) as file:
            for record in self.records(zip(plan.tolist(), facts.tolist(), strict=True), facts):
                write_record(file, record)
        yield len(plan)

    def records(self, planned: Iterable[tuple[tuple[int, int], Fact]], facts: NDArray[np.void]) -> Iterator[bytes]:
        """Yield the records of images, of their rows and classes in the plan and their facts."""
        return map(self.record, planned)

    def record(self, planned: tuple[tuple[int, int], Fact]) -> bytes:
        """Return the record of one image.

        Raises:
            UserError: its file is no longer what it was when it was looked at.
        """
        raise NotImplementedError


class WriteShards(RecordWork[Row]):
    """Writes whole TFRecord files of images with one class each.

    Args:
        names: the classes in the order of their numbers.
        bits: that the values of images with more than 8 fill.
    """

    reader = ImageListingReader

    def __init__(self, folder: Path, source: Source, target: Path, names: list[str], bits: int) -> None:
        super().__init__(folder, source, target)
        self.bits = bits
        self.names = [name.encode() for name in names]

    def record(self, planned: tuple[tuple[int, int], Fact]) -> bytes:
        (row_number, label), (content, height, width, channels, _, convert, brightness, largest) = planned
        row = self.rows[row_number]
        try:
            data = self.read(row.locator)
        except (BadImage, OSError) as error:
            raise changed_meanwhile(row.key) from error
        if half_of(digest_of(data)) != tuple(content):
            raise changed_meanwhile(row.key)
        image = examine(data, self.source.max_pixels) if convert and isinstance(data, bytes) else None
        encoded, kind = stored_bytes(data, image, self.bits)
        if largest:
            brightness = brightness_of(encoded)
        size = (height, width, channels)
        return encode_image(encoded, kind, row.key.encode(), size, brightness, label, self.names[label])


def why_unusable(error: BadImage | OSError) -> tuple[str, str]:
    """Return the kind of finding and the detail for an image that cannot be read."""
    if isinstance(error, BadImage):
        return error.args[0], error.args[1]
    return "unreadable_file", error.strerror or str(error)


def facts_of(data: Content, image: RawImage, usable: bool = True) -> Fact:
    """Return the facts of an image that was decoded."""
    largest = 0 if image.deep is None else largest_of(image.deep)
    return half_of(digest_of(data)), *image.size, usable, image.decoded is not None, image.brightness, largest


def digest_of(data: Content) -> bytes:
    """Return the SHA-256 of a file's bytes, or of an array's shape and values."""
    return hashlib.sha256(data if isinstance(data, bytes) else repr(data.shape).encode() + data.tobytes()).digest()


def half_of(digest: bytes) -> tuple[int, int]:
    """Return the first 128 bits of a checksum as two numbers."""
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")


def remarks(key: str, image: RawImage) -> Iterator[tuple[str, str]]:
    """Yield the kind and the detail of each thing that is worth a remark about an image that can be used."""
    if unlike := wrong_extension(key, image.kind):
        yield "wrong_extension", unlike
    if image.frames > 1:
        yield "first_frame", f"the first of {image.frames:,}"


def wrong_extension(key: str, kind: str) -> str:
    """Say what a file really is, if its name says otherwise."""
    expected = EXTENSIONS.get(key.rpartition(".")[2].lower(), kind)
    return "" if kind in (expected, "pixels") else f"a {kind} file"


def changed_meanwhile(key: str) -> UserError:
    return UserError(
        "This picture changed while the data were read.", key, "Wait until nothing writes there, and run again."
    )
