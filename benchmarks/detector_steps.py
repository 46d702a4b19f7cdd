"""Step rate of a detector's training from records, augmentation included, against the same network in a bare loop.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/detector_steps.py [--rounds N] [--width W] [--size S] [--folder DIR]
Raccoon photos, batch 8. The bare loop is a tf.function with one constant batch in memory, the same loss, and Adam of
tf-keras. Both take turns in one process, so that what else the machine does falls on both; the ratio is the median
over the rounds. Bar: at least .95.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import tensorflow as tf
import tf_keras
from detectors import DETECTORS, prepare, settings

from components.tasks.object_detection import training
from components.training import steps
from pipeline.artifacts import Statistics
from pipeline.component import Context

STEPS = 4  # of each side in each round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path("build/detectors"))
    arguments = parser.parse_args()
    tf.config.experimental.enable_op_determinism()  # as the trainer does
    overrides = [f"trainer.options.width={arguments.width}", f"trainer.options.size={arguments.size}"]
    config = settings(DETECTORS["raccoon_scratch"], 7, [*overrides, "trainer.validation_split=none"])
    examples, context = prepare("raccoon", arguments.folder / "data"), Context.standalone(arguments.folder)
    strategy = tf.distribute.get_strategy()
    network = training.build_network(examples, Statistics(arguments.folder), config, context)[0]
    objective = training.make_objective(examples, config)
    batches, _ = training.open_splits(examples, network, objective, config, strategy, context)
    optimizer = training.ENGINE.make_optimizer(config.optimizer, 1000, network)
    optimizer.build(network.trainable_variables)
    block = steps.training_block(network, optimizer, objective, batches, strategy)
    source = batches.source(0, 0)
    bare = bare_loop(network, objective, next(source), config.optimizer.learning_rate)
    sides: dict[str, Callable[[], Any]] = {"trainer": lambda: block(source, 0, STEPS), "bare": bare}
    for side in sides.values():
        side()
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(arguments.rounds):
        for name in list(sides) if number % 2 else reversed(list(sides)):
            started = time.monotonic()
            sides[name]()
            rates[name].append(STEPS / (time.monotonic() - started))
    ratios = [ours / theirs for ours, theirs in zip(rates["trainer"], rates["bare"], strict=True)]
    told = f"{arguments.size} x {arguments.size}, width {arguments.width:g}, batch {config.batch_size}"
    print(f"{told}: bare loop {1 / statistics.median(rates['bare']):.3f} s a step")
    print(
        f"  trainer: median ratio {statistics.median(ratios):.3f} "
        f"(from {min(ratios):.3f} to {max(ratios):.3f}); bar 0.95"
    )


def bare_loop(network: Any, objective: Any, batch: Any, rate: float) -> Callable[[], Any]:
    """Return a call of some steps on one batch, each a tf.function of its own."""
    pixels, targets = batch
    optimizer = tf_keras.optimizers.Adam(rate)
    optimizer.build(network.trainable_variables)

    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = network(pixels, training=True)
            loss = tf.reduce_mean(objective.losses(targets, outputs)) + tf.add_n(network.losses)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, network.trainable_variables), 10.0)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    compiled = tf.function(step)

    def loop() -> float:
        return [float(compiled()) for _ in range(STEPS)][-1]

    return loop


if __name__ == "__main__":
    main()
