"""Batches of a split's records: decoded once into memory where they fit, read again each epoch where they do not.

The order is a pure function of the seed and the epoch, so a training that was killed finds its place again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.artifacts import Examples
from pipeline.errors import UserError

# serialized records [n] -> inputs and targets, tensors [n, ...] or dictionaries of such
ReadBatch = Callable[[tf.Tensor], tuple[Any, Any]]
# records a parallel call decodes: large enough to hide its overhead, small enough to share the cores
READ_AT_ONCE = 256
FILES_AT_ONCE = 8


@dataclass(frozen=True)
class InMemory:
    """A split as arrays: `inputs` and `targets`, each an array [number, ...] or a dictionary of such."""

    inputs: Any
    targets: Any
    number: int


def count(examples: Examples, split: str) -> int:
    """Return the number of examples in a split.

    Raises:
        UserError: the split does not exist or is empty.
    """
    number = examples.splits.get(split, 0)
    if number == 0:
        filled = ", ".join(f"`{name}` ({n:,})" for name, n in examples.splits.items() if n) or "none"
        raise UserError(
            f"There are no examples in split `{split}`.",
            str(examples.path),
            f"Splits with examples: {filled}. Change the split fractions under `data`, or name another split.",
        )
    return number


def load(
    examples: Examples, split: str, read_batch: ReadBatch, advance: Callable[[int], Any] = lambda number: None
) -> InMemory:
    """Return a whole split, decoded, in the order of its records.

    Args:
        advance: called with the number of examples read since the last call.
    """
    total, done = count(examples, split), 0
    held: Any = None
    for batch in read(examples, split, read_batch):
        if held is None:
            held = tf.nest.map_structure(lambda part: np.empty((total, *part.shape[1:]), part.dtype), batch)
        end = done + len(tf.nest.flatten(batch)[0])
        if end > total:
            break
        for whole, part in zip(tf.nest.flatten(held), tf.nest.flatten(batch), strict=True):
            whole[done:end] = part
        advance(end - done)
        done = end
    if held is None or done != total:
        raise UserError(
            f"Split `{split}` holds {done:,} records, not the {total:,} that its manifest names.", str(examples.path)
        )
    inputs, targets = held
    return InMemory(inputs, targets, total)


def read(
    examples: Examples, split: str, read_batch: ReadBatch, batch_size: int = READ_AT_ONCE
) -> Iterator[tuple[Any, Any]]:
    """Yield a split's batches as arrays, in the order of its records."""
    yield from dataset(examples, split, read_batch, batch_size).as_numpy_iterator()


def dataset(
    examples: Examples,
    split: str,
    read_batch: ReadBatch,
    batch_size: int,
    *,
    shuffle: int = 0,
    seed: int = 0,
    epoch: int = 0,
    skip: int = 0,
) -> tf.data.Dataset:
    """Return a dataset of (inputs, targets) batches over a split, once.

    Args:
        examples: where the records are.
        split: which of them.
        read_batch: decodes serialized records, as a task's `read_batch`.
        batch_size: examples a batch; the last one may be smaller.
        shuffle: examples in the shuffle buffer; 0 keeps the order of the records.
        seed: with `epoch` the one thing the order depends on.
        epoch: number of the pass.
        skip: batches to leave out at the beginning; they are not decoded.
    """
    count(examples, split)
    batches = records(examples, split, shuffle, seed, epoch).batch(batch_size).skip(skip)
    return batches.map(read_batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def records(examples: Examples, split: str, shuffle: int, seed: int, epoch: int) -> tf.data.Dataset:
    """Return a dataset of a split's serialized records, once; see `dataset`."""
    files = [str(path) for path in examples.shards(split)]
    if shuffle:
        files = [files[number] for number in np.random.default_rng([seed, epoch]).permutation(len(files))]
    found = tf.data.Dataset.from_tensor_slices(files).interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(FILES_AT_ONCE, len(files)),
        block_length=16,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if shuffle:
        buffer_seed = int(np.random.default_rng([seed, epoch, 1]).integers(1, 2**31))
        found = found.shuffle(shuffle, seed=buffer_seed, reshuffle_each_iteration=False)
    return found


def order(number: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """Return a permutation of `number` examples that depends on the seed and the epoch alone, int32 [number]."""
    return np.random.default_rng([seed, epoch]).permutation(number).astype(np.int32)
