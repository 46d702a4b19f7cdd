"""Images changed at random with their boxes, as the Object Detection API did: mirrored, cropped, in other colours.

What is drawn depends on the seed alone, so a resumed training sees what the undisturbed one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from object_detection import augmentation_steps as steps
from object_detection.augmentation_steps import Written, read_step

COVERED = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # least share of some box that a crop holds; one of these is drawn
ASPECT = (0.5, 2.0)  # width / height of crops
AREA = (0.1, 1.0)  # of crops, as a share of the image
UNCROPPED = 0.15  # chance that the image stays whole
ATTEMPTS = 100  # to find such a crop; if there is none, the image stays whole
WHITE = 255.0


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


HALF = steps.HorizontalFlip()


def augment(
    image: Labelled, seed: tf.Tensor, written: Sequence[Written] = ("horizontal_flip", "ssd_random_crop")
) -> Labelled:
    """Return an image with some steps applied in their order.

    Args:
        image: any image; it may have no boxes.
        seed: int [2].
        written: what is done, as a recipe says it.
    """
    for number, item in enumerate(written):
        name, settings = read_step(item)
        image = AUGMENTATIONS[name](image, tf.random.experimental.stateless_fold_in(seed, number), settings)
    return image


def random_flip(image: Labelled, seed: tf.Tensor, settings: Any = HALF) -> Labelled:
    """Return an image mirrored left to right with a chance."""
    flip = tf.random.stateless_uniform([], seed) < settings.probability
    ymin, xmin, ymax, xmax = tf.unstack(image.boxes, axis=1)
    mirrored = tf.stack([ymin, 1.0 - xmax, ymax, 1.0 - xmin], axis=1)
    pixels = tf.cond(flip, lambda: tf.reverse(image.pixels, [1]), lambda: image.pixels)
    return image._replace(pixels=pixels, boxes=tf.where(flip, mirrored, image.boxes))


def random_vertical_flip(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image mirrored top to bottom with a chance."""
    flip = tf.random.stateless_uniform([], seed) < settings.probability
    ymin, xmin, ymax, xmax = tf.unstack(image.boxes, axis=1)
    mirrored = tf.stack([1.0 - ymax, xmin, 1.0 - ymin, xmax], axis=1)
    pixels = tf.cond(flip, lambda: tf.reverse(image.pixels, [0]), lambda: image.pixels)
    return image._replace(pixels=pixels, boxes=tf.where(flip, mirrored, image.boxes))


def random_rotation(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image turned by a right angle against the clock, with a chance."""
    turn = tf.random.stateless_uniform([], seed) < settings.probability
    ymin, xmin, ymax, xmax = tf.unstack(image.boxes, axis=1)
    turned = tf.stack([1.0 - xmax, ymin, 1.0 - xmin, ymax], axis=1)
    pixels = tf.cond(turn, lambda: tf.image.rot90(image.pixels), lambda: image.pixels)
    pixels = tf.ensure_shape(pixels, [None, None, image.pixels.shape[-1]])
    return image._replace(pixels=pixels, boxes=tf.where(turn, turned, image.boxes))


def ssd_random_crop(image: Labelled, seed: tf.Tensor, settings: Any = None) -> Labelled:
    """Return a part of an image that holds at least a drawn share of one of its boxes, or the whole of it.

    A box stays if at least that share of it lies in the crop, and any of it does; its edges are cut at the crop's.
    """
    del settings
    seeds = tf.random.split(seed, 3)
    whole = tf.random.stateless_uniform([], seeds[0]) < UNCROPPED
    covered = tf.gather(COVERED, tf.random.stateless_uniform([], seeds[1], 0, len(COVERED), tf.int32))
    return crop(image, seeds[2], whole, (covered, covered), ASPECT, AREA)


def random_crop(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return a part of an image that holds enough of one of its boxes, or the whole of it."""
    seeds = tf.random.split(seed, 2)
    whole = tf.random.stateless_uniform([], seeds[0]) < settings.random_coef
    shares = (tf.constant(settings.min_object_covered), tf.constant(settings.overlap_thresh))
    ratios = (settings.min_aspect_ratio, settings.max_aspect_ratio)
    return crop(image, seeds[1], whole, shares, ratios, (settings.min_area, settings.max_area))


def crop(
    image: Labelled,
    seed: tf.Tensor,
    whole: tf.Tensor,
    shares: tuple[tf.Tensor, tf.Tensor],
    ratios: tuple[float, float],
    areas: tuple[float, float],
) -> Labelled:
    """Return a part of an image with its boxes.

    Args:
        image: any image; it may have no boxes.
        seed: int [2].
        whole: bool; the image stays as it is.
        shares: least share of some box that the part holds, and of a box inside it with which the box stays.
        ratios: width / height, least and largest.
        areas: share of the image, least and largest.
    """

    def cut() -> tuple[tf.Tensor, ...]:
        begin, size, window = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(image.pixels),
            tf.clip_by_value(image.boxes, 0.0, 1.0)[tf.newaxis],
            seed=seed,
            min_object_covered=shares[0],
            aspect_ratio_range=ratios,
            area_range=areas,
            max_attempts=ATTEMPTS,
            use_image_if_no_bounding_boxes=True,
        )
        boxes, kept = reframe(image.boxes, window[0, 0], shares[1])
        pixels = tf.slice(image.pixels, begin, size)
        return pixels, boxes[kept], image.labels[kept], image.weights[kept]

    changed = Labelled(*tf.cond(whole, lambda: tuple(image), cut))
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


