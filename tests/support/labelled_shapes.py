"""Small labelled photos for the tests: a bright patch on a dark photo with a box around it, in folders of Pascal VOC
annotations.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

Edges = tuple[float, float, float, float]  # ymin, xmin, ymax, xmax in pixels
PATCH: Edges = (10, 8, 30, 48)
SIZE = (40, 64)  # height, width


def draw(
    number: int,
    patch: Edges = PATCH,
    size: tuple[int, int] = SIZE,
    kind: str = "JPEG",
    mode: str = "RGB",
    **options: Any,
) -> bytes:
    """Return the file of a dark photo with a bright patch; another number gives other noise."""
    pixels = np.random.default_rng(number).integers(0, 40, (*size, 3)).astype(np.uint8)
    ymin, xmin, ymax, xmax = map(int, patch)
    pixels[ymin:ymax, xmin:xmax] += 200
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **({"quality": 95} if kind == "JPEG" else {}), **options)
    return stream.getvalue()


def annotation(
    filename: str, boxes: Sequence[tuple[str, Sequence[object]]], size: tuple[int, int] | None = SIZE
) -> str:
    """Return a Pascal VOC annotation.

    Each object takes eight lines, the first one begins on line 4, or 3 without a size.
    """
    lines = ["<annotation>", f"<filename>{filename}</filename>"]
    if size:
        lines.append(f"<size><width>{size[1]}</width><height>{size[0]}</height></size>")
    for label, (ymin, xmin, ymax, xmax) in boxes:
        lines += ["<object>", f"<name>{label}</name>", "<bndbox>", f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin>"]
        lines += [f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax>", "</bndbox>", "<difficult>0</difficult>", "</object>"]
    return "\n".join([*lines, "</annotation>"])


def add_image(
    root: Path,
    name: str,
    boxes: Sequence[tuple[str, Sequence[object]]] = (("cat", PATCH),),
    data: bytes | None = None,
    size: tuple[int, int] | None = SIZE,
) -> None:
    """Write `photos/<name>` and its annotation; by default a photo of its own."""
    image = root / "photos" / name
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(draw(sum(map(ord, str(image.relative_to(root))))) if data is None else data)
    target = (root / "annotations" / name).with_suffix(".xml")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(annotation(name.rpartition("/")[2], boxes, size), "utf-8")


def write_images(root: Path, classes: dict[str, int], start: int = 0) -> Path:
    """Write so many different photos with one box of each class."""
    number = start
    for label, count in classes.items():
        for _ in range(count):
            add_image(root, f"{number:03d}.jpg", [(label, PATCH)], draw(number))
            number += 1
    return root
