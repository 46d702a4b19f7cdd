"""Answers: what a served model says, typed, and the error it ends in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data.detection.detections import Detection, detections_of
from pipeline.errors import UserError

Classes = list[tuple[str, float]]  # label and score


class ServerError(UserError):
    """The server refused a request, or could not be reached.

    Args:
        status: HTTP status of the last answer, or what gRPC's code stands for over HTTP; 0 if there was no answer.
        final: waiting longer will not help.
    """

    def __init__(self, what: str, where: str = "", fix: str = "", status: int = 0, final: bool = False) -> None:
        super().__init__(what, where, fix)
        self.status, self.final = status, final


@dataclass(frozen=True)
class Prediction:
    """The answer for one image; `probabilities` are in the order of the classes and sum to 1."""

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


def read_predictions(answers: list[dict[str, Any]]) -> list[Prediction]:
    """Return a classifier's answers; TypeError or KeyError if they are somebody else's."""
    return [Prediction(answer["label"], answer["class_id"], answer["probabilities"]) for answer in answers]


def read_forecasts(answer: dict[str, Any]) -> list[Forecast]:
    """Return a forecaster's answers; TypeError or KeyError if they are somebody else's."""
    return [Forecast(*row) for row in zip(answer["forecast"], answer["lower"], answer["upper"], strict=True)]


def read_detections(answer: dict[str, Any]) -> list[Detection]:
    """Return one image's detections from a detector's answer; TypeError or KeyError if it is somebody else's."""
    return detections_of(answer)
