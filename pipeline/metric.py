"""What a model is measured by: the one place that says which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import UsageError, did_you_mean
from pipeline.figures import write_figure


@dataclass(frozen=True)
class Metric:
    """A figure of a model, or of its training.

    Attributes:
        name: as in `test/accuracy`, without the split.
        higher_is_better: which way is better.
        title: what it is, in words.
        unit: of its values; empty for shares and other plain numbers.
        per_example: a mean over examples, so that it can be followed batch by batch; else of a whole split, as mAP is.
        format: how a value is written; empty: with the digits that matter.
    """

    name: str
    higher_is_better: bool
    title: str = ""
    unit: str = ""
    per_example: bool = True
    format: str = ".4f"

    def is_better(self, value: float, than: float, by: float = 0.0) -> bool:
        """Say whether a value is better than another, by more than a difference."""
        return value > than + by if self.higher_is_better else value < than - by

    def write(self, value: float) -> str:
        """Write a value for people."""
        return f"{value:{self.format}}" if self.format else write_figure(value)


LOSS = Metric("loss", higher_is_better=False, title="loss")


def by_name(*metrics: Metric) -> dict[str, Metric]:
    """Return metrics by their names, in this order."""
    return {metric.name: metric for metric in metrics}


def find_metric(name: str, metrics: Mapping[str, Metric]) -> Metric:
    """Return a metric by its name, with or without a split before it.

    Raises:
        UsageError: it is not known, so that nobody can say which way is better.
    """
    plain = name.rpartition("/")[2]
    if plain not in metrics:
        raise UsageError(
            f"There is no metric `{name}`, so which way is better is not known.", fix=did_you_mean(plain, list(metrics))
        )
    return metrics[plain]
