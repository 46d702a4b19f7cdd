"""Examples for the page: a request of each signature as JSON, out of the model's own warm-up file."""

from __future__ import annotations

import base64
import logging
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from data.tfrecord import read_records
from serving.server.models.saved_model import Servable, import_tensorflow
from serving.signatures import DEFAULT_SIGNATURE, WARMUP_FILE

log = logging.getLogger("serving")
MOST_RECORD_BYTES = 2**20  # a larger request is more than a person wants to look at
MOST_FILE_BYTES = 2**26


def read_examples(servable: Servable) -> dict[str, bytes]:
    """Return the JSON body of each signature's first predict request; none where a file is not there or no good."""
    from tensorflow_serving.apis import prediction_log_pb2  # loads TensorFlow

    file = servable.folder / WARMUP_FILE
    found: dict[str, bytes] = {}
    wanted = {name for name in servable.meta_graph.signature_def if not name.startswith("__saved_model")}
    try:
        if file.stat().st_size > MOST_FILE_BYTES:
            return {}
        for record in read_records(file):
            if len(record) <= MOST_RECORD_BYTES:
                request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
                name = request.model_spec.signature_name or DEFAULT_SIGNATURE
                if request.inputs and name not in found:
                    found[name] = write_body(name, request.inputs)
            if found.keys() >= wanted:
                break
    except FileNotFoundError:
        return {}
    except Exception as error:  # of the server's two readers this is the one that may fail: the load has read it before
        log.warning("no examples from %s: %s: %s", file, type(error).__name__, error)
    return found


def write_body(signature: str, inputs: Any) -> bytes:
    """Return a request's body in columnar format."""
    make_ndarray = import_tensorflow().make_ndarray
    values = {name: to_json(make_ndarray(tensor)) for name, tensor in sorted(inputs.items())}
    named = {} if signature == DEFAULT_SIGNATURE else {"signature_name": signature}
    return orjson.dumps({**named, "inputs": values}, option=orjson.OPT_SERIALIZE_NUMPY)


def to_json(array: NDArray[Any]) -> Any:
    """Return an array as orjson writes it; bytes as base64."""
    if array.dtype != object:
        return np.ascontiguousarray(array)
    if array.ndim == 0:
        return {"b64": base64.b64encode(array.item()).decode("ascii")}
    return [to_json(item if isinstance(item, np.ndarray) else np.array(item, object)) for item in array]
