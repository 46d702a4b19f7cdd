"""What a classifier is measured by, in the order in which it is told."""

from __future__ import annotations

from pipeline.metric import LOSS, Metric, by_name

ACCURACY = Metric("accuracy", higher_is_better=True, title="accuracy")
METRICS = by_name(
    ACCURACY,
    Metric("top_5_accuracy", higher_is_better=True, title="top-5 accuracy"),
    LOSS,
    Metric("f1", higher_is_better=True, title="F1, mean of classes", per_example=False),
    Metric("precision", higher_is_better=True, title="precision, mean of classes", per_example=False),
    Metric("recall", higher_is_better=True, title="recall, mean of classes", per_example=False),
    Metric("calibration_error", higher_is_better=False, title="calibration error", per_example=False),
)
