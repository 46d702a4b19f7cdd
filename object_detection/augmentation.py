"""Images changed at random with their boxes, as SSD is trained: mirrored, and cropped as in Liu et al. 2016.

What is drawn depends on the seed alone, so a resumed training sees what the undisturbed one would have seen.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

COVERED = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # least share of some box that a crop holds; one of these is drawn
ASPECT = (0.5, 2.0)  # width / height of crops
AREA = (0.1, 1.0)  # of crops, as a share of the image
UNCROPPED = 0.15  # chance that the image stays whole
ATTEMPTS = 100  # to find such a crop; if there is none, the image stays whole


class Labelled(NamedTuple):
    """An image with its boxes.

    Attributes:
        pixels: [height, width, 3] of any type.
        boxes: float32 [m, 4], normalized (ymin, xmin, ymax, xmax).
        labels: int [m].
        weights: float32 [m].
    """

    pixels: tf.Tensor
    boxes: tf.Tensor
    labels: tf.Tensor
    weights: tf.Tensor


def random_flip(image: Labelled, seed: tf.Tensor) -> Labelled:
    """Return an image mirrored left to right with a chance of a half."""
    flip = tf.random.stateless_uniform([], seed) < 0.5
    ymin, xmin, ymax, xmax = tf.unstack(image.boxes, axis=1)
    mirrored = tf.stack([ymin, 1.0 - xmax, ymax, 1.0 - xmin], axis=1)
    pixels = tf.cond(flip, lambda: tf.reverse(image.pixels, [1]), lambda: image.pixels)
    return image._replace(pixels=pixels, boxes=tf.where(flip, mirrored, image.boxes))


def ssd_random_crop(image: Labelled, seed: tf.Tensor) -> Labelled:
    """Return a part of an image that holds at least a drawn share of one of its boxes, or the whole of it.

    A box stays if at least that share of it lies in the crop, and any of it does; its edges are cut at the crop's.
    """
    seeds = tf.random.split(seed, 3)
    whole = tf.random.stateless_uniform([], seeds[0]) < UNCROPPED
    covered = tf.gather(COVERED, tf.random.stateless_uniform([], seeds[1], 0, len(COVERED), tf.int32))

    def crop() -> tuple[tf.Tensor, ...]:
        begin, size, window = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(image.pixels),
            tf.clip_by_value(image.boxes, 0.0, 1.0)[tf.newaxis],
            seed=seeds[2],
            min_object_covered=covered,
            aspect_ratio_range=ASPECT,
            area_range=AREA,
            max_attempts=ATTEMPTS,
            use_image_if_no_bounding_boxes=True,
        )
        boxes, kept = reframe(image.boxes, window[0, 0], covered)
        pixels = tf.slice(image.pixels, begin, size)
        return pixels, boxes[kept], image.labels[kept], image.weights[kept]

    changed = Labelled(*tf.cond(whole, lambda: tuple(image), crop))
    pixels = tf.ensure_shape(changed.pixels, [None, None, image.pixels.shape[-1]])
    return changed._replace(pixels=pixels, boxes=tf.ensure_shape(changed.boxes, [None, 4]))


def reframe(boxes: tf.Tensor, window: tf.Tensor, min_covered: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return boxes normalized to a window, cut at its edges, and which of them stay.

    Args:
        boxes: float32 [m, 4].
        window: float32 [4], normalized to the image as they are.
        min_covered: share of a box that must lie in the window.
    """
    low, high = window[:2], window[2:]
    inside_low, inside_high = tf.maximum(boxes[:, :2], low), tf.minimum(boxes[:, 2:], high)
    inside = tf.reduce_prod(tf.maximum(inside_high - inside_low, 0.0), axis=1)
    area = tf.reduce_prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    kept = (inside > 0.0) & (inside >= min_covered * area * (1 - 1e-6))
    size = high - low
    cut = tf.concat([(inside_low - low) / size, (inside_high - low) / size], axis=1)
    return tf.clip_by_value(cut, 0.0, 1.0), kept


AUGMENTATIONS = {"horizontal_flip": random_flip, "ssd_random_crop": ssd_random_crop}


def augment(image: Labelled, seed: tf.Tensor, names: tuple[str, ...] = tuple(AUGMENTATIONS)) -> Labelled:
    """Return an image with some of `AUGMENTATIONS` applied in their order.

    Args:
        image: any image; it may have no boxes.
        seed: int [2].
        names: what is done.
    """
    for number, name in enumerate(names):
        image = AUGMENTATIONS[name](image, tf.random.experimental.stateless_fold_in(seed, number))
    return image
