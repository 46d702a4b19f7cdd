"""Parity: how far two lists of probabilities for the same images are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parity:
    """The outcome of a comparison.

    Attributes:
        examples: how many images were compared.
        max_difference: largest absolute difference of any probability.
        worst: number of the image it occurred in.
        problem: why the answers cannot be compared or do not hold together; empty if they do.
        tolerance: largest difference that is let pass, where it is not the recipe's.
    """

    examples: int
    max_difference: float
    worst: int
    problem: str = ""
    tolerance: float | None = None


def compare(answers: Any, expected: Any) -> Parity:
    """Compare probabilities [n, k] with the expected ones [n, k]; a value that is no number is infinitely far away."""
    import numpy as np

    got, wanted = np.asarray(answers, np.float64), np.asarray(expected, np.float64)
    if got.shape != wanted.shape:
        return Parity(
            len(wanted), float("inf"), 0, f"the answers have shape {list(got.shape)} instead of {list(wanted.shape)}"
        )
    if not got.size:
        return Parity(0, 0.0, 0, "there is nothing to compare")
    differences = np.abs(got - wanted)
    differences[~np.isfinite(differences)] = np.inf
    worst = int(differences.max(axis=1).argmax())
    return Parity(len(wanted), float(differences.max()), worst)


def check_labels(class_ids: list[int], given_labels: list[str], probabilities: Any, labels: list[str]) -> str:
    """Say what is wrong with the classes and labels that came with probabilities [n, k]; empty if nothing is."""
    import numpy as np

    for number, (class_id, label, row) in enumerate(
        zip(class_ids, given_labels, np.asarray(probabilities), strict=True)
    ):
        if class_id != int(row.argmax()):
            return f"picture {number} got class {class_id}, but class {int(row.argmax())} is the most probable"
        if label != labels[class_id]:
            return f"picture {number} got label `{label}` for class {class_id}, which is `{labels[class_id]}`"
    return ""
