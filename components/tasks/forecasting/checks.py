"""Checks that every split has windows, and enough of them to learn from and to judge by."""

from __future__ import annotations

from components.tasks.forecasting.config import ForecastValidationConfig
from data.findings import Finding, make
from data.validation.config import ValidationConfig
from pipeline.artifacts import Anomalies, Examples
from pipeline.settings import narrow


def check(examples: Examples, config: ValidationConfig) -> list[Finding]:
    """Return the findings that the numbers of windows give."""
    config = narrow(config, ForecastValidationConfig)
    return check_splits(examples.splits, config)


def check_splits(splits: dict[str, int], config: ForecastValidationConfig) -> list[Finding]:
    """Return the findings that the numbers of windows in the splits give."""
    found = (empty_splits(splits), tiny_data(splits, config), few_judged(splits, config))
    return [finding for finding in found if finding is not None]


def empty_splits(splits: dict[str, int]) -> Finding | None:
    """A split without windows: nothing to learn from, or nothing to judge by."""
    empty = [{"split": split, "detail": "no windows"} for split, number in sorted(splits.items()) if number == 0]
    if not empty:
        return None
    needed = any(row["split"] in ("train", "test") for row in empty)
    text = "These splits have no windows: the part is shorter than the horizon, or its values were filled in."
    return make("empty_split", "error" if needed else "warning", len(splits), text, empty)


def tiny_data(splits: dict[str, int], config: ForecastValidationConfig) -> Finding | None:
    """So few training windows that results are a matter of luck."""
    number = splits.get("train", 0)
    if number >= config.min_train_examples:
        return None
    row = {"split": "train", "detail": f"{number} training windows; fewer than {config.min_train_examples}"}
    return make("tiny_data", "warning", 1, "There are few windows to learn from; expect wide intervals.", [row])


def few_judged(splits: dict[str, int], config: ForecastValidationConfig) -> Finding | None:
    """So few windows in a split that its figures are a matter of luck."""
    rows = [
        {"split": split, "detail": f"{number} windows; fewer than {config.min_judged_examples}"}
        for split, number in sorted(splits.items())
        if split != "train" and 0 < number < config.min_judged_examples
    ]
    return (
        make("few_judged", "warning", len(rows), "Figures of these splits rest on few windows.", rows) if rows else None
    )


def illustrate(findings: list[Finding], examples: Examples, anomalies: Anomalies) -> None:
    """Draw nothing: findings about series name lines of the file."""
