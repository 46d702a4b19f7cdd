"""The networks' channels and variables without TensorFlow, to compare a pipeline.config's with them."""

from __future__ import annotations

BODY = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)  # of Conv2d_0 to Conv2d_13_pointwise
EXTRAS = (512, 256, 256, 128)
BODY_LAYERS = (
    "Conv2d_0",
    *(f"Conv2d_{number}_{kind}" for number in range(1, 14) for kind in ("depthwise", "pointwise")),
)
V2_BODY = (32, 16, 24, 32, 64, 96, 160, 320)  # of the first convolution, and of the blocks' projections
BLOCKS = 17
MIN_CHANNELS = (8, 16)  # channels of a layer of the body, of an extra layer


def same_channels(width: float, min_depth: int) -> bool:
    """Tell whether the API's layers of a width and a `min_depth` are as wide as ours."""
    body = all(max(int(depth * width), min_depth) == rounded(depth, width) for depth in BODY)
    halves = [number for depth in EXTRAS for number in (depth, depth / 2)]
    return body and all(max(int(number * width), min_depth) == extra(number, width) for number in halves)


def rounded(depth: int, width: float) -> int:
    """Return a body's layer's channels as Model Garden rounds them: to a multiple of 8, at most a tenth too small."""
    wanted = depth * width
    number = max(MIN_CHANNELS[0], int(wanted + 4) // 8 * 8)
    return number + 8 if number < 0.9 * wanted else number


def extra(depth: float, width: float) -> int:
    """Return the channels of an extra layer; of the 1 x 1 convolutions, which have half of the next layer's."""
    if depth in EXTRAS:
        return max(int(depth * width), MIN_CHANNELS[1])
    return max(int(2 * depth * width), MIN_CHANNELS[1]) // 2


def variable_names(width: float) -> list[str]:
    """List the API's names of the variables that can be trained, by which a pipeline.config freezes them."""
    body = "FeatureExtractor/MobilenetV1"
    layers = [(f"{body}/Conv2d_0", "weights")]
    for number in range(1, len(BODY)):
        layers += [
            (f"{body}/Conv2d_{number}_depthwise", "depthwise_weights"),
            (f"{body}/Conv2d_{number}_pointwise", "weights"),
        ]
    for number, depth in enumerate(EXTRAS, 2):
        channels = extra(depth, width)
        layers.append((f"{body}/Conv2d_13_pointwise_1_Conv2d_{number}_1x1_{channels // 2}", "weights"))
        layers.append((f"{body}/Conv2d_13_pointwise_2_Conv2d_{number}_3x3_s2_{channels}", "weights"))
    names = [f"{layer}/{name}" for layer, kernel in layers for name in (kernel, "BatchNorm/gamma", "BatchNorm/beta")]
    predictors = [
        f"BoxPredictor_{number}/{kind}" for number in range(6) for kind in ("BoxEncodingPredictor", "ClassPredictor")
    ]
    return names + [f"{layer}/{name}" for layer in predictors for name in ("weights", "biases")]


def in_body(name: str) -> bool:
    """Tell whether a variable of SSD-MobileNet v1 is the MobileNet's."""
    return "/MobilenetV1/" in name and "13_pointwise_" not in name


def same_v2_channels(width: float, min_depth: int) -> bool:
    """Tell whether the API's MobileNet v2 of a width and a `min_depth` is as wide as ours."""
    return all(rounded(depth, width) >= min_depth for depth in V2_BODY)


def pyramid_variable_names(width: float) -> list[str]:
    """List the variables of FPNLite that can be trained, by which a pipeline.config freezes them: the body's, others'.

    Args:
        width: makes no difference to the names.
    """
    del width
    body = "FeatureExtractor/MobilenetV2"
    layers = [(f"{body}/Conv", "weights")]
    for number in range(BLOCKS):
        block = f"{body}/expanded_conv" + (f"_{number}" if number else "")
        layers += [(f"{block}/expand", "weights")] if number else []
        layers += [(f"{block}/depthwise", "depthwise_weights"), (f"{block}/project", "weights")]
    names = [f"{layer}/{name}" for layer, kernel in layers for name in (kernel, "BatchNorm/gamma", "BatchNorm/beta")]
    predictors = [f"WeightSharedConvolutionalBoxPredictor/{kind}Predictor" for kind in ("Box", "Class")]
    return names + [f"{layer}/{name}" for layer in (f"{body}/fpn", *predictors) for name in ("weights", "biases")]


def in_v2_body(name: str) -> bool:
    """Tell whether a variable of FPNLite is the MobileNet's."""
    return "/MobilenetV2/" in name and "/fpn/" not in name
