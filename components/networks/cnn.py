"""A small convolutional network for MNIST: two convolutions, 121,930 parameters; published test accuracy .9892."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from components.networks import PixelStatistics
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "image_classification"
PRESET = {
    "data": {"validation_fraction": 0.3},
    "trainer": {
        "epochs": 10,
        "batch_size": 256,
        "loss": "cross_entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.001},
    },
}


class Config(Settings):
    """Options of the network."""

    filters: tuple[int, int] = Field((32, 64), description="filters of the two 3x3 convolutions")
    units: int = Field(64, gt=0, description="neurons of the hidden dense layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of the hidden layer's outputs dropped in training")


def build(input_shape: tuple[int, int, int], outputs: int, config: Config, pixels: PixelStatistics) -> keras.Model:
    """Return the model for images of (height, width, channels)."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(input_shape, name="pixels"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(config.filters[0], 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(config.filters[1], 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(config.units, activation="relu"),
            layers.Dropout(config.dropout),
            layers.Dense(outputs, activation="softmax", dtype="float32"),
        ],
        name="cnn",
    )
