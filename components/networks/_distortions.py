"""Layers that distort images in training as TensorFlow's CIFAR-10 tutorial did; each image is distorted in its own way.

Keras' own layers do not serve here: its RandomCrop cuts a whole batch at one place and does not cut at all in
inference, its RandomContrast cannot be told 0.3 to 1.0, and its RandomSaturation draws from another distribution (Keras
3.15).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

GREY = 1  # channels of an image that has neither hue nor saturation


class Distorting(keras.layers.Layer):
    """What the layers of this file share: a random state and the number of images in a batch."""

    def __init__(self, seed: int | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def draw(self, images: Any, low: float, high: float) -> Any:
        """Return one uniform number an image, [n, 1, 1, 1]."""
        numbers = keras.random.uniform(
            (ops.shape(images)[0], 1, 1, 1), low, high, dtype="float32", seed=self.seed_generator
        )
        return ops.cast(numbers, images.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable("labline")
class RandomWindow(Distorting):
    """Cuts a window out of each image at a random place in training, out of the middle otherwise."""

    def __init__(self, height: int, width: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.height, self.width = height, width

    def call(self, images: Any, training: bool = False) -> Any:
        height, width = images.shape[1:3]
        if not training:
            top, left = (height - self.height) // 2, (width - self.width) // 2
            return images[:, top : top + self.height, left : left + self.width]
        rows = self.selection(images, height, self.height)
        columns = self.selection(images, width, self.width)
        # products with 0 and 1: exact, and much faster than gathering pixel by pixel
        picked = ops.einsum("nih,nhwc->niwc", rows, images)
        return ops.einsum("njw,niwc->nijc", columns, picked)

    def selection(self, images: Any, size: int, window: int) -> Any:
        """Return matrices [n, window, size] that pick `window` consecutive rows of `size`."""
        start = ops.cast(ops.floor(self.draw(ops.cast(images, "float32"), 0, size - window + 1)), "int32")
        start = ops.minimum(start[:, :, 0, 0], size - window)
        return ops.one_hot(start + ops.arange(window), size, dtype=images.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.height, self.width, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("labline")
class RandomColour(Distorting):
    """Changes hue, contrast, brightness and saturation of images in 0..1, in this order, and clips them to 0..1.

    Args:
        hue: largest turn of the colour circle, as a share of it.
        contrast: lowest and highest factor on the distance from each channel's mean.
        brightness: largest amount added or taken away.
        saturation: lowest and highest factor.
    """

    def __init__(
        self,
        hue: float,
        contrast: tuple[float, float],
        brightness: float,
        saturation: tuple[float, float],
        **keywords: Any,
    ) -> None:
        super().__init__(**keywords)
        self.hue, self.contrast, self.brightness, self.saturation = hue, tuple(contrast), brightness, tuple(saturation)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        coloured = images.shape[-1] != GREY
        if coloured:
            hue, saturation, value = self.split(images)
            turned = hue + self.draw(images, -self.hue, self.hue)
            images = self.join(turned - ops.floor(turned), saturation, value)
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        images = (images - mean) * self.draw(images, *self.contrast) + mean
        images = images + self.draw(images, -self.brightness, self.brightness)
        if coloured:
            hue, saturation, value = self.split(ops.clip(images, 0.0, 1.0))
            images = self.join(hue, ops.clip(saturation * self.draw(images, *self.saturation), 0.0, 1.0), value)
        return ops.clip(images, 0.0, 1.0)

    def split(self, images: Any) -> list[Any]:
        """Return hue, saturation and value, each [n, h, w, 1]."""
        parts: list[Any] = ops.split(ops.image.rgb_to_hsv(images), 3, axis=-1)
        return parts

    def join(self, hue: Any, saturation: Any, value: Any) -> Any:
        """Return RGB images of hue, saturation and value."""
        return ops.image.hsv_to_rgb(ops.concatenate([hue, saturation, value], axis=-1))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        own = {"hue": self.hue, "contrast": self.contrast, "brightness": self.brightness, "saturation": self.saturation}
        return {**super().get_config(), **own}
