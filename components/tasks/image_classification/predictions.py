"""A trained model's probabilities for every example of a split."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.networks import load_model
from components.tasks.image_classification import images
from components.tasks.image_classification.facts import ImageNetworkFacts
from data import loader
from data.tfrecord import FeatureValue, decode_example, read_records
from pipeline.artifacts import Examples, Model
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

Recorded = str | int | float | None  # a recorded feature's value; None where an example lacks it

BATCH_BYTES = 64 << 20  # float32 pixels a forward pass; larger images go in smaller batches
Wrong = tuple[float, int, NDArray[np.uint8]]  # probability, minus the place of the example, pixels


@dataclass(frozen=True)
class Predicted:
    """Predictions in the order of the records.

    Attributes:
        labels: int64 [n] true class numbers.
        probabilities: float32 [n, classes] in the order of the examples' labels, each row sums to 1.
        losses: float32 [n], by the loss that the network was trained with.
        sources: where each example came from.
        features: recorded feature -> its value for each example.
        wrong: index and pixels (uint8 [H, W, C]) of the surest wrong predictions, surest first.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    losses: NDArray[np.float32]
    sources: list[str]
    wrong: list[tuple[int, NDArray[np.uint8]]]
    features: dict[str, list[Recorded]]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Predicted class numbers [n]."""
        classes: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return classes


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
    network, facts = load_model(model), model.facts_as(ImageNetworkFacts)
    kind = images.output_kind(network)
    height, width, channels = facts.input_shape
    columns = columns_of(facts.labels, examples.labels)

    def read_batch(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels, _ = images.read_batch(records, (height, width, channels))
        return pixels, records

    def answer(pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        outputs = tf.cast(network(tf.cast(pixels, tf.float32), training=False), tf.float32)
        return outputs, images.probabilities(outputs, kind)

    run = tf.function(answer, input_signature=[tf.TensorSpec([None, height, width, channels], tf.uint8)])
    labels, outputs, chances = [], [], []
    sources: list[str] = []
    recorded: dict[str, list[Recorded]] = {name: [] for name in features}
    wrong: list[Wrong] = []
    step = max(1, min(batch_size, BATCH_BYTES // (4 * height * width * channels)))
    with progress.job(f"scoring {split}", total=examples.splits[split]) as job:
        for pixels, records in loader.read(examples, split, read_batch, step):
            rows = [decode_example(record) for record in records]
            truth = np.array([row["image/class/label"][0] for row in rows], np.int64)
            raw, probabilities = (tensor.numpy()[:, columns] for tensor in run(pixels))
            keep_surest(wrong, keep_wrong, len(sources), pixels, probabilities, truth)
            sources += [str(text_or_number(row, "image/source")) for row in rows]
            for name, values in recorded.items():
                values += [text_or_number(row, name) for row in rows]
            labels.append(truth)
            outputs.append(raw)
            chances.append(probabilities)
            job(len(rows))
    truth = np.concatenate(labels)
    losses = losses_of(np.concatenate(outputs), truth, facts.loss)
    surest = [(-index, pixels) for _, index, pixels in sorted(wrong, key=lambda item: item[:2], reverse=True)]
    return Predicted(truth, np.concatenate(chances), losses, sources, surest, recorded)


def columns_of(known: list[str], labels: list[str]) -> list[int]:
    """Return which of a network's outputs belongs to each label; an earlier network may know them in another order."""
    return [known.index(label) for label in labels] if set(known) == set(labels) else list(range(len(known)))


def text_or_number(features: dict[str, list[FeatureValue]], name: str) -> Recorded:
    """Return a feature's first value, bytes as text; None if there is none."""
    value = next(iter(features.get(name, [])), None)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def keep_surest(
    heap: list[Wrong],
    keep: int,
    start: int,
    pixels: NDArray[np.uint8],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> None:
    """Keep the wrong predictions with the highest probability; of equals the earlier ones."""
    guesses = probabilities.argmax(axis=1)
    for place in np.flatnonzero(guesses != labels) if keep else ():
        heapq.heappush(heap, (float(probabilities[place, guesses[place]]), -(start + int(place)), pixels[place].copy()))
        if len(heap) > keep:
            heapq.heappop(heap)


def losses_of(outputs: NDArray[np.float32], labels: NDArray[np.int64], loss: str) -> NDArray[np.float32]:
    """Return each example's loss as training has it: Keras's clipped cross-entropy, or squared error to one-hot."""
    losses: NDArray[np.float32]
    if loss == "mean_squared_error":
        losses = ((outputs - np.eye(outputs.shape[1], dtype=np.float32)[labels]) ** 2).mean(axis=1)
    else:
        chances = outputs / np.maximum(outputs.sum(axis=1, keepdims=True), 1e-7)
        losses = -np.log(np.clip(chances[np.arange(len(labels)), labels], 1e-7, 1 - 1e-7))
    return losses


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
