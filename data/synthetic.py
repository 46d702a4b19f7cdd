"""The `shapes` data set, drawn on this machine: shapes on noisy images, annotated as Pascal VOC.

    JPEGImages/000.jpg  Annotations/000.xml  ImageSets/Main/train.txt ...

300 images of 160 x 160 pixels, one to three shapes on each: 200 to train, 40 to validate, 60 to test. Equal seeds give
equal pixels.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SPLITS = {"train": 200, "val": 40, "test": 60}  # by the names that Pascal VOC has for them
SHAPES = ("circle", "square", "triangle")
SIDE = 160
RADIUS = (15, 42)  # least and largest, in pixels
MOST = 3  # shapes on an image
CONTRAST = 90  # least distance of a shape's colour from the background under it, in 0..255 colour space
JPEG_QUALITY = 90
PNG_EVERY = 10  # one image in so many is a PNG


class Shape(NamedTuple):
    """A drawn shape and its edges in pixels; the last row and column are not part of it."""

    label: str
    ymin: int
    xmin: int
    ymax: int
    xmax: int


def write_shapes(folder: Path, seed: int = 0) -> None:
    """Write images, annotations and lists of the splits."""
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    number = 0
    for split, count in SPLITS.items():
        names = []
        for _ in range(count):
            pixels, shapes = draw_image(np.random.default_rng([seed, number]))
            kind = "png" if number % PNG_EVERY == PNG_EVERY - 1 else "jpg"
            name = f"{number:03d}"
            (folder / "JPEGImages" / f"{name}.{kind}").write_bytes(encode(pixels, kind))
            (folder / "Annotations" / f"{name}.xml").write_text(annotation(f"{name}.{kind}", shapes), "utf-8")
            names.append(name)
            number += 1
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names) + "\n", "utf-8")


def draw_image(random: np.random.Generator) -> tuple[NDArray[np.uint8], list[Shape]]:
    """Return an image, uint8 [160, 160, 3], and what is on it."""
    pixels = background(random)
    shapes: list[Shape] = []
    taken = np.zeros((SIDE, SIDE), bool)
    for _ in range(int(random.integers(1, MOST + 1))):
        for _ in range(20):  # attempts to find a place that is free
            label = SHAPES[int(random.integers(len(SHAPES)))]
            cover = draw_shape(label, random)
            inside = cover > 0.5
            ymin, xmin, ymax, xmax = edges_of(inside)
            if not taken[ymin:ymax, xmin:xmax].any():
                break
        else:
            continue
        taken[ymin:ymax, xmin:xmax] = True
        shapes.append(Shape(label, ymin, xmin, ymax, xmax))
        colour = contrasting(pixels[inside].mean(axis=0), random)
        pixels += cover[..., None] * (colour - pixels)
    pixels += random.normal(0, random.uniform(2, 12), pixels.shape)
    return pixels.clip(0, 255).round().astype(np.uint8), shapes


def background(random: np.random.Generator) -> NDArray[np.float64]:
    """Return a gradient between two colours in any direction with blurred blots on it, float [160, 160, 3]."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE - 0.5
    angle = random.uniform(0, 2 * np.pi)
    along = (y * np.sin(angle) + x * np.cos(angle) + 0.7071) / 1.4142
    first, second = random.uniform(0, 255, (2, 3))
    coarse = random.normal(0, 1, (10, 10))
    places = np.linspace(0, 9, SIDE)
    rows = np.stack([np.interp(places, np.arange(10), column) for column in coarse.T], axis=1)
    blots = np.stack([np.interp(places, np.arange(10), row) for row in rows])
    strength = random.uniform(0, 25)
    found: NDArray[np.float64] = first + along[..., None] * (second - first) + strength * blots[..., None]
    return found


def draw_shape(label: str, random: np.random.Generator) -> NDArray[np.float64]:
    """Return how far each pixel lies in a shape of any size and place, 0..1, float [160, 160]; edges are smooth."""
    radius = np.exp(random.uniform(*np.log(RADIUS)))
    centre_y, centre_x = random.uniform(radius + 2, SIDE - radius - 2, 2)
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    y, x = y - centre_y, x - centre_x
    if label == "circle":
        depth = radius - np.hypot(y, x)
    elif label == "square":
        depth = radius * 0.9 - np.maximum(abs(y), abs(x))
    else:
        turns = random.uniform(0, 2 * np.pi) + np.arange(3) * 2 * np.pi / 3
        depth = radius / 2 - np.max([y * np.sin(turn) + x * np.cos(turn) for turn in turns], axis=0)
    cover: NDArray[np.float64] = (depth + 0.5).clip(0, 1)
    return cover


def edges_of(inside: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return (ymin, xmin, ymax, xmax) of what is true in an image."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def contrasting(under: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """Return a colour that can be told from the one under it."""
    while True:
        colour = random.uniform(0, 255, 3)
        if np.linalg.norm(colour - under) >= CONTRAST:
            return colour


def encode(pixels: NDArray[np.uint8], kind: str) -> bytes:
    """Return an image's file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG" if kind == "png" else "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def annotation(filename: str, shapes: list[Shape]) -> str:
    """Return an annotation in LabelImg's form."""
    objects = "".join(
        f"\t<object>\n\t\t<name>{shape.label}</name>\n\t\t<pose>Unspecified</pose>\n"
        "\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n"
        f"\t\t<bndbox>\n\t\t\t<xmin>{shape.xmin}</xmin>\n\t\t\t<ymin>{shape.ymin}</ymin>\n"
        f"\t\t\t<xmax>{shape.xmax}</xmax>\n\t\t\t<ymax>{shape.ymax}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        for shape in shapes
    )
    size = f"\t<size>\n\t\t<width>{SIDE}</width>\n\t\t<height>{SIDE}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
    head = f"\t<folder>JPEGImages</folder>\n\t<filename>{filename}</filename>\n"
    return f"<annotation>\n{head}{size}{objects}</annotation>\n"
