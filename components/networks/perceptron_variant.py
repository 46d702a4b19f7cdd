"""Twenty variants of the perceptron by number: two to five hidden layers, tanh or sigmoid, with batch normalisation.

Variants 1-5 have one hidden layer more than `perceptron`, 6-10 two, 11-15 three, 16-20 four. Odd ones take tanh,
Glorot's initialisation and normalise before the activation; even ones sigmoid, He's, and normalise after it.

The exercise says "as above", which is one example a step. Batch normalisation of one example subtracts the example from
itself, so nothing would be learnt: the preset takes 32 and keeps the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from components.networks import PixelStatistics
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras

TASK = "image_classification"
PRESET = {
    "data": {"validation_fraction": 0.0},
    "trainer": {
        "epochs": 20,
        "batch_size": 32,
        "seed": 7,
        "shuffle": True,
        "loss": "mean_squared_error",
        "optimizer": {"name": "sgd", "learning_rate": 0.01},
        "validation_split": "test",
        "keep": "last",
    },
}


class Config(Settings):
    """Options of the network."""

    n: int = Field(1, ge=1, le=20, description="number of the variant")
    units: int = Field(25, gt=0, description="neurons of each hidden layer")


def build(input_shape: tuple[int, int, int], outputs: int, config: Config, pixels: PixelStatistics) -> keras.Model:
    """Return variant `n`; pixels are standardised with mean and deviation of the whole training split."""
    import keras
    from keras import layers

    hidden = 1 + additional_layers(config.n)
    initializer = "glorot_uniform" if config.n % 2 else "he_uniform"
    return keras.Sequential(
        [
            keras.Input(input_shape, name="pixels"),
            layers.Rescaling(1 / (255 * pixels.std), -pixels.mean / pixels.std),
            layers.Flatten(),
            *[layer for _ in range(hidden) for layer in hidden_layer(config)],
            layers.Dense(outputs, activation="sigmoid", kernel_initializer=initializer, dtype="float32"),
        ],
        name=f"perceptron_variant_{config.n}",
    )


def additional_layers(n: int) -> int:
    """Return how many hidden layers variant `n` has beyond the perceptron's one."""
    return (n - 1) // 5 + 1


def hidden_layer(config: Config) -> list[Any]:
    """Return a dense layer, its activation and its normalisation in the variant's order."""
    from keras import layers

    if config.n % 2:
        return [
            layers.Dense(config.units, kernel_initializer="glorot_uniform"),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
        ]
    return [
        layers.Dense(config.units, activation="sigmoid", kernel_initializer="he_uniform"),
        layers.BatchNormalization(),
    ]
