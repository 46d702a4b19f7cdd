"""Trained arrays under the Object Detection API's names, and what these names say.

Names are brought to one form: without the width of the extra layers, with the body's scope once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BODY, BODY_V2 = "FeatureExtractor/MobilenetV1", "FeatureExtractor/MobilenetV2"
WIDTH_OF = {BODY: ("Conv2d_0/weights", 32), BODY_V2: ("expanded_conv_16/project/weights", 320)}  # channels at width 1
EPSILON = 0.001  # of every batch normalisation
NORM = ("gamma", "beta", "moving_mean", "moving_variance")


@dataclass(frozen=True)
class Weights:
    """Arrays of a trained SSD-MobileNet, or of its body alone.

    Attributes:
        arrays: by the Object Detection API's name; kernels as [height, width, in, out], those of depthwise convolutions
            as [height, width, channels, 1].
        folded: batch normalisation was folded into the convolutions, so its statistics say nothing: it must not be
            trained as it stands.
        background: the logits of class 0 were trained; quantised models with focal loss leave them as they began.
        origin: where they were read from.
    """

    arrays: dict[str, NDArray[Any]]
    folded: bool
    background: bool
    origin: str

    @property
    def width(self) -> float:
        """Factor on the number of channels of the body."""
        return body_of(self.arrays)[1]

    @property
    def classes(self) -> int | None:
        """Number of classes, background not counted; None where there are no predictors."""
        for name, array in self.arrays.items():
            if name == "BoxPredictor_0/ClassPredictor/biases":
                return len(array) // 3 - 1
        return None


def body_of(variables: Mapping[str, Any]) -> tuple[str, float]:
    """Return the scope of the body that variables belong to, and the factor on its channels; empty and 0 if to none."""
    for body, (name, channels) in WIDTH_OF.items():
        if f"{body}/{name}" in variables:
            return body, variables[f"{body}/{name}"].shape[-1] / channels
    return "", 0.0


def plain_name(name: str) -> str:
    """Return a variable's name in the one form that all files are brought to."""
    name = re.sub(r"^(FeatureExtractor/)?(MobilenetV[12]/)+", r"FeatureExtractor/\2", name)
    return re.sub(r"(_Conv2d_\d_(?:1x1|3x3_s2))_\d+", r"\1", name)


def unfold(name: str, bias: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the batch normalisation that does what a folded convolution's bias does."""
    norm = {
        "gamma": np.ones_like(bias),
        "beta": bias,
        "moving_mean": np.zeros_like(bias),
        "moving_variance": np.full_like(bias, 1 - EPSILON),  # its root, with epsilon added, is 1
    }
    return {f"{name}/BatchNorm/{variable}": norm[variable] for variable in NORM}
