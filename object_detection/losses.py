"""The Object Detection API's losses: SSD's with hard negatives, three for each positive, and FPNLite's focal one.

Both take the classes by sigmoid and the boxes by Huber. In SSD's, only anchors that are kept by the mining count, in
both parts. Both are divided by the number of positives of the whole batch.
The API's miner suppressed, among the anchors of an image, boxes that overlap by more than .99 with a worse predicted
one; that leaves out next to none of them, and is not done here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf
import tf_keras
from official.vision.losses.focal_loss import FocalLoss

from object_detection.targets import Targets

NEGATIVES = 3  # for each positive anchor; an image without positives contributes nothing
ALPHA, GAMMA = 0.25, 2.0  # of the focal loss


class Losses(NamedTuple):
    """The two parts of the loss: to be weighed 1 to 1 and added to the regularisation."""

    classification: tf.Tensor
    localization: tf.Tensor


ImageLosses = Callable[[tf.Tensor, tf.Tensor, Targets], Losses]  # codes, logits, targets -> of each image


def image_losses(codes: tf.Tensor, logits: tf.Tensor, targets: Targets, negatives: int = NEGATIVES) -> Losses:
    """Return what each image adds to the loss before it is divided, float32 [n].

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
    return Losses(tf.reduce_sum(classes * kept, axis=1), tf.reduce_sum(boxes * kept, axis=1))


def focal_losses(codes: tf.Tensor, logits: tf.Tensor, targets: Targets) -> Losses:
    """Return what each image adds to the focal loss (Lin et al. 2017) before it is divided, float32 [n].

    All anchors count, but those that are right already hardly do. Background is the absence of all classes: the column
    of class 0 is to be 0 as well. Of the four numbers of a box code the mean is taken.

    Args:
        codes: float32 [n, anchors, 4], the network's box codes.
        logits: float32 [n, anchors, classes + 1], background first.
        targets: of the batch, [n, anchors, ...].
    """
    wanted = tf.one_hot(tf.where(targets.classes > 0, targets.classes, -1), logits.shape[-1])
    each = FocalLoss(ALPHA, GAMMA, reduction=tf_keras.losses.Reduction.NONE)(wanted, logits)
    classes = tf.reduce_sum(each, axis=-1) * targets.weights
    boxes = tf.reduce_mean(huber(codes - targets.boxes), axis=-1) * targets.box_weights
    return Losses(tf.reduce_sum(classes, axis=1), tf.reduce_sum(boxes, axis=1))


def huber(errors: tf.Tensor) -> tf.Tensor:
    """Return half the square of errors up to 1, and what continues it in a straight line beyond."""
    size = tf.abs(errors)
    return tf.where(size <= 1.0, 0.5 * errors**2, size - 0.5)


def mine(losses: tf.Tensor, positive: tf.Tensor, negatives: int) -> tf.Tensor:
    """Return which anchors are kept, bool [n, anchors]: all positives, and of the others those with the largest loss.

    Args:
        losses: float32 [n, anchors]; of equal ones the first count as larger.
        positive: bool [n, anchors].
        negatives: so many are kept for each positive of the same image.
    """
    ranked = tf.where(positive, -1.0, tf.stop_gradient(losses))  # losses are 0 or more
    order = tf.argsort(ranked, axis=1, direction="DESCENDING", stable=True)
    rank = tf.argsort(order, axis=1, stable=True)
    max_negatives = negatives * tf.reduce_sum(tf.cast(positive, tf.int32), axis=1, keepdims=True)
    return positive | (rank < max_negatives)
