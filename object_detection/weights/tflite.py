"""Weights of a TFLite model of SSD-MobileNet v1, quantised or not, as floats.

Such a file has batch normalisation folded into kernels and biases; in it, layers of the body stand under a doubled
scope, and kernels are [out, height, width, in]. Its 8-bit numbers are the only copy: what is read is right to half a
step of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from object_detection.weights.arrays import Weights, plain_name, unfold
from pipeline.errors import UserError

KERNEL, BIASES = ("/weights_quant/", "/weights/"), ("Conv2D_Fold_bias", "depthwise_Fold_bias", "Conv2D_bias")
UNTRAINED = -4.0  # a background column whose biases lie below this was left as focal loss began with it


def read(path: Path) -> Weights:
    """Read kernels and biases.

    Raises:
        UserError: it is no TFLite model.
    """
    try:
        interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    except ValueError as error:
        raise UserError(f"This is no TFLite model: {error}", str(path), "Copy or download it again.") from error
    arrays: dict[str, Any] = {}
    for tensor in interpreter.get_tensor_details():
        name = tensor["name"]
        layer, _, last = name.rpartition("/")
        predictor = "BoxPredictor" in name
        if any(part in name for part in KERNEL):
            layer = name.split(KERNEL[0])[0].split(KERNEL[1])[0]
            kernel = dequantise(interpreter, tensor).transpose(1, 2, 3, 0)
            kind = "depthwise_weights" if layer.endswith("_depthwise") else "weights"
            arrays[f"{plain_name(layer)}/{kind}"] = kernel
        elif last in BIASES:
            bias = dequantise(interpreter, tensor)
            arrays |= {f"{layer}/biases": bias} if predictor else unfold(plain_name(layer), bias)
    return Weights(arrays, True, has_background(arrays), str(path))


def dequantise(interpreter: Any, tensor: dict[str, Any]) -> Any:
    """Return a constant as floats: scale * (number - zero point)."""
    scale, zero = tensor["quantization"]
    stored = interpreter.get_tensor(tensor["index"])
    return stored.astype(np.float32) if not scale else (scale * (stored.astype(np.float64) - zero)).astype(np.float32)


def has_background(arrays: dict[str, Any]) -> bool:
    """Tell whether the logits of background were trained, by their biases on the first feature map (three anchors)."""
    biases = arrays.get("BoxPredictor_0/ClassPredictor/biases")
    return biases is None or bool(biases.reshape(3, -1)[:, 0].mean() > UNTRAINED)
