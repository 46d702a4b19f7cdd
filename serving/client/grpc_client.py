"""Client over gRPC, without TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import UserError
from serving.client.answers import ServerError, VersionStatus
from serving.client.model_client import Example, ModelClient, Verb
from serving.client.retries import Retries
from serving.protos import message_class, new, read
from serving.server.errors import HTTP_STATUS
from serving.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    import grpc

PREDICTION, MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
CODES = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
]  # fmt: skip

OTHER_PROTOCOL = ("parsing HTTP/2", "http1.x server")  # in what gRPC says about an answer of another kind

Signatures = dict[str, Any]


class GrpcClient(ModelClient):
    """A connection to a server's gRPC API.

    What a signature takes is asked once for each model, version and label, and again when the server refuses a request.

    Args:
        url: `grpc://HOST:PORT`, `grpcs://HOST:PORT` over TLS, or `HOST:PORT`.
        timeout: seconds to wait for one answer; the server gives up computing it then, too.
        retries: how often a request is repeated while the server says UNAVAILABLE.
        token: bearer token, where the server wants one.
        ca_file: PEM certificates by which a TLS server is trusted; the system's by default.
        certificate: PEM files of this client's own key and certificate, where the server wants them.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 60.0,
        retries: int | Retries = 4,
        token: str = "",
        ca_file: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        import grpc

        scheme, _, address = url.rstrip("/").rpartition("://")
        if scheme not in ("", "grpc", "grpcs"):
            raise UserError(f"`{url}` is no address of a gRPC API.", "url", "It looks like grpc://127.0.0.1:8500.")
        self.url, self.timeout = url.rstrip("/"), timeout
        self.retries = Retries(retries) if isinstance(retries, int) else retries
        self.token: tuple[tuple[str, str], ...] = (("authorization", f"Bearer {token}"),) if token else ()
        self.known: dict[tuple[str, int | None, str], Signatures] = {}
        # answers may be larger than the 4 MB that are the default; a proxy for the internet must not get in the way
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),
        ]
        if scheme != "grpcs":
            self.channel: grpc.Channel = grpc.insecure_channel(address, options)
            return
        roots = ca_file.read_bytes() if ca_file else None
        key, chain = (path.read_bytes() for path in certificate) if certificate else (None, None)
        self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(roots, key, chain), options)

    def predict(
        self,
        name: str,
        *,
        instances: Any = None,
        inputs: Any = None,
        signature: str = "",
        version: int | None = None,
        label: str = "",
    ) -> Any:
        from serving.client.tensors import to_values

        if (instances is None) == (inputs is None):
            raise UserError("Give either `instances` (one element a row) or `inputs` (whole arrays).", "Client.predict")
        given = self.inputs_of(name, signature, version, label)
        columns = columns_of(inputs, list(given)) if instances is None else rows_of(instances, list(given))
        outputs = self.predict_arrays(name, columns, signature, version, label)
        if instances is None:
            values = {key: to_values(array, key) for key, array in outputs.items()}
            return values if len(values) > 1 else next(iter(values.values()))
        named = {key: to_values(array, key) for key, array in outputs.items()}
        if len(named) == 1:
            return next(iter(named.values()))
        return [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]

    def predict_arrays(
        self,
        name: str,
        inputs: Mapping[str, Any],
        signature: str = "",
        version: int | None = None,
        label: str = "",
    ) -> dict[str, np.ndarray]:
        from serving.client.tensors import from_message

        for again in (True, False):
            types = self.inputs_of(name, signature, version, label)
            request = predict_request(inputs, types, spec(name, signature, version, label))
            try:
                response = self.call(PREDICTION, "Predict", request)
            except ServerError as error:
                if (
                    again
                    and error.status == HTTP_STATUS["INVALID_ARGUMENT"]
                    and self.forget(name, types, signature, version, label)
                ):
                    continue
                raise
            return {key: from_message(response.outputs[key]) for key in sorted(response.outputs)}
        raise AssertionError

    def forget(self, name: str, types: Signatures, signature: str, version: int | None, label: str) -> bool:
        """Ask again what a signature takes; say whether that has changed."""
        self.known.pop((name, version, label), None)
        return self.inputs_of(name, signature, version, label) != types

    def inputs_of(self, name: str, signature: str, version: int | None, label: str) -> Signatures:
        """Return what a signature takes: input name -> type and shape; nothing if there is no such signature."""
        key = (name, version, label)
        if key not in self.known:
            self.known[key] = self.metadata(name, version, label)
        return self.known[key].get(signature or DEFAULT_SIGNATURE, {}).get("inputs", {})

    def ask_about_examples(
        self,
        verb: Verb,
        name: str,
        examples: Sequence[Example],
        signature: str,
        context: Mapping[str, Any] | None,
        version: int | None,
        label: str,
    ) -> Any:
        method, kind = {"classify": ("Classify", "Classification"), "regress": ("Regress", "Regression")}[verb]
        model = spec(name, signature, version, label)
        request = new(f"{kind}Request", model_spec=model, input=input_of(examples, context))
        result = self.call(PREDICTION, method, request, f"{kind}Response").result
        if verb == "regress":
            return [item.value for item in result.regressions]
        return [[(item.label, item.score) for item in row.classes] for row in result.classifications]

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        request = new("GetModelStatusRequest", model_spec=spec(name, "", version, ""))
        response = self.call(MODEL, "GetModelStatus", request)
        found = [
            VersionStatus(
                item.version,
                STATES.get(item.state, "UNKNOWN"),
                CODES[item.status.error_code],
                item.status.error_message,
            )
            for item in response.model_version_status
        ]
        return sorted(found, key=lambda item: -item.version)

    def metadata(self, name: str, version: int | None = None, label: str = "") -> dict[str, Any]:
        response = self.ask_metadata(name, version, label)
        signatures = read("SignatureDefMap", response.metadata["signature_def"].value).signature_def
        return {
            key: {
                "inputs": {item: describe(info) for item, info in sorted(signature.inputs.items())},
                "outputs": {item: describe(info) for item, info in sorted(signature.outputs.items())},
                "method_name": signature.method_name,
            }
            for key, signature in sorted(signatures.items())
        }

    def version_of(self, name: str, label: str = "") -> int:
        return self.ask_metadata(name, None, label).model_spec.version.value

    def ask_metadata(self, name: str, version: int | None, label: str) -> Any:
        request = new(
            "GetModelMetadataRequest", model_spec=spec(name, "", version, label), metadata_field=["signature_def"]
        )
        return self.call(PREDICTION, "GetModelMetadata", request)

    def call(self, service: str, method: str, request: Any, response: str = "") -> Any:
        """Send a request and return its answer; it is repeated while the server is overloaded.

        Raises:
            ServerError: the server refused, or could not be reached.
        """
        import grpc

        kind = message_class(response or type(request).DESCRIPTOR.name.removesuffix("Request") + "Response")
        ask = self.channel.unary_unary(f"/{service}/{method}", type(request).SerializeToString, kind.FromString)
        for attempt in range(self.retries.count + 1):
            try:
                return ask(request, timeout=self.timeout, metadata=self.token)
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE or attempt == self.retries.count:
                    raise self.refused(error) from None
            time.sleep(self.retries.pause(attempt))
        raise AssertionError

    def refused(self, error: Any) -> ServerError:
        """Make the error of a call that failed."""
        code, message = error.code().name, error.details() or error.code().name
        if code == "UNAVAILABLE" and any(word in message for word in OTHER_PROTOCOL):
            return ServerError(
                "The server does not answer in HTTP/2. This looks like the port of a REST API"
                f"{', or of TLS' if not self.url.startswith('grpcs://') else ''}.",
                self.url,
                "Name the port of the gRPC API, which `labline serve` tells: 8500 by default.",
            )
        if code == "UNAVAILABLE" and ("failed to connect" in message or "DNS resolution" in message):
            reason = "connection refused" if "refused" in message else message
            return ServerError(
                f"The server cannot be reached: {reason}.", self.url, "Is it running? `labline serve` starts it."
            )
        if code == "DEADLINE_EXCEEDED":
            message = f"The server gave no answer within {self.timeout:.0f} s."
        return ServerError(message, self.url, status=HTTP_STATUS.get(code, 500))

    def close(self) -> None:
        self.channel.close()


