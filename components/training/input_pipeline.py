"""Feeds: what a compiled loop takes its batches from, in an order that the seed and the epoch alone decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from data import loader
from pipeline.artifacts import Examples
from pipeline.progress import Progress


class InputPipeline(Protocol):
    """A split in batches.

    Attributes:
        number: examples in the split.
        steps: batches in one pass.
    """

    number: int
    steps: int

    def source(self, epoch: int, skip: int) -> Any:
        """Return the tensor or iterator that one pass draws on, `skip` batches into it."""

    def sizes(self, first: int, count: int) -> list[tuple[int, int, int | None]]:
        """Cut a run of batches where their size changes: first batch, number of batches, examples in each.

        None stands for a size that is not known.
        """

    def take(self, source: Any, step: tf.Tensor, size: int | None) -> Any:
        """Return batch `step` of the pass, of `size` examples, inside a compiled loop.

        It is a pair of inputs and targets, tensors or dictionaries of such. A size that is known beforehand makes
        recurrent networks a fifth faster.
        """


@dataclass(frozen=True)
class InputRequest:
    """What is read of a split, and in which batches.

    Attributes:
        split: the examples' split.
        read_batch: decodes serialized records.
        batch_size: examples a batch.
        example_bytes: size of one decoded example.
        shuffle: a new order each epoch.
        seed: of that order.
        buffer: examples shuffled among where the split is read again each epoch.
    """

    split: str
    read_batch: loader.ReadBatch
    batch_size: int
    example_bytes: int
    shuffle: bool = False
    seed: int = 0
    buffer: int = 10_000


def open_pipeline(
    examples: Examples, request: InputRequest, budget: int, strategy: tf.distribute.Strategy, progress: Progress
) -> tuple[InputPipeline, int]:
    """Return a feed and the bytes of memory that it holds.

    Args:
        budget: bytes that may be held; a split that does not fit is decoded again each epoch.
    """
    number = loader.count(examples, request.split)
    size = number * request.example_bytes
    steps = count_steps(number, request.batch_size, strategy.num_replicas_in_sync)
    told = f"{number:,} {request.split} examples, {size / 1e6:,.0f} MB decoded"
    if size > budget:
        progress.say(
            f"  {told}: more than trainer.cache_megabytes leaves ({budget / 1e6:,.0f} MB), so they are "
            "decoded each epoch"
        )
        opened = DatasetPipeline(
            number, steps, request.batch_size, strategy, lambda epoch, skip: streamed(examples, request, epoch, skip)
        )
        return opened, 0
    with progress.job(f"decoding {request.split} examples", number) as job:
        held = loader.load(examples, request.split, request.read_batch, job)
    progress.say(f"  {told}, kept in memory")
    if strategy.num_replicas_in_sync == 1:
        return InMemoryPipeline(held, steps, request), size
    opened = DatasetPipeline(
        number, steps, request.batch_size, strategy, lambda epoch, skip: gathered(held, request, epoch, skip)
    )
    return opened, size


def count_steps(number: int, batch_size: int, replicas: int) -> int:
    """Return the batches in a pass; a last batch too small to give each replica an example is left out."""
    steps = math.ceil(number / batch_size)
    rest = number - (steps - 1) * batch_size
    return steps - 1 if rest < replicas and steps > 1 else steps


def cut_by_size(first: int, count: int, number: int, batch_size: int) -> list[tuple[int, int, int | None]]:
    """Return full batches as one run, and a smaller last batch of the pass as another."""
    full, rest = divmod(number, batch_size)
    runs: list[tuple[int, int, int | None]] = []
    if first < full:
        runs.append((first, min(count, full - first), batch_size))
    if rest and first + count > full:
        runs.append((full, 1, rest))
    return runs


def streamed(examples: Examples, request: InputRequest, epoch: int, skip: int) -> tf.data.Dataset:
    """Return a pass that reads and decodes the records again."""
    return loader.dataset(
        examples,
        request.split,
        request.read_batch,
        request.batch_size,
        shuffle=request.buffer if request.shuffle else 0,
        seed=request.seed,
        epoch=epoch,
        skip=skip,
    )


def gathered(held: loader.InMemory, request: InputRequest, epoch: int, skip: int) -> tf.data.Dataset:
    """Return a pass over arrays in memory as a dataset, which a distributed strategy can share out."""
    batches = InMemoryPipeline(held, 0, request)
    order = tf.data.Dataset.from_tensor_slices(batches.source(epoch, 0)).batch(request.batch_size).skip(skip)
    return order.map(batches.gather, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


class InMemoryPipeline:
    """Batches gathered from arrays inside the compiled loop, with no iterator between."""

    def __init__(self, held: loader.InMemory, steps: int, request: InputRequest) -> None:
        self.number, self.steps, self.request = held.number, steps, request
        with tf.device("/CPU:0"):
            self.held = tf.nest.map_structure(tf.convert_to_tensor, (held.inputs, held.targets))

    def source(self, epoch: int, skip: int) -> tf.Tensor:
        """Return the order of the pass."""
        del skip  # the loop names the step it wants
        shuffled = self.request.shuffle
        order = (
            loader.order(self.number, self.request.seed, epoch) if shuffled else np.arange(self.number, dtype=np.int32)
        )
        return tf.convert_to_tensor(order)

    def sizes(self, first: int, count: int) -> list[tuple[int, int, int | None]]:
        """Cut a run of batches where their size changes."""
        return cut_by_size(first, count, self.number, self.request.batch_size)

    def take(self, source: tf.Tensor, step: tf.Tensor, size: int | None) -> tuple[Any, Any]:
        """Return batch `step` of the pass."""
        return self.gather(tf.slice(source, [step * self.request.batch_size], [size]))

    def gather(self, numbers: tf.Tensor) -> tuple[Any, Any]:
        """Return the examples of these numbers."""
        with tf.device("/CPU:0"):
            batch: tuple[Any, Any] = tf.nest.map_structure(lambda whole: tf.gather(whole, numbers), self.held)
            return batch


class DatasetPipeline:
    """Batches of a tf.data pipeline, shared out among the replicas where there are several."""

    def __init__(
        self,
        number: int,
        steps: int,
        batch_size: int,
        strategy: tf.distribute.Strategy,
        open_pass: Callable[[int, int], tf.data.Dataset],
    ) -> None:
        self.number, self.steps, self.batch_size = number, steps, batch_size
        self.strategy, self.open_pass = strategy, open_pass

    def sizes(self, first: int, count: int) -> list[tuple[int, int, int | None]]:
        """Cut a run of batches where their size changes; how replicas share a batch is not known beforehand."""
        if self.strategy.num_replicas_in_sync > 1:
            return [(first, count, None)]
        return cut_by_size(first, count, self.number, self.batch_size)

    def source(self, epoch: int, skip: int) -> Any:
        """Return an iterator over the rest of the pass."""
        batches = self.open_pass(epoch, skip)
        if self.strategy.num_replicas_in_sync == 1:
            return iter(batches)
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return iter(self.strategy.experimental_distribute_dataset(batches.with_options(options)))

    def take(self, source: Any, step: tf.Tensor, size: int | None) -> Any:
        """Return the next batch; the order of calls is the order of steps."""
        del step
        batch = source.get_next()
        if size is None:
            return batch
        return tf.nest.map_structure(lambda part: tf.ensure_shape(part, (size, *part.shape[1:])), batch)
