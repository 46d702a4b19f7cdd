"""PredictionService: the methods that ask models, each from a request's bytes to the answer's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeVar

from numpy.typing import NDArray
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2

from serving.server.core import NO_DEADLINE, Core
from serving.server.errors import RequestError, invalid
from serving.server.execution import Answer, Outcome
from serving.server.grpc_api.example_methods import Api, answer_examples
from serving.server.grpc_api.requests import lend, parse
from serving.server.grpc_api.tensor_protos import read_tensor, write_tensor
from serving.server.models.versions import ServableHandle
from serving.server.result_protos import fill_spec, serialize
from serving.signatures import DEFAULT_SIGNATURE

SIGNATURES = "signature_def"  # the only field of metadata there is
LARGE = 2**18  # bytes; what is larger is converted by a thread, not by the loop
Result = TypeVar("Result")


@dataclass(frozen=True)
class Call:
    """A predict request, ready to run."""

    handle: ServableHandle
    signature: str
    arrays: dict[str, NDArray[Any]]
    outputs: dict[str, str]  # wanted ones, with their types' names


def is_loggable(context: Any) -> bool:
    """Say whether a call may be logged: one that only tests the server has the metadata that is REST's header."""
    return ("x-labline-unlogged", "1") not in (context.invocation_metadata() or ())


class PredictionService:
    """The methods of tensorflow.serving.PredictionService."""

    name = "tensorflow.serving.PredictionService"

    def __init__(self, core: Core, tensor_content: bool, call_threads: Executor, status_threads: Executor) -> None:
        self.core, self.tensor_content, self.call_threads, self.status_threads = (
            core,
            tensor_content,
            call_threads,
            status_threads,
        )

    def methods(self) -> dict[str, Any]:
        """Return the methods by their names in gRPC."""
        return {
            "Predict": self.predict,
            "Classify": self.ask_examples("Classify"),
            "Regress": self.ask_examples("Regress"),
            "MultiInference": self.ask_examples("MultiInference"),
            "GetModelMetadata": self.metadata,
        }

    async def predict(self, body: bytes, context: Any) -> bytes:
        """Answer Predict."""
        began, deadline = time.perf_counter(), deadline_of(context)
        request = parse(predict_pb2.PredictRequest, body)
        model, code = request.model_spec.name, "OK"
        try:
            call = await self.convert(len(body), lambda: read_predict(self.core, request))
            computing = time.perf_counter()
            answer = await self.compute(call, deadline)
            self.core.metrics.computed(model, "Predict", time.perf_counter() - computing)
            outputs = {name: value for name, value in answer.arrays().items() if name in call.outputs}
            if is_loggable(context) and self.core.request_log.wants(model):
                self.core.request_log.predict(model, call.handle.version, call.signature, call.arrays, outputs)
            size = sum(value.nbytes for value in outputs.values())
            return await self.convert(size, lambda: write_predict(call, outputs, self.tensor_content))
        except RequestError as error:
            code = error.code
            raise
        except Exception:
            code = "INTERNAL"
            raise
        finally:
            self.core.metrics.answered(model, "Predict", "GRPC", code, began)

    async def convert(self, size: int, work: Callable[[], Result]) -> Result:
        """Do work that takes as long as `size` bytes are many, away from the loop if they are."""
        if size <= LARGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self.call_threads, work)

    async def compute(self, call: Call, deadline: float) -> Answer:
        """Run the model, alone or in a batch; it is given back when that has ended, even if nobody waits any more."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        def done(outcome: Outcome) -> None:
            call.handle.give_back()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, outcome)

        try:
            self.core.execution.submit(call.handle.servable, call.signature, call.arrays, deadline, done)
        except BaseException:  # such as no memory for another thread
            call.handle.give_back()
            raise
        outcome = await future
        if isinstance(outcome, RequestError):
            raise outcome
        return outcome

    def ask_examples(self, api: Api) -> Callable[[bytes, Any], Coroutine[Any, Any, bytes]]:
        """Return the method of one of the APIs that take tf.Examples."""

        async def answer(body: bytes, context: Any) -> bytes:
            deadline = deadline_of(context)
            return await asyncio.get_running_loop().run_in_executor(
                self.call_threads, answer_examples, self.core, api, body, deadline
            )

        return answer

    async def metadata(self, body: bytes, context: Any) -> bytes:
        """Answer GetModelMetadata."""
        return await asyncio.get_running_loop().run_in_executor(self.status_threads, describe, self.core, body)


def deadline_of(context: Any) -> float:
    """Return the client's deadline, on `time.monotonic()`."""
    remaining = context.time_remaining()
    return time.monotonic() + (NO_DEADLINE if remaining is None else remaining)


