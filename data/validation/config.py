"""Settings of the data checks that all tasks share; each task adds its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.settings import Settings

Severity = Literal["error", "warning", "info"]


class Limits(Settings):
    """How far two sets of examples may lie apart, feature by feature.

    In small sets they may lie further apart, by what chance alone does.
    """

    categorical: float = Field(
        0.1, ge=0, le=1, description="largest difference of any value's share (L-infinity), for text features"
    )
    numeric: float = Field(0.2, ge=0, le=1, description="Jensen-Shannon divergence of the histograms, for numbers")
    features: dict[str, float] = Field(
        default_factory=dict, description="limits of single features by name, instead of the two above"
    )


class ValidationConfig(Settings):
    """Which findings stop the run (errors), and which are only told (warnings)."""

    max_bad_share: float = Field(
        0.01, ge=0, le=1, description="share of unusable files above which they are errors instead of warnings"
    )
    min_train_examples: int = Field(100, ge=0, description="fewer training examples than this are a warning")
    drift: Limits = Field(Limits(), description="limits for the training split against the previous run's")
    skew: Limits = Field(Limits(), description="limits for every other split against the training split")
    severity: dict[str, Severity] = Field(
        default_factory=dict,
        description="severity of single findings by name, such as duplicate_across_splits: error or "
        "class_imbalance: info",
    )
