"""SSD's anchors: boxes of set sizes and shapes on every cell of every feature map, in the Object Detection API's order.

The order is part of the contract with old checkpoints: feature map by feature map, row by row, cell by cell, and within
a cell the aspect ratios as the pipeline.config lists them, the interpolated square last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS = (4, 5, 6, 7, 8, 9)  # of the feature maps: each is ceil(size / 2**level) cells wide


@dataclass(frozen=True)
class AnchorShapes:
    """Sizes and shapes of the anchors; the defaults are those of the original `ssd_mobilenet_v1`.

    Attributes:
        min_scale: size of the anchors of the first feature map, as a share of the image.
        max_scale: that of the last one; those between lie on a line.
        aspect_ratios: width / height, in the order of the predictor's channels.
        interpolated_ratio: of the further anchor whose size lies between two feature maps' (their geometric mean); 0
            for none.
        reduced: three anchors only on the first feature map, one of them half as large.
    """

    min_scale: float = 0.2
    max_scale: float = 0.95
    aspect_ratios: tuple[float, ...] = (1.0, 2.0, 0.5, 3.0, 0.3333)
    interpolated_ratio: float = 1.0
    reduced: bool = True

    def of_map(self, number: int, maps: int = len(LEVELS)) -> list[tuple[float, float]]:
        """Return (scale, aspect ratio) of each anchor of a cell of a feature map, counted from 0."""
        scale, following = self.scale(number, maps), self.scale(number + 1, maps)
        if number == 0 and self.reduced:
            return [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        shapes = [(scale, ratio) for ratio in self.aspect_ratios]
        return shapes + ([(math.sqrt(scale * following), self.interpolated_ratio)] if self.interpolated_ratio else [])

    def scale(self, number: int, maps: int) -> float:
        """Return the size of a feature map's anchors; after the last one comes 1."""
        if number >= maps:
            return 1.0
        return self.min_scale + (self.max_scale - self.min_scale) * number / (maps - 1) if maps > 1 else self.min_scale


ORIGINAL = AnchorShapes()


def grid_sizes(size: int) -> list[int]:
    """Return how many cells the feature maps of a square image are wide: 300 pixels give 19, 10, 5, 3, 2, 1."""
    return [math.ceil(size / 2**level) for level in LEVELS]


def make_anchors(size: int, shapes: AnchorShapes = ORIGINAL) -> list[NDArray[np.float32]]:
    """Return the anchors of each feature map of a square image, [cells, cells, anchors, 4].

    Boxes are normalized (ymin, xmin, ymax, xmax); they may reach beyond the image.
    """
    found = []
    for number, cells in enumerate(grid_sizes(size)):
        scales, ratios = np.array(shapes.of_map(number), np.float64).T
        half = np.stack([scales / np.sqrt(ratios), scales * np.sqrt(ratios)], axis=-1) / 2
        middle = (np.arange(cells) + 0.5) / cells
        centres = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1)[:, :, np.newaxis]
        found.append(np.concatenate([centres - half, centres + half], axis=-1).astype(np.float32))
    return found
