"""What the monitor asks of a task: how a logged request is measured, and which features are the model's own answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.artifacts import Examples

FeatureValue = bytes | int | float
Row = dict[str, list[FeatureValue]]  # the features of one example


@dataclass(frozen=True)
class LoggedRequest:
    """One logged predict request.

    Attributes:
        time: unix seconds; where the log tells none, when its file was begun.
        version: that answered; 0 where the log does not tell.
        inputs, outputs: by name, with the batch as first dimension.
    """

    time: float
    version: int
    signature: str
    inputs: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]


class MonitoringPart(Protocol):
    """Logged requests to what the statistics of training measured: a module with these names."""

    @property
    def PREDICTED(self) -> dict[str, str]:  # noqa: N802 (a constant of a module)
        """Features that come from answers, with what they are in words; compared with what training was told."""

    def measure(self, request: LoggedRequest, examples: Examples) -> list[Row | None]:
        """Return a row of features for each example of a request; None for one that cannot be read.

        Args:
            examples: that the model was trained on.
        """
