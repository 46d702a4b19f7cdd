"""Settings of evaluation that all tasks share; each task adds its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from pydantic import Field, field_validator

from pipeline.errors import did_you_mean
from pipeline.settings import Settings


class EvaluatorConfig(Settings):
    """What is measured, and the bar for a blessing.

    Class attributes:
        metric_names: what is measured, without the split.
    """

    metric_names: ClassVar[Collection[str]] = ()

    split: str = Field("test", description="the split that is scored")
    batch_size: int = Field(256, gt=0, description="examples a forward pass; lower it if memory runs out")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="limits for the blessing by metric, such as test/loss: 0.5"
    )
    resamples: int = Field(1000, ge=100, description="bootstrap samples for the 95 % intervals")
    seed: int = Field(7, ge=0, description="seed of the bootstrap")

    @field_validator("thresholds")
    @classmethod
    def known_metrics(cls, thresholds: dict[str, float]) -> dict[str, float]:
        """Refuse a threshold on something that is not measured."""
        for name in thresholds:
            if name.partition("/")[2] not in cls.metric_names:
                split = name.partition("/")[0] if "/" in name else "test"
                known = [f"{split}/{metric}" for metric in cls.metric_names]
                raise ValueError(f"has no metric `{name}`. {did_you_mean(name, known)}")
        return thresholds
