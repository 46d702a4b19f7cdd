"""The list of all images, on disk with a few numbers for each in memory, so that any worker can read any part of it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.detection.config import DetectionDataConfig
from data.findings import Findings
from data.images.config import ImageDataConfig
from data.sample import SPLITS, ImageSample, Problem
from data.split import mix
from pipeline.errors import UserError, did_you_mean

encode = json.JSONEncoder(separators=(",", ":")).encode  # made once: used for every image
decode = json.JSONDecoder().decode
NEWLINE = "\n"
SAMPLES, ROWS = "samples.jsonl", "rows.npy"

RowT = TypeVar("RowT")


class Row(NamedTuple):
    """An image in the list."""

    key: str
    label: int
    split: int
    locator: tuple[Any, ...]


class Line(NamedTuple):
    """What is written of an image: its name, the number of its split, and the values that its row is made from."""

    key: str
    split: int
    values: Sequence[Any]


@dataclass
class Listing:
    """All images that a format found.

    Attributes:
        folder: where the list is; workers read it there.
        names: class names by their number in the list, which is the order of appearance.
        labels: int32 [n] number of the class.
        splits: int8 [n] number of the given split, -1 where the data give none.
        groups: uint64 [n] hash of the group that must stay in one split; empty without groups.
    """

    folder: Path
    names: list[str]
    labels: NDArray[np.int32]
    splits: NDArray[np.int8]
    groups: NDArray[np.uint64]


@dataclass
class Columns:
    """Numbers of the images listed so far, without a Python object for each."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    splits: array[int] = field(default_factory=lambda: array("b"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    groups: array[int] = field(default_factory=lambda: array("Q"))


def write_listing(
    samples: Iterable[ImageSample | Problem], config: ImageDataConfig, folder: Path, findings: Findings
) -> Listing:
    """Write what a format lists, and return its numbers.

    Raises:
        UserError: a class that the recipe names does not occur.
    """
    numbers: dict[str, int] = {}
    listed = array("i")
    columns = write_lines(label_samples(samples, config, findings, numbers, listed), config.group_by, folder)
    labels = np.frombuffer(listed, np.int32)
    chosen = np.arange(len(labels))
    if config.classes:
        chosen = np.flatnonzero(np.isin(labels, find_classes(config.classes, numbers)))
    return choose(columns, list(numbers), labels, chosen, config, folder)


def label_samples(
    samples: Iterable[ImageSample | Problem],
    config: ImageDataConfig,
    findings: Findings,
    numbers: dict[str, int],
    labels: array[int],
) -> Iterator[Line]:
    """Yield the line of each image, and add its class to `labels`; `numbers` gathers the classes."""
    label_pattern = re.compile(config.label_pattern) if config.label_pattern else None
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
        if not label.isascii():
            label = unicodedata.normalize("NFC", label)  # Macs write letters and their accents apart
        if config.class_names and label.isascii() and label.isdigit():
            label = name_of(label, config.class_names)
        number = numbers.setdefault(label, len(numbers))
        labels.append(number)
        split = SPLITS.index(sample.split) if sample.split else -1
        yield Line(sample.key, split, (sample.key, number, split, sample.locator))


def name_of(number: str, names: tuple[str, ...]) -> str:
    """Return the name of a class that the data give as a number.

    Raises:
        UserError: it has none.
    """
    if number in names:
        return number
    if int(number) >= len(names):
        fix = (
            f"There are {len(names)} names, for 0 to {len(names) - 1}; where numbers begin with 1, give one more first."
        )
        raise UserError(f"Class {number} has no name.", "data.class_names", fix)
    return names[int(number)]


def write_lines(lines: Iterable[Line], group_by: str | None, folder: Path) -> Columns:
    """Write the lines to the list and return their numbers.

    Args:
        group_by: regular expression on the names; images whose match is equal are a group.

    Raises:
        UserError: it matches no name.
    """
    columns, matched, key = Columns(), not group_by, ""
    pattern = re.compile(group_by) if group_by else None
    with (folder / SAMPLES).open("wb") as file:
        position = 0
        for key, split, values in lines:
            columns.offsets.append(position)
            columns.splits.append(split)
            columns.keys.append(hash_text(key))
            if pattern:
                matched = matched or bool(pattern.search(key))
                columns.groups.append(hash_text(group_of(pattern, key)))
            position += file.write(encode(values).encode() + b"\n")
    if not matched and key:
        what = f"`data.group_by` matches none of the paths, such as `{key}`, so nothing would be kept together."
        raise UserError(what, "data.group_by", "Correct the expression, or leave it out: `data.group_by=null`.")
    return columns


