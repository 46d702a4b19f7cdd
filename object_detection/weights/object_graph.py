"""Variables of a TensorFlow 2 checkpoint, which names them by their place among objects, under the API's old names.

    model/_feature_extractor/classification_backbone/layer_with_weights-2/depthwise_kernel
        .../Conv2d_1_depthwise/depthwise_weights
    model/_feature_extractor/_feature_map_generator/convolutions/2/{0,1,3,4}/...
        .../Conv2d_13_pointwise_{1,2}_Conv2d_2_{1x1,3x3_s2}/...
    model/_box_predictor/_prediction_heads/box_encodings/0/_box_encoder_layers/0/kernel
        BoxPredictor_0/BoxEncodingPredictor/weights

So are the bodies of other detectors on MobileNet, such as the FPNs, and of classifiers that Keras wrote
(`layer_with_weights-0/kernel`). The API with TensorFlow 2 took `depth_multiplier` twice in the body of MobileNet v1, so
what it trained at another one than 1 has a body of another width than its extra layers, and fits no network here.
"""

from __future__ import annotations

import re
from typing import Any

from numpy.typing import NDArray

from object_detection.weights.arrays import BODY, Weights
from object_detection.weights.mobilenet import name_body
from object_detection.weights.tflite import has_background
from pipeline.errors import UserError

GRAPH, VALUE = "_CHECKPOINTABLE_OBJECT_GRAPH", "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT = "/.OPTIMIZER_SLOT/"
AVERAGE = re.compile(r"/\.OPTIMIZER_SLOT/.*/average$")
PASSING = re.compile(r"^(optimizer|step|save_counter|global_step|keras_api)(/|$)|(/|^)_CHECKPOINTABLE")
LAYER = re.compile(
    r"(?:_?model/)?(?:_?feature_extractor/(?:classification_backbone/|_mobilenet_v[12]/)?)?layer_with_weights-(\d+)/(\w+)"
)
EXTRA = re.compile(r"_?model/_feature_extractor/_feature_map_generator/convolutions/([2-5])/([0134])/(\w+)")
HEAD = re.compile(
    r"_?model/_box_predictor/_prediction_heads/"
    r"(box_encodings|class_predictions_with_background)/(\d)/_(?:box_encoder|class_predictor)_layers/0/(kernel|bias)"
)
PREDICTORS = {"box_encodings": "BoxEncodingPredictor", "class_predictions_with_background": "ClassPredictor"}


def rename(stored: dict[str, NDArray[Any]], moving_averages: bool, origin: str) -> Weights:
    """Return a checkpoint's variables under the old names; what has none keeps its place's.

    Raises:
        UserError: the body is another network's, or moving averages are asked for and there are none.
    """
    found = {name.removesuffix(VALUE): array for name, array in stored.items() if name.endswith(VALUE)}
    averages = {AVERAGE.sub("", name): array for name, array in found.items() if AVERAGE.search(name)}
    if moving_averages and not averages:
        raise UserError("The checkpoint has no moving averages.", origin, "Set `trainer.warm_start_averages=false`.")
    arrays = {name: array for name, array in found.items() if SLOT not in name and not PASSING.search(name)}
    arrays |= averages if moving_averages else {}
    body, named = {}, {}
    for name, array in arrays.items():
        if match := LAYER.fullmatch(name):
            body[(int(match[1]), match[2])] = array
        else:
            named[old_name(name)] = array
    named |= name_body(body, origin)
    biases = named.get("BoxPredictor_0/ClassPredictor/biases")
    other = biases is None or biases.size % 3 != 0  # anchors of another detector
    return Weights(named, False, other or has_background(named), origin)


def old_name(name: str) -> str:
    """Return the old name of what follows the body; a place that had none keeps its own."""
    if match := EXTRA.fullmatch(name):
        part, kind = (1, "1x1") if match[2] in "01" else (2, "3x3_s2")
        variable = "weights" if match[3] == "kernel" else f"BatchNorm/{match[3]}"
        return f"{BODY}/Conv2d_13_pointwise_{part}_Conv2d_{match[1]}_{kind}/{variable}"
    if match := HEAD.fullmatch(name):
        return f"BoxPredictor_{match[2]}/{PREDICTORS[match[1]]}/{'weights' if match[3] == 'kernel' else 'biases'}"
    return name
