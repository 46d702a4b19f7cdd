"""Names say the splits that their authors meant, and no others."""

from __future__ import annotations

import pytest

from data.split_names import split_of, splits_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("Training_Set", "train"), ("train2017", "train"), ("trainImages", "train"),
        ("trainset", "train"), ("trainval", "train"), ("images_train", "train"), ("val", "validation"),
        ("VAL2017", "validation"), ("valid_data", "validation"), ("dev-set", "validation"), ("test1", "test"),
        ("test_annotations", "test"), ("holdout", "test"), ("instances_val2014", "validation"), ("testing", "test"),
        ("instances_test-dev2017", "test"), ("test_dev", "test"),
    ],
)  # fmt: skip
def test_a_name_with_a_word_for_a_split_says_it(name: str, split: str) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    "name", ["train_station", "cats", "protest", "contest", "steam_train", "te", "latest", "dev_board"]
)
def test_a_name_of_something_else_says_none(name: str) -> None:
    assert split_of(name) is None


def test_names_that_differ_in_the_split_alone_say_it_together() -> None:
    assert splits_of(["cars_train", "cars_test"]) == {"cars_train": "train", "cars_test": "test"}
    found = splits_of(["seg_train", "seg_test", "seg_pred"])
    assert found == {"seg_train": "train", "seg_test": "test", "seg_pred": "test"}
    assert splits_of(["train_station", "bus_station"]) == {}
    assert splits_of(["x_tr", "x_te"]) == {"x_tr": "train", "x_te": "test"}


def test_folders_whose_names_are_mistyped_are_the_splits_that_were_meant() -> None:
    assert splits_of(["train", "vaild", "tset"]) == {"train": "train", "vaild": "validation", "tset": "test"}
