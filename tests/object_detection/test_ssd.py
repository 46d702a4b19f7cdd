"""The network is the original one to the last number, and what it gives is decoded as the original did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from object_detection.anchors import LEVELS, make_anchors
from object_detection.outputs import anchors_by_level, flatten_outputs
from object_detection.preprocessing import to_network
from object_detection.ssd import SsdConfig, build_ssd
from object_detection.variables import name_variables


def test_the_original_has_199_variables_and_6_807_167_parameters_with_normalisation_folded() -> None:
    model = build_ssd(SsdConfig(classes=90))
    named = name_variables(model)
    assert len(named) == len(model.variables) == 199
    assert {id(variable) for variable in named.values()} == {id(variable) for variable in model.variables}
    folded = [
        variable for name, variable in named.items() if not name.endswith(("gamma", "moving_mean", "moving_variance"))
    ]
    assert sum(int(np.prod(variable.shape)) for variable in folded) == 6_807_167
    assert model.count_params() == 6_845_183


def test_the_smallest_network_has_384_791_parameters(make_ssd: Callable[..., Any]) -> None:
    assert make_ssd(classes=2).count_params() == 384_791


def test_outputs_are_in_the_anchors_order(small_ssd: Any, small_config: SsdConfig) -> None:
    weights = small_ssd.get_weights()
    outputs = small_ssd(tf.zeros([2, 160, 160, 3]), training=True)
    small_ssd.set_weights(weights)  # the pass has moved the statistics, and other tests use this network
    boxes, scores = flatten_outputs(outputs, small_config)
    assert (boxes.shape, scores.shape) == ((2, 540, 4), (2, 540, 4))
    # the third cell of the second feature map's second row, its fifth anchor
    place, level = 300 + (1 * 5 + 2) * 6 + 4, str(LEVELS[1])
    np.testing.assert_array_equal(boxes[1, place], outputs["box_outputs"][level][1, 1, 2, 4 * 4 : 5 * 4])
    np.testing.assert_array_equal(scores[1, place], outputs["cls_outputs"][level][1, 1, 2, 4 * 4 : 5 * 4])


def decode(codes: NDArray[Any], anchors: NDArray[Any]) -> NDArray[Any]:
    """Faster R-CNN's box code with scales 10, 10, 5, 5, in numpy."""
    sizes = anchors[:, 2:] - anchors[:, :2]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2 + codes[:, :2] / 10 * sizes
    sizes = sizes * np.exp(codes[:, 2:] / 5)
    return np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)


def test_detections_are_the_surest_decoded_boxes(small_ssd: Any, small_config: SsdConfig) -> None:
    image = tf.random.stateless_uniform([1, 160, 160, 3], (1, 2), -1, 1)
    found = small_ssd(image, anchor_boxes=anchors_by_level(small_config, 1), training=False)
    codes, logits = (table[0].numpy() for table in flatten_outputs(found, small_config))
    anchors = np.concatenate([boxes.reshape(-1, 4) for boxes in make_anchors(160)])
    scores = 1 / (1 + np.exp(-logits[:, 1:]))
    surest, number = np.unravel_index(scores.argmax(), scores.shape)
    np.testing.assert_allclose(found["detection_boxes"][0, 0] / 160, decode(codes, anchors)[surest], atol=1e-5)
    assert found["detection_classes"][0, 0] == number + 1
    assert float(found["detection_scores"][0, 0]) == pytest.approx(scores[surest, number], abs=1e-6)


def test_no_two_detections_of_a_class_overlap_by_more_than_the_threshold(
    small_ssd: Any, small_config: SsdConfig
) -> None:
    image = tf.random.stateless_uniform([1, 160, 160, 3], (1, 2), -1, 1)
    found = small_ssd(image, anchor_boxes=anchors_by_level(small_config, 1), training=False)
    boxes, numbers = found["detection_boxes"][0].numpy(), found["detection_classes"][0].numpy()
    for first in range(20):
        for second in range(first + 1, 20):
            if numbers[first] == numbers[second]:
                assert overlap(boxes[first], boxes[second]) <= 0.6 + 1e-6


def overlap(first: NDArray[Any], second: NDArray[Any]) -> float:
    inside = np.maximum(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0).prod()
    return float(inside / ((first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - inside))


def test_pictures_that_are_too_small_for_the_network_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 33"):
        SsdConfig(classes=1, size=32)


def test_pictures_are_resized_as_tensorflow_1_did() -> None:
    ramp = np.tile(np.arange(4, dtype=np.uint8)[None, :, None] * 60, (4, 1, 3))
    found = to_network(tf.constant(ramp), 8).numpy()
    columns = np.array([0, 30, 60, 90, 120, 150, 180, 180])  # from the corner on, not about pixel centres
    np.testing.assert_allclose(found[0, :, 0], columns * 2 / 255 - 1, atol=1e-6)
