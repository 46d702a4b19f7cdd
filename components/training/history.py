"""The course of a training: running sums of the epoch, one row an epoch, and a curve over the steps of at most 2,000 points."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

CURVE_POINTS = 2000


@dataclass
class History:
    """What happened so far. Everything in it is independent of how steps were grouped into calls.

    Attributes:
        interval: steps that one point of the curve averages over.
        sums: loss * n, metric * n and n of the running epoch.
        window: the same of the steps since the last point.
        window_steps: their number.
        metric: name of the metric beside the loss.
        points: (step, loss, metric).
        epochs: one row an epoch: epoch, step, train/loss, train/<metric>, validation/loss, validation/<metric>, learning_rate.
    """

    interval: int
    metric: str = "accuracy"
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    window: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    window_steps: int = 0
    points: list[tuple[int, float, float]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def for_steps(cls, total: int, metric: str) -> History:
        """Return an empty history whose curve of `total` steps has at most 2,000 points."""
        return cls(interval=max(1, -(-total // CURVE_POINTS)), metric=metric)

    def add(self, results: np.ndarray, last_step: int) -> list[tuple[int, float, float]]:
        """Count steps in, the last of which is `last_step`; returns the points they complete.

        Args:
            results: [steps, 3] of loss * n, metric * n and n.
        """
        fresh = []
        for step, row in enumerate(results.tolist(), last_step - len(results) + 1):
            for place in range(3):
                self.sums[place] += row[place]
                self.window[place] += row[place]
            self.window_steps += 1
            if self.window_steps == self.interval:
                fresh.append((step, *means(self.window)))
                self.window, self.window_steps = [0.0, 0.0, 0.0], 0
        self.points += fresh
        return fresh

    def close_epoch(self, row: dict[str, Any]) -> dict[str, Any]:
        """End an epoch: add the training's means to `row`, keep it and return it."""
        loss, metric = means(self.sums)
        self.sums = [0.0, 0.0, 0.0]
        self.epochs.append({**row, "train/loss": loss, f"train/{self.metric}": metric})
        return self.epochs[-1]


def means(sums: list[float]) -> tuple[float, float]:
    """Return loss and metric an example."""
    return sums[0] / sums[2], sums[1] / sums[2]
