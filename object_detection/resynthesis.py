"""Gives batch normalisation that was folded away its statistics back, so that it can be trained.

Folded weights stand in the network with a mean of 0 and a variance of 1, which are not those of the convolutions'
outputs: in training, where the batch's own statistics are used, the network would compute something else. Measured
statistics put in their place, with scale and offset that cancel them, leave what it computes as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

IMAGES_AT_ONCE = 8


def resynthesise(model: Any, images: tf.Tensor) -> int:
    """Measure the inputs of every batch normalisation and rewrite its variables; returns how many there are.

    Args:
        model: as `build_ssd` returns it.
        images: float32 [n, size, size, 3] in -1..1, about 32 of the training split.
    """
    norms = [layer for layer in model.submodules if isinstance(layer, tf_keras.layers.BatchNormalization)]
    sums: dict[int, list[Any]] = {id(layer): [0, 0.0, 0.0] for layer in norms}
    with recorded(norms, sums):
        for start in range(0, len(images), IMAGES_AT_ONCE):
            model.head(model.decoder(model.backbone(images[start : start + IMAGES_AT_ONCE], training=False)))
    for layer in norms:
        number, total, squares = sums[id(layer)]
        mean = total / number
        rewrite(layer, mean, np.maximum(squares / number - mean**2, 0.0))
    return len(norms)


@contextmanager
def recorded(norms: list[Any], sums: dict[int, list[Any]]) -> Iterator[None]:
    """Add up values and squares of each channel that enters a layer while the block runs."""

    def recording(layer: Any, call: Any) -> Any:
        def wrapped(inputs: tf.Tensor, *arguments: Any, **keywords: Any) -> Any:
            values = inputs.numpy().astype(np.float64).reshape(-1, inputs.shape[-1])
            entry = sums[id(layer)]
            entry[0] += len(values)
            entry[1] = entry[1] + values.sum(axis=0)
            entry[2] = entry[2] + (values**2).sum(axis=0)
            return call(inputs, *arguments, **keywords)

        return wrapped

    before = [layer.call for layer in norms]
    for layer, call in zip(norms, before, strict=True):
        layer.call = recording(layer, call)
    try:
        yield
    finally:
        for layer, call in zip(norms, before, strict=True):
            layer.call = call


def rewrite(layer: Any, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> None:
    """Set a layer's statistics, and scale and offset so that it computes what it did."""
    gamma, beta, old_mean, old_variance = (
        variable.numpy().astype(np.float64)
        for variable in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    )
    slope = gamma / np.sqrt(old_variance + layer.epsilon)
    layer.gamma.assign(slope * np.sqrt(variance + layer.epsilon))
    layer.beta.assign(beta + slope * (mean - old_mean))
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
