"""Request log: a sample of what clients asked and were answered, as TFRecords of PredictionLog."""

from __future__ import annotations

import numpy as np


class RequestLog:
    """What is kept of the requests; which models' and how many is in their `logging_config`."""

    def wants(self, model: str) -> bool:
        """Say whether this request of a model belongs to the sample; to be asked once a request, and cheap."""
        return False

    def predict(
        self, model: str, version: int, signature: str, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]
    ) -> None:
        """Keep a predict request and its answer; written by a thread of the log's own."""

    def close(self) -> None:
        """Write what is still to be written."""
