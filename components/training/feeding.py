"""Feeds: what a compiled loop takes its batches from, in an order that the seed and the epoch alone decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from data import loader
from pipeline.artifacts import Examples
from pipeline.progress import Progress

if TYPE_CHECKING:
    import tensorflow as tf


class Feed(Protocol):
    """A split in batches.

    Attributes:
        number: examples in the split.
        steps: batches in one pass.
    """

    number: int
    steps: int

    def source(self, epoch: int, skip: int) -> Any:
        """Return the tensor or iterator that one pass draws on, `skip` batches into it."""

    def take(self, source: Any, step: tf.Tensor) -> Any:
        """Return batch `step` of the pass, inside a compiled loop: inputs and targets, tensors [n, ...] or dictionaries of such."""


@dataclass(frozen=True)
class FeedRequest:
    """What to feed.

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


def open_feed(
    examples: Examples, request: FeedRequest, budget: int, strategy: tf.distribute.Strategy, progress: Progress
) -> tuple[Feed, int]:
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
            f"  {told}: more than trainer.cache_megabytes leaves ({budget / 1e6:,.0f} MB), so they are decoded each epoch"
        )
        return DatasetFeed(number, steps, strategy, lambda epoch, skip: streamed(examples, request, epoch, skip)), 0
    with progress.job(f"decoding {request.split} examples", number) as job:
        held = loader.load(examples, request.split, request.read_batch, job)
    progress.say(f"  {told}, kept in memory")
    if strategy.num_replicas_in_sync == 1:
        return ArrayFeed(held, steps, request), size
    return DatasetFeed(number, steps, strategy, lambda epoch, skip: gathered(held, request, epoch, skip)), size


def count_steps(number: int, batch_size: int, replicas: int) -> int:
    """Return the batches in a pass; a last batch too small to give each replica an example is left out."""
    steps = math.ceil(number / batch_size)
    rest = number - (steps - 1) * batch_size
    return steps - 1 if rest < replicas and steps > 1 else steps


def streamed(examples: Examples, request: FeedRequest, epoch: int, skip: int) -> tf.data.Dataset:
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


def gathered(held: loader.InMemory, request: FeedRequest, epoch: int, skip: int) -> tf.data.Dataset:
    """Return a pass over arrays in memory as a dataset, which a distributed strategy can share out."""
    import tensorflow as tf

    feed = ArrayFeed(held, 0, request)
    order = tf.data.Dataset.from_tensor_slices(feed.source(epoch, 0)).batch(request.batch_size).skip(skip)
    return order.map(feed.gather, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


class ArrayFeed:
    """Batches gathered from arrays inside the compiled loop, with no iterator between."""

    def __init__(self, held: loader.InMemory, steps: int, request: FeedRequest) -> None:
        import tensorflow as tf

        self.number, self.steps, self.request = held.number, steps, request
        with tf.device("/CPU:0"):
            self.held = tf.nest.map_structure(tf.convert_to_tensor, (held.inputs, held.targets))

    def source(self, epoch: int, skip: int) -> tf.Tensor:
        """Return the order of the pass."""
        import numpy as np
        import tensorflow as tf

        del skip  # the loop names the step it wants
        shuffled = self.request.shuffle
        order = (
            loader.order(self.number, self.request.seed, epoch) if shuffled else np.arange(self.number, dtype=np.int32)
        )
        return tf.convert_to_tensor(order)

    def take(self, source: tf.Tensor, step: tf.Tensor) -> tuple[Any, Any]:
        """Return batch `step` of the pass."""
        start = step * self.request.batch_size
        return self.gather(source[start : start + self.request.batch_size])

    def gather(self, numbers: tf.Tensor) -> tuple[Any, Any]:
        """Return the examples of these numbers."""
        import tensorflow as tf

        with tf.device("/CPU:0"):
            return tf.nest.map_structure(lambda whole: tf.gather(whole, numbers), self.held)


class DatasetFeed:
    """Batches of a tf.data pipeline, shared out among the replicas where there are several."""

    def __init__(
        self,
        number: int,
        steps: int,
        strategy: tf.distribute.Strategy,
        open_pass: Callable[[int, int], tf.data.Dataset],
    ) -> None:
        self.number, self.steps, self.strategy, self.open_pass = number, steps, strategy, open_pass

    def source(self, epoch: int, skip: int) -> Any:
        """Return an iterator over the rest of the pass."""
        import tensorflow as tf

        batches = self.open_pass(epoch, skip)
        if self.strategy.num_replicas_in_sync == 1:
            return iter(batches)
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return iter(self.strategy.experimental_distribute_dataset(batches.with_options(options)))

    def take(self, source: Any, step: tf.Tensor) -> Any:
        """Return the next batch; the order of calls is the order of steps."""
        del step
        return source.get_next()
