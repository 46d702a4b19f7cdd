"""Photos are mirrored and cropped with their boxes, by the published rules and from the seed alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from object_detection.augmentation import Labelled, augment, random_flip, reframe, ssd_random_crop

HEIGHT, WIDTH = 40, 60
BOXES = np.array([[0.1, 0.1, 0.4, 0.3], [0.5, 0.5, 0.9, 0.9], [0.45, 0.05, 0.95, 0.2]], np.float32)


@pytest.fixture(scope="module")
def image() -> Labelled:
    """A black photo whose boxes are filled with 1, 2 and 3."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for number, (ymin, xmin, ymax, xmax) in enumerate(BOXES, 1):
        pixels[round(ymin * HEIGHT) : round(ymax * HEIGHT), round(xmin * WIDTH) : round(xmax * WIDTH)] = number
    return Labelled(tf.constant(pixels), tf.constant(BOXES), tf.constant([1, 2, 3]), tf.constant([1.0, 0.5, 0.25]))


def drawn(function: Any, image: Labelled, number: int) -> list[Any]:
    """Apply a function with many seeds."""
    compiled = tf.function(function)
    return [compiled(image, tf.constant([3, seed])) for seed in range(number)]


def check_content(made: Any) -> None:
    """Every box lies where its number is painted, to a pixel."""
    pixels = made.pixels.numpy()[:, :, 0]
    height, width = pixels.shape
    for (ymin, xmin, ymax, xmax), label in zip(made.boxes.numpy(), made.labels.numpy(), strict=True):
        rows, columns = np.nonzero(pixels == label)
        if len(rows):
            edges = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
            np.testing.assert_allclose((ymin * height, xmin * width, ymax * height, xmax * width), edges, atol=1.01)


def test_mirrored_photos_are_about_half_and_their_boxes_go_with_them(image: Labelled) -> None:
    made = drawn(random_flip, image, 200)
    flipped = [not np.array_equal(item.pixels, image.pixels) for item in made]
    assert 70 < sum(flipped) < 130
    for item in made:
        check_content(item)
        assert item.labels.numpy().tolist() == [1, 2, 3]


def test_crops_keep_to_the_published_sizes_and_their_boxes_to_what_is_seen(image: Labelled) -> None:
    made = drawn(ssd_random_crop, image, 300)
    whole = 0
    for item in made:
        height, width = item.pixels.shape[:2]
        whole += (height, width) == (HEIGHT, WIDTH)
        assert 0.09 <= height * width / (HEIGHT * WIDTH) <= 1
        assert 0.45 <= width / height <= 2.2  # rounded to pixels
        assert ((item.boxes >= 0) & (item.boxes <= 1)).numpy().all()
        assert (item.boxes[:, 2:] > item.boxes[:, :2]).numpy().all()
        check_content(item)
    assert 0.09 < whole / 300 < 0.3


def test_weights_and_labels_stay_with_their_boxes(image: Labelled) -> None:
    for item in drawn(ssd_random_crop, image, 60):
        assert item.weights.numpy().tolist() == [{1: 1.0, 2: 0.5, 3: 0.25}[label] for label in item.labels.numpy()]
    assert {len(item.labels) for item in drawn(ssd_random_crop, image, 60)} >= {1, 2, 3}


@pytest.mark.parametrize(
    ("window", "least", "kept", "first"),
    [
        ([0, 0, 1, 1], 1.0, [True, True, True], [0.1, 0.1, 0.4, 0.3]),
        ([0.1, 0.1, 0.4, 0.3], 1.0, [True, False, False], [0, 0, 1, 1]),
        ([0.25, 0.0, 1.0, 1.0], 0.5, [True, True, True], [0, 0.1, 0.2, 0.3]),
        ([0.25, 0.0, 1.0, 1.0], 0.51, [False, True, True], None),
        ([0.0, 0.0, 0.1, 0.1], 0.0, [False, False, False], None),
    ],
)
def test_a_box_stays_if_enough_of_it_is_seen(
    window: list[float], least: float, kept: list[int], first: list[float]
) -> None:
    cut, found = reframe(tf.constant(BOXES), tf.constant(window, tf.float32), tf.constant(least))
    assert found.numpy().tolist() == kept
    if first:
        np.testing.assert_allclose(cut[0], first, atol=1e-6)


def test_the_seed_decides_alone(image: Labelled) -> None:
    one, same, other = (augment(image, tf.constant(seed)) for seed in ([1, 2], [1, 2], [1, 3]))
    np.testing.assert_array_equal(one.pixels, same.pixels)
    np.testing.assert_array_equal(one.boxes, same.boxes)
    assert one.pixels.shape != other.pixels.shape or not np.array_equal(one.pixels, other.pixels)


def test_a_photo_without_boxes_is_changed_too_and_nothing_breaks() -> None:
    empty = Labelled(tf.zeros([20, 30, 3], tf.uint8), tf.zeros([0, 4]), tf.zeros([0], tf.int64), tf.zeros([0]))
    shapes = {tuple(item.pixels.shape) for item in drawn(augment, empty, 30)}
    assert all(item.boxes.shape == (0, 4) for item in drawn(augment, empty, 3))
    assert len(shapes) > 1
