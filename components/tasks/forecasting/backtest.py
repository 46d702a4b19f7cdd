"""How a model does from several origins: the judged part in consecutive stretches, the baselines beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.tasks.forecasting.baselines import Baseline

MOST_STRETCHES = 12


def backtest(
    squared: np.ndarray, moments: np.ndarray, baselines: Sequence[Baseline], names: Sequence[str]
) -> dict[str, Any]:
    """Cut the windows' origins into up to 12 stretches of equal length and measure each; one origin a stretch if there are so few.

    Args:
        squared: the model's mean squared error in each window [n].
        moments: what orders the windows over all series: time or row of their first target row [n].
        baselines: the best one first.
        names: what `moments` is called for the reader [n].

    Returns:
        `baseline` (name of the best one) and `origins`, each with `first` and `last` (first target rows of the stretch's first and
        last window), `windows`, `rmse` and `baselines` (RMSE by name; None where one has no forecast). Where the best baseline was fitted to a sample of
        the series, the model's `rmse` is of these too.
    """
    best = baselines[0] if baselines else None
    known = np.isfinite(best.losses) if best else np.ones(len(squared), bool)
    ours = best.model_losses if best else squared
    distinct = np.unique(moments[known])
    origins = []
    for stretch in np.array_split(distinct, min(MOST_STRETCHES, len(distinct))):
        chosen = np.flatnonzero(known & (moments >= stretch[0]) & (moments <= stretch[-1]))
        ordered = chosen[np.argsort(moments[chosen], kind="stable")]
        origins.append({
            "first": names[ordered[0]], "last": names[ordered[-1]], "windows": len(ordered), "rmse": root(ours[ordered]),
            "baselines": {row.name: root(row.losses[ordered]) for row in baselines},
        })  # fmt: skip
    return {"baseline": best.name if best else None, "origins": origins}


def root(losses: np.ndarray) -> float | None:
    """Return the root of the mean of what there is; None of nothing."""
    known = losses[np.isfinite(losses)]
    return float(np.sqrt(known.mean())) if len(known) else None
