"""Keras' CIFAR-10 example: four convolutions in two blocks, shifts and flips; published: .4304 after one epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from components.networks import PixelStatistics
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "image_classification"
PRESET = {
    "data": {"validation_fraction": 0.0},  # published on all 50,000 training images
    "trainer": {
        "epochs": 1,
        "batch_size": 32,
        "loss": "cross_entropy",
        "validation_split": "test",  # as published; the weights of the last step are kept, whatever it says
        "keep": "last",
        # RMSprop(lr=1e-4, decay=1e-6) of old Keras: rate / (1 + 1e-6 * step), and 1e-7 added after the root is taken,
        # where Keras 3 adds it before and thus makes steps along small gradients many times shorter; 1e-14 under the
        # root is 1e-7
        "optimizer": {
            "name": "rmsprop",
            "learning_rate": 1e-4,
            "epsilon": 1e-14,
            "schedule": "inverse_time",
            "decay": 1e-6,
            "decay_steps": 1,
        },
    },
}


class Config(Settings):
    """Options of the network."""

    shift: float = Field(0.1, ge=0, lt=1, description="largest random shift, as a share of height and width")
    flip: bool = Field(True, description="mirror every other picture, left to right")


def build(input_shape: tuple[int, int, int], outputs: int, config: Config, pixels: PixelStatistics) -> keras.Model:
    """Return the model for images of (height, width, channels)."""
    import keras
    from keras import layers

    def block(filters: int) -> list[keras.Layer]:
        return [
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            layers.Conv2D(filters, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
        ]

    return keras.Sequential(
        [
            keras.Input(input_shape, name="pixels"),
            layers.Rescaling(1 / 255),
            *([layers.RandomTranslation(config.shift, config.shift, fill_mode="nearest")] if config.shift else []),
            *([layers.RandomFlip("horizontal")] if config.flip else []),
            *block(32),
            *block(64),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(outputs, activation="softmax", dtype="float32"),
        ],
        name="small_vgg",
    )
