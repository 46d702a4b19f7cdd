"""Kinds of image files: what their first bytes promise, and the decoder of each.

Decoders that are rarely needed are loaded when the first file asks for them.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image

from data.sample import BadImage

DECODERS: dict[str, tuple[str, str]] = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "WebP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIC": ("pillow_heif", "HeifImageFile"),
    "JPEG 2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "PNM": ("PIL.PpmImagePlugin", "PpmImageFile"),
    "ICO": ("PIL.IcoImagePlugin", "IcoImageFile"),
    "TGA": ("PIL.TgaImagePlugin", "TgaImageFile"),
}
"""Module and class of each kind's decoder."""
MAY_HOLD_SEVERAL = frozenset(["TIFF", "GIF", "WebP", "AVIF", "HEIC"])


class Start(NamedTuple):
    """Bytes that a kind of file begins with, at a place."""

    kind: str
    place: int
    bytes: tuple[bytes, ...]


STARTS = (
    Start("JPEG", 0, (b"\xff\xd8\xff",)),
    Start("PNG", 0, (b"\x89PNG\r\n\x1a\n",)),
    Start("GIF", 0, (b"GIF87a", b"GIF89a")),
    Start("WebP", 8, (b"WEBP",)),
    Start("BMP", 0, (b"BM",)),
    Start("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    Start("AVIF", 4, (b"ftypavif", b"ftypavis")),
    Start(
        "HEIC", 4, tuple(b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"))
    ),
    Start("JPEG 2000", 0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    Start("PNM", 0, tuple(b"P" + bytes([digit, space]) for digit in b"123456" for space in b" \t\n\r#")),
    Start("ICO", 0, (b"\0\0\1\0",)),
)


def recognise(data: bytes) -> str:
    """Return what kind of image the first bytes promise; empty if none that is known."""
    head = data[:16]
    for start in STARTS:
        if head.startswith(start.bytes, start.place):
            return start.kind if start.kind != "WebP" or head[:4] == b"RIFF" else ""
    return "TGA" if is_tga(data) else ""


def is_tga(data: bytes) -> bool:
    """Tell whether a file is a TGA: it has no mark of its own, but a head with few possible values."""
    if len(data) < 19 or data[1] > 1 or data[2] not in (1, 2, 3, 9, 10, 11) or data[16] not in (8, 16, 24, 32):
        return False
    return any(data[12:14]) and any(data[14:16]) and (data[1] == 0 or data[7] in (16, 24, 32))


def decoder_of(kind: str) -> Callable[[io.BytesIO], Image.Image]:
    """Return what opens files of a kind.

    Raises:
        BadImage: a package for it is not installed.
    """
    module, name = DECODERS[kind]
    try:
        found: Callable[[io.BytesIO], Image.Image] = getattr(importlib.import_module(module), name)
    except ImportError:
        extra = "pip install 'labline[heic]'" if kind == "HEIC" else f"install Pillow with {kind}"
        raise BadImage("unsupported_format", f"a {kind} picture; to read it: {extra}") from None
    return found
