"""Scores a classifier on images it has never seen, with intervals, and says whether it is good enough to serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.evaluation.config import EvaluatorConfig
from components.evaluation.plots import write_logs, write_plots
from components.evaluation.verdict import write_verdict
from components.plots import confusion_matrix, prediction_grid, reliability
from components.plots.drawing import encode_png
from components.tasks.image_classification import metrics
from components.tasks.image_classification.config import ImageEvaluatorConfig
from components.tasks.image_classification.details import ImageDetails, WrongRow
from components.tasks.image_classification.facts import ImageExamplesFacts
from components.tasks.image_classification.predictions import Predicted, check_features, predict
from components.tasks.image_classification.slices import slice_rows
from components.tasks.image_classification.verdict import compare, give_verdict
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context
from pipeline.facts import EvaluationFacts
from pipeline.settings import narrow


def evaluate(
    examples: Examples,
    model: Model,
    baseline: Model | None,
    evaluation: Evaluation,
    blessing: Blessing,
    config: EvaluatorConfig,
    context: Context,
) -> None:
    """Write metrics.json, details.json, predictions.npz and plots to `evaluation`, and the verdict to `blessing`.

    The metrics and plots go to the run's TensorBoard logs too, in the folder `test`, at the step where the training
    ended.
    """
    config = narrow(config, ImageEvaluatorConfig)
    check_features(examples, config.split, config.slices)
    predicted = predict(
        model, examples, config.split, config.batch_size, context.progress, config.wrong_predictions, config.slices
    )
    facts = examples.facts_as(ImageExamplesFacts)
    labels = facts.labels
    scored = metrics.score(predicted, len(labels), config.resamples, config.seed, config.calibration_bins)
    details = ImageDetails(
        split=config.split,
        labels=labels,
        count=len(predicted.labels),
        values=scored.values,
        intervals=scored.intervals,
        confusion=scored.confusion.tolist(),
        classes=[scored.class_row(number, label) for number, label in enumerate(labels)],
        calibration=scored.calibration,
        calibration_error=scored.values["calibration_error"],
        baselines=metrics.naive_baselines(facts, config.split),
        slices=slice_rows(
            predicted, config.slices, len(labels), config.resamples, config.seed, config.calibration_bins
        ),
        wrong=write_wrong(predicted, labels, evaluation),
    )
    values = {f"{config.split}/{name}": value for name, value in scored.values.items()}
    comparison = None
    if baseline is not None:
        comparison = compare(predicted, scored, model, baseline, examples, config, context.progress)
    verdict = give_verdict(scored, details["baselines"], comparison, config)
    write_predictions(predicted, evaluation.file("predictions.npz"))
    plots = draw_plots(predicted, details)
    write_plots(plots, evaluation.file("plots"))
    write_logs(plots, values, context.logs, model.facts.steps)
    evaluation.write_json("metrics.json", values)
    evaluation.write_json("details.json", details)
    evaluation.write_facts(EvaluationFacts(metrics=values, split=config.split, intervals=scored.intervals))
    write_verdict(verdict, baseline, blessing)


def write_wrong(predicted: Predicted, labels: list[str], evaluation: Evaluation) -> list[WrongRow]:
    """Write the images of the surest wrong predictions; return what was predicted and what is true."""
    rows = []
    for place, (index, pixels) in enumerate(predicted.wrong):
        name = f"plots/wrong/{place:02d}.png"
        evaluation.file(name).parent.mkdir(parents=True, exist_ok=True)
        evaluation.file(name).write_bytes(encode_png(pixels))
        chances, truth = predicted.probabilities[index], int(predicted.labels[index])
        guess = int(chances.argmax())
        rows.append(
            WrongRow(
                picture=name,
                file=predicted.sources[index],
                label=labels[truth],
                predicted=labels[guess],
                probability=float(chances[guess]),
                probability_of_label=float(chances[truth]),
            )
        )
    return rows


def write_predictions(predicted: Predicted, target: Path) -> None:
    """Write every example's source, label and probabilities [n, classes], in the order of the records."""
    np.savez_compressed(
        target, source=np.array(predicted.sources), label=predicted.labels, probabilities=predicted.probabilities
    )


def draw_plots(predicted: Predicted, details: ImageDetails) -> dict[str, bytes]:
    """Draw confusion matrix, reliability and wrong predictions with their probabilities; return PNG bytes by name."""
    plots = {
        "confusion_matrix": confusion_matrix.draw_confusion_matrix(np.array(details["confusion"]), details["labels"]),
        "reliability": reliability.draw_reliability(details["calibration"], details["calibration_error"]),
    }
    if predicted.wrong:
        indices = [index for index, _ in predicted.wrong]
        pixels = np.stack([image for _, image in predicted.wrong])
        plots["wrong_predictions"] = prediction_grid.draw_predictions(
            pixels, predicted.probabilities[indices], predicted.labels[indices], details["labels"]
        )
    return plots
