"""Which picture goes into which split: stratified by class, equal bytes and equal groups together, stable when pictures are added."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

    from data.photos.config import PhotoDataConfig
    from data.pictures.config import ImageDataConfig

TRAIN, VALIDATION, TEST, GIVEN_NONE = 0, 1, 2, -1
MIXED = (
    -1
)  # stands for the class of units with pictures of several classes, such as recording sessions; these are cut together


def split_pool(
    splits: numpy.ndarray,
    usable: numpy.ndarray,
    contents: numpy.ndarray,
    groups: numpy.ndarray,
    labels: numpy.ndarray,
    config: ImageDataConfig | PhotoDataConfig,
) -> numpy.ndarray:
    """Cut the pictures that the data give for training, or to no split, in the recipe's shares; those given elsewhere stay there.

    Args:
        splits: [n] given splits.
        usable: bool [n].
        contents: uint64 [n], hash of the bytes.
        groups: uint64 [n], hash of the group; empty where there are none.
        labels: int [n], class numbers.
        config: the recipe's `data` section.

    Returns:
        [n] the split of every picture; -1 where it is not usable.
    """
    import numpy

    given = {int(item) for item in numpy.unique(splits[usable])} - {GIVEN_NONE}
    shares = (config.split.train, config.split.validation, config.split.test)
    fractions = fractions_for(given, shares, config.validation_fraction)
    pool = numpy.flatnonzero(usable & (splits <= TRAIN))
    units = join_groups(contents[pool], groups[pool]) if len(groups) else contents[pool]
    chosen = numpy.where(usable, splits, GIVEN_NONE)
    if len(pool):
        chosen[pool] = assign_splits(units, labels[pool], fractions, config.seed)
    return chosen


def contents_of(hashes: numpy.ndarray) -> numpy.ndarray:
    """Return a number for each picture, uint64 [n], from the two of its bytes' hash [n, 2]."""
    import numpy

    return hashes[:, 0] ^ (hashes[:, 1] << numpy.uint64(1))


def assign_splits(
    units: numpy.ndarray, labels: numpy.ndarray, fractions: tuple[float, float, float], seed: int
) -> numpy.ndarray:
    """Split pictures by class in the given shares.

    Units (pictures with the same bytes, or of the same group) are ordered by a hash of the seed and their own content, so a picture
    that is added moves at most the few pictures at the borders. Of every class the first units are the test split, the next ones validation.

    Args:
        units: uint64 [n], equal for pictures that must stay together.
        labels: int [n], class numbers.
        fractions: shares of train, validation and test; they sum to 1.
        seed: another seed, another split.

    Returns:
        int8 [n]: 0 train, 1 validation, 2 test.
    """
    import numpy

    names, first, member, sizes = numpy.unique(units, return_index=True, return_inverse=True, return_counts=True)
    unit_labels = labels[first].astype(numpy.int64)
    unit_labels[member[labels != unit_labels[member]]] = MIXED
    order = numpy.lexsort((names, mix(names, seed), unit_labels))
    unit_splits = numpy.zeros(len(names), numpy.int8)
    sorted_labels = unit_labels[order]
    starts = numpy.flatnonzero(numpy.r_[True, sorted_labels[1:] != sorted_labels[:-1]])
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        chosen = order[start:stop]
        unit_splits[chosen] = cut(sizes[chosen], fractions)
    return unit_splits[member]


def cut(sizes: numpy.ndarray, fractions: tuple[float, float, float]) -> numpy.ndarray:
    """Cut one class's units, in their order, into test, validation and train.

    Args:
        sizes: pictures in each unit.
        fractions: shares of train, validation, test.

    Returns:
        int8 [n]. With enough units every split that has a share gets at least one; a lone unit is for training.
    """
    import numpy

    _, validation, test = fractions
    total, count = int(sizes.sum()), len(sizes)
    middles = numpy.cumsum(sizes) - sizes / 2
    result = numpy.full(count, TRAIN, numpy.int8)
    tests = int(numpy.searchsorted(middles, total * test))
    both = int(numpy.searchsorted(middles, total * (test + validation)))
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
    """Return the shares that pictures for training are cut into, so that all three splits exist.

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


def join_groups(contents: numpy.ndarray, groups: numpy.ndarray) -> numpy.ndarray:
    """Return units that keep equal contents together and equal groups together.

    Args:
        contents: uint64 [n], hash of the bytes.
        groups: uint64 [n], hash of the group.
    """
    import numpy

    units = groups.copy()
    _, first, member, counts = numpy.unique(contents, return_index=True, return_inverse=True, return_counts=True)
    repeated = numpy.flatnonzero(counts[member] > 1)
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
        for index in numpy.flatnonzero(numpy.isin(units, numpy.array(sorted(moved), numpy.uint64))):
            units[index] = moved[int(units[index])]
    return units


def mix(values: numpy.ndarray, seed: int) -> numpy.ndarray:
    """Scramble uint64 values with a seed (the finaliser of splitmix64), so that their order is random but always the same."""
    import numpy

    start = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little")
    with numpy.errstate(over="ignore"):
        value = values.astype(numpy.uint64) + numpy.uint64(start)
        value = (value ^ (value >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return value ^ (value >> numpy.uint64(31))
