"""Per-model execution: versions that bring their own batching parameters are batched, all others are computed alone."""

from __future__ import annotations

from serving.server.batching import BatchedExecution
from serving.server.execution import Arrays, DirectExecution, Done, Execution
from serving.server.models.saved_model import Servable


class PerModelExecution:
    """What `--enable_per_model_batching_parameters` means: a model that cannot be batched asks for none."""

    def __init__(self, batched: BatchedExecution, alone: DirectExecution) -> None:
        self.batched, self.alone = batched, alone

    def choose(self, servable: Servable) -> Execution:
        return self.alone if servable.batching is None else self.batched

    def submit(self, servable: Servable, signature: str, arrays: Arrays, deadline: float, done: Done) -> None:
        self.choose(servable).submit(servable, signature, arrays, deadline, done)

    def run(self, servable: Servable, signature: str, arrays: Arrays, deadline: float) -> Arrays:
        return self.choose(servable).run(servable, signature, arrays, deadline)

    def close(self) -> None:
        self.batched.close()
        self.alone.close()
