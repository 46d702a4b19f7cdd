"""The list of all images, on disk with a few numbers for each in memory, so that any part of it can be read by any worker."""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from data.findings import Findings
from data.sample import SPLITS, Problem
from pipeline.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from data.images.config import ImageDataConfig

encode, decode = (
    json.JSONEncoder(separators=(",", ":")).encode,
    json.JSONDecoder().decode,
)  # made once: used for every image
NEWLINE = "\n"
SAMPLES, ROWS = "samples.jsonl", "rows.npy"


class Row(NamedTuple):
    """An image in the list."""

    key: str
    label: int
    split: int
    locator: list[Any]


@dataclass
class Listing:
    """All images that a format found.

    Attributes:
        folder: where the list is; workers read it there.
        names: class names by their number in the list, which is the order of appearance.
        labels: int32 [n] number of the class.
        splits: int8 [n] number of the given split, -1 where the data give none.
        keys: uint64 [n] hash of the name.
        groups: uint64 [n] hash of the group that must stay in one split; empty without groups.
        chosen: which rows are used, in their order.
    """

    folder: Path
    names: list[str]
    labels: np.ndarray
    splits: np.ndarray
    keys: np.ndarray
    groups: np.ndarray
    chosen: np.ndarray


@dataclass
class Columns:
    """Numbers of the images listed so far, without a Python object for each."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    labels: array[int] = field(default_factory=lambda: array("i"))
    splits: array[int] = field(default_factory=lambda: array("b"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    groups: array[int] = field(default_factory=lambda: array("Q"))
    numbers: dict[str, int] = field(default_factory=dict)


def write_listing(samples: Iterator[Any], config: ImageDataConfig, folder: Path, findings: Findings) -> Listing:
    """Write what a format lists, and return its numbers.

    Raises:
        UserError: a class that the recipe names does not occur.
    """
    import numpy as np

    columns = list_samples(samples, config, folder / SAMPLES, findings)
    labels = np.frombuffer(columns.labels, np.int32)
    splits = np.frombuffer(columns.splits, np.int8)
    keys = np.frombuffer(columns.keys, np.uint64)
    groups = np.frombuffer(columns.groups, np.uint64)
    chosen = np.arange(len(labels))
    if config.classes:
        for name in config.classes:
            if name not in columns.numbers:
                raise UserError(
                    f"The data have no class `{name}`.", "data.classes", did_you_mean(name, columns.numbers)
                )
        chosen = np.flatnonzero(np.isin(labels, [columns.numbers[name] for name in config.classes]))
    if config.limit and config.limit < len(chosen):
        chosen = chosen[take_evenly(labels[chosen], splits[chosen], keys[chosen], config.limit, config.seed)]
    offsets = np.frombuffer(columns.offsets, np.int64)
    np.save(folder / ROWS, offsets[chosen])
    return Listing(
        folder,
        list(columns.numbers),
        labels[chosen],
        splits[chosen],
        keys[chosen],
        groups[chosen] if len(groups) else groups,
        chosen,
    )


def list_samples(samples: Iterator[Any], config: ImageDataConfig, target: Path, findings: Findings) -> Columns:
    """Write one line a sample; count the problems."""
    columns = Columns()
    group_by = re.compile(config.group_by) if config.group_by else None
    label_pattern = re.compile(config.label_pattern) if config.label_pattern else None
    with target.open("wb") as file:
        position = 0
        for sample in samples:
            if isinstance(sample, Problem):
                findings.add(sample)
                continue
            label = sample.label
            if label_pattern:
                match = label_pattern.search(sample.key)
                if match is None:
                    findings.add(Problem("stray_file", sample.key, "`data.label_pattern` does not match"))
                    continue
                label = match[1] if match.re.groups else match[0]
            number = columns.numbers.setdefault(label, len(columns.numbers))
            split = SPLITS.index(sample.split) if sample.split else -1
            columns.offsets.append(position)
            columns.labels.append(number)
            columns.splits.append(split)
            columns.keys.append(hash_text(sample.key))
            if group_by:
                columns.groups.append(hash_text(group_of(group_by, sample.key)))
            position += file.write(encode((sample.key, number, split, sample.locator)).encode() + b"\n")
    return columns


def group_of(pattern: re.Pattern[str], key: str) -> str:
    """Return an image's group; one whose name does not match is a group of its own."""
    match = pattern.search(key)
    return key if match is None else "group " + (match[1] or "" if match.re.groups else match[0])


def hash_text(text: str) -> int:
    """Return 64 bits that depend on the text alone, on any machine."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def take_evenly(labels: np.ndarray, splits: np.ndarray, keys: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """Choose about `limit` images, of each class and given split in proportion and at least two, always the same ones."""
    import numpy as np

    from data.split import mix

    strata = labels.astype(np.int64) * 8 + splits
    order = np.lexsort((mix(keys, seed), strata))
    _, starts, counts = np.unique(strata[order], return_index=True, return_counts=True)
    takes = np.minimum(counts, np.maximum(2, np.round(counts * (limit / len(labels))).astype(int)))
    return np.sort(np.concatenate([order[start : start + take] for start, take in zip(starts, takes, strict=True)]))


class ListingReader:
    """Reads rows of a listing by their numbers; one for each worker."""

    def __init__(self, folder: Path) -> None:
        import numpy as np

        self.offsets = np.load(folder / ROWS, mmap_mode="r")
        self.file = (folder / SAMPLES).open("rb")

    def __getitem__(self, row: int) -> Any:
        self.file.seek(self.offsets[row])
        return self.make(decode(self.file.readline().decode()))

    def make(self, fields: list[Any]) -> Any:
        """Return a row from what is written of it."""
        return Row(*fields)

    def between(self, start: int, stop: int) -> list[Any]:
        """Return the rows of a range; faster than one by one where they lie side by side."""
        first, last = int(self.offsets[start]), int(self.offsets[stop - 1])
        self.file.seek(first)
        lines = self.file.read(last - first) + self.file.readline()
        if lines.count(b"\n") != stop - start:  # not all rows between them were chosen
            return [self[row] for row in range(start, stop)]
        return [self.make(fields) for fields in decode(f"[{lines.decode()[:-1].replace(NEWLINE, ',')}]")]

    def close(self) -> None:
        self.file.close()