def predict_request(inputs: Mapping[str, Any], types: Signatures, model: Any) -> Any:
    """Return a PredictRequest message of whole arrays; an input that the signature does not have is the server's to refuse."""
    from serving.client.tensors import to_array, to_message

    request = new("PredictRequest", model_spec=model)
    for key, value in inputs.items():
        kind = types[key]["dtype"] if key in types else guess_type(value)
        request.inputs[key].CopyFrom(to_message(to_array(value, kind), kind))
    return request


def spec(name: str, signature: str, version: int | None, label: str) -> Any:
    """Return a ModelSpec message."""
    message = new("ModelSpec", name=name, signature_name=signature)
    if version is not None:
        message.version.value = version
    elif label:
        message.version_label = label
    return message


def describe(info: Any) -> dict[str, Any]:
    """Return a TensorInfo as REST writes it."""
    from serving.client.tensors import NAMES

    dims = [{"size": str(dim.size), "name": dim.name} for dim in info.tensor_shape.dim]
    return {
        "dtype": NAMES.get(info.dtype, str(info.dtype)),
        "tensor_shape": {"dim": dims, "unknown_rank": info.tensor_shape.unknown_rank},
        "name": info.name,
    }


def columns_of(inputs: Any, names: list[str]) -> dict[str, Any]:
    """Return columnar inputs by name; the only input of a signature may stand without its name."""
    if isinstance(inputs, Mapping) and set(inputs) != {"b64"}:
        return dict(inputs)
    return {names[0] if len(names) == 1 else "inputs": inputs}


