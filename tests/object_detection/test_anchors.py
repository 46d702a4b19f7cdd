"""Anchors lie where the Object Detection API put them, in its order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from object_detection.anchors import AnchorShapes, grid_sizes, make_anchors


def flat(size: int, shapes: AnchorShapes | None = None) -> NDArray[Any]:
    return np.concatenate([boxes.reshape(-1, 4) for boxes in make_anchors(size, shapes or AnchorShapes())])


@pytest.mark.parametrize(
    ("size", "grids", "number"), [(300, [19, 10, 5, 3, 2, 1], 1917), (160, [10, 5, 3, 2, 1, 1], 540)]
)
def test_a_picture_has_the_published_number_of_anchors(size: int, grids: list[int], number: int) -> None:
    assert grid_sizes(size) == grids
    assert len(flat(size)) == number


def test_anchors_agree_with_the_published_formula_one_by_one() -> None:
    """The formula of Liu et al. 2016 with the API's half-size box first, its ratios in the configuration's order."""
    scales = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    expected = []
    for number, cells in enumerate((19, 10, 5, 3, 2, 1)):
        if number == 0:
            shapes = [(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]
        else:
            shapes = [(scales[number], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            shapes.append((math.sqrt(scales[number] * scales[number + 1]), 1.0))
        for row in range(cells):
            for column in range(cells):
                y, x = (row + 0.5) / cells, (column + 0.5) / cells
                for scale, ratio in shapes:
                    height, width = scale / math.sqrt(ratio), scale * math.sqrt(ratio)
                    expected.append((y - height / 2, x - width / 2, y + height / 2, x + width / 2))
    np.testing.assert_allclose(flat(300), expected, atol=1e-6)


def test_anchors_reach_beyond_the_picture_as_they_always_did() -> None:
    boxes = flat(300)
    assert ((boxes < 0) | (boxes > 1)).any(axis=1).sum() == 918


def test_other_shapes_change_every_feature_map_but_the_reduced_first_one() -> None:
    boxes = make_anchors(300, AnchorShapes(aspect_ratios=(1.0, 2.0), interpolated_ratio=0.0))
    assert [table.shape[2] for table in boxes] == [3, 2, 2, 2, 2, 2]
    whole = make_anchors(300, AnchorShapes(reduced=False))
    assert whole[0].shape == (19, 19, 6, 4)
