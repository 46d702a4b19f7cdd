"""The network's channels and variables without TensorFlow, to compare a pipeline.config's with them."""

from __future__ import annotations

BODY = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)  # of Conv2d_0 to Conv2d_13_pointwise
EXTRAS = (512, 256, 256, 128)
LEAST_HERE = (8, 16)  # channels of a layer of the body, of an extra layer


def same_channels(width: float, least: int) -> bool:
    """Tell whether the API's layers of a width and least number of channels are as wide as ours."""
    body = all(max(int(depth * width), least) == rounded(depth, width) for depth in BODY)
    halves = [number for depth in EXTRAS for number in (depth, depth / 2)]
    return body and all(max(int(number * width), least) == extra(number, width) for number in halves)


def least_channels(width: float) -> int | None:
    """Return the `min_depth` with which the API builds our network; None if there is none."""
    return next((least for least in (16, 8, 1) if same_channels(width, least)), None)


def rounded(depth: int, width: float) -> int:
    """Return the channels that Model Garden gives a layer of the body: a multiple of 8 that is at most a tenth too small."""
    wanted = depth * width
    number = max(LEAST_HERE[0], int(wanted + 4) // 8 * 8)
    return number + 8 if number < 0.9 * wanted else number


def extra(depth: float, width: float) -> int:
    """Return the channels of an extra layer; of the 1 x 1 convolutions, which have half of the next layer's."""
    if depth in EXTRAS:
        return max(int(depth * width), LEAST_HERE[1])
    return max(int(2 * depth * width), LEAST_HERE[1]) // 2


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
    predictors = [f"BoxPredictor_{number}/{kind}" for number in range(6) for kind in ("BoxEncodingPredictor", "ClassPredictor")]  # fmt: skip
    return names + [f"{layer}/{name}" for layer in predictors for name in ("weights", "biases")]