def read_predict(core: Core, request: Any) -> Call:
    """Return what a predict request asks for; its version is handle, and still is when this returns."""
    handle = lend(core, request)
    try:
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        signature = handle.servable.signature(name)
        if signature is None:
            raise RequestError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        defaults = handle.servable.meta_graph.signature_def[name].defaults
        arrays = read_inputs(request.inputs, signature.inputs, defaults)
        return Call(handle, name, arrays, choose_outputs(list(request.output_filter), signature.outputs))
    except BaseException:
        handle.give_back()
        raise


def read_inputs(sent: Any, wanted: dict[str, str], defaults: Any) -> dict[str, NDArray[Any]]:
    """Return the arrays by input name, in the signature's order and of its types.

    Args:
        sent: input name -> TensorProto, from the client.
        wanted: input name -> type name, of the signature.
        defaults: input name -> TensorProto, of the inputs that a client may leave out.
    """
    if len(sent) > len(wanted) or (len(sent) < len(wanted) and not defaults):
        raise invalid(describe_difference(set(sent), set(wanted)))
    arrays = {}
    for alias in sorted(sent):
        if alias not in wanted:
            raise invalid(
                f"input tensor alias not found in signature: {alias}. "
                f"Inputs expected to be in the set {braces(wanted)}."
            )
        try:
            dtype, arrays[alias] = read_tensor(sent[alias])
        except RequestError as error:
            raise invalid(f"tensor parsing error: {alias}: {error.message}") from None
        if dtype != wanted[alias]:
            raise invalid(f"Expects input {alias} to be {wanted[alias]} but {dtype} is provided")
    if without := [alias for alias in wanted if alias not in sent and alias not in defaults]:
        raise invalid(f"Missing inputs that have no default: {braces(without)}.")
    return {alias: arrays[alias] if alias in arrays else read_tensor(defaults[alias])[1] for alias in wanted}


def describe_difference(sent: set[str], wanted: set[str]) -> str:
    return (
        f"input size does not match signature: {len(sent)}!={len(wanted)} len({braces(sent)}) != len({braces(wanted)})."
        f" Sent extra: {braces(sent - wanted)}. Missing but required: {braces(wanted - sent)}."
    )


def braces(names: Iterable[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"


def choose_outputs(asked: list[str], outputs: dict[str, str]) -> dict[str, str]:
    """Return the outputs that a request's filter leaves, with their types; an empty filter leaves all."""
    for number, alias in enumerate(asked):
        if alias not in outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {braces(outputs)}."
            )
        if alias in asked[:number]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return {name: outputs[name] for name in asked or outputs}


def write_predict(call: Call, outputs: dict[str, NDArray[Any]], content: bool) -> bytes:
    """Return a predict answer's bytes."""
    response = predict_pb2.PredictResponse()
    fill_spec(response.model_spec, call.handle.name, call.handle.version, call.signature)
    for name, dtype in call.outputs.items():
        write_tensor(response.outputs[name], outputs[name], dtype, content)
    return serialize(response)


def describe(core: Core, body: bytes) -> bytes:
    """Return the answer of GetModelMetadata: a version's signatures."""
    request = parse(get_model_metadata_pb2.GetModelMetadataRequest, body)
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    if not request.metadata_field:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    if unknown := [field for field in request.metadata_field if field != SIGNATURES]:
        raise invalid(f"Metadata field {unknown[0]} is not supported")
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    with lend(core, request) as handle:
        fill_spec(response.model_spec, handle.name, handle.version, "")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in handle.servable.meta_graph.signature_def.items():
            signatures.signature_def[name].CopyFrom(definition)
    response.metadata[SIGNATURES].Pack(signatures)
    return serialize(response)
