"""A picture that is given to the page is what training would have stored of it, as `labline predict` sends it."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import requests
from PIL import Image

from data.images.image import examine, stored_bytes
from serving.client.images import prepare
from serving.launch import Server
from tests.support.page_models import image

PIXELS = np.random.default_rng(3).integers(0, 256, (6, 9, 3), np.uint8)


def saved(kind: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def palette_with_transparency() -> bytes:
    return saved("PNG", "P", transparency=0)


PICTURES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: saved("JPEG"),
    "turned": lambda: image((10, 20), "JPEG", orientation=6),
    "cmyk": lambda: saved("JPEG", "CMYK"),
    "grey": lambda: saved("PNG", "L"),
    "one_bit": lambda: saved("PNG", "1"),
    "palette": lambda: saved("PNG", "P"),
    "palette_with_transparency": palette_with_transparency,
    "alpha": lambda: saved("PNG", "RGBA"),
    "grey_and_alpha": lambda: saved("PNG", "LA"),
    "gif": lambda: saved("GIF", "P"),
    "webp": lambda: saved("WEBP", lossless=True),
    "bmp": lambda: saved("BMP"),
    "tiff": lambda: saved("TIFF"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_sent_as_training_would_have_stored_it(page_server: Server, kind: str) -> None:
    content = PICTURES[kind]()
    answer = requests.post(f"{page_server.url}/labline/picture", content, timeout=30)
    stored = stored_bytes(content, examine(content, 10**6))[0]
    assert answer.status_code == 200 and answer.content == stored == prepare(content)
    assert answer.headers["Content-Type"] == ("image/jpeg" if stored[:2] == b"\xff\xd8" else "image/png")


def test_what_is_no_picture_is_refused_in_words(page_server: Server) -> None:
    for content in (b"", b"certainly no picture"):
        answer = requests.post(f"{page_server.url}/labline/picture", content, timeout=30)
        assert answer.status_code == 400 and "Give a picture" in answer.json()["error"]
