"""SSD's loss as the Object Detection API computed it: classes by sigmoid, boxes by Huber, hard negatives three for each positive.

Only anchors that are kept by the mining count, in both parts. Both are divided by the number of positives of the whole batch.
The API's miner suppressed, among the anchors of a picture, boxes that overlap by more than .99 with a worse predicted one; that
leaves out next to none of them, and is not done here.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from object_detection.targets import Targets

NEGATIVES = 3  # for each positive anchor; a picture without positives contributes nothing


class Losses(NamedTuple):
    """The two parts of the loss, scalars: to be weighed 1 to 1 and added to the regularisation."""

    classification: tf.Tensor
    localization: tf.Tensor


def multibox_loss(codes: tf.Tensor, logits: tf.Tensor, targets: Targets, negatives: int = NEGATIVES) -> Losses:
    """Return the loss of a batch.

    Args:
        codes: float32 [n, anchors, 4], the network's box codes.
        logits: float32 [n, anchors, classes + 1], background first.
        targets: of the batch, [n, anchors, ...].
        negatives: background anchors that are kept for each positive one, those with the largest loss.
    """
    wanted = tf.one_hot(targets.classes, logits.shape[-1])
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits)
    classes = tf.reduce_sum(each, axis=-1) * targets.weights
    boxes = tf.reduce_sum(huber(codes - targets.boxes), axis=-1) * targets.box_weights
    kept = tf.cast(mine(classes, targets.classes > 0, negatives), tf.float32)
    number = tf.maximum(tf.reduce_sum(targets.box_weights), 1.0)
    return Losses(tf.reduce_sum(classes * kept) / number, tf.reduce_sum(boxes * kept) / number)


def huber(errors: tf.Tensor) -> tf.Tensor:
    """Return half the square of errors up to 1, and what continues it in a straight line beyond."""
    size = tf.abs(errors)
    return tf.where(size <= 1.0, 0.5 * errors**2, size - 0.5)


def mine(losses: tf.Tensor, positive: tf.Tensor, negatives: int) -> tf.Tensor:
    """Return which anchors are kept, bool [n, anchors]: all positives, and of the others those with the largest loss.

    Args:
        losses: float32 [n, anchors]; of equal ones the first count as larger.
        positive: bool [n, anchors].
        negatives: so many are kept for each positive of the same picture.
    """
    ranked = tf.where(positive, -1.0, tf.stop_gradient(losses))  # losses are 0 or more
    order = tf.argsort(ranked, axis=1, direction="DESCENDING", stable=True)
    rank = tf.argsort(order, axis=1, stable=True)
    most = negatives * tf.reduce_sum(tf.cast(positive, tf.int32), axis=1, keepdims=True)
    return positive | (rank < most)
