"""How a model does from several origins: the judged part in consecutive stretches, the baselines beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.tasks.forecasting.baselines import Baseline
from components.tasks.forecasting.details import Backtest, Stretch

MAX_STRETCHES = 12


def backtest(
    squared: NDArray[np.float64], moments: NDArray[np.int64], baselines: Sequence[Baseline], names: Sequence[str]
) -> Backtest:
    """Cut the windows' origins into up to 12 stretches of equal length, of one origin at least, and measure each.

    Where the best baseline was fitted to a sample of the series, the model's `rmse` is of these too.

    Args:
        squared: the model's mean squared error in each window [n].
        moments: what orders the windows over all series: time or row of their first target row [n].
        baselines: the best one first.
        names: what `moments` is called for the reader [n].
    """
    best = baselines[0] if baselines else None
    known = np.isfinite(best.losses) if best else np.ones(len(squared), bool)
    ours = best.model_losses if best else squared
    distinct = np.unique(moments[known])
    origins: list[Stretch] = []
    for stretch in np.array_split(distinct, min(MAX_STRETCHES, len(distinct))):
        chosen = np.flatnonzero(known & (moments >= stretch[0]) & (moments <= stretch[-1]))
        ordered = chosen[np.argsort(moments[chosen], kind="stable")]
        origins.append(
            {
                "first": names[ordered[0]],
                "last": names[ordered[-1]],
                "windows": len(ordered),
                "rmse": root(ours[ordered]),
                "baselines": {row.name: root(row.losses[ordered]) for row in baselines},
            }
        )
    return {"baseline": best.name if best else None, "origins": origins}


def root(losses: NDArray[np.float64]) -> float | None:
    """Return the root of the mean of what there is; None of nothing."""
    known = losses[np.isfinite(losses)]
    return float(np.sqrt(known.mean())) if len(known) else None
