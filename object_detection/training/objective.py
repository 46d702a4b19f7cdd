"""What a detector minimises: its family's loss, in the two parts that the Object Detection API logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import tensorflow as tf

from object_detection.losses import ImageLosses
from object_detection.targets import Targets
from object_detection.training.network import Outputs


@dataclass(frozen=True)
class Multibox:
    """The objective.

    Attributes:
        classification_weight, localization_weight: of the two parts.
        image_losses: the two parts for each image, before they are divided by the positive anchors of the batch.
        metric_tags: TensorBoard's tag of each further metric, by its name.
    """

    classification_weight: float
    localization_weight: float
    image_losses: ImageLosses
    metric_tags: Mapping[str, str] = field(default_factory=dict)

    metrics: ClassVar[tuple[str, ...]] = ("classification_loss", "localization_loss")

    def inputs(self, pixels: tf.Tensor) -> tf.Tensor:
        """Return what the network is given."""
        return pixels

    def losses(self, targets: Targets, outputs: Outputs) -> tf.Tensor:
        """Return each image's share of the batch's loss, float32 [n]: their mean is the loss of the whole batch."""
        classification, localization = self.measure(targets, outputs)
        return self.classification_weight * classification + self.localization_weight * localization

    def weights(self, targets: Targets) -> float:
        """Return the weight of the images: all alike."""
        del targets
        return 1.0

    def measure(self, targets: Targets, outputs: Outputs) -> tuple[tf.Tensor, tf.Tensor]:
        """Return each image's share of the two parts, float32 [n].

        Both parts are divided by the positives of the whole batch, over all devices, so an image's share is what it
        adds times the number of images.
        """
        parts = self.image_losses(outputs.codes, outputs.logits, targets)
        positives = tf.reduce_sum(targets.box_weights)
        images = tf.cast(tf.shape(targets.classes)[0], tf.float32)
        replica = tf.distribute.get_replica_context()
        if replica is not None and replica.num_replicas_in_sync > 1:
            positives, images = replica.all_reduce(tf.distribute.ReduceOp.SUM, [positives, images])
        share = images / tf.maximum(positives, 1.0)
        return parts.classification * share, parts.localization * share

    def tags(self, values: dict[str, float]) -> dict[str, float]:
        """Return losses, learning rate and metrics under the tags that the Object Detection API logged them by."""
        classification, localization = values["classification_loss"], values["localization_loss"]
        weighted = self.classification_weight * classification + self.localization_weight * localization
        losses = {
            "Loss/classification_loss": classification,
            "Loss/localization_loss": localization,
            "Loss/regularization_loss": values["loss"] - weighted,
            "Loss/total_loss": values["loss"],
        }
        known = {**self.metric_tags, "learning_rate": "learning_rate"}
        return losses | {tag: values[name] for name, tag in known.items() if name in values}
