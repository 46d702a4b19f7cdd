"""What a look at an image's file shows, and the file that is stored of it.

JPEG and PNG files that TensorFlow decodes as they stand keep their bytes, as `data.images.image` says, unless they are
to be shrunk. What has to be changed of a JPEG stays one, at a quality at which no difference can be seen: as PNG a
camera's image would take ten times the room.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from data.images.image import (
    JPEG,
    ORIENTATION,
    PNG,
    RawImage,
    check_size,
    encode_png,
    examine,
    load,
    read_jpeg_head,
    recognise,
    stored_bytes,
)
from data.sample import BadImage, Content, Pixels

JPEG_QUALITY = 95
COARSE = 8  # JPEGs are decoded to one pixel for so many in each direction: that takes half the time


def examine_image(data: Content, max_pixels: int) -> RawImage:
    """Return an image's facts, as `data.images.image.examine` does.

    Of a JPEG that keeps its bytes all blocks are read, and so checked, but only their means become pixels; the
    brightness is that of the whole blocks.

    Raises:
        BadImage: it cannot be used.
    """
    if not isinstance(data, bytes) or recognise(data) != "JPEG":
        return examine(data, max_pixels)
    head = read_jpeg_head(data)
    if head is None or head[2] not in (1, 3) or not head[3] or min(head[:2]) < COARSE or data.rfind(b"\xff\xd9") < 0:
        return examine(data, max_pixels)
    height, width, channels, _ = head
    check_size(height, width, max_pixels)
    mode, size = "RGB" if channels == 3 else "L", (-(-width // COARSE), -(-height // COARSE))
    try:
        image = Image.frombytes(mode, size, data, "jpeg", mode, "", COARSE, 0)
    except (ValueError, OSError) as error:
        raise BadImage("truncated_file" if "not enough" in str(error) else "corrupt_file", str(error)) from None
    rows = np.frombuffer(image.tobytes(), np.uint8).reshape(image.height, -1)
    whole = rows[: height // COARSE, : width // COARSE * channels]
    return RawImage((height, width, channels), int(whole.sum(dtype=np.uint64)) / (whole.size * 255), "JPEG")


def orientation_of(data: Content, image: RawImage) -> int:
    """Return how EXIF data say that an image lies, 1 to 8.

    Only images that had to be decoded can lie otherwise than upright.
    """
    if image.decoded is None or not isinstance(data, bytes):
        return 1
    try:
        found = load(data, image.kind).getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF data say nothing
        return 1
    return found if found in range(2, 9) else 1


def stored_image(
    data: Content, size: tuple[int, int, int], convert: bool, max_side: int | None, max_pixels: int
) -> tuple[bytes, bytes, tuple[int, int, int]]:
    """Return the upright file that is stored of an image, its kind, and its size; own bytes are kept if possible.

    Args:
        data: bytes of a file, or pixels.
        size: height, width and channels of the upright image.
        convert: whether its bytes cannot be kept.
        max_side: pixels that the longer side may have; None for any number.
        max_pixels: as for `examine_image`.
    """
    small = shrunk(size, max_side)
    if not convert and small == size:
        return *stored_bytes(data), size
    decoded = examine(data, max_pixels).decoded if convert else None
    pixels = decode(data) if decoded is None else decoded
    return *encode(resize(pixels, small), isinstance(data, bytes) and recognise(data) == "JPEG"), small


def shrunk(size: tuple[int, int, int], max_side: int | None) -> tuple[int, int, int]:
    """Return the size that an image is stored in."""
    height, width, channels = size
    share = (max_side or max(height, width)) / max(height, width)
    if share >= 1:
        return size
    return max(1, round(height * share)), max(1, round(width * share)), channels


def decode(data: Content) -> Pixels:
    """Return the pixels of a JPEG or PNG that needs no turning."""
    if not isinstance(data, bytes):
        return data
    image = load(data, recognise(data))
    return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))


def resize(pixels: Pixels, size: tuple[int, int, int]) -> Pixels:
    """Return a smaller image; every pixel of the large one counts."""
    if pixels.shape[:2] == size[:2]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.LANCZOS))


def encode(pixels: Pixels, jpeg: bool) -> tuple[bytes, bytes]:
    """Return a file of pixels, and its kind."""
    if not jpeg:
        return encode_png(pixels), PNG
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue(), JPEG
