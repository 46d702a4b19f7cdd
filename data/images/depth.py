"""Images of more than 8 bits a value: their whole values, how many bits these fill, and the 8 bits that are stored.

Microscopes and X-ray machines write 10 or 12 bits into files of 16. One rule holds for a whole data set: the upper 8 of
the bits that its values fill, but for one in a thousand of an image: one dead pixel would else make all images black.
With 16 bits that is also what TensorFlow makes of such a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.sample import BadImage, Pixels

Deep: TypeAlias = "NDArray[np.uint16]"  # [height, width], or [height, width, 3]

FULL = 16
RARE, FEW = 1000, 100  # one of so many values of an image may be larger than what counts as its largest one
STEPS = (8, 10, 12, 14, FULL)  # bits that machines fill
OTHER_HALF = {"16B": "16L", "16L": "16B", "16N": "16B"}  # of a colour's two bytes Pillow reads the upper one


def largest_of(values: Deep) -> int:
    """Return the largest value of an image but for one in a thousand, or for one of a small image; 1 at least."""
    flat = values.reshape(-1)
    place = len(flat) - 1 - max(len(flat) // RARE, min(1, len(flat) // FEW))
    return max(1, int(np.partition(flat, place)[place]))


def bits_of(largest: int) -> int:
    """Return how many bits a data set's values fill, of those that machines write."""
    return next(bits for bits in STEPS if largest < 1 << bits)


def to_eight_bits(values: Deep, bits: int) -> Pixels:
    """Return the upper 8 of so many bits; larger values become white."""
    return np.minimum(values >> (bits - 8), 255).astype(np.uint8)


def deep_values(
    image: Image.Image, again: Callable[[], Image.Image], upright: Callable[[Image.Image], Image.Image]
) -> Deep | None:
    """Return an image's whole values; None if 8 bits hold them.

    Args:
        image: opened, its pixels not decoded yet.
        again: opens it once more.
        upright: turns it as its EXIF data say.

    Raises:
        BadImage: its values are no whole numbers of 16 bits.
    """
    if image.mode.startswith("I;16"):
        return np.asarray(upright(image)).astype(np.uint16)
    if image.mode == "F":
        raise BadImage("unsupported_format", "its values are fractions; save it with 8 or 16 bits")
    if image.mode == "I":
        values = np.asarray(upright(image))
        if values.min() < 0 or values.max() >= 1 << FULL:
            raise BadImage("unsupported_format", "its values need 32 bits; save it with 8 or 16 bits")
        return values.astype(np.uint16)
    if image.mode not in ("RGB", "RGBA") or not any(";16" in word for word in raw_modes(image)):
        return None
    other = again()
    other.tile = [tile._replace(args=other_half(tile.args)) for tile in other.tile]  # type: ignore[attr-defined]
    values = np.asarray(upright(image)).astype(np.uint16) << 8 | np.asarray(upright(other))
    return values[..., :3] if values.shape[2] == 3 or (values[..., 3] == (1 << FULL) - 1).all() else None


def raw_modes(image: Image.Image) -> list[str]:
    """Return in which forms an opened image's bytes are, as Pillow calls them."""
    tiles = getattr(image, "tile", [])
    words = [tile.args if isinstance(tile.args, tuple) else (tile.args,) for tile in tiles]
    return [word for args in words for word in args if isinstance(word, str)]


def other_half(args: object) -> object:
    """Return a decoder's arguments that read the lower byte of each value instead of the upper one."""
    if isinstance(args, tuple):
        return tuple(other_half(word) for word in args)
    mode, semicolon, form = args.partition(";") if isinstance(args, str) else ("", "", "")
    return f"{mode};{OTHER_HALF[form]}" if form in OTHER_HALF else args
