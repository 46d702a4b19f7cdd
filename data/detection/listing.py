"""The list of all labelled images, on disk with a few numbers for each image and box in memory, so that any worker can read any part of it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.detection.boxes import Box, DetectionSample
from data.findings import Findings
from data.images.listing import ROWS, SAMPLES, Listing, ListingReader, encode, group_of, hash_text, take_evenly
from data.sample import SPLITS, Problem
from pipeline.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from data.detection.config import DetectionDataConfig


class BoxListingReader(ListingReader):
    """Reads images with their boxes by the numbers of their rows; one for each worker."""

    def make(self, fields: list[Any]) -> DetectionSample:
        key, split, locator, boxes, size, place, shares = fields
        return DetectionSample(
            key,
            tuple(locator),
            tuple(Box(*box) for box in boxes),
            (size[0], size[1]) if size else None,
            SPLITS[split] if split >= 0 else None,
            place,
            shares,
        )


@dataclass
class Columns:
    """Numbers of the images listed so far, without a Python object for each; `box_rows` and `box_labels` have one for each class on a image."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    splits: array[int] = field(default_factory=lambda: array("b"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    groups: array[int] = field(default_factory=lambda: array("Q"))
    box_rows: array[int] = field(default_factory=lambda: array("q"))
    box_labels: array[int] = field(default_factory=lambda: array("i"))
    numbers: dict[str, int] = field(default_factory=dict)


def write_box_listing(
    samples: Iterable[DetectionSample | Problem], config: DetectionDataConfig, folder: Path, findings: Findings
) -> Listing:
    """Write what a format lists, and return its numbers; the label of an image is the rarest class on it, -1 without boxes.

    Raises:
        UserError: a class that the recipe names does not occur, or what should be pixels are shares.
    """
    import numpy as np

    columns = list_boxes(as_configured(samples, config), config, folder / SAMPLES, findings)
    splits = np.frombuffer(columns.splits, np.int8)
    keys = np.frombuffer(columns.keys, np.uint64)
    groups = np.frombuffer(columns.groups, np.uint64)
    box_rows, box_labels = (
        np.frombuffer(columns.box_rows, np.int64),
        np.frombuffer(columns.box_labels, np.int32),
    )
    chosen = np.arange(len(keys))
    if config.classes:
        for name in config.classes:
            if name not in columns.numbers:
                raise UserError(
                    f"The data have no class `{name}`.", "data.classes", did_you_mean(name, columns.numbers)
                )
        wanted = np.isin(box_labels, [columns.numbers[name] for name in config.classes])
        background = np.setdiff1d(chosen, box_rows)
        box_rows, box_labels = box_rows[wanted], box_labels[wanted]
        chosen = np.union1d(background, box_rows)
    labels = rarest(box_rows, box_labels, len(keys))
    if config.limit and config.limit < len(chosen):
        chosen = chosen[take_evenly(labels[chosen], splits[chosen], keys[chosen], config.limit, config.seed)]
    np.save(folder / ROWS, np.frombuffer(columns.offsets, np.int64)[chosen])
    return Listing(
        folder,
        list(columns.numbers),
        labels[chosen],
        splits[chosen],
        keys[chosen],
        groups[chosen] if len(groups) else groups,
        chosen,
    )


def as_configured(
    samples: Iterable[DetectionSample | Problem], config: DetectionDataConfig
) -> Iterator[DetectionSample | Problem]:
    """Yield the samples with `data.boxes` applied.

    Raises:
        UserError: no box is larger than a pixel, so they are shares.
    """
    largest, place = 0.0, ""
    for sample in samples:
        if isinstance(sample, DetectionSample):
            if config.boxes != "auto":
                sample = replace(sample, shares=config.boxes == "shares")
            if not sample.shares and largest <= 1.5:
                for box in sample.boxes:
                    largest, place = max(largest, box.ymax, box.xmax), place or box.place
            elif sample.boxes:
                largest = 2.0
        yield sample
    if 0 < largest <= 1.5:
        raise UserError(
            "No box reaches beyond the first pixel, so their numbers seem to be shares of the photos.",
            place,
            "Set `data.boxes=shares`.",
        )


def list_boxes(
    samples: Iterable[DetectionSample | Problem], config: DetectionDataConfig, target: Path, findings: Findings
) -> Columns:
    """Write one line an image; count the problems."""
    columns = Columns()
    group_by = re.compile(config.group_by) if config.group_by else None
    with target.open("wb") as file:
        position = 0
        for sample in samples:
            if isinstance(sample, Problem):
                findings.add(sample)
                continue
            if sample.unread and not sample.boxes:
                findings.add(Problem("no_usable_box", sample.key, f"see {sample.place}", sample.split or ""))
                continue
            row = len(columns.offsets)
            split = SPLITS.index(sample.split) if sample.split else -1
            for label in {box.label: None for box in sample.boxes}:
                columns.box_rows.append(row)
                columns.box_labels.append(columns.numbers.setdefault(label, len(columns.numbers)))
            columns.offsets.append(position)
            columns.splits.append(split)
            columns.keys.append(hash_text(sample.key))
            if group_by:
                columns.groups.append(hash_text(group_of(group_by, sample.key)))
            fields = (sample.key, split, sample.locator, sample.boxes, sample.size, sample.place, sample.shares)
            position += file.write(encode(fields).encode() + b"\n")
    return columns


def rarest(box_rows: np.ndarray, box_labels: np.ndarray, total: int) -> np.ndarray:
    """Return for each image the class on it that the fewest images have; -1 for images without boxes.

    Args:
        box_rows, box_labels: image and class of each box.
        total: number of photos.

    Returns:
        int32 [total].
    """
    import numpy as np

    result = np.full(total, -1, np.int32)
    if len(box_rows):
        pairs = np.unique(np.stack([box_rows, box_labels.astype(np.int64)]), axis=1)
        images = np.bincount(pairs[1])
        order = np.lexsort((pairs[1], images[pairs[1]], pairs[0]))
        rows, first = np.unique(pairs[0][order], return_index=True)
        result[rows] = pairs[1][order][first]
    return result
