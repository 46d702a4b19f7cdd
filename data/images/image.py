"""An image's size, mean brightness and the JPEG or PNG bytes that are stored of it; or what is wrong with it.

JPEG and PNG files that TensorFlow decodes as they stand (8 bits, grey or RGB, upright, no transparency, no palette)
keep their bytes. Everything else (palette, 16 bits, CMYK, BMP, WebP, TIFF, AVIF, HEIC, JPEG 2000, the first of several
frames or pages, EXIF rotation) is decoded upright and stored as PNG; transparent images are laid on white. Of images
with more than 8 bits a value the whole values are known too: `data.images.depth` says which of them are stored.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from data.images import kinds
from data.images.depth import FULL, Deep, deep_values, to_eight_bits
from data.sample import BadImage, Content, Pixels

JPEG, PNG = b"jpeg", b"png"
ORIENTATION = 0x0112  # EXIF tag


@dataclass(frozen=True)
class RawImage:
    """What is stored of an image.

    Attributes:
        size: height, width, channels (1 or 3) as it decodes.
        brightness: mean pixel value in 0..1.
        kind: what the file really is, one of `data.images.kinds`, or pixels.
        decoded: the upright pixels if the file's own bytes cannot be stored, else None.
        deep: the upright whole values where these have more than 8 bits, else None.
        frames: more than one if the file holds several frames or pages, of which this is the first.
    """

    size: tuple[int, int, int]
    brightness: float
    kind: str
    decoded: Pixels | None = None
    deep: Deep | None = None
    frames: int = 1


def examine(data: Content, max_pixels: int) -> RawImage:
    """Decode an image completely and return its facts.

    Args:
        data: bytes of a file, or a uint8 array [height, width] or [height, width, 3].
        max_pixels: larger images are refused before they are decoded.

    Raises:
        BadImage: it cannot be used.
    """
    if not isinstance(data, bytes):
        height, width = data.shape[:2]
        return RawImage((height, width, 1 if data.ndim == 2 else 3), float(data.mean()) / 255, "pixels", data)
    if not data:
        raise BadImage("empty_file", "0 bytes")
    kind = recognise(data)
    if kind == "JPEG":
        return examine_jpeg(data, max_pixels)
    if kind == "PNG":
        return examine_png(data, max_pixels)
    if kind:
        return convert(data, kind, max_pixels)
    raise BadImage("corrupt_file", f"not a picture: starts with {data[:8]!r}")


def stored_bytes(data: Content, image: RawImage | None = None, bits: int = FULL) -> tuple[bytes, bytes]:
    """Return the JPEG or PNG file that is stored of an image, and which of the two it is.

    Args:
        data: as for `examine`.
        image: what `examine` said of it; without it the file's own bytes are taken.
        bits: that the values of the data set's images with more than 8 bits fill.
    """
    if image is not None and image.deep is not None:
        return encode_png(to_eight_bits(image.deep, bits)), PNG
    if image is not None and image.decoded is not None:
        return encode_png(image.decoded), PNG
    if isinstance(data, bytes):
        return data, JPEG if data[:2] == b"\xff\xd8" else PNG
    return encode_png(data), PNG


def recognise(data: bytes) -> str:
    """Return what kind of image the first bytes promise; empty if none that is known."""
    return kinds.recognise(data)


def examine_jpeg(data: bytes, max_pixels: int) -> RawImage:
    """Return a JPEG's facts."""
    head = read_jpeg_head(data)
    if head is None:
        raise BadImage("truncated_file", "ends inside its header")
    height, width, channels, upright = head
    check_size(height, width, max_pixels)
    if channels not in (1, 3) or not upright:
        return convert(data, "JPEG", max_pixels)
    if data.rfind(b"\xff\xd9") < 0:  # PIL does without the end marker, TensorFlow does not
        raise BadImage("truncated_file", "no end of the JPEG")
    mode = "RGB" if channels == 3 else "L"
    try:
        image = Image.frombytes(mode, (width, height), data, "jpeg", mode, "")
    except (ValueError, OSError) as error:
        raise BadImage("truncated_file" if "not enough" in str(error) else "corrupt_file", str(error)) from None
    return RawImage((height, width, channels), mean_brightness(image), "JPEG")


def read_jpeg_head(data: bytes) -> tuple[int, int, int, bool] | None:
    """Walk a JPEG's markers up to its size.

    Returns:
        Height, width, channels, and whether it can be stored as it is (8 bits, no EXIF rotation); None if it ends
        before.
    """
    position, end, upright = 2, len(data), True
    while position + 9 < end:
        if data[position] != 0xFF:
            raise BadImage("corrupt_file", f"no JPEG marker at byte {position}")
        marker = data[position + 1]
        if marker == 0xFF:  # padding
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # markers without content
            position += 2
            continue
        size = data[position + 2] << 8 | data[position + 3]
        if marker == 0xE1 and data[position + 4 : position + 8] == b"Exif":
            upright = upright and is_upright(data[position + 4 : position + 2 + size])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width, channels = struct.unpack_from(">BHHB", data, position + 4)
            return height, width, channels, upright and bits == 8
        if size < 2 or marker in (0xD8, 0xD9, 0xDA):
            raise BadImage("corrupt_file", f"no size before JPEG marker {marker:02x}")
        position += 2 + size
    return None


