"""A detector's anchors and raw outputs, level by level as Model Garden takes them, and flat as losses do."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from object_detection.detector_config import DetectorConfig


def anchors_by_level(config: DetectorConfig, batch: tf.Tensor | int) -> dict[str, tf.Tensor]:
    """Return the anchors as Model Garden takes them: for each level [batch, cells, cells, anchors * 4], in pixels."""
    found = {}
    for level, boxes in zip(config.levels, config.make_anchors(), strict=True):
        table = tf.constant(boxes.reshape(*boxes.shape[:2], -1) * config.size)
        found[str(level)] = tf.tile(table[tf.newaxis], [batch, 1, 1, 1])
    return found


def flatten_outputs(outputs: dict[str, Any], config: DetectorConfig) -> tuple[tf.Tensor, tf.Tensor]:
    """Return all box codes [n, anchors, 4] and class logits [n, anchors, classes + 1], in the anchors' order."""
    boxes = [outputs["box_outputs"][str(level)] for level in config.levels]
    scores = [outputs["cls_outputs"][str(level)] for level in config.levels]
    return (
        tf.concat([tf.reshape(table, [tf.shape(table)[0], -1, 4]) for table in boxes], axis=1),
        tf.concat([tf.reshape(table, [tf.shape(table)[0], -1, config.classes + 1]) for table in scores], axis=1),
    )
