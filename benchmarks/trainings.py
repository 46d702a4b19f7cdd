"""Trains the published networks on their published data and prints the figures beside the published ones.

Usage: LABLINE_TEST_DATA=DIR python benchmarks/trainings.py NAME [--seed N] [--folder DIR] [trainer.key=value ...]
NAME: mnist_cnn, mnist_perceptron, mnist_dense, mnist_dense_10, mnist_dense_10_10, mnist_dense_1, mnist_lenet5,
      fashion_distorted_cnn, fashion_distorted_cnn_fast, cifar_small_vgg,
      cifar_distorted_cnn, cifar_distorted_cnn_fast
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from components.example_gen import example_gen
from components.networks import load_model, preset
from components.statistics_gen import statistics_gen
from components.tasks.image_classification import images
from components.tasks.image_classification.config import ImageTrainerConfig
from components.trainer import trainer
from data import loader
from data.config import BeamConfig
from data.images.config import ImageDataConfig
from pipeline.artifacts import Anomalies, Examples, Model, Statistics, write_manifest
from pipeline.component import Context
from pipeline.progress import Progress


@dataclass(frozen=True)
class Training:
    """A published training.

    Attributes:
        data: folder below LABLINE_TEST_DATA.
        metric: what the bar is about.
        bar: the published value.
        settings: `trainer` settings beyond the network's preset.
        validation: share of the training pictures held out; none takes the preset's.
    """

    network: str
    data: str
    metric: str
    bar: float
    settings: dict[str, Any] = field(default_factory=dict)
    validation: float | None = None


CIFAR_LONG = {"steps": None, "validation_split": "test"}  # the published run has no validation split
FAST = {
    "name": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "schedule": "cosine",
    "warmup_steps": 500,
    "average": 0.999,
}
TRAININGS = {
    "mnist_cnn": Training("cnn", "mnist", "test/accuracy", 0.9892),
    "mnist_perceptron": Training("perceptron", "mnist", "validation/accuracy", 0.93, {"epochs": 6}),
    "mnist_dense": Training("dense", "mnist", "train/accuracy", 0.9987),
    "mnist_dense_10": Training("dense", "mnist", "train/accuracy", 0.9393, {"options": {"layers": [10]}}),
    "mnist_dense_10_10": Training("dense", "mnist", "train/accuracy", 0.9395, {"options": {"layers": [10, 10]}}),
    "mnist_dense_1": Training("dense", "mnist", "train/accuracy", 0.38, {"options": {"layers": [1]}}),
    "mnist_lenet5": Training("lenet5", "mnist", "test/accuracy", 0.0),
    "fashion_distorted_cnn": Training("distorted_cnn", "fashion_mnist", "test/accuracy", 0.90),
    "fashion_distorted_cnn_fast": Training(
        "distorted_cnn", "fashion_mnist", "test/accuracy", 0.90, {"optimizer": FAST}
    ),
    "cifar_small_vgg": Training("small_vgg", "cifar10", "test/accuracy", 0.4304, validation=0.0),
    "cifar_distorted_cnn": Training(
        "distorted_cnn", "cifar10", "test/accuracy", 0.80, {**CIFAR_LONG, "epochs": 300}, 0.0
    ),
    "cifar_distorted_cnn_fast": Training(
        "distorted_cnn",
        "cifar10",
        "test/accuracy",
        0.80,
        {
            **CIFAR_LONG,
            "epochs": 20,
            "optimizer": FAST,
        },
        0.0,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(TRAININGS))
    parser.add_argument("overrides", nargs="*", help="trainer settings, such as trainer.epochs=1")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--folder", type=Path, default=Path("build/trainings"))
    arguments = parser.parse_intermixed_args()
    training = TRAININGS[arguments.name]
    config = settings(training, arguments.seed, arguments.overrides)
    examples, statistics = prepare(training, arguments.folder / "data")
    folder = arguments.folder / f"{arguments.name}-{config.seed}"
    print(config.model_dump_json(exclude_defaults=True), flush=True)
    started = time.monotonic()
    model = train(examples, statistics, config, folder)
    metrics = {**model.properties["metrics"], **test(examples, model)}
    best = max((row.get("validation/accuracy", 0), row["epoch"]) for row in model.read_json("history.json")["epochs"])
    result = {
        "training": arguments.name,
        "seed": config.seed,
        "bar": {training.metric: training.bar},
        "reached": metrics[training.metric],
        "epochs": model.properties["epochs"],
        "steps": model.properties["steps"],
        "highest validation accuracy, epoch": best,
        "seconds": round(time.monotonic() - started),
        "metrics": metrics,
    }
    print(json.dumps(result, indent=1))


def settings(training: Training, seed: int | None, overrides: list[str]) -> ImageTrainerConfig:
    """Return the preset's settings with the training's own and the command line's on top."""
    values = merged(preset(training.network).get("trainer", {}), {"network": training.network, **training.settings})
    if training.validation == 0 and "validation_split" not in values:
        values["validation_split"] = "test"
    if seed is not None:
        values["seed"] = seed
    for item in overrides:
        key, _, text = item.removeprefix("trainer.").partition("=")
        value: Any = yaml.safe_load(text)
        for part in reversed(key.split(".")[1:]):
            value = {part: value}
        values = merged(values, {key.split(".")[0]: value})
    return ImageTrainerConfig.model_validate(values)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay nested settings over others."""
    both = dict(below)
    for key, value in above.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and isinstance(both.get(key), dict) else value
    return both


def prepare(training: Training, folder: Path) -> tuple[Examples, Statistics]:
    """Ingest the data once for each way they are split."""
    held_out = training.validation
    if held_out is None:
        held_out = preset(training.network).get("data", {}).get("validation_fraction", 0.1)
    place = folder / f"{training.data}-{held_out}"
    examples, statistics = Examples(place / "examples"), Statistics(place / "statistics")
    if not (statistics.path / "manifest.json").exists():
        context = Context.standalone(place)
        context.progress = Progress()
        data = ImageDataConfig(
            path=str(Path(os.environ["LABLINE_TEST_DATA"]) / training.data), validation_fraction=held_out
        )
        examples, statistics = Examples.create(examples.path), Statistics.create(statistics.path)
        example_gen(examples=examples, config=data, beam=BeamConfig(), context=context)
        write_manifest(examples, 0.0)
        statistics_gen(examples=examples, statistics=statistics, beam=BeamConfig(), context=context)
        write_manifest(statistics, 0.0)
    return Examples.open(examples.path), Statistics.open(statistics.path)


def train(examples: Examples, statistics: Statistics, config: ImageTrainerConfig, folder: Path) -> Model:
    """Train through the product's component; a training that was killed goes on."""
    context = Context.standalone(folder)
    context.progress = Progress()
    model = Model.create(folder / "model")
    trainer(
        examples=examples, statistics=statistics, checked=Anomalies(folder), model=model, config=config, context=context
    )
    write_manifest(model, 0.0)
    return Model.open(model.path)


def test(examples: Examples, model: Model) -> dict[str, float]:
    """Return the accuracy on the test split."""
    shape = tuple(model.properties["input_shape"])
    held = loader.load(examples, "test", lambda records: images.read_batch(records, shape))
    scores = load_model(model).predict(held.inputs, batch_size=500, verbose=0)
    return {"test/accuracy": float((scores.argmax(axis=-1) == held.targets).mean())}


if __name__ == "__main__":
    main()
