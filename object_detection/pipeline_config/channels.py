"""The network's channels and variables without TensorFlow, to compare a pipeline.config's with them."""

from __future__ import annotations

BODY = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)  # of Conv2d_0 to Conv2d_13_pointwise
EXTRAS = (512, 256, 256, 128)
MIN_CHANNELS = (8, 16)  # channels of a layer of the body, of an extra layer


def same_channels(width: float, min_depth: int) -> bool:
    """Tell whether the API's layers of a width and a `min_depth` are as wide as ours."""
    body = all(max(int(depth * width), min_depth) == rounded(depth, width) for depth in BODY)
    halves = [number for depth in EXTRAS for number in (depth, depth / 2)]
    return body and all(max(int(number * width), min_depth) == extra(number, width) for number in halves)


def find_min_depth(width: float) -> int | None:
    """Return the `min_depth` with which the API builds our network; None if there is none."""
    return next((depth for depth in (16, 8, 1) if same_channels(width, depth)), None)


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
