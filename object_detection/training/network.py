"""A detector as the training loop sees it: what it computes, what of it is trained, and what weight decay costs."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras

from object_detection.outputs import anchors_by_level, flatten_outputs
from object_detection.saved_detector import SavedDetector
from object_detection.warm_start import LoadReport

MOVING = ("moving_mean", "moving_variance")


class Outputs(NamedTuple):
    """What the network says of a batch.

    Attributes:
        codes: float32 [n, anchors, 4] box codes.
        logits: float32 [n, anchors, classes + 1], background first.
    """

    codes: tf.Tensor
    logits: tf.Tensor


class DetectorInTraining:
    """A detector whose outputs are raw and whose variables are told apart.

    Args:
        detector: new, or with weights from elsewhere.
        name: of the network.
        frozen_norm: batch normalisation keeps its statistics, but where none were loaded; scale and offset are trained
            all the same.
        extras_only: the MobileNet is kept as it is.
        weight_decay: slim's form: half of it times the sum of squares of each kernel that the family says.
        report: what became of the weights it started from; None if it started from nothing.
    """

    def __init__(
        self,
        detector: SavedDetector,
        name: str,
        frozen_norm: bool,
        extras_only: bool,
        weight_decay: float,
        report: LoadReport | None,
    ) -> None:
        self.detector, self.name, self.frozen_norm = detector, name, frozen_norm
        self.model, self.weight_decay = detector.model, weight_decay
        self.compute_dtype = tf_keras.mixed_precision.global_policy().compute_dtype
        self.family, self.named = detector.family, detector.named
        self.kept = {name for name in self.named if extras_only and self.family.in_body(name)}
        self.trainable = {
            name: variable
            for name, variable in self.named.items()
            if name not in self.kept and not name.endswith(MOVING)
        }
        self.start_from(report)

    def start_from(self, report: LoadReport | None) -> None:
        """Take note of what was loaded, and freeze batch normalisation accordingly."""
        self.report = report
        frozen = set() if not self.frozen_norm else set(self.named if report is None else report.loaded)
        fixed = {id(self.named[name]) for name in frozen | self.kept if name.endswith("gamma")}
        for layer in self.model.submodules:
            if isinstance(layer, tf_keras.layers.BatchNormalization):
                # what is not trainable uses its moving statistics in training too
                layer.trainable = id(layer.gamma) not in fixed

    @tf.autograph.experimental.do_not_convert
    def __call__(self, pixels: tf.Tensor, training: bool) -> Outputs:
        """Return the raw outputs for prepared images, float32 [n, size, size, 3] in -1..1."""
        features = self.model.backbone(pixels, training=training)
        scores, boxes, _ = self.model.head(self.model.decoder(features, training=training), training=training)
        return Outputs(*flatten_outputs({"box_outputs": boxes, "cls_outputs": scores}, self.detector.config))

    @tf.autograph.experimental.do_not_convert
    def detect(self, pixels: tf.Tensor) -> tuple[Outputs, dict[str, tf.Tensor]]:
        """Return the raw outputs and what is found, as Model Garden gives it, for prepared images, in one pass."""
        model, config = self.model, self.detector.config
        scores, boxes, _ = model.head(model.decoder(model.backbone(pixels, training=False), training=False))
        anchors = anchors_by_level(config, tf.shape(pixels)[0])
        shape = tf.fill([tf.shape(pixels)[0], 2], config.size)
        found = model.detection_generator(boxes, scores, anchors, shape, {})
        return Outputs(*flatten_outputs({"box_outputs": boxes, "cls_outputs": scores}, config)), found

    @property
    def trainable_variables(self) -> list[Any]:
        """Return what the optimiser changes."""
        return list(self.trainable.values())

    @property
    def weights(self) -> list[Any]:
        """Return every variable."""
        return list(self.named.values())

    @property
    def losses(self) -> list[tf.Tensor]:
        """Return the weight decay of the trained kernels."""
        kernels = [variable for name, variable in self.trainable.items() if self.family.decays(name)]
        squares = [tf.reduce_sum(tf.square(kernel)) for kernel in kernels] if self.weight_decay else []
        return [self.weight_decay / 2 * tf.add_n(squares)] if squares else []
