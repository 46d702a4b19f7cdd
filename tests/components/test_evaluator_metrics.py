"""Promises of the metrics, slices and tests behind the evaluator, on numbers worked out by hand or by SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from components.tasks.image_classification.metrics import calibration_bins, calibration_error, score, wilson
from components.tasks.image_classification.predictions import Predicted, losses_of
from components.tasks.image_classification.slices import split_by
from components.tasks.image_classification.verdict import mcnemar


def test_wilsons_interval_is_the_published_one() -> None:
    stats = pytest.importorskip("scipy.stats")
    for hits, count in ((0, 10), (7, 10), (989, 1000)):
        expected = stats.binomtest(hits, count).proportion_ci(method="wilson")
        assert wilson(hits, count) == pytest.approx([expected.low, expected.high], abs=1e-9)
    assert wilson(0, 0) is None


def test_mcnemars_exact_test_is_scipys_binomial() -> None:
    stats = pytest.importorskip("scipy.stats")
    for won, lost in ((0, 0), (3, 9), (40, 20), (500, 560)):
        expected = stats.binomtest(lost, won + lost, alternative="greater").pvalue if won + lost else 1.0
        assert mcnemar(won, lost) == pytest.approx(expected)


def test_calibration_error_is_the_weighted_gap() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55], np.float32)
    hits = np.array([True, False, True, True])
    assert calibration_error(confidence, hits, bins=10) == pytest.approx((2 * 0.45 + 2 * 0.45) / 4, abs=1e-6)
    assert [row["count"] for row in calibration_bins(confidence, hits, bins=10)] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]


def test_losses_are_keras() -> None:
    keras = pytest.importorskip("keras")
    outputs = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]], np.float32)
    labels = np.array([0, 2])
    expected = np.asarray(keras.losses.sparse_categorical_crossentropy(labels, outputs))
    assert losses_of(outputs, labels, "cross_entropy") == pytest.approx(expected, rel=1e-5)
    assert losses_of(outputs, labels, "mean_squared_error") == pytest.approx([(0.09 + 0.04 + 0.01) / 3, 2 / 3])


def test_top_five_counts_only_where_there_are_more_than_five_classes() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(60) % 6
    chances = random.dirichlet(np.ones(6), 60).astype(np.float32)
    scored = score(Predicted(labels, chances, np.ones(60, np.float32), [], [], {}), 6, 100, 0, 10)
    last = chances.argsort(axis=1)[:, 0]
    assert scored.values["top_5_accuracy"] == pytest.approx((last != labels).mean())


def test_a_class_without_test_pictures_has_no_score_and_stays_out_of_the_means() -> None:
    labels, chances = np.array([0, 0, 1, 1]), np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    scored = score(Predicted(labels, chances, np.zeros(4, np.float32), [], [], {}), 3, 100, 0, 10)
    assert scored.classes["recall"] == [1.0, 1.0, None]
    assert scored.values["f1"] == 1.0


def test_numbers_are_sliced_by_quartile_or_by_value_if_there_are_few() -> None:
    assert [mask.sum() for mask in split_by([float(number) for number in range(100)]).values()] == [25, 25, 25, 25]
    assert {name: mask.sum() for name, mask in split_by([28, 28, 32, None]).items()} == {
        "28": 2,
        "32": 1,
        "(missing)": 1,
    }
