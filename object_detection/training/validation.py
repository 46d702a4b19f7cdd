"""The loss of a split of labelled images, and what is found on them, while a detector is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from data.tfrecord import in_batches, read_records
from object_detection.training.input_pipeline import Prepare
from object_detection.training.network import DetectorInTraining
from object_detection.training.objective import Multibox
from pipeline.artifacts import Examples

NO_SEED = (0, 0)
FOUND = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
Score = Callable[[tf.Tensor], "tuple[tf.Tensor, dict[str, tf.Tensor]]"]
Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]  # boxes, scores, classes of one image


@dataclass
class Scored:
    """What a pass over a split gave.

    Attributes:
        classification, localization: sums of the two parts of the loss.
        positives: by which they are divided.
        found: of each image `boxes` [k, 4] in pixels of the network's image, `scores` [k] and `classes` [k], from 1.
    """

    classification: float = 0.0
    localization: float = 0.0
    positives: float = 0.0
    found: list[Arrays] = field(default_factory=list)

    def losses(self, network: DetectorInTraining, objective: Multibox) -> dict[str, float]:
        """Return the total loss, weight decay included, and its two parts."""
        number = max(self.positives, 1.0)
        classification, localization = self.classification / number, self.localization / number
        penalty = sum(float(loss) for loss in network.losses)
        total = objective.classification_weight * classification + objective.localization_weight * localization
        return {
            "loss": total + penalty,
            "classification_loss": classification,
            "localization_loss": localization,
        }


def compile_score(network: DetectorInTraining, objective: Multibox, prepare: Prepare, batch_size: int) -> Score:
    """Return a function from `batch_size` records to the three sums of each image [n, 3], and to what is found.

    It is traced once, so keep it.
    """

    def score(records: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        prepared = [prepare(records[number], tf.constant(NO_SEED)) for number in range(batch_size)]
        pixels, targets = tf.nest.map_structure(lambda *parts: tf.stack(parts), *prepared)
        outputs, found = network.detect(pixels)
        parts = objective.image_losses(outputs.codes, outputs.logits, targets)
        positives = tf.reduce_sum(targets.box_weights, axis=1)
        return tf.stack([parts.classification, parts.localization, positives], axis=1), {
            name: found[name] for name in FOUND
        }

    compiled: Score = tf.function(score, input_signature=[tf.TensorSpec([batch_size], tf.string)])
    return compiled


def score_split(score: Score, examples: Examples, split: str, batch_size: int) -> Scored:
    """Score every image of a split; the last batch is filled up with images that are not counted."""
    result = Scored()
    records = read_records(*examples.shards(split))
    for batch in in_batches(records, batch_size):
        filled = batch + batch[-1:] * (batch_size - len(batch))
        sums, found = score(tf.constant(filled))
        totals = sums.numpy()[: len(batch)].astype(np.float64).sum(axis=0)
        result.classification += totals[0]
        result.localization += totals[1]
        result.positives += totals[2]
        arrays = {name: tensor.numpy() for name, tensor in found.items()}
        result.found += [detections_of_image(arrays, number) for number in range(len(batch))]
    return result


def detections_of_image(found: dict[str, NDArray[Any]], number: int) -> Arrays:
    """Return boxes, scores and classes of one image of a batch."""
    count = int(found["num_detections"][number])
    boxes, scores, classes = (found[f"detection_{name}"][number, :count] for name in ("boxes", "scores", "classes"))
    return boxes, scores, classes
