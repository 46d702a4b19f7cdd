"""What each anchor shall say: SSD's matching of anchors with the boxes of an image.

Model Garden's matcher and box code do the work. An anchor belongs to the box it overlaps best if that is by half or
more; every box claims its best anchor besides, however little they overlap, and of two boxes that claim one anchor the
first has it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from official.vision.ops.anchor import AnchorLabeler

from object_detection.ssd import BOX_SCALES

OVERLAP = 0.5  # intersection over union from which on an anchor belongs to a box; there is no band that is ignored
BACKGROUND = 0


class Targets(NamedTuple):
    """What the anchors of an image, or of a batch of images [n, ...], shall say.

    Attributes:
        classes: int32 [anchors] number of the class, 0 for background.
        boxes: float32 [anchors, 4] box codes; 0 for background.
        weights: float32 [anchors] how much an anchor's class counts: its box's weight; 1 for background.
        box_weights: float32 [anchors] how much its box code counts: its box's weight; 0 for background.
    """

    classes: tf.Tensor
    boxes: tf.Tensor
    weights: tf.Tensor
    box_weights: tf.Tensor


class Matcher:
    """Matches the anchors of one network with boxes.

    Args:
        anchors: of each feature map, float32 [cells, cells, anchors, 4], normalized.
    """

    def __init__(self, anchors: list[NDArray[np.float32]]) -> None:
        self.anchors = {
            str(level): tf.constant(boxes.reshape(*boxes.shape[:2], -1)) for level, boxes in enumerate(anchors)
        }
        self.labeler = AnchorLabeler(OVERLAP, OVERLAP, BOX_SCALES)

    def __call__(self, boxes: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor | None = None) -> Targets:
        """Return what the anchors shall say of one image.

        Args:
            boxes: float32 [m, 4], normalized (ymin, xmin, ymax, xmax); there may be none.
            labels: int [m], from 1.
            weights: float32 [m]; 1 for all by default.
        """
        labels = tf.cast(labels, tf.int32)[:, tf.newaxis]
        weights = tf.ones_like(boxes[:, 0]) if weights is None else weights
        classes, codes, _, _, box_weights = self.labeler.label_anchors(self.anchors, boxes, labels, gt_weights=weights)
        flat = tf.concat([tf.reshape(table, [-1]) for table in classes.values()], axis=0)
        matched = flat > BACKGROUND
        codes = tf.concat([tf.reshape(table, [-1, 4]) for table in codes.values()], axis=0)
        return Targets(
            classes=tf.where(matched, flat, BACKGROUND),
            boxes=tf.where(matched[:, tf.newaxis], codes, 0.0),
            weights=tf.where(matched, box_weights, 1.0),
            box_weights=tf.where(matched, box_weights, 0.0),
        )
