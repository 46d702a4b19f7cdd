"""Client: typed answers of a served model over REST, from TensorFlow Serving and from the embedded server alike.

```python
client = Client("http://127.0.0.1:8501")
for prediction in client.predict_images("flowers", [Path("rose.jpg")]):
    print(prediction.label, prediction.probabilities[prediction.class_id])
```
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pipeline.errors import UserError

if TYPE_CHECKING:
    import requests

    from object_detection.detector import Detection

PICTURES_AT_ONCE = 32
HISTORIES_AT_ONCE = 256
BYTES_AT_ONCE = 32 * 2**20
RETRY_STATUS = 503  # the server's queue is full: later is better


class ServerError(UserError):
    """The server refused a request, or could not be reached.

    Args:
        status: HTTP status of the last answer; 0 if there was none.
        final: waiting longer will not help.
    """

    def __init__(self, what: str, where: str = "", fix: str = "", status: int = 0, final: bool = False) -> None:
        super().__init__(what, where, fix)
        self.status, self.final = status, final


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture; `probabilities` are in the order of the classes and sum to 1."""

    label: str
    class_id: int
    probabilities: list[float]

    @property
    def probability(self) -> float:
        """How probable the label is."""
        return self.probabilities[self.class_id]


@dataclass(frozen=True)
class Forecast:
    """The answer for one history: `forecast`, `lower` and `upper` [steps][columns], in the data's own units."""

    forecast: list[list[float]]
    lower: list[list[float]]
    upper: list[list[float]]


@dataclass(frozen=True)
class VersionStatus:
    """A version of a model as the server sees it; `state` is START, LOADING, AVAILABLE, UNLOADING or END."""

    version: int
    state: str
    error_code: str
    error_message: str


