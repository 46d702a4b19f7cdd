"""Limits: how far requests may lie from training, and from earlier requests."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """How far two sets of examples may lie apart; in small sets, further by what chance alone does.

    Attributes:
        categorical: largest difference of any value's share (L-infinity), for text features.
        numeric: Jensen-Shannon divergence of the histograms, for numbers.
        features: limits of single features, instead of the two above.
    """

    categorical: float = 0.1
    numeric: float = 0.2
    features: dict[str, float] = field(default_factory=dict)
