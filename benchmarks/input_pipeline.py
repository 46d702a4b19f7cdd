"""Step rate of training from TFRecord against the same compiled step fed one constant batch in memory.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/input_pipeline.py [--folder DIR] [--rounds N]
Bar: at least .95 for `cnn` (MNIST, batch 256) and `distorted_cnn` (CIFAR-10, batch 100).
The feeds take turns, so that what else the machine does falls on all of them alike; the ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainings import TRAININGS, prepare, settings

from components.networks import PixelStatistics, find_network, network_config
from components.tasks.image_classification import pictures
from components.tasks.image_classification.training import Classification
from components.training import steps
from components.training.feeding import Feed, FeedRequest, open_feed
from components.training.optimizers import make_optimizer
from pipeline.progress import Progress

SECONDS = 1.5  # of each feed in each round
STEPS = 4  # a call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/trainings"))
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    for name in ("mnist_cnn", "cifar_distorted_cnn"):
        compare(name, arguments.folder, arguments.rounds)


def compare(name: str, folder: Path, rounds: int) -> None:
    """Print the ratios of one network."""
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()  # as the trainer does
    keras.utils.set_random_seed(7)
    training, strategy = TRAININGS[name], tf.distribute.get_strategy()
    config = settings(training, None, [])
    examples, found = prepare(training, folder / "data")
    shape = pictures.input_shape(examples, None)
    size = shape[0] * shape[1] * shape[2]
    request = FeedRequest("train", pictures.reader(examples, shape), config.batch_size, size, True, 7)
    started = time.monotonic()
    held = open_feed(examples, request, 1 << 32, strategy, Progress())[0]
    decoding = time.monotonic() - started
    feeds = {"constant": Constant(held), "TFRecord, kept in memory": held}
    feeds["TFRecord, decoded each epoch"] = open_feed(examples, request, 0, strategy, Progress())[0]
    pixels = PixelStatistics.from_properties(found.properties["pixels"])
    network = find_network(training.network).build(
        shape, len(examples.labels), network_config(training.network, config.options), pixels
    )
    optimizer = make_optimizer(config.optimizer, 1000)
    optimizer.build(network.trainable_variables)
    objective = Classification(config.loss, len(examples.labels))
    runs = {
        kind: Run(feed, steps.training_block(network, optimizer, objective, feed, strategy))
        for kind, feed in feeds.items()
    }
    for run in runs.values():
        run(2)
    rates: dict[str, list[float]] = {kind: [] for kind in runs}
    for number in range(rounds):
        for kind in list(runs) if number % 2 else reversed(list(runs)):
            rates[kind].append(runs[kind].rate())
    print(
        f"{training.network}, batch {config.batch_size}: {statistics.median(rates['constant']):.1f} steps/s with a constant batch"
    )
    for kind in list(runs)[1:]:
        ratios = [ours / theirs for ours, theirs in zip(rates[kind], rates["constant"], strict=True)]
        print(
            f"  {kind}: median ratio {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}); bar 0.95"
        )
        ours, theirs = statistics.median(runs[kind].processor), statistics.median(runs["constant"].processor)
        print(
            f"    processor time a step: {ours * 1000:.1f} ms against {theirs * 1000:.1f} ms, ratio {theirs / ours:.3f}"
        )
    share = decoding / (decoding + held.steps / statistics.median(rates["constant"]))
    print(f"  decoding {held.number:,} pictures once took {decoding:.1f} s, {share:.0%} of a first epoch", flush=True)


@dataclass
class Constant:
    """A feed that gives the first batch of another for ever."""

    feed: Any

    def __post_init__(self) -> None:
        import tensorflow as tf

        self.number, self.steps = self.feed.number, self.feed.steps
        self.batch = self.feed.take(self.feed.source(0, 0), tf.constant(0))

    def source(self, epoch: int, skip: int) -> Any:
        return self.feed.source(0, 0)

    def take(self, source: Any, step: Any) -> Any:
        return self.batch


@dataclass
class Run:
    """A compiled step with its feed, going through epoch after epoch."""

    feed: Feed
    block: steps.Block
    epoch: int = -1
    step: int = 0
    source: Any = None
    processor: list[float] = field(default_factory=list)  # processor seconds a step, on all cores together

    def __call__(self, number: int) -> None:
        if self.source is None or self.step + number > self.feed.steps:
            self.epoch, self.step = self.epoch + 1, 0
            self.source = self.feed.source(self.epoch, 0)
        self.block(self.source, self.step, number)
        self.step += number

    def rate(self) -> float:
        """Return the steps per second over some seconds, starts of epochs included."""
        started, worked, done = time.monotonic(), time.process_time(), 0
        while time.monotonic() - started < SECONDS:
            self(STEPS)
            done += STEPS
        self.processor.append((time.process_time() - worked) / done)
        return done / (time.monotonic() - started)


if __name__ == "__main__":
    main()
