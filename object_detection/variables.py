"""The Object Detection API's names for the variables of our network, which its checkpoints and frozen graphs use."""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf

from object_detection.anchors import LEVELS
from object_detection.ssd import EXTRA_DEPTHS, channels_of
from object_detection.weights.arrays import BODY, NORM


def name_variables(model: Any) -> dict[str, tf.Variable]:
    """Return every variable of `build_ssd`'s model under its old name; 199 of them.

    Widths stand in the old names of the extra layers; here they are left out: `Conv2d_13_pointwise_1_Conv2d_2_1x1`.
    """
    found: dict[str, tf.Variable] = {}
    for number, block in enumerate(layers_with_variables(model.backbone.mobile_net)):
        if number == 0:
            found |= {f"{BODY}/Conv2d_0/weights": block._conv0.kernel, **name_norm(f"{BODY}/Conv2d_0", block._norm0)}
            continue
        depthwise, pointwise = f"{BODY}/Conv2d_{number}_depthwise", f"{BODY}/Conv2d_{number}_pointwise"
        found[f"{depthwise}/depthwise_weights"] = block._dwconv0.depthwise_kernel
        found |= name_norm(depthwise, block._norm0)
        found[f"{pointwise}/weights"] = block._conv1.kernel
        found |= name_norm(pointwise, block._norm1)
    for number in range(2, len(LEVELS)):
        for part, kind in ((1, "1x1"), (2, "3x3_s2")):
            name = f"{BODY}/Conv2d_13_pointwise_{part}_Conv2d_{number}_{kind}"
            found[f"{name}/weights"] = model.decoder.get_layer(f"extra_{number}_{kind}").kernel
            found |= name_norm(name, model.decoder.get_layer(f"extra_{number}_{kind}_norm"))
    for number, level in enumerate(LEVELS):
        for kind, layers in (("BoxEncodingPredictor", model.head.boxes), ("ClassPredictor", model.head.classes)):
            found[f"BoxPredictor_{number}/{kind}/weights"] = layers[str(level)].kernel
            found[f"BoxPredictor_{number}/{kind}/biases"] = layers[str(level)].bias
    return found


def in_body(name: str) -> bool:
    """Tell whether a variable belongs to the MobileNet, Conv2d_0 to Conv2d_13, not to extra layers or predictors."""
    return name.startswith(f"{BODY}/") and "_Conv2d_" not in name


def layers_with_variables(body: Any) -> list[Any]:
    """Return the blocks of a MobileNet in their order: one full convolution, then the others."""
    return [layer for layer in body.layers if layer.variables]


def name_norm(name: str, norm: Any) -> dict[str, tf.Variable]:
    """Return a batch normalisation's four variables by name."""
    return {f"{name}/BatchNorm/{variable}": getattr(norm, variable) for variable in NORM}


def full_name(name: str, width: float) -> str:
    """Return a variable's name with the channels that the Object Detection API wrote into those of the extra layers."""
    match = re.search(r"_Conv2d_(\d)_(1x1|3x3_s2)(?=/)", name)
    if match is None:
        return name
    channels = channels_of(EXTRA_DEPTHS[int(match[1]) - 2], width)
    return f"{name[: match.end()]}_{channels // 2 if match[2] == '1x1' else channels}{name[match.end() :]}"