class Client:
    """A connection to a server.

    Args:
        url: such as `http://127.0.0.1:8501`.
        timeout: seconds to wait for one answer.
        retries: how often a request is repeated while the server says 503 (overloaded).
    """

    def __init__(self, url: str, timeout: float = 60.0, retries: int = 4) -> None:
        import requests

        self.url, self.timeout, self.retries = url.rstrip("/"), timeout, retries
        self.session: requests.Session = requests.Session()
        self.session.trust_env = False  # a proxy for the internet must not get in the way of a server on this machine

    def predict_images(
        self, name: str, images: Sequence[Path | str | bytes], version: int | None = None
    ) -> list[Prediction]:
        """Classify pictures, given as files or as their bytes.

        Pictures of a kind that the model's own decoder would not read as training did (WebP, rotated photos, transparency)
        are turned into PNG first.

        Raises:
            UserError: a file is no picture, or the server refused; its message is passed on.
        """
        encoded = [prepare(image) for image in images]
        return [prediction for batch in batches(encoded) for prediction in self.classify(name, batch, version)]

    def classify(self, name: str, encoded: Sequence[bytes], version: int | None = None) -> list[Prediction]:
        """Classify encoded pictures as they are, in one request."""
        instances = [{"b64": base64.b64encode(picture).decode("ascii")} for picture in encoded]
        answers = self.predict(name, instances=instances, version=version)
        try:
            return [Prediction(answer["label"], answer["class_id"], answer["probabilities"]) for answer in answers]
        except (TypeError, KeyError):
            raise ServerError(
                f"Model `{name}` answers without `label`, `class_id` and `probabilities`; it is no image classifier of labline.",
                self.url,
                "Ask it with `Client.predict`; `Client.metadata` tells its signatures.",
            ) from None

    def detect(
        self, name: str, images: Sequence[Path | str | bytes], version: int | None = None
    ) -> list[list[Detection]]:
        """Return what a detector finds in each photo, surest first; photos are given as files or as their bytes.

        They are sent upright, as `predict_images` sends pictures, and boxes are shares of the upright photo.

        Raises:
            UserError: a file is no picture, or the server refused; its message is passed on.
        """
        signature = self.signature_of_bytes(name, version)
        answers: list[dict[str, Any]] = []
        for batch in batches([prepare(image) for image in images]):
            answers += self.predict(name, instances=batch, signature=signature, version=version)
        try:
            return [read_detections(answer) for answer in answers]
        except (TypeError, KeyError):
            raise ServerError(
                f"Model `{name}` answers without boxes, scores, classes and labels; it is no detector of labline.",
                self.url,
                "Ask it with `Client.predict`; `Client.metadata` tells its signatures.",
            ) from None

    def signature_of_bytes(self, name: str, version: int | None) -> str:
        """Return the signature that takes encoded pictures; the default one where none says so."""
        signatures = self.metadata(name, version)
        named = sorted(signatures, key=lambda item: item != "serving_default")
        return next((item for item in named if "image_bytes" in signatures[item].get("inputs", {})), "")

    def forecast(
        self, name: str, history: Any, times: Any = None, covariates: Any = None, version: int | None = None
    ) -> list[Forecast]:
        """Forecast what follows each history.

        Args:
            history: [n, rows, columns] or, of one column, [n, rows]; at least as many rows as the model looks at, the last ones
                count.
            times: [n, rows] unix seconds (UTC) of the rows, where the model takes them.
            covariates: [n, rows + steps, columns] of the model's rows and of those to be forecast, where it takes them.

        Raises:
            ServerError: the server refused; its message is passed on.
        """
        import numpy as np

        rows = np.asarray(history, np.float64)
        inputs = {"history": rows[..., np.newaxis] if rows.ndim == 2 else rows}
        if times is not None:
            inputs["times"] = np.asarray(times, np.int64)
        if covariates is not None:
            inputs["covariates"] = np.asarray(covariates, np.float64)
        answers: list[Forecast] = []
        for start in range(0, len(rows), HISTORIES_AT_ONCE):
            part = {key: values[start : start + HISTORIES_AT_ONCE] for key, values in inputs.items()}
            given = self.predict(
                name, inputs=part, signature="with_times" if times is not None else "", version=version
            )
            try:
                answers += [
                    Forecast(*row) for row in zip(given["forecast"], given["lower"], given["upper"], strict=True)
                ]
            except (TypeError, KeyError):
                raise ServerError(
                    f"Model `{name}` answers without `forecast`, `lower` and `upper`; it is no forecaster of labline.",
                    self.url,
                    "Ask it with `Client.predict`; `Client.metadata` tells its signatures.",
                ) from None
        return answers

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
        """Return the `predictions` for `instances` (row format) or the `outputs` for `inputs` (columnar format).

        Arrays may be numpy's; bytes are sent as base64.
        """
        if (instances is None) == (inputs is None):
            raise UserError("Give either `instances` (one element a row) or `inputs` (whole arrays).", "Client.predict")
        body: dict[str, Any] = {"signature_name": signature} if signature else {}
        body |= {"inputs": inputs} if instances is None else {"instances": instances}
        answer = self.request("POST", model_path(name, version, label) + ":predict", json.dumps(body, default=to_json))
        return answer["outputs" if instances is None else "predictions"]

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        """Return the known versions of a model, newest first."""
        answer = self.request("GET", model_path(name, version))
        return [
            VersionStatus(
                int(item["version"]), item["state"], item["status"]["error_code"], item["status"]["error_message"]
            )
            for item in answer.get("model_version_status", [])
        ]

    def metadata(self, name: str, version: int | None = None) -> dict[str, Any]:
        """Return the signatures of a model: name -> inputs and outputs."""
        answer = self.request("GET", model_path(name, version) + "/metadata")
        return answer["metadata"]["signature_def"]["signature_def"]

    def wait_until_available(self, name: str, version: int | None = None, timeout: float = 60.0) -> VersionStatus:
        """Wait until a version (any if none is named) is AVAILABLE.

        Raises:
            ServerError: loading it failed for good, or it did not come in time.
        """
        deadline, last, status = time.monotonic() + timeout, "the server does not answer", 0
        while True:
            try:
                states, status = self.status(name, version), 200
            except ServerError as error:
                if error.status not in (0, 404, RETRY_STATUS):
                    raise
                states, last, status = [], error.what, error.status
            if found := next((item for item in states if item.state == "AVAILABLE"), None):
                return found
            failed = [item for item in states if item.state == "END" and item.error_code not in ("OK", "")]
            if failed and len(failed) == len(states):
                raise ServerError(
                    f"The server could not load `{name}` version {failed[0].version}: {failed[0].error_message}",
                    self.url,
                    final=True,
                )
            if states:
                last = ", ".join(
                    f"version {item.version} is {item.state} {item.error_message}".strip() for item in states
                )
            if time.monotonic() > deadline:
                raise ServerError(f"`{name}` was not available after {timeout:.0f} s: {last}", self.url, status=status)
            time.sleep(0.1)

    def request(self, method: str, path: str, body: str | None = None) -> Any:
        """Send a request and return the JSON of its answer."""
        import requests

        for attempt in range(self.retries + 1):
            try:
                response = self.session.request(method, self.url + path, data=body, timeout=self.timeout)
            except requests.Timeout:
                raise ServerError(f"The server gave no answer within {self.timeout:.0f} s.", self.url + path) from None
            except requests.RequestException as error:
                raise ServerError(
                    f"The server cannot be reached: {reason_of(error)}.",
                    self.url,
                    "Is it running? `labline serve` starts it."
                    if self.url.startswith(("http://", "https://"))
                    else "A server's address looks like http://127.0.0.1:8501.",
                ) from None
            if response.status_code != RETRY_STATUS or attempt == self.retries:
                return read_answer(response)
            time.sleep(0.1 * 2**attempt)

    def close(self) -> None:
        self.session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prepare(image: Path | str | bytes) -> bytes:
    """Return a picture's bytes as ingest would store them: JPEG or PNG, upright, without transparency.

    Raises:
        UserError: there is no such file, or it is no picture.
    """
    from data.picture import BadPicture, examine, stored_bytes

    where = "bytes" if isinstance(image, bytes) else str(image)
    try:
        content = image if isinstance(image, bytes) else Path(image).read_bytes()
        return stored_bytes(content, examine(content, max_pixels=2**27))[0]
    except BadPicture as error:
        fix = "Give a picture, such as a JPEG or PNG file."
        raise UserError(f"This is not a readable picture: {error.args[-1]}.", where, fix) from None
    except OSError as error:
        raise UserError(f"The picture cannot be read: {error.strerror}.", where) from None


