"""95 % intervals from the values that a bootstrap drew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def percentiles(values: NDArray[np.float64]) -> list[float] | None:
    """Return the middle 95 % of bootstrap values; None where no sample gave one."""
    known = values[~np.isnan(values)]
    return [float(value) for value in np.percentile(known, (2.5, 97.5))] if len(known) else None
