"""Steps per second of the trainer on the perceptron, one example a step, against the published program.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/perceptron.py [--folder DIR] [--accuracy SEED]
Bar: at least 3 times the rate of the published `model.fit(batch_size=1)` program, in the same run.
--accuracy SEED runs the published program itself for six epochs instead, to compare accuracies on this Keras.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from trainings import TRAININGS, prepare, settings, train

from components.tasks.image_classification import images as pictures
from data import loader
from pipeline.artifacts import Examples

PUBLISHED_STEPS = 6000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("build/trainings"))
    parser.add_argument("--accuracy", type=int, metavar="SEED")
    arguments = parser.parse_args()
    training = TRAININGS["mnist_perceptron"]
    config = settings(training, None, ["trainer.epochs=2", "trainer.validation_split=none"])
    examples, statistics = prepare(training, arguments.folder / "data")
    if arguments.accuracy is not None:
        published_accuracy(examples, arguments.accuracy)
        return
    before = published_rate(examples)
    folder = arguments.folder / f"perceptron-{time.time_ns()}"
    started = time.monotonic()
    model = train(examples, statistics, config, folder)
    seconds = time.monotonic() - started
    loop_seconds = json.loads((folder / "logs" / "training_time.json").read_text())["seconds"]
    after = published_rate(examples)
    steps, theirs = model.properties["steps"], (before + after) / 2
    print(f"published program: {before:,.0f} steps/s before, {after:,.0f} after")
    print(f"trainer, loop alone (compilation, checkpoints and logs included): {steps / loop_seconds:,.0f} steps/s")
    print(f"trainer, all of it (decoding, saving and pictures too): {steps / seconds:,.0f} steps/s")
    print(f"ratio: {steps / loop_seconds / theirs:.1f} (loop), {steps / seconds / theirs:.1f} (all of it); bar 3")


def published_rate(examples: Examples) -> float:
    """Return the steps per second of the lab's own program, its first steps left out because they compile."""
    model, images, labels = published_program(examples, 7)
    model.fit(images[:200], labels[:200], epochs=1, batch_size=1, verbose=0)
    started = time.monotonic()
    model.fit(images[:PUBLISHED_STEPS], labels[:PUBLISHED_STEPS], epochs=1, batch_size=1, shuffle=True, verbose=0)
    return PUBLISHED_STEPS / (time.monotonic() - started)


def published_accuracy(examples: Examples, seed: int) -> None:
    """Print the validation accuracy of the lab's own program after each of six epochs."""
    model, images, labels = published_program(examples, seed)
    _, test_images, test_labels = published_program(examples, seed, "test")
    shown = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch + 1, logs, flush=True))
    judged = (test_images, test_labels)
    model.fit(
        images, labels, validation_data=judged, epochs=6, batch_size=1, shuffle=True, verbose=0, callbacks=[shown]
    )


def published_program(examples: Examples, seed: int, split: str = "train") -> tuple[Any, Any, Any]:
    """Return the lab's model, compiled, and a split as standardised pictures and one-hot labels."""

    def read(split: str) -> loader.InMemory:
        return loader.load(examples, split, lambda records: pictures.read_batch(records, (28, 28, 1)))

    train_pixels, held = read("train").inputs, read(split)
    images = ((held.inputs[:, :, :, 0] - train_pixels.mean()) / train_pixels.std()).astype(np.float32)
    keras.utils.set_random_seed(seed)
    initializer = keras.initializers.RandomUniform(-0.1, 0.1)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(25, activation="tanh", kernel_initializer=initializer, bias_initializer="zeros"),
            keras.layers.Dense(10, activation="sigmoid", kernel_initializer=initializer, bias_initializer="zeros"),
        ]
    )
    model.compile(loss="mean_squared_error", optimizer=keras.optimizers.SGD(0.01), metrics=["accuracy"])
    return model, images, keras.utils.to_categorical(held.targets, 10)


if __name__ == "__main__":
    main()
