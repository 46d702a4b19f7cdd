"""Image files in, copies with boxes and printed lines out: what every command that detects has in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.detection.detections import Detection
from data.images.image import examine, load, to_grey_or_colour
from object_detection.drawing import draw_boxes
from pipeline.errors import UsageError, explain_os_error
from serving.client.images import MAX_PIXELS, explaining_bad_image, read_bytes


def target_of(image: Path, out: Path | None, images: int) -> Path:
    """Return where an image's copy with boxes goes."""
    name = f"{image.stem}_boxes.jpg"
    if out is None:
        return Path(name)
    if images > 1 or out.is_dir() or not out.suffix:
        return out / name
    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(
            f"Pictures are written as JPEG or PNG, not `{out.suffix}`.", "--out", "Name it `.jpg` or `.png`."
        )
    return out


def refuse_overwriting(images: list[Path], targets: list[Path]) -> None:
    """Stop before a copy replaces an image, or another copy."""
    originals = {image.resolve() for image in images}
    for number, target in enumerate(targets):
        if target.resolve() in originals:
            raise UsageError("The copy would replace the photo.", str(target), "Name another file with --out.")
        if target.resolve() in {other.resolve() for other in targets[:number]}:
            raise UsageError(
                "Two photos of one name would be drawn into one file.", str(target), "Ask for them one by one."
            )


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return an image's pixels, uint8 [height, width, 3], upright.

    Raises:
        UserError: it cannot be read.
    """
    data = read_bytes(path)
    with explaining_bad_image(str(path)):
        image = examine(data, MAX_PIXELS)
        pixels = image.decoded if image.decoded is not None else to_grey_or_colour(load(data, image.kind))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def save_drawn(image: NDArray[np.uint8], detections: list[Detection], target: Path) -> None:
    """Write a copy of an image with boxes on it.

    Args:
        image: uint8 [height, width, 3].

    Raises:
        UserError: it cannot be written there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draw_boxes(Image.fromarray(image), detections).save(target)
    except OSError as error:
        raise explain_os_error(error, target) from error


def show(
    image: Path, target: Path | None, detections: list[Detection], size: tuple[int, ...], min_score: float
) -> None:
    """Print one image's detections, boxes in pixels, and where they are drawn."""
    height, width = size
    drawn = f", drawn in {target}" if target else ""
    print(
        f"{image}: {len(detections)} found{drawn}"
        if detections
        else f"{image}: nothing with a score of {min_score:g} or more"
    )
    for item in detections:
        ymin, xmin, ymax, xmax = item.box
        corners = f"x {xmin * width:.0f}-{xmax * width:.0f}, y {ymin * height:.0f}-{ymax * height:.0f}"
        print(f"  {item.label:16} {item.score:.3f}  {corners}")
