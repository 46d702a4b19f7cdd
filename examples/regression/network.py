"""A straight line: one weight for each number, and a bias."""

from __future__ import annotations

import keras

from pipeline.settings import Settings

TASK = "examples.regression"


class Config(Settings):
    """The network has no options."""


def build(inputs: int, config: Config) -> keras.Model:
    """Return a network from float32 [n, inputs] to [n, 1]."""
    del config
    return keras.Sequential([keras.Input((inputs,), name="x"), keras.layers.Dense(1)], name="line")
