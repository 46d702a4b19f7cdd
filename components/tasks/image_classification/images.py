"""Image classification: from an encoded image to pixels, from a network's outputs to probabilities.

Training, evaluation, export and serving all decode with `decode`, so the same image is the same pixels everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import tensorflow as tf

from components.tasks.image_classification.facts import ImageExamplesFacts
from data.images.depth import FULL
from pipeline.artifacts import Examples
from pipeline.errors import UserError

if TYPE_CHECKING:
    import keras


Shape = tuple[int, int, int]  # height, width, channels
OutputKind = Literal["probabilities", "scores"]


SIZE_OF_MIXED = (128, 128)  # height and width that images of several sizes are brought to, unless the recipe says


def input_shape(examples: Examples, image_size: tuple[int, int] | None) -> Shape:
    """Return (height, width, channels) of what the network is given.

    Args:
        examples: the ingested pictures.
        image_size: (height, width) to resize to; None takes the images' common size, or `SIZE_OF_MIXED` where they have
            none.
    """
    facts = examples.facts_as(ImageExamplesFacts)
    height, width = image_size or (facts.image_shape or SIZE_OF_MIXED)[:2]
    return (height, width, facts.channels)


def reader(examples: Examples, shape: Shape) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return `read_batch` for these examples; where all have the right size, without the cost of asking each."""
    common = examples.facts_as(ImageExamplesFacts).image_shape
    sizes_vary = common is None or common[:2] != shape[:2]
    return lambda records: read_batch(records, shape, sizes_vary)


def read_batch(records: tf.Tensor, shape: Shape, sizes_vary: bool = True) -> tuple[tf.Tensor, tf.Tensor]:
    """Return pixels, uint8 [n, H, W, C], and labels, int64 [n], of serialized records, string [n]."""
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }
    parsed = tf.io.parse_example(records, features)
    return decode(parsed["image/encoded"], shape, sizes_vary), parsed["image/class/label"]


def decode(encoded: tf.Tensor, shape: Shape, sizes_vary: bool = True, deep_bits: int | None = None) -> tf.Tensor:
    """Return pixels, uint8 [n, H, W, C], of encoded images, string [n]: JPEG, PNG, BMP or GIF (its first frame).

    An image of another size is resized with an antialiasing bilinear filter; colour becomes luma where the network
    takes one channel, grey is repeated where it takes three.

    Args:
        deep_bits: bits that the values of PNG files with 16 bits a value fill; None takes all 16. Stored images never
            have that many.
    """
    pixels = tf.map_fn(
        lambda one: decode_one(one, shape, sizes_vary, deep_bits),
        encoded,
        fn_output_signature=tf.TensorSpec(shape, tf.uint8),
        parallel_iterations=8,
    )
    return tf.ensure_shape(pixels, (None, *shape))


def decode_one(encoded: tf.Tensor, shape: Shape, sizes_vary: bool, deep_bits: int | None = None) -> tf.Tensor:
    """Return pixels, uint8 [H, W, C], of one encoded image, a string scalar."""
    height, width, channels = shape
    if deep_bits in (None, FULL):
        pixels = read_pixels(encoded, channels)
    else:
        pixels = tf.cond(
            is_deep(encoded),
            lambda: read_deep_pixels(encoded, channels, deep_bits),
            lambda: read_pixels(encoded, channels),
        )
    if sizes_vary:
        fits = tf.reduce_all(tf.equal(tf.shape(pixels)[:2], [height, width]))
        pixels = tf.cond(fits, lambda: pixels, lambda: resize(pixels, height, width))
    return tf.ensure_shape(pixels, shape)


def read_pixels(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    """Return pixels, uint8 [height, width, channels]; TensorFlow itself makes no grey image of a GIF or BMP."""

    def read(wanted: int) -> tf.Tensor:
        return tf.io.decode_image(encoded, channels=wanted, expand_animations=False)

    if channels != 1:
        return read(channels)
    always_colour = tf.reduce_any(tf.equal(tf.strings.substr(encoded, 0, 2), [b"GI", b"BM"]))
    return tf.cond(always_colour, lambda: tf.image.rgb_to_grayscale(read(3)), lambda: read(1))


def is_deep(encoded: tf.Tensor) -> tf.Tensor:
    """Tell whether an encoded image is a PNG of 16 bits a value."""
    signature, bits = tf.strings.substr(encoded, 0, 4), tf.strings.substr(encoded, 24, 1)
    return tf.logical_and(tf.equal(signature, b"\x89PNG"), tf.equal(bits, b"\x10"))


def read_deep_pixels(encoded: tf.Tensor, channels: int, deep_bits: int) -> tf.Tensor:
    """Return pixels, uint8 [height, width, channels], of a PNG of 16 bits a value, as `data.images.depth` does."""
    values = tf.cast(tf.io.decode_png(encoded, channels=channels, dtype=tf.uint16), tf.int32)
    return tf.cast(tf.minimum(tf.bitwise.right_shift(values, deep_bits - 8), 255), tf.uint8)


def resize(pixels: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Return pixels, uint8 [H, W, C], resized and rounded back to whole values."""
    resized = tf.image.resize(pixels, (height, width), method="bilinear", antialias=True)
    return tf.cast(tf.round(tf.clip_by_value(resized, 0, 255)), tf.uint8)


def output_kind(model: keras.Model) -> OutputKind:
    """Say what a network's outputs are: `probabilities` that sum to 1 (softmax) or separate `scores` in 0..1 (sigmoid).

    Raises:
        UserError: the last layer is neither, so its outputs cannot be read as either.
    """
    activation = getattr(getattr(model.layers[-1], "activation", None), "__name__", "")
    if activation == "softmax":
        return "probabilities"
    if activation == "sigmoid":
        return "scores"
    raise UserError(
        f"The last layer `{model.layers[-1].name}` of network `{model.name}` ends in "
        f"{activation or 'no activation'}, so its outputs are no probabilities.",
        "trainer.network",
        'End the network in `layers.Dense(outputs, activation="softmax", dtype="float32")`.',
    )


def probabilities(outputs: tf.Tensor, kind: OutputKind) -> tf.Tensor:
    """Return probabilities that sum to 1, float32 [n, k], of a network's outputs [n, k]."""
    outputs = tf.cast(outputs, tf.float32)
    if kind == "probabilities":
        return outputs
    return outputs / tf.maximum(tf.reduce_sum(outputs, axis=-1, keepdims=True), 1e-12)
