"""Names for the variables of SSD-MobileNet v2 FPNLite.

Those of the body and of the head are the Object Detection API's; the pyramid's are our own, since it is another one
here.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from object_detection.fpnlite import BODY_LEVELS
from object_detection.variables import layers_with_variables, name_norm
from object_detection.weights.arrays import BODY_V2

PYRAMID = f"{BODY_V2}/fpn"
HEAD = "WeightSharedConvolutionalBoxPredictor"


def name_variables(model: Any) -> dict[str, tf.Variable]:
    """Return every variable of `build_fpnlite`'s model by name."""
    return name_body(model.backbone) | name_pyramid(model.decoder) | name_head(model.head)


def in_body(name: str) -> bool:
    """Tell whether a variable belongs to the MobileNet, and not to the pyramid or the head."""
    return name.startswith(f"{BODY_V2}/") and not name.startswith(f"{PYRAMID}/")


def name_body(body: Any) -> dict[str, tf.Variable]:
    """Return the variables of a MobileNet v2: a convolution, then blocks that expand, convolve and project."""
    first, *blocks = layers_with_variables(body)
    found = {f"{BODY_V2}/Conv/weights": first._conv0.kernel, **name_norm(f"{BODY_V2}/Conv", first._norm0)}
    for number, block in enumerate(blocks):
        scope = f"{BODY_V2}/expanded_conv" + (f"_{number}" if number else "")
        if number:
            found[f"{scope}/expand/weights"] = block._conv0.kernel
            found |= name_norm(f"{scope}/expand", block._norm0)
        found[f"{scope}/depthwise/depthwise_weights"] = block._conv1.depthwise_kernel
        found |= name_norm(f"{scope}/depthwise", block._norm1)
        found[f"{scope}/project/weights"] = block._conv2.kernel
        found |= name_norm(f"{scope}/project", block._norm2)
    return found


def name_pyramid(pyramid: Any) -> dict[str, tf.Variable]:
    """Return the variables of the feature pyramid."""
    found: dict[str, tf.Variable] = {}
    levels = range(BODY_LEVELS[0], 1 + max(int(level) for level in pyramid.output_specs))
    for level in levels:
        kinds = ("lateral", "post_hoc") if level <= BODY_LEVELS[-1] else ("coarser",)
        for kind in kinds:
            found |= name_separable(f"{PYRAMID}/{kind}_{level}", pyramid.get_layer(f"{kind}_{level}"))
        found |= name_norm(f"{PYRAMID}/level_{level}", pyramid.get_layer(f"norm_{level}"))
    return found


def name_head(head: Any) -> dict[str, tf.Variable]:
    """Return the variables of the head, whose convolutions serve all levels, each with its own normalisation."""
    found: dict[str, tf.Variable] = {}
    parts = (
        ("Class", head._cls_convs, head._cls_norms, head._classifier),
        ("Box", head._box_convs, head._box_norms, head._box_regressor),
    )
    for kind, convolutions, norms, predictor in parts:
        for number, convolution in enumerate(convolutions):
            scope = f"{HEAD}/{kind}PredictionTower/conv2d_{number}"
            found |= name_separable(scope, convolution)
            for level, of_level in enumerate(norms):
                found |= {
                    name.replace("BatchNorm/", f"BatchNorm/feature_{level}/"): variable
                    for name, variable in name_norm(scope, of_level[number]).items()
                }
        found |= name_separable(f"{HEAD}/{kind}Predictor", predictor)
    return found


def name_separable(scope: str, layer: Any) -> dict[str, tf.Variable]:
    """Return a separable convolution's three variables by name."""
    return {
        f"{scope}/depthwise_weights": layer.depthwise_kernel,
        f"{scope}/pointwise_weights": layer.pointwise_kernel,
        f"{scope}/biases": layer.bias,
    }
