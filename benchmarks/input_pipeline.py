"""Step rate of training from TFRecord against the same compiled step fed one constant batch in memory.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/input_pipeline.py [NAME ...] [--folder DIR] [--rounds N]
NAME: cnn (MNIST, batch 256), distorted_cnn (CIFAR-10, batch 100), seasonal_lstm and lstm (hourly temperature). Bar: at
      least .95.
The feeds take turns, so that what else the machine does falls on all of them alike; the ratio is the median over the
rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf
from trainings import TRAININGS, prepare, settings

from components.example_gen import example_gen
from components.networks import find_network, network_config, preset
from components.tasks.forecasting import training as forecasting
from components.tasks.forecasting.config import ForecastTrainerConfig
from components.tasks.image_classification import images
from components.tasks.image_classification.facts import ImageStatisticsFacts
from components.tasks.image_classification.training import Classification
from components.training import steps
from components.training.config import OptimizerConfig
from components.training.input_pipeline import InputPipeline, InputRequest, open_pipeline
from components.training.optimizers import make_optimizer
from data.config import BeamConfig
from data.series.config import SeriesDataConfig
from pipeline.artifacts import Examples, Statistics, write_manifest
from pipeline.component import Context
from pipeline.progress import Progress

SECONDS = 1.5  # of each feed in each round
STEPS = 4  # a call


@dataclass(frozen=True)
class Subject:
    """What is trained.

    Attributes:
        title: in words.
        network: the network.
        objective: what is minimised.
        optimizer: its settings.
        examples: what it is trained on.
        request: how they are fed.
    """

    title: str
    network: Any
    objective: steps.Objective
    optimizer: OptimizerConfig
    examples: Examples
    request: InputRequest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="of " + ", ".join(SUBJECTS))
    parser.add_argument("--folder", type=Path, default=Path("build/trainings"))
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    for name in arguments.names or SUBJECTS:
        tf.config.experimental.enable_op_determinism()  # as the trainer does
        keras.utils.set_random_seed(7)
        compare(SUBJECTS[name](arguments.folder / "data"), arguments.rounds)


def classifier(name: str, folder: Path) -> Subject:
    """Return one of the published trainings on pictures."""
    training = TRAININGS[name]
    config = settings(training, None, [])
    examples, found = prepare(training, folder)
    shape = images.input_shape(examples, None)
    size = shape[0] * shape[1] * shape[2]
    request = InputRequest("train", images.reader(examples, shape), config.batch_size, size, True, 7)
    pixels = found.facts_as(ImageStatisticsFacts).pixels.constants()
    options = network_config(training.network, config.options)
    network = find_network(training.network).build(shape, len(examples.labels), options, pixels)
    objective = Classification(config.loss, len(examples.labels))
    return Subject(
        f"{training.network}, batch {config.batch_size}", network, objective, config.optimizer, examples, request
    )


def forecaster(name: str, folder: Path) -> Subject:
    """Return a network of series on the hourly temperature, one step ahead."""
    given = {"network": name, **preset(name).get("trainer", {})}
    config = ForecastTrainerConfig.model_validate(given)
    examples = cut_hours(folder / "hourly_temperature")
    scaling = examples.properties["scaling"]
    statistics = Statistics(folder, {"task": "forecasting", "splits": ["train"], "scaling": scaling})
    network = forecasting.build_network(examples, statistics, config, Context.standalone(folder))[0]
    reader = forecasting.read_batch(examples, network)
    request = InputRequest("train", reader, config.batch_size, forecasting.example_bytes(network), True, 7)
    objective = forecasting.make_objective(examples, config)
    return Subject(f"{name}, batch {config.batch_size}", network, objective, config.optimizer, examples, request)


def cut_hours(folder: Path) -> Examples:
    """Ingest the hourly temperature once."""
    examples = Examples(folder)
    if not (folder / "manifest.json").exists():
        path = Path(os.environ["LABLINE_TEST_DATA"]) / "series" / "beijing_hourly_temp_2010_2014.csv"
        config = SeriesDataConfig(path=str(path), horizon=1)
        examples = Examples.create(folder)
        example_gen(
            examples=examples, config=config, beam=BeamConfig(), context=Context.standalone(folder.with_name("ingest"))
        )
        write_manifest(examples, created=0.0)
    return Examples.open(folder)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "cnn": lambda folder: classifier("mnist_cnn", folder),
    "distorted_cnn": lambda folder: classifier("cifar_distorted_cnn", folder),
    "seasonal_lstm": lambda folder: forecaster("seasonal_lstm", folder),
    "lstm": lambda folder: forecaster("lstm", folder),
}


def compare(subject: Subject, rounds: int) -> None:
    """Print the ratios of one network."""
    strategy, request = tf.distribute.get_strategy(), subject.request
    started = time.monotonic()
    held = open_pipeline(subject.examples, request, 1 << 32, strategy, Progress())[0]
    decoding = time.monotonic() - started
    feeds = {"constant": Constant(held), "TFRecord, kept in memory": held}
    feeds["TFRecord, decoded each epoch"] = open_pipeline(subject.examples, request, 0, strategy, Progress())[0]
    optimizer = make_optimizer(subject.optimizer, 1000)
    optimizer.build(subject.network.trainable_variables)
    runs = {
        kind: Run(batches, steps.training_block(subject.network, optimizer, subject.objective, batches, strategy))
        for kind, batches in feeds.items()
    }
    for run in runs.values():
        run(2)
    rates: dict[str, list[float]] = {kind: [] for kind in runs}
    for number in range(rounds):
        for kind in list(runs) if number % 2 else reversed(list(runs)):
            rates[kind].append(runs[kind].rate())
    print(f"{subject.title}: {statistics.median(rates['constant']):.1f} steps/s with a constant batch")
    for kind in list(runs)[1:]:
        ratios = [ours / theirs for ours, theirs in zip(rates[kind], rates["constant"], strict=True)]
        print(
            f"  {kind}: median ratio {statistics.median(ratios):.3f} "
            f"(from {min(ratios):.3f} to {max(ratios):.3f}); bar 0.95"
        )
        ours, theirs = statistics.median(runs[kind].processor), statistics.median(runs["constant"].processor)
        print(
            f"    processor time a step: {ours * 1000:.1f} ms against {theirs * 1000:.1f} ms, ratio {theirs / ours:.3f}"
        )
    share = decoding / (decoding + held.steps / statistics.median(rates["constant"]))
    print(f"  decoding {held.number:,} examples once took {decoding:.1f} s, {share:.0%} of a first epoch", flush=True)


@dataclass
class Constant:
    """A feed that gives the first batch of another for ever."""

    batches: Any

    def __post_init__(self) -> None:
        self.number, self.steps = self.batches.number, self.batches.steps
        self.size = self.batches.sizes(0, 1)[0][2]
        self.batch = self.batches.take(self.batches.source(0, 0), tf.constant(0), self.size)

    def sizes(self, first: int, count: int) -> list[tuple[int, int, int | None]]:
        return [(first, count, self.size)]

    def source(self, epoch: int, skip: int) -> Any:
        return self.batches.source(0, 0)

    def take(self, source: Any, step: Any, size: int | None) -> Any:
        return self.batch


@dataclass
class Run:
    """A compiled step with its feed, going through epoch after epoch."""

    batches: InputPipeline
    block: steps.Block
    epoch: int = -1
    step: int = 0
    source: Any = None
    processor: list[float] = field(default_factory=list)  # processor seconds a step, on all cores together

    def __call__(self, number: int) -> None:
        if self.source is None or self.step + number > self.batches.steps:
            self.epoch, self.step = self.epoch + 1, 0
            self.source = self.batches.source(self.epoch, 0)
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
