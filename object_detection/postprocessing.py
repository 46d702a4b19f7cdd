"""What a detector finds, in the Object Detection API's terms: from pixels, from encoded images, from records.

Every answer is a dictionary of
    detection_boxes     float32 [n, max_detections, 4]   normalized (ymin, xmin, ymax, xmax), 0..1, surest first
    detection_scores    float32 [n, max_detections]      0..1; 0 beyond the last detection
    detection_classes   float32 [n, max_detections]      number of the class, from 1; 1 beyond the last, as it always
    was detection_labels    string  [n, max_detections]      its name; empty beyond the last detection
    num_detections      float32 [n]
"""

from __future__ import annotations

import tensorflow as tf

from object_detection.outputs import anchors_by_level
from object_detection.preprocessing import prepare_bytes, prepare_examples, prepare_images
from object_detection.saved_detector import SavedDetector

Detections = dict[str, tf.Tensor]


def detect_images(detector: SavedDetector, images: tf.Tensor) -> Detections:
    """Find objects in images of one size, uint8 [n, height, width, 3]."""
    return detect_prepared(detector, prepare_images(images, detector.config.size))


def detect_bytes(detector: SavedDetector, encoded: tf.Tensor) -> Detections:
    """Find objects in JPEG, PNG, GIF or BMP files of any sizes, string [n]."""
    return detect_prepared(detector, prepare_bytes(encoded, detector.config.size))


def detect_examples(detector: SavedDetector, records: tf.Tensor) -> Detections:
    """Find objects in the images of serialized `tf.train.Example`s with `image/encoded`, string [n]."""
    return detect_prepared(detector, prepare_examples(records, detector.config.size))


def detect_prepared(detector: SavedDetector, prepared: tf.Tensor) -> Detections:
    """Find objects in images as the network takes them, float32 [n, size, size, 3] in -1..1."""
    config = detector.config
    found = detector.model(prepared, anchor_boxes=anchors_by_level(config, tf.shape(prepared)[0]), training=False)
    # like the Object Detection API's, boxes are cut at the image's edges after suppression, and those beside it dropped
    boxes = tf.clip_by_value(found["detection_boxes"] / config.size, 0.0, 1.0)
    inside = tf.reduce_all(boxes[..., 2:] > boxes[..., :2], axis=-1) & tf.sequence_mask(
        found["num_detections"], config.max_detections
    )
    order = tf.argsort(tf.cast(inside, tf.int32), direction="DESCENDING", stable=True)
    boxes, scores, classes = (
        tf.gather(part, order, batch_dims=1) for part in (boxes, found["detection_scores"], found["detection_classes"])
    )
    number = tf.math.count_nonzero(inside, axis=-1)
    known = tf.sequence_mask(number, config.max_detections)
    classes = tf.where(known, classes, 1)
    names = tf.gather(tf.constant(detector.labels), tf.cast(classes, tf.int32) - 1)
    return {
        "detection_boxes": tf.where(known[..., tf.newaxis], boxes, 0.0),
        "detection_scores": tf.where(known, scores, 0.0),
        "detection_classes": tf.cast(classes, tf.float32),
        "detection_labels": tf.where(known, names, ""),
        "num_detections": tf.cast(number, tf.float32),
    }
