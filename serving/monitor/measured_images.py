"""What the statistics of training measured of images, measured again of the images that clients send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from data.images.depth import FULL
from data.images.image import brightness_of, examine, recognise, stored_bytes
from data.sample import BadImage
from data.tfrecord import decode_example
from serving.client.images import MAX_PIXELS
from serving.monitor.task import Row


def measure_images(inputs: dict[str, NDArray[Any]], bits: int = FULL) -> Iterator[Row | None]:
    """Yield a row of features for each image of a request, whatever the signature; None for one that cannot be read.

    Args:
        inputs: `image_bytes` (string [n]), `pixels` (float [n, height, width, channels] in 0..255), or records or
            images under the names that the signatures have.
        bits: that the values of images with more than 8 fill.
    """
    for values in inputs.values():
        if values.dtype == object and values.ndim == 1:
            yield from (measure_encoded(image_of(value), bits) for value in values.tolist())
        elif values.ndim == 4:
            yield from (measure_pixels(image) for image in values)


def image_of(value: bytes) -> bytes:
    """Return an encoded image as it is, or that of a record."""
    if recognise(value):
        return value
    try:
        found = decode_example(value).get("image/encoded", [b""])[0]
    except (ValueError, IndexError):
        return b""
    return found if isinstance(found, bytes) else b""


def measure_encoded(content: bytes, bits: int = FULL) -> Row | None:
    """Return the features of an encoded image as ingest would have stored it."""
    try:
        image = examine(content, MAX_PIXELS)
    except BadImage:
        return None
    stored, kind = stored_bytes(content, image, bits)
    height, width, channels = image.size
    return {
        "image/height": [height],
        "image/width": [width],
        "image/channels": [channels],
        "image/bytes": [len(stored)],
        "image/format": [kind],
        "image/brightness": [image.brightness if image.deep is None else brightness_of(stored)],
    }


def measure_pixels(image: NDArray[Any]) -> Row:
    """Return the features of pixels.

    Of floats the client has made the size to fit the network, so only brightness is left.
    """
    brightness: Row = {"image/brightness": [float(image.mean()) / 255]}
    if image.dtype.kind == "f":
        return brightness
    return {"image/height": [image.shape[0]], "image/width": [image.shape[1]], **brightness}
