"""Small sealed Examples of drawn pictures, and small trained models, for the tests of the components."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from components.config import SchemaConfig
from components.schema_gen import schema_gen
from components.statistics_gen import statistics_gen
from data.config import BeamConfig
from pipeline.artifacts import Examples, Model, Schema, Statistics, write_manifest
from pipeline.component import Context
from tests.support.facts import classifier_facts
from tests.support.small_series import cut_series, train_series, write_table

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
LABELS = ["cross", "dot", "stripe"]
SIZE = 12


@pytest.fixture(scope="session")
def tiny_examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Three classes of 12 x 12 grey pictures, easily told apart: 120 to train, 30 to validate, 60 to test."""
    return write_examples(tmp_path_factory.mktemp("tiny") / "examples", {"train": 120, "validation": 30, "test": 60})


@pytest.fixture
def make_examples(tmp_path: Path) -> Callable[..., Examples]:
    """Return a function that writes Examples of other sizes, brightness or classes: see `write_examples`."""

    def make(name: str, splits: dict[str, int], **keywords: Any) -> Examples:
        return write_examples(tmp_path / name, splits, **keywords)

    return make


def write_examples(
    folder: Path,
    splits: dict[str, int],
    brightness: dict[str, float] | None = None,
    labels: list[str] | None = None,
    classes: dict[str, list[int]] | None = None,
    rejected: list[dict[str, Any]] | None = None,
    seed: int = 0,
) -> Examples:
    """Write and seal Examples.

    Args:
        splits: number of pictures of each split.
        brightness: what a split's pixels are multiplied with.
        classes: the class numbers a split's pictures take in turn; all of them by default.
        rejected: findings of ingest.
    """
    import tensorflow as tf

    labels = labels or LABELS
    random = np.random.default_rng(seed)
    examples = Examples.create(folder)
    counts = {}
    for split, number in splits.items():
        order = (classes or {}).get(split, list(range(len(labels))))
        counts[split] = Counter(order[index % len(order)] for index in range(number))
        for shard in range(2):
            with tf.io.TFRecordWriter(str(folder / f"{split}-{shard:05d}-of-00002.tfrecord")) as writer:
                for index in range(shard, number, 2):
                    label = order[index % len(order)]
                    image = draw(label, random) * (brightness or {}).get(split, 1.0)
                    writer.write(record(image, labels[label], label, f"{labels[label]}/{split}_{index}.png"))
    examples.write_json("rejected.json", rejected or [])
    examples.properties = {
        "task": "image_classification",
        "splits": dict(splits),
        "labels": labels,
        "label_counts": {split: [count[label] for label in range(len(labels))] for split, count in counts.items()},
        "image_shape": [SIZE, SIZE, 1],
        "channels": 1,
        "rejected": sum(finding["count"] for finding in rejected or []),
        "source": "drawn for the tests",
    }
    write_manifest(examples, created=0.0)
    return examples


def draw(label: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a cross, a dot or a stripe with noise, 0..255."""
    image = random.integers(0, 60, (SIZE, SIZE)).astype(np.float64)
    row, column = random.integers(3, SIZE - 3, 2)
    if label % 3 == 0:
        image[row, :], image[:, column] = 220, 220
    elif label % 3 == 1:
        image[row - 1 : row + 2, column - 1 : column + 2] = 220
    else:
        image[:, column] = 220
    return image


def record(image: NDArray[np.float64], text: str, label: int, source: str) -> bytes:
    """Return the serialized tf.train.Example of a picture, as data/images/records.py describes it."""
    import tensorflow as tf

    stream = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(stream, "PNG")
    values: dict[str, Any] = {
        "image/encoded": stream.getvalue(),
        "image/format": b"png",
        "image/source": source.encode(),
        "image/height": image.shape[0],
        "image/width": image.shape[1],
        "image/channels": 1,
        "image/bytes": len(stream.getvalue()),
        "image/brightness": float(image.mean() / 255),
        "image/class/label": label,
        "image/class/text": text.encode(),
    }
    feature = {}
    for name, value in values.items():
        if isinstance(value, bytes):
            feature[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif isinstance(value, float):
            feature[name] = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        else:
            feature[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return bytes(example.SerializeToString(deterministic=True))


@pytest.fixture(scope="session")
def tiny_statistics(tiny_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> Statistics:
    """Sealed statistics of `tiny_examples`."""
    return measure(tiny_examples, tmp_path_factory.mktemp("tiny_statistics"))


@pytest.fixture(scope="session")
def tiny_schema(tiny_statistics: Statistics, tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """The sealed schema inferred from `tiny_statistics`."""
    schema = Schema.create(tmp_path_factory.mktemp("tiny_schema") / "schema")
    schema_gen(statistics=tiny_statistics, schema=schema, config=SchemaConfig())
    write_manifest(schema, created=0.0)
    return schema


def measure(examples: Examples, folder: Path) -> Statistics:
    """Run statistics_gen and seal its output."""
    statistics = Statistics.create(folder / "statistics")
    statistics_gen(examples=examples, statistics=statistics, beam=BeamConfig(), context=Context.standalone(folder))
    write_manifest(statistics, created=0.0)
    return statistics


@pytest.fixture
def measured(tmp_path: Path) -> Callable[[Examples], Statistics]:
    """Return a function that gives the sealed statistics of Examples."""

    def run(examples: Examples) -> Statistics:
        return measure(examples, tmp_path / f"measured_{examples.path.name}")

    return run


@pytest.fixture(scope="session")
def tiny_model(tiny_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A sealed network that was trained for some seconds on `tiny_examples` and is right most of the time."""
    return fit(tiny_examples, tmp_path_factory.mktemp("tiny_model") / "model", epochs=2)


@pytest.fixture(scope="session")
def poor_model(tiny_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same network with random weights."""
    return fit(tiny_examples, tmp_path_factory.mktemp("poor_model") / "model", epochs=0)


def fit(examples: Examples, folder: Path, epochs: int, labels: list[str] | None = None) -> Model:
    """Train a small convolutional network with plain Keras and seal it as the trainer would."""
    import keras

    from components.tasks.image_classification import images
    from data import loader

    keras.utils.set_random_seed(1)
    data = loader.load(examples, "train", lambda records: images.read_batch(records, (SIZE, SIZE, 1)))
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, activation="relu", name="convolution_1"),
            keras.layers.Conv2D(8, 3, activation="relu", name="convolution_2"),
            keras.layers.GlobalMaxPooling2D(),
            keras.layers.Dense(len(labels or examples.labels), activation="softmax"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    if epochs:
        network.fit(data.inputs.astype("float32"), data.targets, batch_size=20, epochs=epochs, verbose=0)
    model = Model.create(folder)
    network.save(model.file("model.keras"))
    trained = {"parameters": network.count_params(), "epochs": epochs, "steps": epochs * 6, "best_epoch": epochs}
    model.write_facts(classifier_facts(labels or examples.labels, (SIZE, SIZE, 1), **trained))
    write_manifest(model, created=0.0)
    return model


@pytest.fixture(scope="session")
def series_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 240 months: a trend, a season and a little noise."""
    return write_table(tmp_path_factory.mktemp("series") / "sales.csv")


@pytest.fixture(scope="session")
def series_examples(series_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Windows of 30 + 3 months: 160 to train, 22 to validate, 22 to test."""
    return cut_series(series_table, tmp_path_factory.mktemp("windows") / "examples")


@pytest.fixture(scope="session")
def series_model(series_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small LSTM, trained a little."""
    return train_series(series_examples, tmp_path_factory.mktemp("series_model"))
