"""A trained model's probabilities for every example of a split."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.networks import load_model
from components.tasks.image_classification import images
from data import loader
from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples, Model
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

BATCH_BYTES = 64 << 20  # float32 pixels a forward pass; larger images go in smaller batches


@dataclass(frozen=True)
class Predicted:
    """Predictions in the order of the records.

    Attributes:
        labels: int64 [n] true class numbers.
        probabilities: float32 [n, classes] in the order of the examples' labels, each row sums to 1.
        losses: float32 [n], by the loss that the network was trained with.
        sources: where each example came from.
        features: recorded feature -> its value for each example, None where an example lacks it.
        wrong: index and pixels (uint8 [H, W, C]) of the surest wrong predictions, surest first.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    sources: list[str]
    wrong: list[tuple[int, np.ndarray]]
    features: dict[str, list[Any]]

    @property
    def predicted(self) -> np.ndarray:
        """Predicted class numbers [n]."""
        return self.probabilities.argmax(axis=1)


def predict(
    model: Model,
    examples: Examples,
    split: str,
    batch_size: int,
    progress: Progress,
    keep_wrong: int = 0,
    features: Sequence[str] = (),
) -> Predicted:
    """Run a model over a split, batch by batch; memory does not grow with the pictures."""
    network = load_model(model)
    kind = images.output_kind(network)
    height, width, channels = model.properties["input_shape"]
    columns = columns_of(model.properties["labels"], examples.labels)

    def read_batch(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels, _ = images.read_batch(records, (height, width, channels))
        return pixels, records

    @tf.function(input_signature=[tf.TensorSpec([None, height, width, channels], tf.uint8)])
    def run(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = tf.cast(network(tf.cast(pixels, tf.float32), training=False), tf.float32)
        return outputs, images.probabilities(outputs, kind)

    labels, outputs, chances = [], [], []
    sources: list[str] = []
    recorded: dict[str, list[Any]] = {name: [] for name in features}
    wrong: list[tuple[float, int, Any]] = []
    step = max(1, min(batch_size, BATCH_BYTES // (4 * height * width * channels)))
    with progress.job(f"scoring {split}", total=examples.splits[split]) as job:
        for pixels, records in loader.read(examples, split, read_batch, step):
            rows = [decode_example(record) for record in records]
            truth = np.array([row["image/class/label"][0] for row in rows], np.int64)
            raw, probabilities = (tensor.numpy()[:, columns] for tensor in run(pixels))
            keep_surest(wrong, keep_wrong, len(sources), pixels, probabilities, truth)
            sources += [text_or_number(row, "image/source") for row in rows]
            for name, values in recorded.items():
                values += [text_or_number(row, name) for row in rows]
            labels.append(truth)
            outputs.append(raw)
            chances.append(probabilities)
            job(len(rows))
    truth = np.concatenate(labels)
    losses = losses_of(np.concatenate(outputs), truth, model.properties.get("loss", "cross_entropy"))
    surest = [(-index, pixels) for _, index, pixels in sorted(wrong, key=lambda item: item[:2], reverse=True)]
    return Predicted(truth, np.concatenate(chances), losses, sources, surest, recorded)


def columns_of(known: list[str], labels: list[str]) -> list[int]:
    """Return which of a network's outputs belongs to each label; an earlier network may know the same classes in another order."""
    return [known.index(label) for label in labels] if set(known) == set(labels) else list(range(len(known)))


def text_or_number(features: dict[str, list[Any]], name: str) -> Any:
    """Return a feature's first value, bytes as text; None if there is none."""
    value = next(iter(features.get(name, [])), None)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def keep_surest(
    heap: list[tuple[float, int, Any]],
    keep: int,
    start: int,
    pixels: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
) -> None:
    """Keep the wrong predictions with the highest probability; of equals the earlier ones."""
    guesses = probabilities.argmax(axis=1)
    for place in np.flatnonzero(guesses != labels) if keep else ():
        heapq.heappush(heap, (float(probabilities[place, guesses[place]]), -(start + int(place)), pixels[place].copy()))
        if len(heap) > keep:
            heapq.heappop(heap)


def losses_of(outputs: np.ndarray, labels: np.ndarray, loss: str) -> np.ndarray:
    """Return each example's loss as training computes it: Keras's clipped cross-entropy, or the mean squared error to one-hot."""
    if loss == "mean_squared_error":
        return ((outputs - np.eye(outputs.shape[1], dtype=np.float32)[labels]) ** 2).mean(axis=1)
    chances = outputs / np.maximum(outputs.sum(axis=1, keepdims=True), 1e-7)
    return -np.log(np.clip(chances[np.arange(len(labels)), labels], 1e-7, 1 - 1e-7))


def check_features(examples: Examples, split: str, names: list[str]) -> None:
    """Refuse a feature that no example of the split has, before anything takes long.

    Raises:
        UserError: as said.
    """
    missing, known = set(names), set[str]()
    for record in read_records(*examples.shards(split)):
        if not missing:
            return
        known |= decode_example(record).keys()
        missing -= known
    if missing:
        fix = did_you_mean(min(missing), known - {"image/encoded"})
        raise UserError(f"No example has a feature `{min(missing)}`.", "evaluator.slices", fix)
