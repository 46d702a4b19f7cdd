"""The loader gives every example once, in an order that the seed and the epoch alone decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import loader
from pipeline.artifacts import Examples
from pipeline.errors import UserError

NUMBER = 103


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """103 records in 5 shards, each the text of its number."""
    import tensorflow as tf

    folder: Path = tmp_path_factory.mktemp("examples")
    for shard in range(5):
        with tf.io.TFRecordWriter(str(folder / f"train-{shard:05d}-of-00005.tfrecord")) as writer:
            for number in range(shard, NUMBER, 5):
                writer.write(str(number).encode())
    return Examples(folder, {"splits": {"train": NUMBER, "test": 0}})


def read_batch(records: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    numbers = tf.strings.to_number(records, tf.int64)
    return tf.stack([numbers, numbers], axis=-1), numbers


def numbers_of(dataset: Any) -> list[int]:
    return [int(number) for _, batch in dataset for number in batch.numpy()]


def shuffled(examples: Examples, **keywords: Any) -> list[int]:
    return numbers_of(loader.dataset(examples, "train", read_batch, 10, shuffle=50, **keywords))


def test_a_split_in_memory_holds_every_example_in_a_fixed_order(examples: Examples) -> None:
    advanced: list[int] = []
    first, second = (
        loader.load(examples, "train", read_batch, advanced.append),
        loader.load(examples, "train", read_batch),
    )
    assert first.inputs.shape == (NUMBER, 2)
    assert sorted(first.targets) == list(range(NUMBER))
    np.testing.assert_array_equal(first.targets, second.targets)
    np.testing.assert_array_equal(first.inputs[:, 0], first.targets)
    assert sum(advanced) == NUMBER


def test_memory_and_stream_agree_on_the_order(examples: Examples) -> None:
    held = loader.load(examples, "train", read_batch)
    assert numbers_of(loader.dataset(examples, "train", read_batch, 7)) == held.targets.tolist()


def test_shuffling_gives_every_example_once(examples: Examples) -> None:
    found = shuffled(examples, seed=1)
    assert sorted(found) == list(range(NUMBER))
    assert found != list(range(NUMBER))


def test_the_order_depends_on_seed_and_epoch_alone(examples: Examples) -> None:
    assert shuffled(examples, seed=1, epoch=2) == shuffled(examples, seed=1, epoch=2)
    assert shuffled(examples, seed=1, epoch=2) != shuffled(examples, seed=1, epoch=3)
    assert shuffled(examples, seed=1, epoch=2) != shuffled(examples, seed=2, epoch=2)


def test_skipping_batches_leaves_the_rest_as_it_was(examples: Examples) -> None:
    assert shuffled(examples, seed=1, skip=4) == shuffled(examples, seed=1)[40:]


def test_orders_of_arrays_are_permutations_by_seed_and_epoch() -> None:
    assert sorted(loader.order(NUMBER, 1, 2)) == list(range(NUMBER))
    np.testing.assert_array_equal(loader.order(NUMBER, 1, 2), loader.order(NUMBER, 1, 2))
    assert (loader.order(NUMBER, 1, 2) != loader.order(NUMBER, 1, 3)).any()


def test_an_empty_or_unknown_split_names_those_there_are(examples: Examples) -> None:
    for split in ("test", "tset"):
        with pytest.raises(UserError, match=f"no examples in split `{split}`") as error:
            loader.load(examples, split, read_batch)
        assert "`train` (103)" in error.value.fix


@pytest.mark.parametrize("stated", [NUMBER - 1, NUMBER + 1])
def test_a_split_with_another_number_of_records_than_stated_is_refused(examples: Examples, stated: int) -> None:
    wrong = Examples(examples.path, {"splits": {"train": stated}})
    with pytest.raises(UserError, match="records"):
        loader.load(wrong, "train", read_batch)
