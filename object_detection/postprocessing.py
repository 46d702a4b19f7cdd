"""What a detector answers, in the Object Detection API's terms: from pixels, from encoded images, from records.

Every answer is a dictionary of
    detection_boxes     float32 [n, most, 4]   (ymin, xmin, ymax, xmax) as shares of the image, 0..1, surest first
    detection_scores    float32 [n, most]      0..1; 0 beyond the last detection
    detection_classes   float32 [n, most]      number of the class, from 1; 1 beyond the last detection, as it always was
    detection_labels    string  [n, most]      its name; empty beyond the last detection
    num_detections      float32 [n]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorflow as tf

    from object_detection.saved_detector import Trained

    Answer = dict[str, tf.Tensor]


def answer_images(trained: Trained, images: tf.Tensor) -> Answer:
    """Answer about images of one size, uint8 [n, height, width, 3]."""
    return answer_prepared(trained, prepare_images(images, trained.config.size))


def answer_bytes(trained: Trained, encoded: tf.Tensor) -> Answer:
    """Answer about JPEG, PNG, GIF or BMP files of any sizes, string [n]."""
    return answer_prepared(trained, prepare_bytes(encoded, trained.config.size))


def answer_examples(trained: Trained, records: tf.Tensor) -> Answer:
    """Answer about serialized `tf.train.Example`s with `image/encoded`, string [n]."""
    return answer_prepared(trained, prepare_examples(records, trained.config.size))


def answer_prepared(trained: Trained, prepared: tf.Tensor) -> Answer:
    """Answer about images as the network takes them, float32 [n, size, size, 3] in -1..1."""
    import tensorflow as tf

    from object_detection.outputs import anchors_by_level

    config = trained.config
    found = trained.model(prepared, anchor_boxes=anchors_by_level(config, tf.shape(prepared)[0]), training=False)
    # boxes are brought into the image after suppression, and those that lay beside it dropped, as the Object Detection API does
    boxes = tf.clip_by_value(found["detection_boxes"] / config.size, 0.0, 1.0)
    inside = tf.reduce_all(boxes[..., 2:] > boxes[..., :2], axis=-1) & tf.sequence_mask(
        found["num_detections"], config.most
    )
    order = tf.argsort(tf.cast(inside, tf.int32), direction="DESCENDING", stable=True)
    boxes, scores, classes = (
        tf.gather(part, order, batch_dims=1) for part in (boxes, found["detection_scores"], found["detection_classes"])
    )
    number = tf.math.count_nonzero(inside, axis=-1)
    known = tf.sequence_mask(number, config.most)
    classes = tf.where(known, classes, 1)
    names = tf.gather(tf.constant(trained.labels), tf.cast(classes, tf.int32) - 1)
    return {
        "detection_boxes": tf.where(known[..., tf.newaxis], boxes, 0.0),
        "detection_scores": tf.where(known, scores, 0.0),
        "detection_classes": tf.cast(classes, tf.float32),
        "detection_labels": tf.where(known, names, ""),
        "num_detections": tf.cast(number, tf.float32),
    }


def prepare_images(images: tf.Tensor, size: int) -> tf.Tensor:
    """Return images of one size as the network takes them, float32 [n, size, size, 3] in -1..1; so do the next two."""
    from object_detection.images import to_network

    return prepare_each(lambda pixels: to_network(pixels, size), images, size)


def prepare_bytes(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Return encoded images as the network takes them."""
    from object_detection.images import to_network

    return prepare_each(lambda content: to_network(decode(content), size), encoded, size)


def prepare_examples(records: tf.Tensor, size: int) -> tf.Tensor:
    """Return the images of serialized examples as the network takes them."""
    import tensorflow as tf

    parsed = tf.io.parse_example(records, {"image/encoded": tf.io.FixedLenFeature([], tf.string)})
    return prepare_bytes(parsed["image/encoded"], size)


def prepare_each(prepare: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, size: int) -> tf.Tensor:
    """Prepare images one by one, since their sizes differ."""
    import tensorflow as tf

    return tf.map_fn(prepare, images, fn_output_signature=tf.TensorSpec([size, size, 3], tf.float32))


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Return the pixels of a file, uint8 [height, width, 3]; grey images get three equal channels."""
    import tensorflow as tf

    pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(pixels, [None, None, 3])