def rows_of(instances: Any, names: list[str]) -> dict[str, Any]:
    """Return rows as columns by name; in rows of a signature with one input its name may be left out."""
    rows = list(instances)
    if rows and isinstance(rows[0], Mapping) and set(rows[0]) != {"b64"}:
        if any(set(row) != set(rows[0]) for row in rows):
            raise UserError("Every element of `instances` must have the same names.", "Client.predict")
        return {key: stack([row[key] for row in rows]) for key in rows[0]}
    return {names[0] if len(names) == 1 else "inputs": instances if isinstance(instances, np.ndarray) else stack(rows)}


def stack(values: list[Any]) -> Any:
    """Put arrays on top of each other; other values stay a list."""
    return np.stack(values) if values and all(isinstance(value, np.ndarray) for value in values) else values


def guess_type(value: Any) -> str:
    """Return the type of an input that the signature does not tell."""
    from serving.client.tensors import TYPES

    kind = np.asarray(value).dtype
    return next((name for name, (_, numpy_name, _) in TYPES.items() if numpy_name == str(kind)), "DT_STRING")


def input_of(examples: Sequence[Example], context: Mapping[str, Any] | None) -> Any:
    """Return tf.Examples as an Input message."""
    message = new("Input")
    encoded = [example if isinstance(example, bytes) else encode_example(example) for example in examples]
    if context:
        message.example_list_with_context.examples.extend(encoded)
        message.example_list_with_context.context = encode_example(context)
    else:
        message.example_list.SetInParent()  # even if it is empty, so that the server says that
        message.example_list.examples.extend(encoded)
    return message


def encode_example(features: Mapping[str, Any]) -> bytes:
    """Return features as a serialized tf.Example: texts and bytes, integers and bools, or else floats."""
    message = new("Example")
    for key, value in features.items():
        values = value.tolist() if hasattr(value, "tolist") else value
        values = list(values) if isinstance(values, list | tuple) else [values]
        feature = message.features.feature[key]
        if all(isinstance(item, str | bytes) for item in values):
            feature.bytes_list.value.extend(item.encode() if isinstance(item, str) else item for item in values)
        elif all(isinstance(item, bool | int) for item in values):
            feature.int64_list.value.extend(int(item) for item in values)
        else:
            feature.float_list.value.extend(values)
    return message.SerializeToString(deterministic=True)
