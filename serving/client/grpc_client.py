"""Client over gRPC, without TensorFlow."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
from numpy.typing import NDArray

from pipeline.errors import UserError
from serving.client.answers import ServerError, VersionStatus
from serving.client.grpc_messages import (
    Inputs,
    decode_answer,
    decode_arrays,
    decode_signatures,
    encode_request,
    model_spec,
)
from serving.client.model_client import ModelClient
from serving.client.request import Request, ServedModel
from serving.client.retries import Retries
from serving.protos import message_class, new
from serving.server.errors import HTTP_STATUS
from serving.signatures import DEFAULT_SIGNATURE

PREDICTION, MODEL = "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"
METHODS = {"predict": "Predict", "classify": "Classify", "regress": "Regress"}
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
CODES = {code.value[0]: code.name for code in grpc.StatusCode}

OTHER_PROTOCOL = ("parsing HTTP/2", "http1.x server")  # in what gRPC says about an answer of another kind


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
        scheme, _, address = url.rstrip("/").rpartition("://")
        if scheme not in ("", "grpc", "grpcs"):
            raise UserError(f"`{url}` is no address of a gRPC API.", "url", "It looks like grpc://127.0.0.1:8500.")
        self.url, self.timeout = url.rstrip("/"), timeout
        self.retries = Retries(retries) if isinstance(retries, int) else retries
        self.token: tuple[tuple[str, str], ...] = (("authorization", f"Bearer {token}"),) if token else ()
        self.known: dict[ServedModel, dict[str, Any]] = {}
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

    def send(self, request: Request) -> Any:
        return decode_answer(request, self.ask(request))

    def send_for_arrays(self, request: Request) -> dict[str, NDArray[Any]]:
        return decode_arrays(self.ask(request))

    def ask(self, request: Request) -> Any:
        """Send a request and return the response message."""
        if request.kind != "predict":
            return self.call(PREDICTION, METHODS[request.kind], encode_request(request, {}))
        types = self.inputs_of(request)
        try:
            return self.call(PREDICTION, "Predict", encode_request(request, types))
        except ServerError as error:
            if error.status != HTTP_STATUS["INVALID_ARGUMENT"]:
                raise
            self.known.pop(request.model, None)
            if (types_now := self.inputs_of(request)) == types:
                raise
        return self.call(PREDICTION, "Predict", encode_request(request, types_now))

    def inputs_of(self, request: Request) -> Inputs:
        """Return what a request's signature takes: input name -> type and shape; nothing if there is none such."""
        if request.model not in self.known:
            self.known[request.model] = self.metadata(*request.model)
        inputs: Inputs = self.known[request.model].get(request.signature or DEFAULT_SIGNATURE, {}).get("inputs", {})
        return inputs

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        request = new("GetModelStatusRequest", model_spec=model_spec(ServedModel(name, version)))
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
        return decode_signatures(self.ask_metadata(ServedModel(name, version, label)))

    def version_of(self, name: str, label: str = "") -> int:
        number: int = self.ask_metadata(ServedModel(name, None, label)).model_spec.version.value
        return number

    def ask_metadata(self, model: ServedModel) -> Any:
        request = new("GetModelMetadataRequest", model_spec=model_spec(model), metadata_field=["signature_def"])
        return self.call(PREDICTION, "GetModelMetadata", request)

    def call(self, service: str, method: str, request: Any) -> Any:
        """Send a request and return its answer; it is repeated while the server is overloaded.

        Raises:
            ServerError: the server refused, or could not be reached.
        """
        kind = message_class(type(request).DESCRIPTOR.name.removesuffix("Request") + "Response")
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
