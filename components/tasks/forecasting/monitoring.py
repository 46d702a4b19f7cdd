"""Measures logged requests of a forecaster as the statistics of training measured the windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.tasks.forecasting.facts import WindowFacts
from data.series.records import decode_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.artifacts import Examples
    from serving.monitor.task import LoggedRequest, Row


# features that come from answers: what they are compared with is what came in the training's windows
PREDICTED = {"series/target": "forecast values"}


def measure(request: LoggedRequest, examples: Examples) -> list[Row | None]:
    """Return a row of features for each history of a request; None for one that cannot be read.

    Args:
        examples: that the model was trained on.
    """
    facts = examples.facts_as(WindowFacts)
    histories = histories_of(request.inputs, facts)
    forecasts = request.outputs.get("forecast")
    rows: list[Row | None] = []
    for number, history in enumerate(histories):
        row = measure_history(history[-facts.history :]) if history is not None else None
        if row and forecasts is not None and number < len(forecasts):
            row = row | {"series/target": forecasts[number].reshape(-1).tolist()}
        rows.append(row)
    return rows


def histories_of(inputs: dict[str, NDArray[Any]], facts: WindowFacts) -> list[NDArray[Any] | None]:
    """Return the histories of a request, [rows, columns] each; None for a record that has none."""
    if "history" in inputs:
        return list(inputs["history"])
    found: list[NDArray[Any] | None] = []
    for record in inputs["examples"].tolist() if "examples" in inputs else ():
        try:
            history = decode_window(record, len(facts.values), len(facts.covariates)).history
        except (ValueError, KeyError, IndexError):
            history = None
        found.append(history if history is not None and len(history) else None)
    return found


def measure_history(history: NDArray[Any]) -> Row:
    """Return mean and deviation of a history's values, as ingest works them out."""
    values = history.astype("float64")
    return {"series/mean": [float(values.mean())], "series/deviation": [float(values.std())]}
