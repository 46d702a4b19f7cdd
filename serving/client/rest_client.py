"""Client over REST."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import requests
from numpy.typing import NDArray

from pipeline.errors import UserError
from serving.client.answers import ServerError, VersionStatus
from serving.client.model_client import ModelClient
from serving.client.request import Request
from serving.client.rest_json import decode_answer, encode_request, model_path, read_json
from serving.client.retries import RETRY_STATUS, Retries, read_retry_after
from serving.client.tensors import from_json
from serving.signatures import DEFAULT_SIGNATURE

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

    def send(self, request: Request) -> Any:
        return decode_answer(request, self.request("POST", *encode_request(request)))

    def send_for_arrays(self, request: Request) -> dict[str, NDArray[Any]]:
        signatures = self.metadata(*request.model)
        outputs = signatures.get(request.signature or DEFAULT_SIGNATURE, {}).get("outputs", {})
        answer = self.send(request)
        values = answer if len(outputs) > 1 else dict.fromkeys(outputs, answer)
        return {key: from_json(value, outputs[key]["dtype"]) for key, value in values.items()}

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
        signatures: dict[str, Any] = answer["metadata"]["signature_def"]["signature_def"]
        return signatures

    def version_of(self, name: str, label: str = "") -> int:
        return int(self.request("GET", model_path(name, None, label) + "/metadata")["model_spec"]["version"])

    def request(self, method: str, path: str, body: bytes | str | None = None) -> Any:
        """Send a request and return the JSON of its answer; it is repeated while the server is overloaded.

        Raises:
            ServerError: the server refused, or could not be reached.
        """
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
