"""Constants of a frozen graph that the Object Detection API exported."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from object_detection.weights.arrays import NORM, Weights, plain_name
from pipeline.errors import UserError

VARIABLES = ("weights", "depthwise_weights", "biases", *(f"BatchNorm/{variable}" for variable in NORM))


def read(path: Path) -> Weights:
    """Read the constants that were variables.

    Raises:
        UserError: it is no frozen graph.
    """
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise UserError(
            "This is no frozen graph.",
            str(path),
            "Give `frozen_inference_graph.pb`; a saved_model.pb holds no weights.",
        ) from error
    arrays = {
        plain_name(node.name): tf.make_ndarray(node.attr["value"].tensor)
        for node in graph.node
        if node.op == "Const" and node.name.endswith(VARIABLES)
    }
    return Weights(arrays, False, True, str(path))
