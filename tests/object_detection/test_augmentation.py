"""Photos are mirrored and cropped with their boxes, by the published rules and from the seed alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.recipes import load
from object_detection.augmentation import AUGMENTATIONS, Labelled, augment, random_flip, reframe, ssd_random_crop
from object_detection.augmentation_steps import STEPS
from object_detection.preprocessing import to_network
from pipeline.errors import UsageError

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


ALONE = [name for name in STEPS if name not in ("horizontal_flip", "ssd_random_crop")]
OF_COLOUR = ("brightness", "contrast", "saturation", "hue", "grey", "pixel_scale")


def step(image: Labelled, written: Any, number: int = 40) -> list[Any]:
    """Apply one step with many seeds."""
    return drawn(lambda item, seed: augment(item, seed, (written,)), image, number)


@pytest.mark.parametrize("name", ["vertical_flip", "rotation90"])
def test_turned_photos_are_about_half_and_their_boxes_go_with_them(image: Labelled, name: str) -> None:
    made = step(image, name, 200)
    changed = [
        item.pixels.shape != image.pixels.shape or not np.array_equal(item.pixels, image.pixels) for item in made
    ]
    assert 70 < sum(changed) < 130
    for item in made:
        check_content(item)
    assert len({tuple(item.pixels.shape) for item in made}) == (2 if name == "rotation90" else 1)
    assert not any(
        not np.array_equal(item.pixels, image.pixels) for item in step(image, {name: {"probability": 0}}, 20)
    )


def test_a_quarter_turn_goes_against_the_clock(image: Labelled) -> None:
    made = step(image, {"rotation90": {"probability": 1}}, 1)[0]
    np.testing.assert_array_equal(made.pixels, np.rot90(image.pixels))
    np.testing.assert_allclose(made.boxes[0], [1 - 0.3, 0.1, 1 - 0.1, 0.4], atol=1e-6)
    assert (made.boxes[:, 2:] > made.boxes[:, :2]).numpy().all()


def test_padded_photos_lie_somewhere_on_their_mean_colour_with_their_boxes(image: Labelled) -> None:
    made = step(image, "pad", 60)
    sizes = {tuple(item.pixels.shape[:2]) for item in made}
    assert len(sizes) > 20
    assert all(HEIGHT <= height < 2 * HEIGHT and WIDTH <= width < 2 * WIDTH for height, width in sizes)
    ground = image.pixels.numpy().mean()
    for item in made:
        pixels = item.pixels.numpy()
        if pixels.shape[0] > HEIGHT and pixels.shape[1] > WIDTH:
            corners = [pixels[row, column, 0] for row in (0, -1) for column in (0, -1)]
            assert any(abs(corner - ground) < 1e-3 for corner in corners)
        rounded = item._replace(
            pixels=tf.constant(np.where(np.abs(pixels - np.round(pixels)) < 1e-3, np.round(pixels), 0))
        )
        check_content(rounded)


def test_a_crop_of_ones_own_keeps_to_its_bounds(image: Labelled) -> None:
    bounds = {"min_object_covered": 0.0, "min_aspect_ratio": 0.75, "max_aspect_ratio": 3.0, "min_area": 0.75}
    made = step(image, {"crop": {**bounds, "overlap_thresh": 0.0}}, 100)
    for item in made:
        height, width = item.pixels.shape[:2]
        assert 0.72 <= height * width / (HEIGHT * WIDTH) <= 1
        assert 0.7 <= width / height <= 3.2
        check_content(item)
    assert len({tuple(item.pixels.shape) for item in made}) > 10
    assert {tuple(item.pixels.shape) for item in step(image, {"crop": {"random_coef": 1.0}}, 20)} == {
        (HEIGHT, WIDTH, 3)
    }


@pytest.mark.parametrize("name", OF_COLOUR)
def test_changes_of_colour_leave_boxes_as_they_are_and_pixels_within_bounds(image: Labelled, name: str) -> None:
    random = np.random.default_rng(1)
    coloured = image._replace(pixels=tf.constant(random.integers(0, 256, (HEIGHT, WIDTH, 3)), tf.uint8))
    made = step(coloured, name)
    for item in made:
        np.testing.assert_array_equal(item.boxes, image.boxes)
        np.testing.assert_array_equal(item.labels, image.labels)
        assert item.pixels.numpy().min() >= 0
        assert item.pixels.numpy().max() <= 255
    changed = [not np.allclose(item.pixels, tf.cast(coloured.pixels, tf.float32), atol=1e-2) for item in made]
    assert sum(changed) > (0 if name == "grey" else 30)
    if name == "grey":
        assert sum(changed) < 15


def test_brightness_adds_the_same_everywhere_up_to_its_bound(image: Labelled) -> None:
    grey = image._replace(pixels=tf.fill([HEIGHT, WIDTH, 3], tf.constant(100, tf.uint8)))
    added = [float(item.pixels.numpy().mean()) - 100 for item in step(grey, {"brightness": {"max_delta": 0.1}}, 100)]
    assert max(map(abs, added)) <= 25.51
    assert min(added) < -15
    assert max(added) > 15


def test_grey_photos_have_three_equal_channels(image: Labelled) -> None:
    random = np.random.default_rng(1)
    coloured = image._replace(pixels=tf.constant(random.integers(0, 256, (HEIGHT, WIDTH, 3)), tf.uint8))
    pixels = step(coloured, {"grey": {"probability": 1}}, 1)[0].pixels.numpy()
    assert np.array_equal(pixels[..., 0], pixels[..., 1])
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("name", ALONE)
def test_every_step_takes_a_photo_without_boxes_and_goes_into_the_network(name: str) -> None:
    empty = Labelled(tf.zeros([20, 30, 3], tf.uint8), tf.zeros([0, 4]), tf.zeros([0], tf.int64), tf.zeros([0]))
    for item in step(empty, name, 3):
        assert item.boxes.shape == (0, 4)
        assert to_network(item.pixels, 33).shape == (33, 33, 3)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("[horizontal_flp]", "Did you mean `horizontal_flip`?"),
        ("[{brightness: {max_delta: 7}}]", "wrong `brightness.max_delta`"),
        ("[{brightness: {delta: 0.1}}]", "Did you mean `max_delta`?"),
        ("[{brightness: 0.3}]", "{brightness: {max_delta: 0.3}}"),
        ("[[horizontal_flip]]", "has steps such as"),
        ("[{crop: {min_area: 0.9, max_area: 0.1}}]", "`min_area` is more than `max_area`"),
    ],
)
def test_a_step_that_there_is_not_is_refused_in_the_recipe(written: str, says: str) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        load("object_detection", [f"trainer.augmentation={written}"])


def test_steps_are_kept_in_one_way_however_they_are_written() -> None:
    written = "[{horizontal_flip: null}, {horizontal_flip: {probability: 0.5}}, {hue: {max_delta: 0.1}}]"
    found = load("object_detection", [f"trainer.augmentation={written}"]).recipe.trainer.augmentation
    assert found == ("horizontal_flip", "horizontal_flip", {"hue": {"max_delta": 0.1}})


def test_every_step_that_can_be_set_is_done() -> None:
    assert AUGMENTATIONS.keys() == STEPS.keys()
