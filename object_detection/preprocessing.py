"""How images, files and records become the network's input, float32 [n, size, size, 3] in -1..1."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def prepare_images(images: tf.Tensor, size: int) -> tf.Tensor:
    """Return images of one size, uint8 [n, height, width, 3], as the network takes them."""
    return prepare_each(lambda pixels: to_network(pixels, size), images, size)


def prepare_bytes(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Return JPEG, PNG, GIF or BMP files of any sizes, string [n], as the network takes them."""
    return prepare_each(lambda content: to_network(decode(content), size), encoded, size)


def prepare_examples(records: tf.Tensor, size: int) -> tf.Tensor:
    """Return the images of serialized `tf.train.Example`s, string [n], as the network takes them."""
    parsed = tf.io.parse_example(records, {"image/encoded": tf.io.FixedLenFeature([], tf.string)})
    return prepare_bytes(parsed["image/encoded"], size)


def prepare_each(prepare: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, size: int) -> tf.Tensor:
    """Prepare images one by one, since their sizes differ."""
    return tf.map_fn(prepare, images, fn_output_signature=tf.TensorSpec([size, size, 3], tf.float32))


def to_network(pixels: tf.Tensor, size: int) -> tf.Tensor:
    """Return an image [height, width, 3], 0..255, as the network takes it: [size, size, 3], -1..1.

    The proportions are not kept, and pixels are interpolated as TensorFlow 1 did (not about pixel centres), since the
    published weights were trained so.
    """
    pixels = tf.cast(pixels, tf.float32)
    resized = tf.raw_ops.ResizeBilinear(images=pixels[tf.newaxis], size=[size, size], half_pixel_centers=False)[0]
    return resized * (2.0 / 255.0) - 1.0


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Return the pixels of a file, uint8 [height, width, 3]; grey images get three equal channels."""
    pixels = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(pixels, [None, None, 3])
