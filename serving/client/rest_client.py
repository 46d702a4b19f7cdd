"""Client over REST."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.errors import UserError
from serving.client.answers import ServerError, VersionStatus
from serving.client.model_client import Example, ModelClient, Verb
from serving.client.retries import RETRY_STATUS, Retries, read_retry_after
from serving.signatures import DEFAULT_SIGNATURE

if TYPE_CHECKING:
    import numpy as np
    import requests


ADDRESS_FIX = "A server's address looks like http://127.0.0.1:8501, for gRPC like grpc://127.0.0.1:8500."
OTHER_PROTOCOL = "BadStatusLine"  # what came is no HTTP/1.1


class Client(ModelClient):
    """A connection to a server's REST API.

    Args:
        url: such as `http://127.0.0.1:8501`.
        timeout: seconds to wait for one answer.
        retries: how often a request is repeated while the server says 503 (overloaded).
        token: bearer token, where the server wants one.
        ca_file: PEM certificates by which a TLS server is trusted; the system's by default.

    Raises:
        UserError: the address is none.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 60.0,
        retries: int | Retries = 4,
        token: str = "",
        ca_file: Path | None = None,
    ) -> None:
        import requests

        if not url.startswith(("http://", "https://")):
            raise UserError(f"`{url}` is no address of a REST API.", "url", ADDRESS_FIX)
        self.url, self.timeout = url.rstrip("/"), timeout
        self.retries = Retries(retries) if isinstance(retries, int) else retries
        self.session: requests.Session = requests.Session()
        self.session.trust_env = False  # a proxy for the internet must not get in the way of a server on this machine
        self.session.headers["Content-Type"] = "application/json"
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"
        if ca_file is not None:
            self.session.verify = str(ca_file)

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
        if (instances is None) == (inputs is None):
            raise UserError("Give either `instances` (one element a row) or `inputs` (whole arrays).", "Client.predict")
        body: dict[str, Any] = {"signature_name": signature} if signature else {}
        body |= {"inputs": inputs} if instances is None else {"instances": instances}
        answer = self.request("POST", model_path(name, version, label) + ":predict", encode(body))
        return answer["outputs" if instances is None else "predictions"]

    def predict_arrays(
        self,
        name: str,
        inputs: Mapping[str, Any],
        signature: str = "",
        version: int | None = None,
        label: str = "",
    ) -> dict[str, np.ndarray]:
        from serving.client.tensors import from_json

        signatures = self.metadata(name, version, label)
        outputs = signatures.get(signature or DEFAULT_SIGNATURE, {}).get("outputs", {})
        given = self.predict(name, inputs=dict(inputs), signature=signature, version=version, label=label)
        values = given if len(outputs) > 1 else dict.fromkeys(outputs, given)
        return {key: from_json(value, outputs[key]["dtype"]) for key, value in values.items()}

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
        body: dict[str, Any] = {"signature_name": signature} if signature else {}
        body |= {"context": json_features(context)} if context else {}
        body["examples"] = [json_features(example) for example in examples]
        results = self.request("POST", f"{model_path(name, version, label)}:{verb}", encode(body))["results"]
        return [[(text, score) for text, score in row] for row in results] if verb == "classify" else results

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        answer = self.request("GET", model_path(name, version))
        return [
            VersionStatus(
                int(item["version"]), item["state"], item["status"]["error_code"], item["status"]["error_message"]
            )
            for item in answer.get("model_version_status", [])
        ]

    def metadata(self, name: str, version: int | None = None, label: str = "") -> dict[str, Any]:
        answer = self.request("GET", model_path(name, version, label) + "/metadata")
        return answer["metadata"]["signature_def"]["signature_def"]

    def version_of(self, name: str, label: str = "") -> int:
        return int(self.request("GET", model_path(name, None, label) + "/metadata")["model_spec"]["version"])

    def request(self, method: str, path: str, body: bytes | str | None = None) -> Any:
        """Send a request and return the JSON of its answer; it is repeated while the server is overloaded.

        Raises:
            ServerError: the server refused, or could not be reached.
        """
        import requests

        for attempt in range(self.retries.count + 1):
            last = attempt == self.retries.count
            try:
                response = self.session.request(method, self.url + path, data=body, timeout=self.timeout)
            except requests.Timeout:
                raise ServerError(f"The server gave no answer within {self.timeout:.0f} s.", self.url + path) from None
            except requests.RequestException as error:
                # a kept connection that the server ended meanwhile
                if "Connection aborted" in str(error) and OTHER_PROTOCOL not in str(error) and not last:
                    time.sleep(self.retries.pause(attempt))
                    continue
                raise self.unreachable(error) from None
            pause = self.retries.pause(attempt, read_retry_after(response.headers.get("Retry-After")))
            if response.status_code != RETRY_STATUS or last or pause > self.timeout:
                return read_answer(response)
            time.sleep(pause)

    def unreachable(self, error: Exception) -> ServerError:
        """Make the error of a server that could not be reached."""
        silent = "RemoteDisconnected" in str(error)
        if silent or OTHER_PROTOCOL in str(error):
            return ServerError(
                f"The server {'closed the connection without an answer' if silent else 'does not answer in HTTP/1.1'}. "
                f"This looks like the port of a gRPC API{', or of TLS' if self.url.startswith('http://') else ''}.",
                self.url,
                "Name the port of the REST API, which `labline serve` tells: 8501 by default.",
            )
        return ServerError(
            f"The server cannot be reached: {reason_of(error)}.", self.url, "Is it running? `labline serve` starts it."
        )

    def close(self) -> None:
        self.session.close()


def model_path(name: str, version: int | None = None, label: str = "") -> str:
    """Return the URL path of a model."""
    chosen = f"/versions/{version}" if version is not None else f"/labels/{quote(label, safe='')}" if label else ""
    return f"/v1/models/{quote(name, safe='')}{chosen}"


def encode(body: dict[str, Any]) -> bytes:
    """Return a body as JSON."""
    import orjson

    try:
        text = orjson.dumps(body, default=to_json, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:  # such as an integer beyond 64 bits, or a text with lone surrogates
        text = b"null"
    # orjson writes NaN as null; the protocol has a token for it, which python's own writer knows
    return text if b"null" not in text else json.dumps(body, default=to_json).encode()


def to_json(value: Any) -> Any:
    """Translate what JSON has no form for: arrays, numpy numbers and bytes."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def json_features(example: Mapping[str, Any] | bytes) -> dict[str, Any]:
    """Return the features of a tf.Example as JSON values; a list of one value is that value."""
    from data.tfrecord import decode_example

    features = decode_example(example) if isinstance(example, bytes) else example
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in features.items()}


def reason_of(error: Exception) -> str:
    """Return the innermost reason of a failed connection."""
    text = str(error)
    return "connection refused" if "refused" in text else text.rsplit(": ", 1)[-1].strip("')> ")


def read_answer(response: requests.Response) -> Any:
    """Return an answer's JSON, or raise what the server says is wrong."""
    answer = read_json(response.content)
    if response.ok and answer is not None:
        return answer
    message = answer.get("error") if isinstance(answer, dict) else None
    raise ServerError(
        message or f"The server answered {response.status_code} {response.reason}.",
        response.url,
        status=response.status_code,
    )


def read_json(content: bytes) -> Any:
    """Return the value of an answer; None if it is no JSON."""
    import orjson

    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        pass
    try:
        # the protocol allows strings that are not UTF-8, and NaN and Infinity, which python's parser knows
        return json.loads(content.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
