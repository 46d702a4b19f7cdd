"""Splits are exact, by class, stable and never separate what belongs together."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from data.split import TEST, TRAIN, VALIDATION, assign_splits, fractions_for, join_groups

SHARES = (0.8, 0.1, 0.1)


def hashes(count: int, seed: int = 0) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**63, count, dtype=np.uint64)


def counts(splits: NDArray[np.int8]) -> list[int]:
    found: list[int] = np.bincount(splits, minlength=3).tolist()
    return found


def test_every_class_is_cut_in_exactly_the_stated_shares() -> None:
    units, labels = hashes(1100), np.repeat([0, 1], [1000, 100])
    splits = assign_splits(units, labels, SHARES, seed=0)
    assert counts(splits[labels == 0]) == [800, 100, 100]
    assert counts(splits[labels == 1]) == [80, 10, 10]


def test_the_same_seed_gives_the_same_split_in_any_order_and_another_seed_another_one() -> None:
    units, labels = hashes(500), np.arange(500) % 5
    splits = assign_splits(units, labels, SHARES, seed=3)
    shuffled = np.random.default_rng(1).permutation(500)
    assert (assign_splits(units[shuffled], labels[shuffled], SHARES, seed=3) == splits[shuffled]).all()
    assert (assign_splits(units, labels, SHARES, seed=4) != splits).any()


def test_adding_pictures_hardly_moves_the_others() -> None:
    units, labels = hashes(1010), np.zeros(1010, int)
    before = assign_splits(units[:1000], labels[:1000], SHARES, seed=0)
    after = assign_splits(units, labels, SHARES, seed=0)[:1000]
    assert (before != after).sum() <= 20


def test_equal_bytes_land_in_one_split() -> None:
    units, labels = np.repeat(hashes(100), 3), np.zeros(300, int)
    splits = assign_splits(units, labels, SHARES, seed=0).reshape(100, 3)
    assert (splits == splits[:, :1]).all()
    assert counts(splits.ravel()) == [240, 30, 30]


def test_groups_of_several_classes_stay_together() -> None:
    groups, labels = np.repeat(hashes(10), 20), np.tile(np.arange(4), 50)
    splits = assign_splits(groups, labels, SHARES, seed=0).reshape(10, 20)
    assert (splits == splits[:, :1]).all()
    assert counts(splits[:, 0]) == [8, 1, 1]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [1, 0, 0]), (2, [2, 0, 0]), (3, [1, 1, 1]), (5, [3, 1, 1]), (10, [8, 1, 1])]
)
def test_small_classes_have_a_picture_in_every_split_as_soon_as_they_can(count: int, expected: list[int]) -> None:
    assert counts(assign_splits(hashes(count), np.zeros(count, int), SHARES, seed=0)) == expected


def test_a_share_of_zero_gets_nothing() -> None:
    splits = assign_splits(hashes(50), np.zeros(50, int), (0.7, 0.3, 0.0), seed=0)
    assert counts(splits) == [35, 15, 0]


def test_equal_bytes_join_their_groups() -> None:
    groups, contents = np.array([1, 1, 2, 2, 3], np.uint64), np.array([10, 11, 11, 12, 13], np.uint64)
    units = join_groups(contents, groups)
    assert len(set(units[:4].tolist())) == 1
    assert units[4] not in units[:4]


def test_what_the_data_leave_out_is_cut_from_their_training_pictures() -> None:
    assert fractions_for(set(), SHARES, 0.2) == SHARES
    assert fractions_for({TRAIN}, SHARES, 0.2) == SHARES
    assert fractions_for({TRAIN, TEST}, SHARES, 0.2) == pytest.approx((0.8, 0.2, 0))
    assert fractions_for({TRAIN, VALIDATION}, SHARES, 0.2) == pytest.approx((0.9, 0, 0.1))
    assert fractions_for({TRAIN, VALIDATION, TEST}, SHARES, 0.2) == pytest.approx((1, 0, 0))
