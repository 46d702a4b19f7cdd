"""LeNet-5 for images from 28 x 28 on, after LeCun, Bottou, Bengio and Haffner 1998; 545,546 parameters on MNIST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.networks import PixelStatistics
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "image_classification"
PRESET = {
    "trainer": {
        "epochs": 20,
        "batch_size": 128,
        "loss": "cross_entropy",
        "optimizer": {"name": "sgd", "learning_rate": 0.01},
    },
}


class Config(Settings):
    """The network has no options."""


def build(input_shape: tuple[int, int, int], outputs: int, config: Config, pixels: PixelStatistics) -> keras.Model:
    """Return the model for images of (height, width, channels)."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(input_shape, name="pixels"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(6, 5, activation="tanh", padding="same"),
            layers.AveragePooling2D(2, strides=1),
            layers.Conv2D(16, 5, activation="tanh"),
            layers.AveragePooling2D(2, strides=2),
            layers.Conv2D(120, 5, activation="tanh"),
            layers.Flatten(),
            layers.Dense(84, activation="tanh"),
            layers.Dense(outputs, activation="softmax", dtype="float32"),
        ],
        name="lenet5",
    )
