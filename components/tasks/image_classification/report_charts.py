"""The chart of a classifier's report: whether it is right as often as it says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from components.tasks.image_classification.details import CalibrationBin
from pipeline.pages.charts import NAMED_SHARES, SHARES, Chart


def calibration(bins: Sequence[CalibrationBin]) -> Markup:
    """Draw the share that is right over the probability given; on the diagonal they agree."""
    largest = max((row["count"] for row in bins), default=0)
    chart = Chart("", NAMED_SHARES, "probability the network gives", (340, 300), (0, 1), SHARES)
    for row in bins:
        if row["count"]:
            words = f"{row['count']:,} predictions at {row['confidence']:.1%}: {row['accuracy']:.1%} right"
            chart.bar(row["low"], row["high"], row["accuracy"], words, 0.3 + 0.7 * math.sqrt(row["count"] / largest))
    chart.rule((0, 0), (1, 1), "other")
    return chart.drawn("share of right answers by probability")