def is_upright(segment: bytes) -> bool:
    """Tell whether a JPEG's EXIF data leave it as it is; damaged EXIF data do."""
    try:
        exif = Image.Exif()
        exif.load(segment)
        return exif.get(ORIENTATION, 1) not in range(2, 9)
    except Exception:
        return True


def examine_png(data: bytes, max_pixels: int) -> RawImage:
    """Return a PNG's facts."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise BadImage("truncated_file" if len(data) < 33 else "corrupt_file", "no PNG header")
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    check_size(height, width, max_pixels)
    plain = bits == 8 and colour in (0, 2) and not check_chunks(data)
    return decode_png(data, 1 if colour == 0 else 3) if plain else convert(data, "PNG", max_pixels)


def check_chunks(data: bytes) -> bool:
    """Walk a PNG's chunks to its end, since PIL forgives what TensorFlow does not: a wrong checksum, a missing end.

    Returns:
        Whether it has a transparent colour or a rotation, so that it cannot be stored as it is.
    """
    position, special = 8, False
    while position + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + size
        if end + 4 > len(data):
            break
        if zlib.crc32(memoryview(data)[position + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise BadImage("corrupt_file", f"wrong checksum of PNG chunk {name!r}")
        if name == b"IEND":
            return special
        special = special or name in (b"tRNS", b"eXIf")
        position = end + 4
    raise BadImage("truncated_file", "no end of the PNG")


def decode_png(data: bytes, channels: int) -> RawImage:
    """Return the facts of a PNG that can be stored as it is."""
    image = load(data, "PNG")
    width, height = image.size
    return RawImage((height, width, channels), mean_brightness(image), "PNG")


def check_size(height: int, width: int, max_pixels: int) -> None:
    """Refuse images without pixels or with too many, before memory is taken for them."""
    if height <= 0 or width <= 0:
        raise BadImage("zero_size_image", f"{height} x {width} pixels")
    if height * width > max_pixels:
        raise BadImage("too_many_pixels", f"{height:,} x {width:,} pixels")


def mean_brightness(image: Image.Image) -> float:
    """Return the mean of all pixel values in 0..1."""
    values = np.frombuffer(image.tobytes(), np.uint8)
    return int(values.sum(dtype=np.uint64)) / (values.size * 255)


def brightness_of(encoded: bytes) -> float:
    """Return the mean of all pixel values of a file that is stored, in 0..1."""
    return mean_brightness(load(encoded, recognise(encoded)))


def convert(data: bytes, kind: str, max_pixels: int) -> RawImage:
    """Decode an image of any kind to upright 8-bit grey or RGB, and its whole values where these need more bits."""
    image = open_image(data, kind, max_pixels)
    try:
        frames = int(getattr(image, "n_frames", 1)) if kind in kinds.MAY_HOLD_SEVERAL else 1
        image.seek(0)
        deep = deep_values(image, lambda: open_image(data, kind, max_pixels), upright)
        image.load()
        pixels = to_eight_bits(deep, FULL) if deep is not None else to_grey_or_colour(upright(image))
    except BadImage:
        raise
    except Exception as error:
        raise why_undecodable(error) from None
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else 3
    brightness = float(pixels.mean(dtype=np.float64)) / 255
    return RawImage((height, width, channels), brightness, kind, pixels, deep, frames)


def load(data: bytes, kind: str, max_pixels: int = 0) -> Image.Image:
    """Decode a file with the decoder of its kind and no other; PIL's own size limit is replaced by ours."""
    image = open_image(data, kind, max_pixels)
    try:
        image.load()
    except Exception as error:
        raise why_undecodable(error) from None
    return image


def open_image(data: bytes, kind: str, max_pixels: int = 0) -> Image.Image:
    """Open a file with the decoder of its kind and no other, without decoding its pixels yet."""
    decoder = kinds.decoder_of(kind)
    try:
        image = decoder(io.BytesIO(data))
    except Exception as error:
        raise why_undecodable(error) from None
    if max_pixels:
        check_size(image.height, image.width, max_pixels)
    return image


def why_undecodable(error: Exception) -> BadImage:
    """Return what a decoder met; PIL's raise anything from SyntaxError to struct.error on damaged files."""
    text = str(error) or type(error).__name__
    return BadImage("truncated_file" if "truncated" in text.lower() else "corrupt_file", text)


def upright(image: Image.Image) -> Image.Image:
    """Turn an image as its EXIF data say; damaged EXIF data leave it as it is."""
    try:
        return ImageOps.exif_transpose(image) or image
    except Exception:
        return image


def to_grey_or_colour(image: Image.Image) -> Pixels:
    """Return uint8 pixels [height, width] or [height, width, 3].

    Transparency is laid on white.
    """
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("L" if grey else "RGB"))


def encode_png(pixels: Pixels | Deep) -> bytes:
    """Return pixels as a PNG file of 8 bits a value, or of 16 for such pixels.

    Unfiltered, since small images gain nothing by filters and these take most of the time.
    """
    height, width = pixels.shape[:2]
    bits = 8 * pixels.itemsize
    rows = pixels.reshape(height, -1).astype(">u2").view(np.uint8) if bits == 16 else pixels.reshape(height, -1)
    raw = np.zeros((height, rows.shape[1] + 1), np.uint8)
    raw[:, 1:] = rows
    head = struct.pack(">IIBBBBB", width, height, bits, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(raw.tobytes(), 6))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
