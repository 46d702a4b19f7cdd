"""The convolutions of MobileNet v1 and v2 under the old names, in the order by which newer files know them."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from object_detection.weights.arrays import BODY, BODY_V2, NORM
from pipeline.errors import UserError

Place = tuple[int, str]  # number of a layer among those with weights, name of the variable in Keras
V1 = ("Conv2d_0", *(f"Conv2d_{number}_{kind}" for number in range(1, 14) for kind in ("depthwise", "pointwise")))
V2 = (
    "Conv",
    "expanded_conv/depthwise",
    "expanded_conv/project",
    *(f"expanded_conv_{number}/{kind}" for number in range(1, 17) for kind in ("expand", "depthwise", "project")),
    "Conv_1",
)
EXPANSION = 6  # the layer that is a convolution of 1 x 1 in v2, a depthwise one in v1


def name_body(found: dict[Place, NDArray[Any]], origin: str) -> dict[str, NDArray[Any]]:
    """Return a body's variables under the Object Detection API's names.

    Convolutions and batch normalisations take turns. What follows the body, such as a classifier's last layer, keeps
    its number.

    Raises:
        UserError: these are another network's layers.
    """
    body, layers = (BODY_V2, V2) if (EXPANSION, "kernel") in found else (BODY, V1)
    return {name_variable(body, layers, place, origin): array for place, array in found.items()}


def name_variable(body: str, layers: tuple[str, ...], place: Place, origin: str) -> str:
    """Return one variable's name.

    Raises:
        UserError: there is no such variable at that place.
    """
    number, variable = place
    if number // 2 >= len(layers):
        return f"layer_with_weights-{number}/{variable}"
    layer, norm = layers[number // 2], number % 2 == 1
    depthwise = layer.endswith("depthwise")
    kernel = "depthwise_kernel" if depthwise else "kernel"
    if norm and variable in NORM:
        return f"{body}/{layer}/BatchNorm/{variable}"
    if not norm and variable == kernel:
        return f"{body}/{layer}/{'depthwise_weights' if depthwise else 'weights'}"
    raise UserError(
        "These are another network's weights: where a MobileNet has "
        f"{'batch normalisation' if norm else f'a `{kernel}`'}, their layer {number} has `{variable}`.",
        origin,
        "Give those of an SSD-MobileNet or of a MobileNet classifier.",
    )
