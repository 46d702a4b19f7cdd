"""Metrics by slice: one value of a recorded feature, or a quartile of a number."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components.tasks.image_classification.details import SliceRow
from components.tasks.image_classification.metrics import score
from components.tasks.image_classification.predictions import Predicted, Recorded
from pipeline.figures import write_figures

Mask = NDArray[np.bool_]

MAX_VALUES = 50  # of a text feature; the most frequent are reported
FEW_VALUES = 6  # a number with at most so many values is sliced by value


def slice_rows(
    predicted: Predicted,
    names: list[str],
    classes: int,
    resamples: int,
    seed: int,
    bins: int,
) -> list[SliceRow]:
    """Return for every slice its feature, name, count, metrics and intervals."""
    rows = []
    for feature in names:
        for name, chosen in split_by(predicted.features[feature]).items():
            part = Predicted(
                predicted.labels[chosen], predicted.probabilities[chosen], predicted.losses[chosen], [], [], {}
            )
            scored = score(part, classes, resamples, seed, bins)
            shown = ("accuracy", "loss", "f1", "calibration_error")
            rows.append(
                SliceRow(
                    feature=feature,
                    slice=name,
                    count=int(chosen.sum()),
                    values={metric: scored.values[metric] for metric in shown},
                    intervals={metric: scored.intervals[metric] for metric in shown},
                )
            )
    return rows


def split_by(values: Sequence[Recorded]) -> dict[str, Mask]:
    """Return slice name -> mask [n], in order of value; examples without the feature are a slice of their own."""
    known = [value for value in values if value is not None]
    missing = {"(missing)": np.array([value is None for value in values])} if len(known) < len(values) else {}
    if all(isinstance(value, str) for value in known):
        return by_text(values) | missing
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    distinct = np.unique(numbers[~np.isnan(numbers)])
    if len(distinct) <= FEW_VALUES:
        return {f"{value:.6g}": numbers == value for value in distinct} | missing
    return by_quartile(numbers) | missing


def by_text(values: Sequence[Recorded]) -> dict[str, Mask]:
    """Slice by each of the most frequent values."""
    array = np.array([value or "" for value in values], dtype=object)
    counted = Counter(str(value) for value in values if value is not None).most_common(MAX_VALUES)
    return {value: array == value for value in sorted(value for value, _ in counted)}


def by_quartile(numbers: NDArray[np.float64]) -> dict[str, Mask]:
    """Slice at the quartiles; fewer than four slices where quartiles coincide."""
    edges = np.unique(np.nanpercentile(numbers, (0, 25, 50, 75, 100)))
    slices, words = {}, dict(zip(edges, write_figures(edges), strict=True))  # equal words would hide a slice
    for low, high in itertools.pairwise(edges):
        last = high == edges[-1]
        inside = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        if inside.any():
            slices[f"{words[low]} to {'' if last else 'below '}{words[high]}"] = inside
    return slices