def read_detections(answer: dict[str, Any]) -> list[Detection]:
    """Return one photo's detections from a detector's answer about it."""
    from object_detection.detector import Detection

    number = round(answer["num_detections"])
    columns = [answer[f"detection_{part}"][:number] for part in ("boxes", "scores", "classes", "labels")]
    return [
        Detection(tuple(box), score, round(label_number), label)
        for box, score, label_number, label in zip(*columns, strict=True)
    ]


def batches(encoded: Sequence[bytes]) -> list[list[bytes]]:
    """Cut a list of pictures into requests of bearable size."""
    groups: list[list[bytes]] = []
    size = 0
    for picture in encoded:
        if not groups or len(groups[-1]) == PICTURES_AT_ONCE or size + len(picture) > BYTES_AT_ONCE:
            groups.append([])
            size = 0
        groups[-1].append(picture)
        size += len(picture)
    return groups


def model_path(name: str, version: int | None = None, label: str = "") -> str:
    """Return the URL path of a model."""
    chosen = f"/versions/{version}" if version is not None else f"/labels/{quote(label, safe='')}" if label else ""
    return f"/v1/models/{quote(name, safe='')}{chosen}"


def to_json(value: Any) -> Any:
    """Translate what JSON has no form for: arrays, numpy numbers and bytes."""
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode("ascii")}
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def reason_of(error: Exception) -> str:
    """Return the innermost reason of a failed connection."""
    text = str(error)
    return "connection refused" if "refused" in text else text.rsplit(": ", 1)[-1].strip("')> ")


def read_answer(response: requests.Response) -> Any:
    """Return an answer's JSON, or raise what the server says is wrong."""
    try:
        # the protocol allows strings that are not UTF-8, and NaN and Infinity, which python's parser knows
        answer = json.loads(response.content.decode("utf-8", "surrogateescape"))
    except ValueError:
        answer = None
    if response.ok and answer is not None:
        return answer
    message = answer.get("error") if isinstance(answer, dict) else None
    raise ServerError(
        message or f"The server answered {response.status_code} {response.reason}.",
        response.url,
        status=response.status_code,
    )
