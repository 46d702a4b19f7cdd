"""Warm-up requests: the file a server replays before it says that a version is available."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from data.tfrecord import write_record
from serving.signatures import WARMUP_FILE


def write_warmup(saved_model: Path, requests: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
    """Write predict requests into a SavedModel, in the order given; return how many.

    Args:
        saved_model: the SavedModel's folder.
        requests: signature name and arrays by input name. The model's name is left out, since no server looks at it.
    """
    target = saved_model / WARMUP_FILE
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with target.open("wb") as file:
        for signature, arrays in requests:
            record = prediction_log_pb2.PredictionLog()
            request = record.predict_log.request
            request.model_spec.signature_name = signature
            for name, value in arrays.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            write_record(file, record.SerializeToString(deterministic=True))
            count += 1
    return count
