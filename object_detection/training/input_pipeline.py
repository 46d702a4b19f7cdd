"""Batches of labelled images, changed at random in ways that the seed, the epoch and the place in it alone decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from data import loader
from data.detection.records import EDGES
from object_detection.augmentation import Labelled, augment
from object_detection.augmentation_steps import Written
from object_detection.preprocessing import decode, to_network
from object_detection.saved_detector import SavedDetector
from object_detection.targets import Matcher, Targets
from pipeline.artifacts import Examples

AHEAD = 3  # batches prepared beforehand
FEATURES: dict[str, Any] = {  # of a record
    **{f"image/object/bbox/{edge}": tf.io.VarLenFeature(tf.float32) for edge in EDGES},
    "image/object/class/label": tf.io.VarLenFeature(tf.int64),
    "image/object/is_crowd": tf.io.VarLenFeature(tf.int64),
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
}

Prepare = Callable[[tf.Tensor, tf.Tensor], "tuple[tf.Tensor, Targets]"]  # record, seed [2] -> pixels, targets


def preparer(detector: SavedDetector, augmentation: tuple[Written, ...]) -> Prepare:
    """Return what makes the network's input and targets of a serialized record."""
    size = detector.config.size
    matcher = Matcher(detector.config.make_anchors())

    def prepare(record: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, Targets]:
        image = augment(decode_detection(record), seed, augmentation)
        pixels = tf.ensure_shape(to_network(image.pixels, size), [size, size, 3])
        return pixels, matcher(image.boxes, image.labels, image.weights)

    return prepare


def decode_detection(record: tf.Tensor) -> Labelled:
    """Return a record's image and boxes; those around crowds, which hold many objects, are not learnt from."""
    parsed = tf.io.parse_single_example(record, FEATURES)
    boxes = tf.stack([parsed[f"image/object/bbox/{edge}"].values for edge in EDGES], axis=-1)
    labels = parsed["image/object/class/label"].values
    alone = tf.equal(parsed["image/object/is_crowd"].values, 0)
    pixels = decode(parsed["image/encoded"])
    boxes, labels = boxes[alone], labels[alone]
    return Labelled(pixels, boxes, labels, tf.ones_like(boxes[:, 0]))


class DetectionInputPipeline:
    """The training split in full batches; what does not fill the last one is left out, other images each time.

    Records that fit the memory are held, and passes follow each other without a pause; else they are read again each
    pass.

    Args:
        examples: where the records are.
        prepare: see `preparer`.
        batch_size: images a batch, over all devices.
        seed: of order and changes.
        shuffle: a new order each pass.
        buffer: images shuffled among where they are read again.
        budget: bytes of records that may be held.
        strategy: the devices.
    """

    def __init__(
        self,
        examples: Examples,
        prepare: Prepare,
        batch_size: int,
        seed: int,
        shuffle: bool,
        buffer: int,
        budget: int,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self.examples, self.prepare, self.batch_size, self.strategy = examples, prepare, batch_size, strategy
        self.seed, self.shuffle, self.buffer = seed, shuffle, buffer
        self.number = loader.count(examples, "train")
        self.steps = max(1, self.number // batch_size)
        self.held: tf.Tensor | None = None
        if sum(path.stat().st_size for path in examples.shards("train")) <= budget:
            records = tf.data.TFRecordDataset([str(path) for path in examples.shards("train")])
            with tf.device("/CPU:0"):
                self.held = tf.constant(list(records.as_numpy_iterator()))
        self.running: Any = None
        self.following = (-1, -1)  # epoch and step that the running iterator comes to next

    def source(self, epoch: int, skip: int) -> Any:
        """Return an iterator over the pass from a step on; it goes on into the next pass where records are held."""
        if self.following != (epoch, skip) or self.held is None:
            batches = self.endless(epoch, skip) if self.held is not None else self.one_pass(epoch, skip)
            self.running = self.iterate(batches)
        self.following = (epoch + 1, 0)
        return self.running

    def endless(self, epoch: int, skip: int) -> tf.data.Dataset:
        """Return the batches from a step of a pass on, without end."""
        a_pass, batch = self.steps * self.batch_size, self.batch_size
        first = epoch * a_pass + skip * batch

        def image(number: tf.Tensor) -> tuple[tf.Tensor, Targets]:
            current, place = number // a_pass, number % a_pass
            chosen = self.place_in_pass(tf.cast(current, tf.int32), tf.cast(place, tf.int32))
            return self.prepare(tf.gather(self.held, chosen), self.seeds(current, place))

        numbers = tf.data.Dataset.range(first, tf.int64.max)
        return self.batched(numbers.map(image, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))

    def place_in_pass(self, epoch: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        """Return the number of the record that stands at a place of a pass."""
        if not self.shuffle:
            return place
        seed = tf.stack([tf.constant(self.seed, tf.int32), epoch])
        return tf.random.experimental.index_shuffle(place, seed, max_index=self.number - 1)

    def one_pass(self, epoch: int, skip: int) -> tf.data.Dataset:
        """Return the batches of a pass from a step on, read from the files."""

        def image(place: tf.Tensor, record: tf.Tensor) -> tuple[tf.Tensor, Targets]:
            return self.prepare(record, self.seeds(tf.constant(epoch, tf.int64), place))

        records = loader.records(self.examples, "train", self.buffer if self.shuffle else 0, self.seed, epoch)
        numbered = records.enumerate().take(self.steps * self.batch_size).skip(skip * self.batch_size)
        return self.batched(numbered.map(image, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))

    def seeds(self, epoch: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        """Return the seed of one image's changes, int32 [2]."""
        start = tf.constant([self.seed, 0], tf.int32)
        return tf.random.experimental.stateless_fold_in(
            tf.random.experimental.stateless_fold_in(start, tf.cast(epoch, tf.int32)), tf.cast(place, tf.int32)
        )

    def batched(self, images: tf.data.Dataset) -> tf.data.Dataset:
        return images.batch(self.batch_size, drop_remainder=True).prefetch(AHEAD)

    def iterate(self, batches: tf.data.Dataset) -> Any:
        """Return an iterator, shared out among the replicas where there are several."""
        if self.strategy.num_replicas_in_sync == 1:
            return iter(batches)
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return iter(self.strategy.experimental_distribute_dataset(batches.with_options(options)))

    def sizes(self, first: int, count: int) -> list[tuple[int, int, int | None]]:
        """Return one run: all batches are of one size."""
        return [(first, count, self.batch_size)]

    def take(self, source: Any, step: tf.Tensor, size: int | None) -> Any:
        """Return the next batch; the order of calls is the order of steps."""
        del step, size
        return source.get_next()
