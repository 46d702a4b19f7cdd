"""The course of a training: running sums of the epoch, a row for each epoch, a curve of at most 2,000 points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CURVE_POINTS = 2000


@dataclass
class History:
    """What happened so far. Everything in it is independent of how steps were grouped into calls.

    Attributes:
        interval: steps that one point of the curve averages over.
        metrics: names of what is measured beside the loss.
        sums: loss * n, each metric * n and n of the running epoch.
        window: the same of the steps since the last point.
        window_steps: their number.
        points: (step, loss, each metric).
        epochs: one row an epoch: epoch, step, train/loss, train/<metric>, learning_rate, and where it was judged
            validation/loss, validation/<metric>.
    """

    interval: int
    metrics: tuple[str, ...]
    sums: list[float]
    window: list[float]
    window_steps: int = 0
    points: list[tuple[float, ...]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def for_steps(cls, total: int, *metrics: str) -> History:
        """Return an empty history whose curve of `total` steps has at most 2,000 points."""
        nothing = [0.0] * (2 + len(metrics))
        return cls(max(1, -(-total // CURVE_POINTS)), metrics, nothing, nothing.copy())

    def add(self, results: NDArray[np.float32], last_step: int) -> list[tuple[float, ...]]:
        """Count steps in, the last of which is `last_step`; returns the points they complete.

        Args:
            results: [steps, 2 + metrics] of loss * n, each metric * n and n.
        """
        fresh = []
        for step, row in enumerate(results.tolist(), last_step - len(results) + 1):
            for place, value in enumerate(row):
                self.sums[place] += value
                self.window[place] += value
            self.window_steps += 1
            if self.window_steps == self.interval:
                fresh.append((step, *means(self.window)))
                self.window, self.window_steps = [0.0] * len(row), 0
        self.points += fresh
        return fresh

    def close_epoch(self, row: dict[str, Any]) -> dict[str, Any]:
        """End an epoch: add the training's means to `row`, keep it and return it."""
        names = [f"train/{name}" for name in ("loss", *self.metrics)]
        self.epochs.append({**row, **dict(zip(names, means(self.sums), strict=True))})
        self.sums = [0.0] * len(self.sums)
        return self.epochs[-1]


def means(sums: list[float]) -> tuple[float, ...]:
    """Return loss and metrics an example."""
    return tuple(value / sums[-1] for value in sums[:-1])
