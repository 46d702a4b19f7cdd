"""Asks a served forecaster about real windows, and compares its answers with what the trained network says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.networks import UNKNOWN_TIME, load_model
from components.tasks.forecasting import windows
from components.tasks.forecasting.facts import ForecastNetworkFacts
from components.tasks.forecasting.requests import inputs_of
from components.tasks.task import Expectation
from pipeline.artifacts import Examples, Model
from serving.parity import Parity, compare
from serving.samples import sample_records

if TYPE_CHECKING:
    from serving.client import Client


AT_ONCE = 32  # windows a request
ANSWERS = ("forecast", "lower", "upper")


@dataclass(frozen=True)
class ExpectedForecasts(Expectation):
    """What the trained network says of some windows, worked out as a user of the .keras file would.

    Attributes:
        sent: signature -> inputs by name, as a client sends them.
        answers: signature -> `forecast`, `lower` and `upper`, float32 [n, P, V].
        scale: float32 [n, 1, V]; differences are measured in it.
    """

    sent: dict[str, dict[str, Any]]
    answers: dict[str, dict[str, NDArray[np.float32]]]
    scale: NDArray[np.float32]
    split: str

    def __len__(self) -> int:
        return len(self.scale)

    def ask(self, client: Client, name: str) -> tuple[dict[str, Parity], str]:
        """Send the windows by every signature; return the parity of each, in units of the series' scale."""
        differences = {}
        for signature, inputs in self.sent.items():
            got: dict[str, list[Any]] = {answer: [] for answer in ANSWERS}
            for start in range(0, len(self), AT_ONCE):
                part = {key: values[start : start + AT_ONCE] for key, values in inputs.items()}
                answers = client.predict(name, inputs=part, signature=signature)
                for answer in ANSWERS:
                    got[answer] += answers[answer]
            given = np.stack([np.asarray(got[answer], np.float64) for answer in ANSWERS], axis=1)
            wanted = np.stack([self.answers[signature][answer] for answer in ANSWERS], axis=1)
            unit = self.scale[:, np.newaxis]
            differences[signature] = compare(flat(given / unit), flat(wanted / unit))
        return differences, ""


def expect(examples: Examples, model: Model, count: int) -> ExpectedForecasts:
    """Ask the trained network itself."""
    split, records = sample_records(examples, count)
    network = load_model(model)
    names, intervals = windows.input_names(network), model.facts_as(ForecastNetworkFacts).intervals
    inputs, targets = windows.read_batch(tf.constant(records), windows.window_shape(examples), names)
    scale = targets["scale"].numpy()[:, np.newaxis]

    def answer(given: dict[str, tf.Tensor]) -> dict[str, NDArray[np.float32]]:
        outputs = network.predict({name: value.numpy() for name, value in given.items()}, batch_size=32, verbose=0)
        made = windows.forecasts(tf.constant(outputs), given["history"], intervals)
        return {name: value.numpy() for name, value in made.items()}

    known = ["history", *(["covariates"] if "covariates" in names else [])]
    timed = {"with_times": inputs_of(examples, records, [*known, "times"])} if "time" in names else {}
    sent: dict[str, dict[str, Any]] = {
        "serving_default": inputs_of(examples, records, known),
        "examples": {"examples": records},
        **timed,
    }
    untimed = {**inputs, "time": tf.fill([len(records)], tf.constant(UNKNOWN_TIME, tf.int64))} if timed else inputs
    with_times = answer(inputs)
    answers = {
        "serving_default": answer(untimed) if timed else with_times,
        "examples": with_times,
        "with_times": with_times,
    }
    return ExpectedForecasts(sent, {name: answers[name] for name in sent}, scale, split)


def flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values [n, ...] as [n, k]."""
    return values.reshape(len(values), -1)
