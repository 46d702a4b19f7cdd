"""TensorFlow's CIFAR-10 tutorial network on distorted images.

Published after 5,000 steps: about .80 on CIFAR-10, .90 on Fashion-MNIST.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pydantic import Field

from components.networks import PixelStatistics
from pipeline.errors import UserError
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "image_classification"
PRESET = {
    "data": {"validation_fraction": 0.0},  # published on all 50,000 training images
    "trainer": {
        "steps": 5000,
        "batch_size": 100,
        "checkpoint_steps": 1000,
        "loss": "cross_entropy",
        "validation_split": "test",  # as published; the weights of the last step are kept, whatever it says
        "keep": "last",
        "optimizer": {"name": "adam", "learning_rate": 1e-4, "epsilon": 1e-8},  # TensorFlow 1's default
    },
}


class Config(Settings):
    """Options of the network."""

    crop: int = Field(24, gt=0, description="side of the square cut out of each picture; its middle at test time")
    flip: bool = Field(True, description="mirror every other picture, left to right")
    hue: float = Field(0.05, ge=0, le=0.5, description="largest turn of the colour circle, as a share of it")
    contrast: tuple[float, float] = Field((0.3, 1.0), description="lowest and highest factor on the contrast")
    brightness: float = Field(0.2, ge=0, le=1, description="largest change of brightness; 1 is from black to white")
    saturation: tuple[float, float] = Field((0.0, 2.0), description="lowest and highest factor on the saturation")


def build(input_shape: tuple[int, int, int], outputs: int, config: Config, pixels: PixelStatistics) -> keras.Model:
    """Return the model for images of (height, width, channels), at least `crop` high and wide."""
    import keras
    from keras import layers

    from components.networks import _distortions

    if min(input_shape[:2]) < config.crop:
        raise UserError(
            f"Pictures of {input_shape[0]} x {input_shape[1]} pixels are smaller than the window of {config.crop} "
            "that is cut out of them.",
            "trainer.options.crop",
            f"Set `trainer.options.crop={min(input_shape[:2]) * 3 // 4}`, or a larger `trainer.image_size`.",
        )
    return keras.Sequential(
        [
            keras.Input(input_shape, name="pixels"),
            layers.Rescaling(1 / 255),
            _distortions.RandomWindow(config.crop, config.crop),
            *([layers.RandomFlip("horizontal")] if config.flip else []),
            _distortions.RandomColour(config.hue, config.contrast, config.brightness, config.saturation),
            layers.Conv2D(64, 5, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(outputs, activation="softmax", dtype="float32"),
        ],
        name="distorted_cnn",
    )


def register_layers() -> None:
    """Make Keras know the layers of a saved model that are not its own."""
    importlib.import_module("components.networks._distortions")
