"""What regression does in each step of the line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.evaluation import verdict
from components.export.saved_model import write_saved_model
from components.networks import find_network, load_model, network_config
from components.tasks.defaults import *  # noqa: F403 (what there is nothing to say of)
from components.tasks.shared_report import headline
from components.tasks.task import Artifacts, Expectation, PredictOptions
from components.training import validation
from components.training.keras_engine import KerasEngine
from components.training.run import NetworkTraining
from components.training.steps import Objective
from data import loader
from examples.regression.task import MSE, NAME, TASK
from pipeline.artifacts import Blessing, Evaluation, Examples, Model, SavedModel
from pipeline.component import Context
from pipeline.facts import EvaluationFacts, ExamplesFacts, StatisticsFacts
from serving.client import ModelClient
from serving.parity import Parity, compare

SESSION = KerasEngine()
PAYLOAD: tuple[str, ...] = ()  # TFDV may see every feature
SUMS = None
CURVES, WIDE_IMAGES, PREDICTED = ("loss", "mse"), False, {"y": "the number"}
ENDS = {"train": 0.6, "validation": 0.8, "test": 1.0}  # of the rows


class PointsFacts(ExamplesFacts):
    inputs: int


def write_examples(examples: Examples, config: Any, beam: Any, context: Context) -> None:
    points, counts, start = np.loadtxt(config.path, delimiter=","), {}, 0
    for split, end in ENDS.items():
        rows = points[start : (start := round(end * len(points)))]
        counts[split] = len(rows)
        with tf.io.TFRecordWriter(str(examples.file(f"{split}-00000-of-00001.tfrecord"))) as file:
            for *x, y in rows:
                features = {key: tf.train.Feature(float_list={"value": v}) for key, v in (("x", x), ("y", [y]))}
                file.write(tf.train.Example(features={"feature": features}).SerializeToString())
    examples.write_json("rejected.json", [])
    examples.write_facts(PointsFacts(task=NAME, splits=counts, inputs=points.shape[1] - 1))


def facts(examples: Examples, splits: list[str], sums: Any) -> StatisticsFacts:
    return StatisticsFacts(task=NAME, splits=splits)


def read_batch(records: tf.Tensor, inputs: int) -> tuple[tf.Tensor, tf.Tensor]:
    shapes = {"x": tf.io.FixedLenFeature([inputs], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}
    found = tf.io.parse_example(records, shapes)
    return found["x"], found["y"]


def reader_of(examples: Examples) -> loader.ReadBatch:
    return partial(read_batch, inputs=examples.facts_as(PointsFacts).inputs)


class SquaredError(Objective):
    metrics: ClassVar[tuple[str, ...]] = (MSE.name,)

    def losses(self, targets: Any, outputs: Any) -> tf.Tensor:
        return tf.square(targets - outputs)[:, 0]

    def measure(self, targets: Any, outputs: Any) -> tuple[tf.Tensor, ...]:
        return (self.losses(targets, outputs),)


class LineTraining(NetworkTraining[keras.Model]):
    metrics = TASK.metrics

    def open_splits(self, strategy: Any) -> Any:
        reader = reader_of(self.examples)
        bytes_each = 8
        return validation.open_splits(
            self.examples, reader, bytes_each, self.network, self.objective, self.config, strategy, self.context
        )

    def facts(self) -> Any:
        return PointsFacts(task=NAME, splits=self.examples.splits, inputs=self.network.input_shape[1])

    def write_plots(self, model: Model, step: int, logs: Any) -> None: ...


def begin(examples: Examples, statistics: Any, config: Any, context: Context) -> LineTraining:
    file, options = find_network(config.network, NAME), network_config(config.network, config.options)
    network = file.build(examples.facts_as(PointsFacts).inputs, options)
    return LineTraining(examples, config, context, file, options, SquaredError(), SESSION, network)


def evaluate(
    examples: Examples,
    model: Model,
    baseline: Model | None,
    evaluation: Evaluation,
    blessing: Blessing,
    config: Any,
    context: Context,
) -> None:
    held, learnt = (loader.load(examples, split, reader_of(examples)) for split in (config.split, "train"))
    mse = float(np.mean((load_model(model).predict(held.inputs, verbose=0) - held.targets) ** 2))
    mean = float(np.mean((np.mean(learnt.targets) - held.targets) ** 2))
    figures = {f"{config.split}/mse": mse}
    evaluation.write_json("details.json", {"split": config.split, "mean": mean})
    evaluation.write_facts(EvaluationFacts(metrics=figures, split=config.split, intervals={}))
    words = f"MSE {mse:.4g}; that of the mean of the training part is {mean:.4g}."
    better = verdict.check(f"{config.split}/mse better than the mean", mse, mean, mse < mean, words)
    verdict.write_verdict(verdict.conclude([better], [], None), baseline, blessing)


def export(examples: Examples, model: Model, saved_model: SavedModel, config: Any) -> None:
    network = load_model(model)
    signature = [tf.TensorSpec([None, network.input_shape[1]], tf.float32, name="x")]
    serve = tf.function(lambda x: {"y": network(x)}, input_signature=signature)
    write_saved_model(network, {"serving_default": serve}, {}, "regression", saved_model.path)


@dataclass(frozen=True)
class ExpectedNumbers(Expectation):
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    split: str = "test"

    def __len__(self) -> int:
        return len(self.x)

    def ask(self, client: ModelClient, name: str) -> tuple[dict[str, Parity], str]:
        return {"serving_default": compare(client.predict(name, inputs=self.x.tolist()), self.y)}, ""


def expect(examples: Examples, model: Model, count: int) -> ExpectedNumbers:
    x = loader.load(examples, "test", reader_of(examples)).inputs[:count]
    return ExpectedNumbers(x, load_model(model).predict(x, verbose=0))


def predict(client: ModelClient, name: str, files: list[Path], options: PredictOptions) -> None:
    for file in files:
        x = np.loadtxt(file, delimiter=",", ndmin=2).tolist()
        print(client.predict(name, inputs=x, version=options.version))


def demonstrate(client: ModelClient, name: str, examples: Examples, folder: Path) -> None:
    x = loader.load(examples, "test", reader_of(examples)).inputs[:1].tolist()
    print(f"x = {x}, y = {client.predict(name, inputs=x)}")


def inspect(config: Any, validation: Any, progress: Any) -> dict[str, Any]:
    rows = len(np.loadtxt(config.path, delimiter=","))
    return {"rows": rows, "findings": [], "stops": False, "verdict": "A run would go on."}


def figures(run: Any, artifacts: Artifacts) -> list[dict[str, Any]]:
    return headline(run, artifacts, dict(TASK.metrics), lambda name: [])


def queries(name: str, address: str, workspace: str) -> dict[str, str]:
    query = f"""curl -d '{{"inputs": [[1.5]]}}' {address}"""
    return {"predict": f"labline predict {name} points.csv{workspace}", "query": query}
