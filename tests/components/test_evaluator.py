"""Promises of the evaluator: what it measures, and when it blesses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError

from components.evaluator import evaluator
from components.networks import load_model
from components.tasks.image_classification.config import ImageEvaluatorConfig
from components.tasks.image_classification.facts import ImageComparison
from components.tasks.image_classification.verdict import baseline_check, mcnemar
from pipeline.artifacts import Blessing, Evaluation, Examples, Model, write_manifest
from pipeline.component import Context
from pipeline.errors import UserError

QUICK = ImageEvaluatorConfig(resamples=100)
Judged = tuple[Evaluation, Blessing]


def evaluate(
    folder: Path, examples: Examples, model: Model, baseline: Model | None = None, config: ImageEvaluatorConfig = QUICK
) -> Judged:
    evaluation, blessing = Evaluation.create(folder / "evaluation"), Blessing.create(folder / "blessing")
    evaluator(
        examples=examples,
        model=model,
        baseline=baseline,
        evaluation=evaluation,
        blessing=blessing,
        config=config,
        context=Context.standalone(folder),
    )
    write_manifest(evaluation, created=0.0)
    write_manifest(blessing, created=0.0)
    return evaluation, blessing


@pytest.fixture(scope="module")
def judged(
    tiny_examples: Examples, tiny_model: Model, poor_model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    return evaluate(tmp_path_factory.mktemp("judged"), tiny_examples, tiny_model, poor_model)


def test_metrics_have_intervals_around_them_and_agree_with_the_stored_predictions(judged: Judged) -> None:
    evaluation, _ = judged
    values, details = evaluation.read_json("metrics.json"), evaluation.read_json("details.json")
    stored = np.load(evaluation.file("predictions.npz"))
    assert values["test/accuracy"] == pytest.approx((stored["probabilities"].argmax(axis=1) == stored["label"]).mean())
    assert set(values) == {
        f"test/{name}" for name in ("accuracy", "loss", "precision", "recall", "f1", "calibration_error")
    }
    for name in ("accuracy", "loss", "f1"):
        low, high = details["intervals"][name]
        assert low <= values[f"test/{name}"] <= high
        assert low < high
    assert np.sum(details["confusion"]) == details["count"] == 60
    assert evaluation.properties["metrics"] == values


def test_precision_recall_and_f1_are_scikit_learns(judged: Judged) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    stored = np.load(judged[0].file("predictions.npz"))
    guesses = stored["probabilities"].argmax(axis=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        stored["label"], guesses, labels=[0, 1, 2], zero_division=0
    )
    rows = judged[0].read_json("details.json")["classes"]
    assert [row["precision"] for row in rows] == pytest.approx(precision)
    assert [row["recall"] for row in rows] == pytest.approx(recall)
    assert [row["f1"] for row in rows] == pytest.approx(f1)


def test_sources_and_labels_stay_together(judged: Judged, tiny_examples: Examples) -> None:
    stored = np.load(judged[0].file("predictions.npz"))
    assert [source.split("/")[0] for source in stored["source"]] == [
        tiny_examples.labels[label] for label in stored["label"]
    ]


def test_slices_cover_the_split_once_and_have_intervals(judged: Judged) -> None:
    rows = judged[0].read_json("details.json")["slices"]
    text = [row for row in rows if row["feature"] == "image/class/text"]
    quartiles = [row for row in rows if row["feature"] == "image/brightness"]
    assert [row["slice"] for row in text] == ["cross", "dot", "stripe"]
    assert len(quartiles) == 4
    assert sum(row["count"] for row in quartiles) == sum(row["count"] for row in text) == 60
    assert all(row["intervals"]["accuracy"][0] < row["intervals"]["accuracy"][1] for row in rows)


def test_plots_and_wrong_predictions_are_pictures(judged: Judged) -> None:
    evaluation, _ = judged
    for name in ("confusion_matrix.png", "reliability.png"):
        assert evaluation.file("plots", name).read_bytes().startswith(b"\x89PNG")
    for row in evaluation.read_json("details.json")["wrong"]:
        assert evaluation.file(row["picture"]).exists()
        assert row["label"] != row["predicted"]


def test_a_good_model_is_blessed_and_says_why(judged: Judged, poor_model: Model) -> None:
    _, blessing = judged
    assert blessing.properties["blessed"] is True
    assert [check["name"] for check in blessing.properties["checks"]] == [
        "test/accuracy above chance",
        "test/accuracy above majority",
        "test/accuracy against the last blessed model",
    ]
    assert blessing.properties["baseline"] == poor_model.digest


def test_a_model_that_only_guesses_is_not_blessed(tiny_examples: Examples, poor_model: Model, tmp_path: Path) -> None:
    _, blessing = evaluate(tmp_path, tiny_examples, poor_model)
    assert blessing.properties["blessed"] is False
    assert "guessing by chance" in " ".join(blessing.properties["reasons"])


def test_a_worse_model_than_the_last_blessed_one_is_not_blessed(
    tiny_examples: Examples, tiny_model: Model, poor_model: Model, tmp_path: Path
) -> None:
    _, blessing = evaluate(tmp_path, tiny_examples, poor_model, baseline=tiny_model)
    check = blessing.properties["checks"][-1]
    assert check["passed"] is False
    assert check["value"] < -0.2
    assert blessing.properties["comparison"]["p_worse"] < 0.01
    assert "more than the tolerated loss of 0.01" in " ".join(blessing.properties["reasons"])


def test_the_same_model_again_is_not_worse_than_itself(
    tiny_examples: Examples, tiny_model: Model, tmp_path: Path
) -> None:
    evaluation, blessing = evaluate(tmp_path / "a", tiny_examples, tiny_model, baseline=tiny_model)
    assert blessing.properties["comparison"]["difference"] == 0
    assert blessing.properties["checks"][-1]["passed"]
    again, _ = evaluate(tmp_path / "b", tiny_examples, tiny_model, baseline=tiny_model)
    assert again.digest == evaluation.digest


@pytest.mark.parametrize(
    ("won", "lost", "passed"),
    [(0, 0, True), (0, 1, True), (0, 2, False), (10, 11, True), (10, 12, False), (12, 10, True)],
)
def test_by_default_a_hundredth_may_be_lost_and_not_more_however_small_the_split(
    won: int, lost: int, passed: bool
) -> None:
    config = ImageEvaluatorConfig()
    check = baseline_check(changed(won, lost, count=100), config)
    assert check.passed is passed
    assert check.limit == -0.01


def test_only_who_asks_for_it_lets_a_loss_pass_that_may_be_luck() -> None:
    check = baseline_check(changed(won=2, lost=5, count=100), ImageEvaluatorConfig(baseline_significance=0.05))
    assert check.passed is True
    assert "it may be luck (McNemar's exact test: p = 0.227, not below 0.05)" in check.reason
    check = baseline_check(changed(won=0, lost=8, count=100), ImageEvaluatorConfig(baseline_significance=0.05))
    assert check.passed is False
    check = baseline_check(changed(won=0, lost=1, count=100), ImageEvaluatorConfig(baseline_tolerance=0))
    assert check.passed is False
    assert check.limit == 0


def changed(won: int, lost: int, count: int) -> ImageComparison:
    """Return a comparison in which so many of `count` answers got better and worse."""
    difference = (won - lost) / count
    return ImageComparison(
        difference=difference, interval=[difference, difference], won=won, lost=lost, p_worse=mcnemar(won, lost)
    )


def test_every_figure_is_compared_with_the_last_blessed_models_and_has_intervals(
    judged: Judged, tiny_examples: Examples, poor_model: Model, tmp_path: Path
) -> None:
    evaluation, blessing = judged
    alone, _ = evaluate(tmp_path, tiny_examples, poor_model)
    values, before = evaluation.read_json("metrics.json"), alone.read_json("details.json")
    compared = blessing.properties["comparison"]["metrics"]
    assert {f"test/{name}" for name in compared} == set(values)
    for name, row in compared.items():
        assert row["value"] == pytest.approx(before["values"][name])
        assert row["interval"] == pytest.approx(before["intervals"][name])
        assert row["difference"] == pytest.approx(values[f"test/{name}"] - row["value"])
        assert row["difference_interval"][0] < row["difference_interval"][1]
    low, high = compared["accuracy"]["difference_interval"]
    assert 0 < low < compared["accuracy"]["difference"] < high


def test_an_earlier_model_that_knows_the_classes_in_another_order_is_scored_the_same(
    tiny_examples: Examples, tiny_model: Model, shuffled_model: Model, tmp_path: Path
) -> None:
    _, blessing = evaluate(tmp_path, tiny_examples, tiny_model, baseline=shuffled_model)
    comparison = blessing.properties["comparison"]
    assert comparison["won"] == comparison["lost"] == 0
    assert comparison["metrics"]["loss"]["difference"] == pytest.approx(0, abs=1e-5)


@pytest.fixture
def shuffled_model(tiny_model: Model, tmp_path: Path) -> Model:
    """Return the tiny model with its outputs, and their labels, the other way round."""
    network = load_model(tiny_model)
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel[:, ::-1], bias[::-1]])
    model = Model.create(tmp_path / "shuffled")
    network.save(model.file("model.keras"))
    model.properties = {**tiny_model.properties, "labels": tiny_model.properties["labels"][::-1]}
    write_manifest(model, created=0.0)
    return model


def test_tensorboard_has_the_reports_figures_and_plots_once_however_often_a_run_is_taken_up_again(
    tiny_examples: Examples, poor_model: Model, tmp_path: Path
) -> None:
    for name in ("killed", "finished"):
        evaluation, blessing = Evaluation.create(tmp_path / name), Blessing.create(tmp_path / f"{name}_blessing")
        evaluator(
            examples=tiny_examples,
            model=poor_model,
            baseline=None,
            evaluation=evaluation,
            blessing=blessing,
            config=QUICK,
            context=Context.standalone(tmp_path),
        )
    (events,) = (tmp_path / "logs" / "test").glob("events*")
    rows = [
        (value.tag, event.step, value.tensor)
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    ]
    assert {step for _, step, _ in rows} == {poor_model.properties["steps"]}
    shown = {tag: tf.make_ndarray(tensor) for tag, _, tensor in rows}
    values = evaluation.read_json("metrics.json")
    assert set(shown) == set(values) | {"confusion_matrix", "reliability", "wrong_predictions"}
    assert {name: float(shown[name]) for name in values} == pytest.approx(values, rel=1e-6)
    assert all(
        shown[name][2].startswith(b"\x89PNG") for name in ("confusion_matrix", "reliability", "wrong_predictions")
    )


def test_other_classes_are_not_compared_with_and_the_verdict_says_so(
    tiny_examples: Examples, tiny_model: Model, tmp_path: Path
) -> None:
    other = Model(tiny_model.path, {**tiny_model.properties, "labels": ["cross", "dot", "wave"]}, "other")
    _, blessing = evaluate(tmp_path, tiny_examples, tiny_model, baseline=other)
    assert blessing.properties["blessed"] is True
    assert "knows other classes (without stripe; with wave)" in " ".join(blessing.properties["reasons"])


def test_thresholds_are_least_values_and_largest_for_losses(
    tiny_examples: Examples, tiny_model: Model, tmp_path: Path
) -> None:
    config = QUICK.model_copy(update={"thresholds": {"test/accuracy": 0.5, "test/loss": 1e-9}})
    _, blessing = evaluate(tmp_path, tiny_examples, tiny_model, config=config)
    checks = {check["name"]: check["passed"] for check in blessing.properties["checks"]}
    assert checks["test/accuracy"] is True
    assert checks["test/loss"] is False
    assert blessing.properties["blessed"] is False
    assert "above the recipe's 1e-09" in blessing.properties["reasons"][0]


def test_a_limit_on_top_5_accuracy_is_met_by_any_network_of_few_classes(
    tiny_examples: Examples, tiny_model: Model, tmp_path: Path
) -> None:
    config = QUICK.model_copy(update={"thresholds": {"test/top_5_accuracy": 0.99}})
    _, blessing = evaluate(tmp_path, tiny_examples, tiny_model, config=config)
    check = blessing.properties["checks"][0]
    assert (check["name"], check["value"], check["passed"]) == ("test/top_5_accuracy", 1.0, True)
    assert "test/top_5_accuracy is always 1 with five classes or fewer." in blessing.properties["reasons"]


def test_an_unknown_metric_or_feature_is_refused_with_a_suggestion(
    tiny_examples: Examples, tiny_model: Model, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match="Did you mean `test/accuracy`"):
        ImageEvaluatorConfig(thresholds={"test/acuracy": 0.9})
    with pytest.raises(UserError, match="No example has a feature `image/brigthness`") as caught:
        evaluate(tmp_path, tiny_examples, tiny_model, config=QUICK.model_copy(update={"slices": ["image/brigthness"]}))
    assert "`image/brightness`" in caught.value.fix


def test_an_empty_split_is_refused(make_examples: Callable[..., Examples], tiny_model: Model, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no examples in split `test`"):
        evaluate(tmp_path, make_examples("untested", {"train": 3, "test": 0}), tiny_model)
