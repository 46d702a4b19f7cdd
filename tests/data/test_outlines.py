"""Whatever shape an object was drawn in, its box is where its pixels are."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig

HEIGHT, WIDTH = 60, 90
SCALE = 8  # shapes are drawn so many times larger, for their edges to lie within an eighth of a pixel
Points = list[tuple[float, float]]


@st.composite
def shapes(draw: st.DrawFn) -> tuple[str, dict[str, Any], Points]:
    """Return a kind of shape, its numbers, and points close enough together to draw its outline."""
    x, y = draw(st.integers(25, 65)), draw(st.integers(22, 38))
    wide, high = draw(st.integers(3, 15)), draw(st.integers(3, 12))
    degrees = draw(st.integers(0, 359))
    kind = draw(st.sampled_from(["polygon", "rectangle", "ellipse", "circle"]))
    if kind == "polygon":
        angles = np.sort(draw(st.lists(st.integers(0, 359), min_size=3, max_size=8, unique=True)))
        points = [(x + wide * np.cos(angle), y + high * np.sin(angle)) for angle in np.radians(angles)]
        return kind, {"points": points}, points
    if kind == "rectangle":
        corners: Points = [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]
    else:
        high = wide if kind == "circle" else high
        around = np.radians(np.arange(360))
        corners = list(zip(wide * np.cos(around), high * np.sin(around), strict=True))
    return kind, {"x": x, "y": y, "wide": wide, "high": high, "degrees": degrees}, turned(corners, x, y, degrees)


def turned(points: Points, x: float, y: float, degrees: float) -> Points:
    """Return points about an origin, turned clockwise on the screen and moved."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return [(x + dx * cos - dy * sin, y + dx * sin + dy * cos) for dx, dy in points]


def painted(points: Points) -> NDArray[np.bool_]:
    """Return the pixels of the large picture that lie within an outline."""
    image = Image.new("L", (WIDTH * SCALE, HEIGHT * SCALE))
    ImageDraw.Draw(image).polygon([(x * SCALE, y * SCALE) for x, y in points], fill=1)
    return np.asarray(image, bool)


def runs_of(pixels: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of the runs down the columns, background first."""
    flat = np.concatenate([[False], pixels.T.ravel()])
    changes = np.flatnonzero(np.diff(flat.astype(np.int8)))
    return [int(length) for length in np.diff([0, *changes, flat.size - 1])]


def as_cvat(kind: str, numbers: dict[str, Any]) -> str:
    """Return the element of CVAT's xml."""
    if kind == "polygon":
        return f'<polygon label="cat" points="{";".join(f"{x:.4f},{y:.4f}" for x, y in numbers["points"])}"/>'
    x, y, wide, high, degrees = (numbers[name] for name in ("x", "y", "wide", "high", "degrees"))
    if kind == "rectangle":
        edges = f'xtl="{x - wide}" ytl="{y - high}" xbr="{x + wide}" ybr="{y + high}"'
        return f'<box label="cat" {edges} rotation="{degrees}"/>'
    return f'<ellipse label="cat" cx="{x}" cy="{y}" rx="{wide}" ry="{high}" rotation="{degrees}"/>'


def as_labelme(kind: str, numbers: dict[str, Any], outline: Points) -> dict[str, Any]:
    """Return the shape of LabelMe's json."""
    points = [list(point) for point in outline]
    if kind == "circle":
        points = [[numbers["x"], numbers["y"]], [numbers["x"], numbers["y"] - numbers["wide"]]]
    return {"label": "cat", "shape_type": "circle" if kind == "circle" else "polygon", "points": points}


def as_coco(segmentation: object) -> str:
    images = [{"id": 1, "file_name": "1.png", "width": WIDTH, "height": HEIGHT}]
    annotations = [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": segmentation}]
    return json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]})


def read_box(name: str, file: str, content: str) -> tuple[float, float, float, float]:
    """Write a photo's annotation, and return the box that is read."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "1.png").touch()
        (root / file).write_text(content)
        assert formats.detect(root, "object_detection") == name
        listed = formats.find(name, "object_detection").list_samples(root, DetectionDataConfig(path=folder))
        (sample,) = (item for item in listed if isinstance(item, DetectionSample))
        ((_, ymin, xmin, ymax, xmax, *_),) = sample.boxes
        return ymin, xmin, ymax, xmax


@settings(max_examples=20, deadline=None)
@given(shape=shapes())
def test_the_box_of_a_shape_is_around_its_pixels_in_every_format(
    shape: tuple[str, dict[str, Any], Points],
) -> None:
    kind, numbers, outline = shape
    large = painted(outline)
    ys, xs = np.nonzero(large)
    truth = np.array([ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]) / SCALE
    image = f'<image id="0" name="1.png" width="{WIDTH}" height="{HEIGHT}">{as_cvat(kind, numbers)}</image>'
    cvat = f"<annotations><version>1.1</version>{image}</annotations>"
    labelme = json.dumps({"shapes": [as_labelme(kind, numbers, outline)], "imagePath": "1.png"})
    flat = [value for point in outline for value in point]
    for name, file, content in (
        ("cvat_images", "annotations.xml", cvat),
        ("labelme", "1.json", labelme),
        ("coco", "a.json", as_coco([flat])),
    ):
        assert np.abs(truth - read_box(name, file, content)).max() < 2 / SCALE + 0.01, name
    small = large[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
    if small.any():
        ys, xs = np.nonzero(small)
        mask = as_coco({"size": [HEIGHT, WIDTH], "counts": runs_of(small)})
        assert read_box("coco", "a.json", mask) == (ys.min(), xs.min(), ys.max() + 1, xs.max() + 1)
