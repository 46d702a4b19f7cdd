"""Anchors are matched, and the loss is computed, as an independent program in numpy does it by the published rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from object_detection.anchors import make_anchors
from object_detection.losses import Losses, image_losses, mine
from object_detection.targets import Matcher, Targets

ANCHORS = np.concatenate([boxes.reshape(-1, 4) for boxes in make_anchors(300)]).astype(np.float64)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(make_anchors(300))


def overlaps(boxes: NDArray[Any]) -> NDArray[Any]:
    """Intersection over union of all anchors with boxes, [anchors, m]."""
    low = np.maximum(ANCHORS[:, None, :2], boxes[None, :, :2])
    high = np.minimum(ANCHORS[:, None, 2:], boxes[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(table[:, 2:] - table[:, :2]).prod(axis=1) for table in (ANCHORS, boxes)]
    shares: NDArray[np.float64] = inside / (areas[0][:, None] + areas[1][None] - inside)
    return shares


def match(boxes: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Classes [anchors] and box codes [anchors, 4] by the rules, one anchor after the other."""
    found = overlaps(boxes)
    owner = np.where(found.max(axis=1) >= 0.5, found.argmax(axis=1), -1)
    for number in reversed(range(len(boxes))):  # of two that claim one anchor the first has it
        owner[found[:, number].argmax()] = number
    classes = np.where(owner >= 0, labels[owner], 0)
    codes = np.zeros((len(ANCHORS), 4))
    for place in np.flatnonzero(owner >= 0):
        anchor, box = ANCHORS[place], boxes[owner[place]]
        size, centre = anchor[2:] - anchor[:2], (anchor[2:] + anchor[:2]) / 2
        codes[place, :2] = 10 * ((box[2:] + box[:2]) / 2 - centre) / size
        codes[place, 2:] = 5 * np.log((box[2:] - box[:2]) / size)
    return classes, codes