def random_pad(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image somewhere on a ground of its mean colour that is up to twice as high and wide."""
    del settings
    seeds = tf.random.split(seed, 4)
    size = tf.shape(image.pixels)[:2]
    grown, begin = [], []
    for axis in (0, 1):
        grown.append(tf.random.stateless_uniform([], seeds[axis], size[axis], 2 * size[axis], tf.int32))
        room = tf.maximum(grown[axis] - size[axis], 1)
        begin.append(tf.random.stateless_uniform([], seeds[2 + axis], 0, room, tf.int32))
    pixels = tf.cast(image.pixels, tf.float32)
    ground = tf.reduce_mean(pixels, axis=[0, 1])
    padded = tf.image.pad_to_bounding_box(pixels - ground, begin[0], begin[1], grown[0], grown[1]) + ground
    place, old, new = (tf.cast(tf.stack([*pair, *pair]), tf.float32) for pair in (begin, tf.unstack(size), grown))
    return image._replace(pixels=padded, boxes=(image.boxes * old + place) / new)


def random_brightness(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image with something added to every pixel."""
    delta = tf.random.stateless_uniform([], seed, -settings.max_delta, settings.max_delta)
    return recolour(image, lambda pixels: pixels + delta)


def random_contrast(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image whose pixels differ more or less from its mean."""
    factor = tf.random.stateless_uniform([], seed, settings.min_delta, settings.max_delta)
    return recolour(image, lambda pixels: tf.image.adjust_contrast(pixels, factor))


def random_saturation(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image in stronger or weaker colours."""
    factor = tf.random.stateless_uniform([], seed, settings.min_delta, settings.max_delta)
    return recolour(image, lambda pixels: tf.image.adjust_saturation(pixels, factor))


def random_hue(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image whose colours are turned on their circle."""
    delta = tf.random.stateless_uniform([], seed, -settings.max_delta, settings.max_delta)
    return recolour(image, lambda pixels: tf.image.adjust_hue(pixels, delta))


def random_grey(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image without colours, with a chance."""
    grey = tf.random.stateless_uniform([], seed) < settings.probability

    def change(pixels: tf.Tensor) -> tf.Tensor:
        dull = tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(pixels))
        return tf.where(grey, dull, pixels)

    return recolour(image, change)


def random_pixel_scale(image: Labelled, seed: tf.Tensor, settings: Any) -> Labelled:
    """Return an image with every number of it times another factor."""
    factors = tf.random.stateless_uniform(tf.shape(image.pixels), seed, settings.minval, settings.maxval)
    return recolour(image, lambda pixels: pixels * factors)


def recolour(image: Labelled, change: Callable[[tf.Tensor], tf.Tensor]) -> Labelled:
    """Return an image with its pixels, from 0 to 1 for the change, changed and kept within black and white."""
    pixels = change(tf.cast(image.pixels, tf.float32) / WHITE)
    return image._replace(pixels=tf.clip_by_value(pixels, 0.0, 1.0) * WHITE)


AUGMENTATIONS: dict[str, Callable[[Labelled, tf.Tensor, Any], Labelled]] = {
    "horizontal_flip": random_flip,
    "vertical_flip": random_vertical_flip,
    "rotation90": random_rotation,
    "ssd_random_crop": ssd_random_crop,
    "crop": random_crop,
    "pad": random_pad,
    "brightness": random_brightness,
    "contrast": random_contrast,
    "saturation": random_saturation,
    "hue": random_hue,
    "grey": random_grey,
    "pixel_scale": random_pixel_scale,
}
