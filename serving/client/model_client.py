"""ModelClient: what can be asked of a served model, whatever the protocol."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.detection.detections import Detection
from pipeline.errors import UserError
from serving.client.answers import (
    Classes,
    Forecast,
    Prediction,
    ServerError,
    VersionStatus,
    read_detections,
    read_forecasts,
    read_predictions,
)
from serving.client.csv_rows import read_rows
from serving.client.images import batches, prepare
from serving.client.request import Example, Request, ServedModel
from serving.client.retries import RETRY_STATUS
from serving.signatures import DEFAULT_SIGNATURE

HISTORIES_AT_ONCE = 256

AnyClient = TypeVar("AnyClient", bound="ModelClient")


class ModelClient(ABC):
    """A connection to a server; the two protocols differ in how a request travels, not in what can be asked.

    Wherever a `version` or a `label` can be named, the newest version that serves is meant without.
    """

    url: str

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

        Arrays may be numpy's; bytes are sent as they are, strings as UTF-8. The answer consists of JSON values.
        """
        if (instances is None) == (inputs is None):
            raise UserError("Give either `instances` (one element a row) or `inputs` (whole arrays).", "Client.predict")
        model = ServedModel(name, version, label)
        return self.send(Request(model, "predict", signature, instances=instances, inputs=inputs))

    def predict_arrays(
        self,
        name: str,
        inputs: Mapping[str, Any],
        signature: str = "",
        version: int | None = None,
        label: str = "",
    ) -> dict[str, NDArray[Any]]:
        """Return the outputs for whole arrays by input name, as arrays of the signature's types.

        Strings are `bytes` objects.
        """
        model = ServedModel(name, version, label)
        return self.send_for_arrays(Request(model, "predict", signature, inputs=dict(inputs)))

    def classify_examples(
        self,
        name: str,
        examples: Sequence[Example],
        signature: str = "",
        context: Mapping[str, Any] | None = None,
        version: int | None = None,
        label: str = "",
    ) -> list[Classes]:
        """Return labels and scores of each tf.Example; the `context` features are put to every example."""
        model = ServedModel(name, version, label)
        classes: list[Classes] = self.send(Request(model, "classify", signature, examples=examples, context=context))
        return classes

    def regress_examples(
        self,
        name: str,
        examples: Sequence[Example],
        signature: str = "",
        context: Mapping[str, Any] | None = None,
        version: int | None = None,
        label: str = "",
    ) -> list[float]:
        """Return the value of each tf.Example; the `context` features are put to every example."""
        model = ServedModel(name, version, label)
        values: list[float] = self.send(Request(model, "regress", signature, examples=examples, context=context))
        return values

    @abstractmethod
    def send(self, request: Request) -> Any:
        """Send a request and return what the answer says, as JSON values; of `classify`, (label, score) pairs."""

    @abstractmethod
    def send_for_arrays(self, request: Request) -> dict[str, NDArray[Any]]:
        """Send a `predict` request and return its outputs as arrays."""

    @abstractmethod
    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        """Return the known versions of a model, newest first."""

    @abstractmethod
    def metadata(self, name: str, version: int | None = None, label: str = "") -> dict[str, Any]:
        """Return the signatures of a model: name -> inputs and outputs."""

    @abstractmethod
    def version_of(self, name: str, label: str = "") -> int:
        """Return the version that a label points to; without one, the version that answers now."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    def predict_images(
        self, name: str, images: Sequence[Path | str | bytes], version: int | None = None
    ) -> list[Prediction]:
        """Classify images, given as files or as their bytes.

        Images of a kind that the model's own decoder would not read as training did (WebP, rotated images,
        transparency) are turned into PNG first.

        Raises:
            UserError: a file is no image, or the server refused; its message is passed on.
        """
        encoded = [prepare(image) for image in images]
        return [prediction for batch in batches(encoded) for prediction in self.classify(name, batch, version)]

    def classify(self, name: str, encoded: Sequence[bytes], version: int | None = None) -> list[Prediction]:
        """Classify encoded images as they are, in one request."""
        answers = self.predict(name, instances=list(encoded), version=version)
        try:
            return read_predictions(answers)
        except (TypeError, KeyError):
            raise self.other_task(
                name, "`label`, `class_id` and `probabilities`; it is no image classifier of labline"
            ) from None

    def detect(
        self, name: str, images: Sequence[Path | str | bytes], version: int | None = None
    ) -> list[list[Detection]]:
        """Return what a detector finds in each image, surest first; images are given as files or as their bytes.

        They are sent upright, as `predict_images` sends images, and boxes are shares of the upright image.

        Raises:
            UserError: a file is no image, or the server refused; its message is passed on.
        """
        signature = self.signature_of_bytes(name, version)
        answers: list[dict[str, Any]] = []
        for batch in batches([prepare(image) for image in images]):
            answers += self.predict(name, instances=batch, signature=signature, version=version)
        try:
            return [read_detections(answer) for answer in answers]
        except (TypeError, KeyError):
            raise self.other_task(name, "boxes, scores, classes and labels; it is no detector of labline") from None

    def signature_of_bytes(self, name: str, version: int | None) -> str:
        """Return the signature that takes encoded images; the default one where none says so."""
        signatures = self.metadata(name, version)
        named = sorted(signatures, key=lambda item: item != DEFAULT_SIGNATURE)
        return next((item for item in named if "image_bytes" in signatures[item].get("inputs", {})), "")

    def forecast(
        self, name: str, history: Any, times: Any = None, covariates: Any = None, version: int | None = None
    ) -> list[Forecast]:
        """Forecast what follows each history.

        Args:
            history: [n, rows, columns] or, of one column, [n, rows]; at least as many rows as the model looks at, the
                last ones count.
            times: [n, rows] unix seconds (UTC) of the rows, where the model takes them.
            covariates: [n, rows + steps, columns] of the model's rows and of those to be forecast, where it takes them.

        Raises:
            ServerError: the server refused; its message is passed on.
        """
        rows = np.asarray(history, np.float64)
        inputs = {"history": rows[..., np.newaxis] if rows.ndim == 2 else rows}
        if times is not None:
            inputs["times"] = np.asarray(times, np.int64)
        if covariates is not None:
            inputs["covariates"] = np.asarray(covariates, np.float64)
        signature = "with_times" if times is not None else ""
        answers: list[Forecast] = []
        for start in range(0, len(rows), HISTORIES_AT_ONCE):
            part = {key: values[start : start + HISTORIES_AT_ONCE] for key, values in inputs.items()}
            given = self.predict(name, inputs=part, signature=signature, version=version)
            try:
                answers += read_forecasts(given)
            except (TypeError, KeyError):
                raise self.other_task(name, "`forecast`, `lower` and `upper`; it is no forecaster of labline") from None
        return answers

    def predict_csv(
        self, name: str, file: Path | str, signature: str = "", version: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the outputs by name for each row of a CSV file whose columns are called as the signature's inputs."""
        given = self.metadata(name, version).get(signature or DEFAULT_SIGNATURE, {})
        inputs = read_rows(Path(file), {key: item["dtype"] for key, item in given.get("inputs", {}).items()})
        answers = self.predict(name, instances=inputs, signature=signature, version=version)
        outputs = list(given["outputs"])
        return answers if len(outputs) > 1 else [{outputs[0]: answer} for answer in answers]

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

    def other_task(self, name: str, missing: str) -> ServerError:
        """Make the error of a model that answers something else."""
        return ServerError(
            f"Model `{name}` answers without {missing}.",
            self.url,
            "Ask it with `predict`; `metadata` tells its signatures.",
        )

    def __enter__(self: AnyClient) -> AnyClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
