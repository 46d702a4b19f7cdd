"""The list of all labelled images, on disk with a few numbers for each image and box in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.detection.boxes import Box, DetectionSample
from data.detection.config import DetectionDataConfig
from data.findings import Findings
from data.images.listing import Line, Listing, ListingReader, choose, find_classes, write_lines
from data.sample import SPLITS, Problem
from pipeline.errors import UserError


class BoxListingReader(ListingReader[DetectionSample]):
    """Reads images with their boxes."""

    def make(self, values: list[Any]) -> DetectionSample:
        key, split, locator, boxes, size, place, normalized = values
        return DetectionSample(
            key,
            tuple(locator),
            tuple(Box(*box) for box in boxes),
            (size[0], size[1]) if size else None,
            SPLITS[split] if split >= 0 else None,
            place,
            normalized,
        )


@dataclass
class BoxColumns:
    """Image and class of the boxes listed so far, one for each class on an image; and the numbers of the classes."""

    rows: array[int] = field(default_factory=lambda: array("q"))
    labels: array[int] = field(default_factory=lambda: array("i"))
    numbers: dict[str, int] = field(default_factory=dict)


def write_box_listing(
    samples: Iterable[DetectionSample | Problem], config: DetectionDataConfig, folder: Path, findings: Findings
) -> Listing:
    """Write what a format lists, and return its numbers; the label of an image is its rarest class, -1 without boxes.

    Raises:
        UserError: a class that the recipe names does not occur, or what should be pixels is normalized.
    """
    boxes = BoxColumns()
    columns = write_lines(list_boxes(as_configured(samples, config), findings, boxes), config.group_by, folder)
    rows, labels = np.frombuffer(boxes.rows, np.int64), np.frombuffer(boxes.labels, np.int32)
    total = len(columns.keys)
    chosen: NDArray[np.int64] = np.arange(total)
    if config.classes:
        wanted = np.isin(labels, find_classes(config.classes, boxes.numbers))
        background = np.setdiff1d(chosen, rows)
        rows, labels = rows[wanted], labels[wanted]
        chosen = np.union1d(background, rows)
    return choose(columns, list(boxes.numbers), rarest(rows, labels, total), chosen, config, folder)


def as_configured(
    samples: Iterable[DetectionSample | Problem], config: DetectionDataConfig
) -> Iterator[DetectionSample | Problem]:
    """Yield the samples with `data.boxes` and `data.given_splits` applied.

    Raises:
        UserError: no box is larger than a pixel, so they are normalized.
    """
    largest, place = 0.0, ""
    for sample in samples:
        if isinstance(sample, DetectionSample):
            if config.boxes != "auto":
                sample = replace(sample, normalized=config.boxes == "shares")
            if sample.split and not config.given_splits:
                sample = replace(sample, split=None)
            if not sample.normalized and largest <= 1.5:
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


def list_boxes(samples: Iterable[DetectionSample | Problem], findings: Findings, boxes: BoxColumns) -> Iterator[Line]:
    """Yield the line of each image, add its classes to `boxes`, and count the problems."""
    row = 0
    for sample in samples:
        if isinstance(sample, Problem):
            findings.add(sample)
            continue
        if sample.unread and not sample.boxes:
            findings.add(Problem("no_usable_box", sample.key, f"see {sample.place}", sample.split or ""))
            continue
        for label in {box.label: None for box in sample.boxes}:
            boxes.rows.append(row)
            boxes.labels.append(boxes.numbers.setdefault(label, len(boxes.numbers)))
        row += 1
        split = SPLITS.index(sample.split) if sample.split else -1
        values = (sample.key, split, sample.locator, sample.boxes, sample.size, sample.place, sample.normalized)
        yield Line(sample.key, split, values)


def rarest(box_rows: NDArray[np.int64], box_labels: NDArray[np.int32], total: int) -> NDArray[np.int32]:
    """Return for each image the class on it that the fewest images have; -1 for images without boxes.

    Args:
        box_rows, box_labels: image and class of each box.
        total: number of images.

    Returns:
        int32 [total].
    """
    result = np.full(total, -1, np.int32)
    if len(box_rows):
        pairs = np.unique(np.stack([box_rows, box_labels.astype(np.int64)]), axis=1)
        images = np.bincount(pairs[1])
        order = np.lexsort((pairs[1], images[pairs[1]], pairs[0]))
        rows, first = np.unique(pairs[0][order], return_index=True)
        result[rows] = pairs[1][order][first]
    return result
