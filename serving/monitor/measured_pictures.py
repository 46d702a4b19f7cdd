"""What the statistics of training measured of pictures, measured again of the pictures that clients send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from serving.client.pictures import MOST_PIXELS
from serving.monitor.measuring import Row

if TYPE_CHECKING:
    import numpy as np


def measure_pictures(inputs: dict[str, np.ndarray]) -> Iterator[Row | None]:
    """Yield a row of features for each picture of a request, whatever the signature; None for one that cannot be read.

    Args:
        inputs: `image_bytes` (string [n]), `pixels` (float [n, height, width, channels] in 0..255), or records or photos
            under the names that the signatures have.
    """
    for values in inputs.values():
        if values.dtype == object and values.ndim == 1:
            yield from (measure_encoded(picture_of(value)) for value in values.tolist())
        elif values.ndim == 4:
            yield from (measure_pixels(picture) for picture in values)


def picture_of(value: bytes) -> bytes:
    """Return an encoded picture as it is, or that of a record."""
    from data.pictures.picture import recognise
    from data.tfrecord import decode_example

    if recognise(value):
        return value
    try:
        found = decode_example(value).get("image/encoded", [b""])[0]
    except (ValueError, IndexError):
        return b""
    return found if isinstance(found, bytes) else b""


def measure_encoded(content: bytes) -> Row | None:
    """Return the features of an encoded picture as ingest would have stored it."""
    from data.pictures.picture import BadPicture, examine, stored_bytes

    try:
        picture = examine(content, MOST_PIXELS)
    except BadPicture:
        return None
    stored, kind = stored_bytes(content, picture)
    height, width, channels = picture.size
    return {
        "image/height": [height],
        "image/width": [width],
        "image/channels": [channels],
        "image/bytes": [len(stored)],
        "image/format": [kind],
        "image/brightness": [picture.brightness],
    }


def measure_pixels(picture: np.ndarray) -> Row:
    """Return the features of pixels; of floats the client has made the size to fit the network, so only brightness is left."""
    brightness: Row = {"image/brightness": [float(picture.mean()) / 255]}
    if picture.dtype.kind == "f":
        return brightness
    return {"image/height": [picture.shape[0]], "image/width": [picture.shape[1]], **brightness}
