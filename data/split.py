"""Which image goes into which split: by class, equal bytes and groups together, stable when images are added."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from data.detection.config import DetectionDataConfig
from data.images.config import ImageDataConfig

TRAIN, VALIDATION, TEST, GIVEN_NONE = 0, 1, 2, -1
MIXED = -1  # the class of units with images of several classes, such as recording sessions; these are cut together


def split_pool(
    splits: NDArray[np.int8],
    usable: NDArray[np.bool_],
    contents: NDArray[np.uint64],
    groups: NDArray[np.uint64],
    labels: NDArray[np.int32],
    config: ImageDataConfig | DetectionDataConfig,
) -> NDArray[np.int8]:
    """Cut the images that the data give for training, or to no split, in the recipe's shares.

    Those given elsewhere stay there.

    Args:
        splits: [n] given splits.
        usable: bool [n].
        contents: uint64 [n], hash of the bytes.
        groups: uint64 [n], hash of the group; empty where there are none.
        labels: int [n], class numbers.
        config: the recipe's `data` section.

    Returns:
        [n] the split of every image; -1 where it is not usable.
    """
    given = {int(item) for item in np.unique(splits[usable])} - {GIVEN_NONE}
    shares = (config.split.train, config.split.validation, config.split.test)
    fractions = fractions_for(given, shares, config.validation_fraction)
    pool = np.flatnonzero(usable & (splits <= TRAIN))
    units = join_groups(contents[pool], groups[pool]) if len(groups) else contents[pool]
    chosen = np.where(usable, splits, GIVEN_NONE)
    if len(pool):
        chosen[pool] = assign_splits(units, labels[pool], fractions, config.seed)
    return chosen


def contents_of(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a number for each image, uint64 [n], from the two of its bytes' hash [n, 2]."""
    return hashes[:, 0] ^ (hashes[:, 1] << np.uint64(1))


def assign_splits(
    units: NDArray[np.uint64], labels: NDArray[np.int32], fractions: tuple[float, float, float], seed: int
) -> NDArray[np.int8]:
    """Split images by class in the given shares.

    Units (images with the same bytes, or of the same group) are ordered by a hash of the seed and their own content, so
    an image that is added moves at most the few images at the borders. Of every class the first units are the test
    split, the next ones validation.

    Args:
        units: uint64 [n], equal for images that must stay together.
        labels: int [n], class numbers.
        fractions: shares of train, validation and test; they sum to 1.
        seed: another seed, another split.

    Returns:
        int8 [n]: 0 train, 1 validation, 2 test.
    """
    names, first, member, sizes = np.unique(units, return_index=True, return_inverse=True, return_counts=True)
    unit_labels = labels[first].astype(np.int64)
    unit_labels[member[labels != unit_labels[member]]] = MIXED
    order = np.lexsort((names, mix(names, seed), unit_labels))
    unit_splits = np.zeros(len(names), np.int8)
    sorted_labels = unit_labels[order]
    starts = np.flatnonzero(np.r_[True, sorted_labels[1:] != sorted_labels[:-1]])
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        chosen = order[start:stop]
        unit_splits[chosen] = cut(sizes[chosen], fractions)
    return unit_splits[member]


def cut(sizes: NDArray[np.int64], fractions: tuple[float, float, float]) -> NDArray[np.int8]:
    """Cut one class's units, in their order, into test, validation and train.

    Args:
        sizes: images in each unit.
        fractions: shares of train, validation, test.

    Returns:
        int8 [n]. With enough units every split that has a share gets at least one; a lone unit is for training.
    """
    _, validation, test = fractions
    total, count = int(sizes.sum()), len(sizes)
    middles = np.cumsum(sizes) - sizes / 2
    result = np.full(count, TRAIN, np.int8)
    tests = int(np.searchsorted(middles, total * test))
    both = int(np.searchsorted(middles, total * (test + validation)))
    wanted = 1 + (test > 0) + (validation > 0)
    if count >= wanted:
        tests = max(tests, int(test > 0))
        both = max(both, tests + int(validation > 0))
        both = min(both, count - 1)
        tests = min(tests, both - int(validation > 0))
    else:
        both = min(both, count - 1)
        tests = min(tests, both)
    result[:both] = VALIDATION
    result[:tests] = TEST
    return result


def fractions_for(
    given: set[int], split: tuple[float, float, float], validation_fraction: float
) -> tuple[float, float, float]:
    """Return the shares that images for training are cut into, so that all three splits exist.

    Args:
        given: splits that the data have.
        split: the recipe's shares of train, validation and test.
        validation_fraction: share for validation where the data have training and test pictures.
    """
    if not given - {TRAIN}:
        return split
    validation = 0.0 if VALIDATION in given else validation_fraction
    test = 0.0 if TEST in given else split[2]
    return 1 - validation - test, validation, test


def join_groups(contents: NDArray[np.uint64], groups: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return units that keep equal contents together and equal groups together.

    Args:
        contents: uint64 [n], hash of the bytes.
        groups: uint64 [n], hash of the group.
    """
    units = groups.copy()
    _, first, member, counts = np.unique(contents, return_index=True, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(counts[member] > 1)
    parent: dict[int, int] = {}

    def root(unit: int) -> int:
        while parent.get(unit, unit) != unit:
            unit = parent[unit]
        return unit

    for index in repeated:
        one, other = root(int(groups[index])), root(int(groups[first[member[index]]]))
        if one != other:
            parent[max(one, other)] = min(one, other)
    if parent:
        moved = {unit: root(unit) for unit in parent}
        for index in np.flatnonzero(np.isin(units, np.array(sorted(moved), np.uint64))):
            units[index] = moved[int(units[index])]
    return units


def mix(values: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Scramble uint64 values with a seed, always in the same way: the finaliser of splitmix64."""
    start = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little")
    with np.errstate(over="ignore"):
        value = values.astype(np.uint64) + np.uint64(start)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))
