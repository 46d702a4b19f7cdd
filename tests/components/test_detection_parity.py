"""Two lists of detections are compared by what differs, not by the order that a tie happened to give them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from components.tasks.object_detection.parity import agreement, compare

BOXES = [[0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9], [0.2, 0.6, 0.3, 0.8]]


def answers(scores: list[float], classes: list[int], boxes: list[list[float]] = BOXES, most: int = 5) -> dict[str, Any]:
    """Return the answer about one photo, padded to `most` detections."""
    number, padding = len(scores), [0.0] * (most - len(scores))
    return {
        "detection_boxes": [boxes[:number] + [[0.0] * 4] * len(padding)],
        "detection_scores": [scores + padding],
        "detection_classes": [classes + [1] * len(padding)],
        "num_detections": [number],
    }


def test_equal_answers_do_not_differ() -> None:
    given = answers([0.9, 0.8, 0.1], [1, 2, 1])
    assert (compare(given, given).max_difference, compare(given, given).problem) == (0.0, "")


@pytest.mark.parametrize(
    ("scores", "classes", "boxes", "apart"),
    [
        ([0.9, 0.79, 0.1], [1, 2, 1], BOXES, 0.01),
        ([0.9, 0.8, 0.1], [1, 2, 1], [BOXES[0], [0.5, 0.52, 0.9, 0.9], BOXES[2]], 0.02),
        ([0.9, 0.8], [1, 2], BOXES, 0.1),  # one is missing: as if its score were 0
        ([0.9, 0.8, 0.1], [1, 3, 1], BOXES, 0.8),  # another class
        ([0.9, 0.8, 0.1, 0.05], [1, 2, 1, 3], [*BOXES, BOXES[0]], 0.05),  # one too many
    ],
)
def test_what_differs_most_is_stated_as_a_share(
    scores: list[float], classes: list[int], boxes: list[list[float]], apart: float
) -> None:
    found = compare(answers(scores, classes, boxes), answers([0.9, 0.8, 0.1], [1, 2, 1]))
    assert found.max_difference == pytest.approx(apart)


def test_the_order_of_a_tie_is_no_difference() -> None:
    first = answers([0.8, 0.8, 0.1], [1, 2, 1])
    second = answers([0.8, 0.8, 0.1], [2, 1, 1], [BOXES[1], BOXES[0], BOXES[2]])
    assert compare(first, second).max_difference == 0.0


def test_a_tie_at_the_end_of_a_full_list_is_no_difference() -> None:
    first = answers([0.8, 0.3], [1, 2], most=2)
    second = answers([0.8, 0.3], [1, 3], [BOXES[0], BOXES[2]], most=2)
    assert compare(first, second).max_difference == 0.0
    assert compare(first, answers([0.8, 0.4], [1, 3], [BOXES[0], BOXES[2]], most=2)).max_difference == pytest.approx(
        0.1
    )


def test_scores_below_the_least_count_as_none() -> None:
    assert compare(answers([0.9, 0.29], [1, 2]), answers([0.9], [1]), min_score=0.3).max_difference == 0.0
    assert compare(answers([0.9, 0.35], [1, 2]), answers([0.9], [1]), min_score=0.3).max_difference == pytest.approx(
        0.05
    )


def test_what_is_no_number_or_of_another_shape_is_infinitely_far_away() -> None:
    good, bad = answers([0.9], [1]), answers([float("nan")], [1])
    assert compare(bad, good).max_difference == float("inf")
    assert "shape" in compare(answers([0.9], [1], most=4), good).problem


def test_agreement_counts_counterparts_and_states_the_worst() -> None:
    moved = [[0.1, 0.1, 0.4, 0.42], *BOXES[1:]]
    found = agreement(answers([0.88, 0.8, 0.1], [1, 3, 1], moved), answers([0.9, 0.8, 0.1], [1, 2, 1]), 0.5)
    assert (found.detections, found.matched, found.extra) == (2, 1, 1)
    np.testing.assert_allclose([found.max_score_difference, found.max_box_difference], [0.02, 0.02])
