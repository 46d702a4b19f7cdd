"""Boxes of images that EXIF data turn.

Such an image is stored upright. Its boxes are taken as LabelImg writes them, on the image as it is seen, unless the
annotation states the size of the image as it lies in the file: then they are turned with it.
"""

from __future__ import annotations

from data.detection.boxes import Box, DetectionSample, fit_boxes
from data.sample import Problem


def upright_boxes(
    sample: DetectionSample, height: int, width: int, orientation: int, turned: bool
) -> tuple[list[Box], list[Problem]]:
    """Return an image's usable boxes normalized to the upright image, and what is wrong with the others.

    Args:
        sample: the image as its annotation has it.
        height, width: of the upright image.
        orientation: EXIF's, of the file.
        turned: whether boxes are on the upright image where the stated size does not tell.
    """
    if orientation == 1 or is_upright(sample.size, height, width, orientation, turned):
        return fit_boxes(sample, height, width)
    stored = (width, height) if orientation >= 5 else (height, width)
    boxes, problems = fit_boxes(sample, *stored)
    return [turn(box, orientation) for box in boxes], problems


def is_upright(size: tuple[int, int] | None, height: int, width: int, orientation: int, turned: bool) -> bool:
    """Tell whether an annotation is about the upright image; its size says so where a quarter turn lies between."""
    if size is None or orientation < 5 or height == width or size[0] == size[1]:
        return turned
    return (size[0] > size[1]) == (height > width)


def turn(box: Box, orientation: int) -> Box:
    """Return a box of the pixels as they are stored on the upright image; all normalized."""

    def move(y: float, x: float) -> tuple[float, float]:
        return {
            2: (y, 1 - x), 3: (1 - y, 1 - x), 4: (1 - y, x), 5: (x, y), 6: (x, 1 - y), 7: (1 - x, 1 - y), 8: (1 - x, y),
        }[orientation]  # fmt: skip

    one, other = move(box.ymin, box.xmin), move(box.ymax, box.xmax)
    (ymin, ymax), (xmin, xmax) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return box._replace(ymin=ymin, xmin=xmin, ymax=ymax, xmax=xmax)
