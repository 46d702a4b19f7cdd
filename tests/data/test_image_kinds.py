"""Pictures of all kinds are stored with the values that they have, or refused with the reason."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.images.check import inspect
from data.images.config import ImageDataConfig
from data.images.depth import bits_of, to_eight_bits
from data.images.image import encode_png, examine, stored_bytes
from data.sample import EXTENSIONS, BadImage
from pipeline.progress import Progress

LIMIT = 10_000_000
KINDS = [
    ("TIFF", "RGB", "tif"),
    ("TIFF", "L", "tiff"),
    ("TIFF", "CMYK", "tif"),
    ("TIFF", "P", "tif"),
    ("TIFF", "RGBA", "tif"),
    ("AVIF", "RGB", "avif"),
    ("JPEG2000", "RGB", "jp2"),
    ("JPEG2000", "L", "jp2"),
    ("TGA", "RGB", "tga"),
    ("TGA", "L", "tga"),
    ("PPM", "RGB", "ppm"),
    ("PPM", "L", "pgm"),
    ("ICO", "RGB", "ico"),
]


def saved(values: Any, kind: str, mode: str | None = None, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(values, mode).save(stream, kind, **options)
    return stream.getvalue()


def decode(data: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(data)))


def deep(top: int, shape: tuple[int, ...], seed: int = 0) -> Any:
    values = np.random.default_rng(seed).integers(0, top + 1, shape).astype(np.uint16)
    values.flat[0] = top
    return values


def tiff16(values: Any, order: str, packed: bool) -> bytes:
    """Return a colour TIFF of 16 bits a value, which Pillow itself cannot write."""
    height, width, channels = values.shape
    data = values.astype(f"{order}u2").tobytes()
    data = zlib.compress(data) if packed else data
    numbers = {256: width, 257: height, 259: 8 if packed else 1, 262: 2, 277: channels, 278: height, 279: len(data)}
    start = 8 + 2 + 12 * (len(numbers) + 2) + 4
    entries = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in numbers.items()]
    entries.append(struct.pack(f"{order}HHII", 258, 3, channels, start))
    entries.append(struct.pack(f"{order}HHII", 273, 4, 1, start + 2 * channels))
    entries.sort(key=lambda entry: struct.unpack(f"{order}H", entry[:2]))
    return b"".join(
        [
            b"II*\0" if order == "<" else b"MM\0*",
            struct.pack(f"{order}IH", 8, len(entries)),
            *entries,
            struct.pack(f"{order}I{channels}H", 0, *[16] * channels),
            data,
        ]
    )


@pytest.mark.parametrize(("kind", "mode", "ending"), KINDS)
def test_every_kind_is_read_as_pillow_reads_it_and_stored_as_png(
    kind: str, mode: str, ending: str, make_image: Callable[..., bytes]
) -> None:
    data = make_image(3, kind, mode, size=(32, 32))
    image = examine(data, LIMIT)
    assert image.kind == EXTENSIONS[ending]
    stored, name = stored_bytes(data, image)
    assert name == b"png"
    opened: Image.Image = Image.open(io.BytesIO(data))
    if mode == "RGBA":
        opened = Image.alpha_composite(Image.new("RGBA", opened.size, "white"), opened)
    expected = np.asarray(opened.convert("L" if mode == "L" else "RGB"))
    assert (decode(stored) == expected).all()


def test_photos_of_telephones_are_read(make_image: Callable[..., bytes]) -> None:
    heif = pytest.importorskip("pillow_heif")
    stream = io.BytesIO()
    heif.from_pillow(Image.new("RGB", (64, 48), (200, 40, 90))).save(stream)
    image = examine(stream.getvalue(), LIMIT)
    assert (image.kind, image.size) == ("HEIC", (48, 64, 3))
    assert image.decoded is not None
    assert abs(image.decoded[0, 0].astype(int) - (200, 40, 90)).max() < 12


def test_photos_of_telephones_name_what_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BadImage) as caught:
        examine(b"\0\0\0\x18ftypheic" + bytes(40), LIMIT)
    assert caught.value.args[0] == "unsupported_format"
    assert "labline[heic]" in caught.value.args[1]


def test_of_several_pages_the_first_is_used_and_told(tmp_path: Path) -> None:
    for number in range(20):
        pages = [Image.fromarray(deep(255, (8, 8, 3), 2 * number + page).astype(np.uint8)) for page in (0, 1)]
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        pages[0].save(tmp_path / "ab"[number % 2] / f"{number}.tif", save_all=True, append_images=pages[1:])
        image = examine((tmp_path / "ab"[number % 2] / f"{number}.tif").read_bytes(), LIMIT)
        assert image.decoded is not None
        assert (image.decoded == np.asarray(pages[0])).all()
    told = {item["name"]: item for item in inspect(ImageDataConfig(path=str(tmp_path)), Progress())["findings"]}
    assert told["first_frame"]["count"] == 20
    assert told["first_frame"]["examples"][0]["detail"] == "the first of 2"


@pytest.mark.parametrize(
    "data",
    [
        saved(np.full((8, 8), 0.5, np.float32), "TIFF"),
        saved(np.full((8, 8), 70_000, np.int32), "TIFF"),
        saved(np.full((8, 8), -1, np.int32), "TIFF"),
    ],
)
def test_values_that_16_bits_cannot_hold_are_refused(data: bytes) -> None:
    with pytest.raises(BadImage) as caught:
        examine(data, LIMIT)
    assert caught.value.args[0] == "unsupported_format"
    assert "8 or 16 bits" in caught.value.args[1]


@pytest.mark.parametrize(
    ("write", "shape"),
    [
        (encode_png, (7, 5)),
        (encode_png, (7, 5, 3)),
        (lambda values: saved(values, "TIFF"), (7, 5)),
        (lambda values: saved(values, "JPEG2000", irreversible=False), (7, 5)),
        (lambda values: tiff16(values, "<", False), (7, 5, 3)),
        (lambda values: tiff16(values, ">", False), (7, 5, 3)),
        (lambda values: tiff16(values, "<", True), (7, 5, 3)),
        (lambda values: tiff16(values, ">", True), (7, 5, 3)),
    ],
)
@pytest.mark.parametrize("top", [1023, 4095, 65535])
def test_whole_values_of_16_bits_are_known(write: Callable[[Any], bytes], shape: tuple[int, ...], top: int) -> None:
    values = deep(top, shape)
    image = examine(write(values), LIMIT)
    assert image.deep is not None
    assert (image.deep == values).all()
    stored = decode(stored_bytes(b"1", image, bits_of(top))[0])
    assert (stored == values >> (bits_of(top) - 8)).all()
    assert stored.max() == 255


@given(st.integers(0, 65535))
def test_the_rule_for_many_bits_keeps_order_and_uses_the_whole_range(largest: int) -> None:
    bits = bits_of(largest)
    values = np.arange(largest + 1, dtype=np.uint16)
    eight = to_eight_bits(values, bits).astype(int)
    assert (np.diff(eight) >= 0).all()
    assert eight[-1] >= 63 or largest < 63
    assert to_eight_bits(np.array([(1 << bits) - 1], np.uint16), bits)[0] == 255


def test_pictures_of_12_bits_are_stored_by_one_rule_that_is_told(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[number % 2] / f"{number}.png").write_bytes(
            encode_png(deep(300 + 180 * number, (8, 8), number))
        )
    told = {item["name"]: item for item in inspect(ImageDataConfig(path=str(tmp_path)), Progress())["findings"]}
    assert told["deep_pictures"]["count"] == 20
    assert told["deep_pictures"]["examples"][0]["detail"] == (
        "nearly all values up to 3,720, taken for 12 bits; larger ones become white"
    )
    assert "uneven_depth" not in told


def told_of_depth(root: Path, tops: list[int], dead: int = 0) -> dict[str, str]:
    """Return what is told of pictures of 16 bits with these largest values, of which the first has dead pixels."""
    for number, top in enumerate(tops):
        (root / "ab"[number % 2]).mkdir(exist_ok=True)
        values = deep(top, (32, 40), number)
        values.flat[: dead if number == 0 else 0] = 65535
        (root / "ab"[number % 2] / f"{number}.png").write_bytes(encode_png(values))
    found = inspect(ImageDataConfig(path=str(root)), Progress())["findings"]
    return {item["name"]: item["examples"][0]["detail"] for item in found}


def test_a_dead_pixel_does_not_make_pictures_of_12_bits_dark(tmp_path: Path) -> None:
    told = told_of_depth(tmp_path, [4000] * 12, dead=1)
    assert "taken for 12 bits" in told["deep_pictures"]
    assert "uneven_depth" not in told


def test_pictures_that_are_truly_bright_keep_their_16_bits(tmp_path: Path) -> None:
    assert "taken for 16 bits" in told_of_depth(tmp_path, [4000] * 12, dead=20)["deep_pictures"]


def test_pictures_of_12_bits_among_others_of_16_are_told(tmp_path: Path) -> None:
    assert "at most 4,0" in told_of_depth(tmp_path, [4095, 65535] * 6)["uneven_depth"]