def group_of(pattern: re.Pattern[str], key: str) -> str:
    """Return an image's group; one whose name does not match is a group of its own."""
    match = pattern.search(key)
    return key if match is None else "group " + (match[1] or "" if match.re.groups else match[0])


def hash_text(text: str) -> int:
    """Return 64 bits that depend on the text alone, on any machine."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def find_classes(wanted: Iterable[str], numbers: Mapping[str, int]) -> list[int]:
    """Return the numbers of the classes that the recipe names.

    Raises:
        UserError: one does not occur.
    """
    for name in wanted:
        if name not in numbers:
            raise UserError(f"The data have no class `{name}`.", "data.classes", did_you_mean(name, numbers))
    return [numbers[name] for name in wanted]


def choose(
    columns: Columns,
    names: list[str],
    labels: NDArray[np.int32],
    chosen: NDArray[np.int64],
    config: ImageDataConfig | DetectionDataConfig,
    folder: Path,
) -> Listing:
    """Write which lines are used, `data.limit` of those that are chosen, and return the list.

    Args:
        labels: [n] class of each image, -1 for none.
        chosen: rows of the images whose classes are used.
    """
    splits, keys = np.frombuffer(columns.splits, np.int8), np.frombuffer(columns.keys, np.uint64)
    groups = np.frombuffer(columns.groups, np.uint64)
    if config.limit and config.limit < len(chosen):
        chosen = chosen[take_evenly(labels[chosen], splits[chosen], keys[chosen], config.limit, config.seed)]
    np.save(folder / ROWS, np.frombuffer(columns.offsets, np.int64)[chosen])
    return Listing(folder, names, labels[chosen], splits[chosen], groups[chosen] if len(groups) else groups)


def take_evenly(
    labels: NDArray[np.int32], splits: NDArray[np.int8], keys: NDArray[np.uint64], limit: int, seed: int
) -> NDArray[np.int64]:
    """Choose about `limit` images, of each class and given split in proportion and at least two, always the same ones.

    Args:
        keys: [n] hashes of the images' names.
    """
    strata = labels.astype(np.int64) * 8 + splits
    order = np.lexsort((mix(keys, seed), strata))
    _, starts, counts = np.unique(strata[order], return_index=True, return_counts=True)
    takes = np.minimum(counts, np.maximum(2, np.round(counts * (limit / len(labels))).astype(int)))
    return np.sort(np.concatenate([order[start : start + take] for start, take in zip(starts, takes, strict=True)]))


class ListingReader(ABC, Generic[RowT]):
    """Reads rows of a listing by their numbers; one for each worker."""

    def __init__(self, folder: Path) -> None:
        self.offsets = np.load(folder / ROWS, mmap_mode="r")
        self.file = (folder / SAMPLES).open("rb")

    @abstractmethod
    def make(self, values: list[Any]) -> RowT:
        """Return a row from what is written of it."""

    def __getitem__(self, row: int) -> RowT:
        self.file.seek(self.offsets[row])
        return self.make(decode(self.file.readline().decode()))

    def between(self, start: int, stop: int) -> list[RowT]:
        """Return the rows of a range; faster than one by one where they lie side by side."""
        first, last = int(self.offsets[start]), int(self.offsets[stop - 1])
        self.file.seek(first)
        lines = self.file.read(last - first) + self.file.readline()
        if lines.count(b"\n") != stop - start:  # not all rows between them were chosen
            return [self[row] for row in range(start, stop)]
        return [self.make(values) for values in decode(f"[{lines.decode()[:-1].replace(NEWLINE, ',')}]")]

    def close(self) -> None:
        self.file.close()


class ImageListingReader(ListingReader[Row]):
    """Reads images with a class each."""

    def make(self, values: list[Any]) -> Row:
        key, label, split, locator = values
        return Row(key, label, split, tuple(locator))
