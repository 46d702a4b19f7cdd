"""Core: what the REST and the gRPC API stand on, the same models, queues, counters and logs for both."""

from __future__ import annotations

import time
from dataclasses import dataclass

from serving.server.execution import Execution
from serving.server.metrics import Metrics
from serving.server.models.manager import Manager
from serving.server.request_log import RequestLog

NO_DEADLINE = 24 * 3600.0  # seconds


@dataclass(frozen=True)
class Core:
    """The server without its APIs.

    Attributes:
        manager: which models and versions there are; lends them.
        execution: how a signature's call reaches the model: alone, or in a batch with others.
        timeout_ms: time a REST request's computation may take, 0 for any; a gRPC client's deadline takes its place.
        check_method_names: ask for `:classify` and `:regress` only signatures that were exported for them.
    """

    manager: Manager
    execution: Execution
    metrics: Metrics
    request_log: RequestLog
    timeout_ms: int = 30_000
    check_method_names: bool = False

    def rest_deadline(self) -> float:
        """Return until when a REST request that comes now may be computed, on `time.monotonic()`."""
        return time.monotonic() + (self.timeout_ms / 1e3 or NO_DEADLINE)
