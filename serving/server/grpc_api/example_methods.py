"""Classify, Regress and MultiInference: from a request's bytes to the answer's."""

from __future__ import annotations

import time
from typing import Any, Literal

from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

from serving.server.core import Core
from serving.server.errors import RequestError, invalid
from serving.server.example_inference import classify, multi_inference, regress
from serving.server.example_results import CLASSIFY
from serving.server.grpc_api.requests import lend, parse
from serving.server.result_protos import fill_classes, fill_numbers, fill_spec, read_examples, serialize
from serving.signatures import DEFAULT_SIGNATURE

Api = Literal["Classify", "Regress", "MultiInference"]
REQUESTS = {
    "Classify": classification_pb2.ClassificationRequest,
    "Regress": regression_pb2.RegressionRequest,
    "MultiInference": inference_pb2.MultiInferenceRequest,
}


def answer_examples(core: Core, api: Api, body: bytes, deadline: float) -> bytes:
    """Return the answer's bytes; waits for the model.

    Raises:
        RequestError: what is wrong with the request, or went wrong.
    """
    began, code = time.perf_counter(), "OK"
    request = parse(REQUESTS[api], body)
    first = request.tasks[0] if api == "MultiInference" and request.tasks else request
    model = first.model_spec.name if hasattr(first, "model_spec") else ""
    try:
        if api == "MultiInference":
            return infer(core, request, deadline)
        return ask(core, api, request, deadline)
    except RequestError as error:
        code = error.code
        raise
    except Exception:
        code = "INTERNAL"
        raise
    finally:
        core.metrics.answered(model, api, "GRPC", code, began)


def ask(core: Core, api: Literal["Classify", "Regress"], request: Any, deadline: float) -> bytes:
    """Answer Classify and Regress."""
    signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
    with lend(core, request) as handle:
        examples = read_examples(request.input)
        wanted = core.request_log.wants(handle.name)
        if api == "Classify":
            response = classification_pb2.ClassificationResponse()
            classes = classify(core, handle, signature, examples, deadline)
            fill_classes(response.result, classes)
            if wanted:
                core.request_log.classify(handle.name, handle.version, signature, examples, classes)
        else:
            response = regression_pb2.RegressionResponse()
            numbers = regress(core, handle, signature, examples, deadline)
            fill_numbers(response.result, numbers)
            if wanted:
                core.request_log.regress(handle.name, handle.version, signature, examples, numbers)
        fill_spec(response.model_spec, handle.name, handle.version, signature)
    return serialize(response)


def infer(core: Core, request: Any, deadline: float) -> bytes:
    """Answer MultiInference: the first task's spec picks the version that all are asked of."""
    if not request.tasks:
        raise invalid("ModelSpec has no name specified.")
    with lend(core, request.tasks[0]) as handle:
        tasks = read_tasks(request)
        examples = read_examples(request.input)
        answers: list[Any] = multi_inference(core, handle, tasks, examples, deadline)
        if core.request_log.wants(handle.name):
            core.request_log.multi_inference(handle.name, handle.version, tasks, examples, answers)
        response = inference_pb2.MultiInferenceResponse()
        for (signature, method), answer in zip(tasks, answers, strict=True):
            result = response.results.add()
            fill_spec(result.model_spec, handle.name, handle.version, signature)
            if method == CLASSIFY:
                fill_classes(result.classification_result, answer)
            else:
                fill_numbers(result.regression_result, answer)
    return serialize(response)


def read_tasks(request: Any) -> list[tuple[str, str]]:
    """Return signature and method of each task.

    Raises:
        RequestError: they are of several models.
    """
    names = [task.model_spec.name for task in request.tasks]
    if not all(names):
        raise invalid("Found ModelSpec with an empty model name.")
    if len(set(names)) > 1:
        raise invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return [(task.model_spec.signature_name or DEFAULT_SIGNATURE, task.method_name) for task in request.tasks]