def some_boxes(seed: int, number: int) -> NDArray[Any]:
    """Boxes of a fifth of the image at least: small ones lie in several anchors, which then overlap them alike."""
    random = np.random.default_rng(seed)
    corners = np.sort(random.uniform(0, 1, (number, 2, 2)), axis=1)
    boxes = np.concatenate([corners[:, 0], np.maximum(corners[:, 1], corners[:, 0] + 0.2)], axis=1)
    return np.asarray(boxes, np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_anchors_are_matched_by_the_published_rules(matcher: Matcher, seed: int) -> None:
    boxes, labels = some_boxes(seed, 6), np.array([3, 1, 2, 2, 1, 3])
    targets = matcher(boxes, labels)
    classes, codes = match(boxes.astype(np.float64), labels)
    np.testing.assert_array_equal(targets.classes, classes)
    np.testing.assert_allclose(targets.boxes, codes, atol=2e-4)
    np.testing.assert_array_equal(targets.box_weights, (classes > 0).astype(np.float32))
    np.testing.assert_array_equal(targets.weights, np.ones(1917))


def test_the_smallest_box_still_has_an_anchor(matcher: Matcher) -> None:
    speck = np.array([[0.5, 0.5, 0.51, 0.51]], np.float32)
    assert overlaps(speck.astype(np.float64)).max() < 0.5
    assert int((matcher(speck, np.array([2])).classes.numpy() == 2).sum()) == 1


def test_of_two_boxes_that_claim_one_anchor_the_first_has_it(matcher: Matcher) -> None:
    twins = np.array([[0.2, 0.2, 0.8, 0.8], [0.2, 0.2, 0.8, 0.8]], np.float32)
    classes = matcher(twins, np.array([1, 2])).classes.numpy()
    assert (classes == 1).any()
    assert not (classes == 2).any()


def test_a_picture_without_boxes_is_background_everywhere(matcher: Matcher) -> None:
    targets = matcher(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    assert not targets.classes.numpy().any()
    assert not targets.box_weights.numpy().any()
    np.testing.assert_array_equal(targets.weights, np.ones(1917))


def test_a_boxs_weight_counts_for_its_anchors_and_background_keeps_its_own(matcher: Matcher) -> None:
    boxes = np.array([[0.1, 0.1, 0.5, 0.5], [0.5, 0.5, 0.9, 0.9]], np.float32)
    targets = matcher(boxes, np.array([1, 2]), np.array([0.25, 1.0], np.float32))
    classes = targets.classes.numpy()
    assert set(targets.box_weights.numpy()[classes == 1]) == {0.25}
    assert set(targets.weights.numpy()[classes == 1]) == {0.25}
    assert set(targets.weights.numpy()[classes == 0]) == {1.0}


def numpy_loss(codes: Any, logits: Any, classes: Any, boxes: Any) -> tuple[float, float]:
    """The loss of a batch by the published rules, image by image."""
    total_classes = total_boxes = positives = 0.0
    for number in range(len(codes)):
        wanted = np.eye(logits.shape[-1])[classes[number]]
        cells = np.log1p(np.exp(-np.abs(logits[number]))) + np.maximum(logits[number], 0) - logits[number] * wanted
        each = cells.sum(axis=1)
        positive = classes[number] > 0
        hardest = sorted(np.flatnonzero(~positive), key=lambda place: -each[place])[: 3 * positive.sum()]
        total_classes += each[positive].sum() + each[hardest].sum()
        error = np.abs(codes[number] - boxes[number])[positive]
        total_boxes += np.where(error <= 1, error**2 / 2, error - 0.5).sum()
        positives += positive.sum()
    return total_classes / max(positives, 1), total_boxes / max(positives, 1)


def batch(matcher: Matcher, images: list[tuple[NDArray[Any], NDArray[Any]]]) -> Targets:
    made = [matcher(boxes, labels) for boxes, labels in images]
    return Targets(*(tf.stack(part) for part in zip(*made, strict=True)))


def loss_of_batch(codes: Any, logits: Any, targets: Targets) -> Losses:
    """Return both parts of SSD's loss, divided as in a training."""
    number = tf.maximum(tf.reduce_sum(targets.box_weights), 1.0)
    return Losses(*(tf.reduce_sum(part) / number for part in image_losses(codes, logits, targets)))


def test_the_loss_is_that_of_the_published_rules(matcher: Matcher) -> None:
    nothing = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    targets = batch(matcher, [(some_boxes(1, 3), np.array([1, 2, 3])), nothing, (some_boxes(2, 1), np.array([2]))])
    random = np.random.default_rng(9)
    codes = random.normal(0, 2, (3, 1917, 4)).astype(np.float32)
    logits = random.normal(-2, 2, (3, 1917, 4)).astype(np.float32)
    found = loss_of_batch(codes, logits, targets)
    expected = numpy_loss(codes.astype(float), logits.astype(float), targets.classes.numpy(), targets.boxes.numpy())
    np.testing.assert_allclose([found.classification, found.localization], expected, rtol=1e-5)


def test_a_batch_without_any_box_has_no_loss(matcher: Matcher) -> None:
    targets = batch(matcher, [(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))])
    found = loss_of_batch(np.ones((1, 1917, 4), np.float32), np.ones((1, 1917, 3), np.float32), targets)
    assert (float(found.classification), float(found.localization)) == (0.0, 0.0)


def test_equal_losses_do_not_let_more_negatives_in() -> None:
    kept = mine(tf.ones([1, 10]), tf.constant([[False] * 4 + [True] + [False] * 5]), 3).numpy()[0]
    assert kept.tolist() == [True, True, True, False, True] + [False] * 5


def test_the_gradient_reaches_the_kept_anchors_and_no_others(matcher: Matcher) -> None:
    targets = batch(matcher, [(some_boxes(1, 2), np.array([1, 2]))])
    logits = tf.Variable(np.random.default_rng(1).normal(0, 1, (1, 1917, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        loss = loss_of_batch(tf.zeros([1, 1917, 4]), logits, targets).classification
    moved = np.abs(tape.gradient(loss, logits).numpy()).sum(axis=-1)[0] > 0
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.one_hot(targets.classes, 3), logits=logits)
    kept = mine(tf.reduce_sum(each, axis=-1), targets.classes > 0, 3).numpy()[0]
    np.testing.assert_array_equal(moved, kept)
