"""Every kind of picture is stored so that TensorFlow decodes it upright; every kind of damage is named."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from data.images.image import encode_png, examine, stored_bytes
from data.sample import BadImage, Pixels

LIMIT = 10_000_000


def decode(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)))


def refusal(data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(BadImage) as caught:
        examine(data, limit)
    kind: str = caught.value.args[0]
    return kind


@pytest.mark.parametrize(
    ("kind", "mode", "channels"), [("JPEG", "RGB", 3), ("JPEG", "L", 1), ("PNG", "RGB", 3), ("PNG", "L", 1)]
)
def test_plain_jpeg_and_png_keep_their_bytes(
    make_image: Callable[..., bytes], kind: str, mode: str, channels: int
) -> None:
    data = make_image(1, kind, mode)
    image = examine(data, LIMIT)
    assert image.size == (8, 6, channels)
    assert stored_bytes(data, image) == (data, kind.lower().encode())
    assert image.brightness == pytest.approx(decode(data).mean() / 255)


def test_progressive_jpeg_keeps_its_bytes(make_image: Callable[..., bytes]) -> None:
    data = make_image(1, "JPEG", size=(64, 64), progressive=True)
    assert stored_bytes(data, examine(data, LIMIT))[0] == data


@pytest.mark.parametrize(
    ("kind", "mode", "channels"),
    [
        ("PNG", "RGBA", 3),
        ("PNG", "LA", 1),
        ("PNG", "P", 3),
        ("PNG", "1", 1),
        ("JPEG", "CMYK", 3),
        ("BMP", "RGB", 3),
        ("BMP", "L", 1),
        ("GIF", "P", 3),
        ("WebP", "RGB", 3),
        ("WebP", "RGBA", 3),
    ],
)
def test_other_kinds_become_grey_or_colour_png(
    make_image: Callable[..., bytes], kind: str, mode: str, channels: int
) -> None:
    data = make_image(2, kind, mode)
    image = examine(data, LIMIT)
    stored, name = stored_bytes(data, image)
    assert name == b"png"
    assert examine(stored, LIMIT).decoded is None, "what is stored must need no conversion"
    assert image.size == (8, 6, channels)
    assert decode(stored).shape == ((8, 6, 3) if channels == 3 else (8, 6))


def test_transparent_pictures_are_laid_on_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    stored, _ = stored_bytes(stream.getvalue(), examine(stream.getvalue(), LIMIT))
    assert (decode(stored) == 255).all()


def test_a_png_with_a_transparent_colour_is_converted(make_image: Callable[..., bytes]) -> None:
    data = make_image(3, "PNG", "RGB", transparency=(1, 2, 3))
    assert examine(data, LIMIT).decoded is not None


def test_sixteen_bits_keep_the_upper_eight() -> None:
    values = np.arange(0, 65536, 1024, np.uint16).reshape(8, 8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    stored, _ = stored_bytes(stream.getvalue(), examine(stream.getvalue(), LIMIT))
    assert (decode(stored) == values >> 8).all()


def test_exif_rotation_is_applied_once() -> None:
    image = Image.new("RGB", (20, 10), "white")
    image.paste("black", (0, 0, 5, 10))  # the left end is black
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    stream = io.BytesIO()
    image.save(stream, "JPEG", exif=exif, quality=95)
    examined = examine(stream.getvalue(), LIMIT)
    stored, name = stored_bytes(stream.getvalue(), examined)
    assert (examined.size, name) == ((20, 10, 3), b"png")
    assert decode(stored)[:4].mean() < 30, "the black end is on top"


def test_exif_without_rotation_keeps_the_bytes() -> None:
    exif = Image.Exif()
    exif[0x0110] = "camera"
    stream = io.BytesIO()
    Image.new("RGB", (20, 10)).save(stream, "JPEG", exif=exif)
    assert examine(stream.getvalue(), LIMIT).decoded is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WebP"])
def test_a_truncated_picture_is_refused(make_image: Callable[..., bytes], kind: str) -> None:
    data = make_image(4, kind, "P" if kind == "GIF" else "RGB", size=(64, 64))
    assert refusal(data[: len(data) // 2]) in ("truncated_file", "corrupt_file")


def test_damage_is_named(make_image: Callable[..., bytes]) -> None:
    assert refusal(b"") == "empty_file"
    assert refusal(b"hello, this is text") == "corrupt_file"
    assert refusal(b"\xff\xd8\xff") == "truncated_file"
    assert refusal(make_image(5, "JPEG")[:-2]) == "truncated_file"
    assert refusal(make_image(5, "PNG")[:-3]) == "truncated_file"


def test_a_picture_without_pixels_is_refused(make_image: Callable[..., bytes]) -> None:
    data = make_image(6, "PNG")
    assert refusal(data[:16] + struct.pack(">I", 0) + data[20:]) == "zero_size_image"


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(20_001 * 2000)))
        + chunk(b"IEND", b"")
    )
    assert refusal(bomb, 64_000_000) == "too_many_pixels"
    gif = (
        b"GIF89a"
        + struct.pack("<HH", 60_000, 60_000)
        + b"\x00\x00\x00,\x00\x00\x00\x00\x60\xea\x60\xea\x00\x02\x02L\x01\x00;"
    )
    assert refusal(gif, 64_000_000) == "too_many_pixels"


def test_pixels_become_the_same_png_again() -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    colour = np.arange(144, dtype=np.uint8).reshape(6, 8, 3)
    assert (decode(encode_png(grey)) == grey).all()
    assert (decode(encode_png(colour)) == colour).all()
    assert examine(grey, LIMIT).size == (6, 8, 1)
    assert stored_bytes(colour, examine(colour, LIMIT))[1] == b"png"


def test_whatever_is_accepted_tensorflow_decodes_to_the_stated_size(make_image: Callable[..., bytes]) -> None:
    tf = pytest.importorskip("tensorflow")
    chance = random.Random(3)
    accepted = 0
    for number in range(300):
        data = bytearray(make_image(number, chance.choice(["JPEG", "PNG"]), chance.choice(["L", "RGB"]), size=(12, 12)))
        for _ in range(chance.randrange(3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = chance.choice([0, 0, 1, 2, 5, 30])
        damaged = bytes(data[: len(data) - cut]) + b"tail" * chance.choice([0, 0, 1])
        try:
            image = examine(damaged, LIMIT)
        except BadImage:
            continue
        accepted += 1
        pixels = tf.io.decode_image(stored_bytes(damaged, image)[0], expand_animations=False)
        assert tuple(pixels.shape) == image.size
    assert accepted > 30
