"""The parts of ingest that run on Beam's workers; imported only where a pipeline is built, since it loads Beam.

Each piece of work leaves its result as one file in a shared folder, put there by a rename, so a piece that a runner repeats
does no harm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam
import numpy as np

from data import formats
from data.images.image import EXTENSIONS, BadImage, examine, stored_bytes
from data.images.listing import ListingReader
from data.images.records import encode_image
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
    ]
)
"""What is known of a picture after it was looked at: 128 bits of its SHA-256, its size, whether and how it can be stored."""
UNUSABLE = ((0, 0), 0, 0, 0, False, False, 0.0)


class Source(NamedTuple):
    """Where the images are, in a form that travels to workers."""

    format: str
    path: str
    max_pixels: int


class ImageWork(apache_beam.DoFn):
    """Keeps the listing and the raw data open on a worker."""

    listing: type[ListingReader] = ListingReader

    def __init__(self, folder: Path, source: Source) -> None:
        self.folder, self.source = folder, source

    def setup(self) -> None:
        self.open_files = ExitStack()
        self.rows = self.listing(self.folder)
        self.open_files.callback(self.rows.close)
        reader = formats.find_module(self.source.format).open_reader(Path(self.source.path))
        self.read = self.open_files.enter_context(reader)

    def teardown(self) -> None:
        self.open_files.close()


class LookAtImages(ImageWork):
    """Writes the facts of a range of images, and what is wrong with some."""

    def process(self, piece: tuple[int, int, int]) -> Iterator[int]:
        number, start, stop = piece
        facts: list[tuple[Any, ...]] = []
        problems: list[tuple[str, str, int]] = []
        for row_number, row in enumerate(self.rows.between(start, stop), start):
            try:
                data = self.read(row.locator)
                image = examine(data, self.source.max_pixels)
            except BadImage as error:
                problems.append((*error.args, row_number))
                facts.append(UNUSABLE)
                continue
            except OSError as error:
                problems.append(("unreadable_file", error.strerror or str(error), row_number))
                facts.append(UNUSABLE)
                continue
            facts.append((hash_image(data), *image.size, True, image.decoded is not None, image.brightness))
            if unlike := wrong_extension(row.key, image.kind):
                problems.append(("wrong_extension", unlike, row_number))
        if problems:
            with replacing(self.folder / f"{number:07d}.problems.json", durable=False) as file:
                file.write(json.dumps(problems).encode())
        with replacing(self.folder / f"{number:07d}.facts.npy", durable=False) as file:
            np.save(file, np.array(facts, FACTS))
        yield stop - start


class WriteShards(ImageWork):
    """Writes whole TFRecord files."""

    def __init__(self, folder: Path, source: Source, target: Path, names: list[str]) -> None:
        super().__init__(folder, source)
        self.target, self.names = target, [name.encode() for name in names]

    def setup(self) -> None:
        super().setup()
        self.plan = np.load(self.folder / PLAN, mmap_mode="r")
        self.facts = np.load(self.folder / ALL_FACTS, mmap_mode="r")

    def process(self, shard: Shard) -> Iterator[int]:
        plan = self.plan[shard.start : shard.stop]
        facts = self.facts[plan["row"]]
        with replacing(self.target / shard.name, durable=False) as file:
            for (row_number, label), fact in zip(plan.tolist(), facts.tolist(), strict=True):
                write_record(file, self.record(row_number, label, fact))
        yield len(plan)

    def record(self, row_number: int, label: int, fact: tuple[Any, ...]) -> bytes:
        """Return the record of one image.

        Raises:
            UserError: its file is no longer what it was when it was looked at.
        """
        row = self.rows[row_number]
        content, height, width, channels, _, convert, brightness = fact
        try:
            data = self.read(row.locator)
        except (BadImage, OSError) as error:
            raise changed_meanwhile(row.key) from error
        if hash_image(data) != tuple(content):
            raise changed_meanwhile(row.key)
        image = examine(data, self.source.max_pixels) if convert and isinstance(data, bytes) else None
        encoded, kind = stored_bytes(data, image)
        size = (height, width, channels)
        return encode_image(encoded, kind, row.key.encode(), size, brightness, label, self.names[label])


PLAN, ALL_FACTS = "plan.npy", "facts.npy"


def hash_image(data: Any) -> tuple[int, int]:
    """Return 128 bits of the SHA-256 of a file's bytes, or of an array's shape and values."""
    return half_of(
        hashlib.sha256(data if isinstance(data, bytes) else repr(data.shape).encode() + data.tobytes()).digest()
    )


def half_of(digest: bytes) -> tuple[int, int]:
    """Return the first 128 bits of a checksum as two numbers."""
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little")


def wrong_extension(key: str, kind: str) -> str:
    """Say what a file really is, if its name says otherwise."""
    expected = EXTENSIONS.get(key.rpartition(".")[2].lower(), kind)
    return "" if kind in (expected, "pixels") else f"a {kind} file"


def changed_meanwhile(key: str) -> UserError:
    return UserError(
        "This picture changed while the data were read.", key, "Wait until nothing writes there, and run again."
    )
