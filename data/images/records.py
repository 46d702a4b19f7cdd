"""Records of images: `tf.train.Example` bytes in TFRecord files, written and read without TensorFlow.

One example an image. Sizes are (height, width). Features:
    image/encoded     bytes   a JPEG or PNG file that decodes to [height, width, 1 or 3] uint8, upright
    image/format      bytes   `jpeg` or `png`
    image/source      bytes   where it came from: the path relative to the data, for archives the member's name
    image/height, image/width, image/channels, image/bytes    int64
    image/brightness  float   mean of all pixel values, 0..1
    image/class/label int64   number of the class in the order of `Examples.labels`
    image/class/text  bytes   its name
"""

from __future__ import annotations

import functools
import struct

from data.tfrecord import FLOAT, bytes_feature, feature_entry, integer_feature, varint

_FLOAT = struct.Struct("<f")


def encode_image(
    encoded: bytes,
    image_format: bytes,
    source: bytes,
    size: tuple[int, int, int],
    brightness: float,
    label: int,
    text: bytes,
) -> bytes:
    """Return an image's serialized `tf.train.Example`.

    Features in the order of their names, so equal input gives equal bytes.

    Args:
        encoded: the JPEG or PNG file.
        image_format: b"jpeg" or b"png".
        source: where it came from.
        size: height, width, channels.
        brightness: mean pixel value in 0..1.
        label: number of the class.
        text: name of the class.
    """
    height, width, channels = size
    features = b"".join(
        (
            _BRIGHTNESS,
            _FLOAT.pack(brightness),
            integer_feature(b"image/bytes", len(encoded)),
            _class_features(channels, label, text),
            bytes_feature(b"image/encoded", encoded),
            _size_features(image_format, height),
            bytes_feature(b"image/source", source),
            _width_feature(width),
        )
    )
    return b"\x0a" + varint(len(features)) + features


@functools.lru_cache(maxsize=4096)  # few values recur in millions of records
def _class_features(channels: int, label: int, text: bytes) -> bytes:
    return (
        integer_feature(b"image/channels", channels)
        + integer_feature(b"image/class/label", label)
        + bytes_feature(b"image/class/text", text)
    )


@functools.lru_cache(maxsize=4096)
def _size_features(image_format: bytes, height: int) -> bytes:
    return bytes_feature(b"image/format", image_format) + integer_feature(b"image/height", height)


@functools.lru_cache(maxsize=4096)
def _width_feature(width: int) -> bytes:
    return integer_feature(b"image/width", width)


_BRIGHTNESS = feature_entry(b"image/brightness", FLOAT, b"\x0a\x04" + _FLOAT.pack(0))[:-4]  # the value itself follows
