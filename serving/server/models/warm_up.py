"""Warm-up: a version's recorded requests of all four kinds, replayed before it serves."""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from serving.server.errors import RequestError, invalid
from serving.server.example_results import CLASSIFY, REGRESS
from serving.server.models.saved_model import Servable, Signature, code_name, import_tensorflow
from serving.server.result_protos import read_examples
from serving.signatures import DEFAULT_SIGNATURE, WARMUP_FILE

MOST_RECORDS = 1000
FOREVER = float("inf")  # a first computation may take its time; that is what warm-up is for
METHODS = (CLASSIFY, REGRESS)


def warm_up(servable: Servable, iterations: int = 1) -> int:
    """Replay the version's warm-up requests, each `iterations` times; return how many requests there are.

    Raises:
        RequestError: a record cannot be read or its request fails, which makes the load fail.
    """
    file = servable.folder / WARMUP_FILE
    if not file.exists():
        return 0
    tensorflow = import_tensorflow()
    from tensorflow_serving.apis import prediction_log_pb2  # would load Keras, too, had TensorFlow not been imported

    count = 0
    try:
        for record in tensorflow.compat.v1.io.tf_record_iterator(str(file)):
            count += 1
            if count > MOST_RECORDS:
                raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS})")
            request = prediction_log_pb2.PredictionLog.FromString(record)
            for _ in range(max(iterations, 1)):
                replay(servable, request)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record {count} of {file}: {error}") from None
    except tensorflow.errors.OpError as error:
        raise RequestError(code_name(error.error_code), f"Failed to read {file}: {error.message}") from None
    except RequestError as error:
        raise RequestError(error.code, f"warm-up request {count} of {file}: {error.message}") from None
    return count


def replay(servable: Servable, record: Any) -> None:
    """Run one recorded request; its answer is dropped."""
    kind = record.WhichOneof("log_type")
    if kind == "predict_log":
        predict(servable, record.predict_log.request)
    elif kind == "classify_log":
        request = record.classify_log.request
        run_examples(servable, request.model_spec.signature_name, request.input)
    elif kind == "regress_log":
        request = record.regress_log.request
        run_examples(servable, request.model_spec.signature_name, request.input)
    elif kind == "multi_inference_log":
        request = record.multi_inference_log.request
        for task in request.tasks:
            if task.method_name not in METHODS:
                raise RequestError("UNIMPLEMENTED", f"Unsupported signature method_name: {task.method_name}")
            run_examples(servable, task.model_spec.signature_name, request.input)
    else:
        raise RequestError("UNIMPLEMENTED", f"Unsupported log_type for warmup: {kind or 'LOG_TYPE_NOT_SET'}")


def predict(servable: Servable, request: Any) -> None:
    tensorflow = import_tensorflow()
    signature = find(servable, request.model_spec.signature_name)
    sent, required = set(request.inputs), set(signature.inputs)
    if sent != required:
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(required)} len({{{', '.join(sorted(sent))}}}) "
            f"!= len({{{', '.join(sorted(required))}}})."
        )
    try:
        arrays = {name: tensorflow.make_ndarray(tensor) for name, tensor in request.inputs.items()}
    except (TypeError, ValueError) as error:
        raise invalid(f"tensor parsing error: {error}") from None
    servable.run(signature, arrays, FOREVER)


def run_examples(servable: Servable, name: str, source: Any) -> None:
    """Run a signature that takes serialized examples."""
    signature = find(servable, name)
    if len(signature.inputs) != 1:
        raise invalid(f"Expected one input Tensor. The signature has {len(signature.inputs)}.")
    examples = read_examples(source)
    if not examples:
        raise invalid("Input is empty.")
    array = np.empty(len(examples), object)
    array[:] = examples
    servable.run(signature, dict.fromkeys(signature.inputs, array), FOREVER)


def find(servable: Servable, name: str) -> Signature:
    """Return a signature; no name means the default one."""
    signature = servable.signature(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise RequestError("FAILED_PRECONDITION", f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.')
    return signature
