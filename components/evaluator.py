"""Score the trained model on pictures it has never seen, with intervals, and say whether it is good enough to serve."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from components.evaluation import blessing as judging
from components.evaluation import metrics
from components.evaluation.predictions import Predicted, check_features, predict
from components.evaluation.slices import slice_rows
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context, Out, component
from pipeline.errors import UserError, did_you_mean
from pipeline.settings import Settings

LOGS = "test"  # beside the trainer's `train` and `validation`


class EvaluatorConfig(Settings):
    """What is measured, and the bar for a blessing."""

    split: str = Field("test", description="the split that is scored")
    batch_size: int = Field(256, gt=0, description="pictures a forward pass; lower it if memory runs out")
    slices: list[str] = Field(
        ["image/class/text", "image/brightness"],
        description="recorded features by which results are broken down; numbers with many values by quartile",
    )
    thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="limits for the blessing, such as test/accuracy: 0.9. The least value that passes; for test/loss and "
        "test/calibration_error, where less is better, the largest",
    )
    baseline_tolerance: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="accuracy that may be lost against the last blessed model: room for the luck of a training. It may be "
        "lost in every run anew; a limit for test/accuracy in `thresholds` is the floor below which nothing is blessed",
    )
    baseline_significance: float = Field(
        1.0,
        gt=0,
        le=1,
        description="1 counts every loss beyond the tolerance. With less, such as 0.05, it counts only if McNemar's exact "
        "test gives it less than this chance, which on a small split lets several points be lost unseen",
    )
    resamples: int = Field(1000, ge=100, description="bootstrap samples for the 95 % intervals")
    calibration_bins: int = Field(15, ge=2, description="equal-width bins of the calibration error")
    wrong_predictions: int = Field(24, ge=0, le=200, description="pictures of wrong predictions kept, the surest first")
    seed: int = Field(7, ge=0, description="seed of the bootstrap")

    @field_validator("thresholds")
    @classmethod
    def known_metrics(cls, thresholds: dict[str, float]) -> dict[str, float]:
        """Refuse a threshold on something that is not measured."""
        for name in thresholds:
            if name.partition("/")[2] not in metrics.NAMES:
                split = name.partition("/")[0] if "/" in name else "test"
                raise ValueError(
                    f"has no metric `{name}`. {did_you_mean(name, [f'{split}/{metric}' for metric in metrics.NAMES])}"
                )
        return thresholds


@component(requires=["tensorflow", "keras", "numpy", "matplotlib"])
def evaluator(
    examples: Examples,
    model: Model,
    baseline: Model | None,
    evaluation: Out[Evaluation],
    blessing: Out[Blessing],
    config: EvaluatorConfig,
    context: Context,
) -> None:
    """Write metrics.json, details.json, predictions.npz and plots to `evaluation`, and the verdict to `blessing`.

    The metrics and plots go to the run's TensorBoard logs too, in the folder `test`, at the step where the training ended.
    """
    check_split(examples, config)
    check_features(examples, config.split, config.slices)
    predicted = predict(
        model, examples, config.split, config.batch_size, context.progress, config.wrong_predictions, config.slices
    )
    labels = examples.labels
    scored = metrics.score(predicted, len(labels), config.resamples, config.seed, config.calibration_bins)
    details = scored.details(labels) | {
        "split": config.split,
        "labels": labels,
        "baselines": metrics.naive_baselines(examples, config.split),
        "slices": slice_rows(
            predicted, config.slices, len(labels), config.resamples, config.seed, config.calibration_bins
        ),
        "wrong": write_wrong(predicted, labels, evaluation),
    }
    values = {f"{config.split}/{name}": value for name, value in scored.values.items()}
    comparison = None
    if baseline is not None:
        comparison = judging.compare(predicted, scored, model, baseline, examples, config, context.progress)
    verdict = judging.judge(values, scored.intervals, details["baselines"], comparison, config)
    write_predictions(predicted, evaluation.file("predictions.npz"))
    plots = draw_plots(predicted, details, labels)
    write_plots(plots, evaluation.file("plots"))
    write_logs(plots, values, context.logs / LOGS, model.properties.get("steps", 0))
    evaluation.write_json("metrics.json", values)
    evaluation.write_json("details.json", details)
    evaluation.properties = {"metrics": values, "split": config.split, "intervals": details["intervals"]}
    blessing.write_json("blessing.json", verdict)
    blessing.properties = {**verdict, "baseline": baseline.digest if baseline is not None else None}


def check_split(examples: Examples, config: EvaluatorConfig) -> None:
    """Refuse to score a split without pictures, and thresholds for another split than the scored one."""
    if not examples.splits.get(config.split):
        filled = [split for split, number in examples.splits.items() if number]
        raise UserError(
            f"There are no pictures in split `{config.split}` to score.",
            "evaluator.split",
            did_you_mean(config.split, filled),
        )
    for name in config.thresholds:
        if name.partition("/")[0] != config.split:
            raise UserError(
                f"`{name}` cannot be checked: split `{config.split}` is scored.",
                "evaluator.thresholds",
                f"Write `{config.split}/{name.partition('/')[2]}`, or set evaluator.split.",
            )


def write_wrong(predicted: Predicted, labels: list[str], evaluation: Evaluation) -> list[dict[str, Any]]:
    """Write the pictures of the surest wrong predictions; return what was predicted and what is true."""
    from components.callbacks.drawing import encode_png

    rows = []
    for place, (index, pixels) in enumerate(predicted.wrong):
        name = f"plots/wrong/{place:02d}.png"
        evaluation.file(name).parent.mkdir(parents=True, exist_ok=True)
        evaluation.file(name).write_bytes(encode_png(pixels))
        chances, truth = predicted.probabilities[index], int(predicted.labels[index])
        guess = int(chances.argmax())
        rows.append({
            "picture": name, "file": predicted.sources[index], "label": labels[truth], "predicted": labels[guess],
            "probability": float(chances[guess]), "probability_of_label": float(chances[truth]),
        })  # fmt: skip
    return rows


def write_predictions(predicted: Predicted, target: Path) -> None:
    """Write every example's source, label and probabilities [n, classes], in the order of the records."""
    import numpy as np

    np.savez_compressed(
        target, source=np.array(predicted.sources), label=predicted.labels, probabilities=predicted.probabilities
    )


def draw_plots(predicted: Predicted, details: dict[str, Any], labels: list[str]) -> dict[str, bytes]:
    """Draw confusion matrix, reliability and wrong predictions with their probabilities; return PNG bytes by name."""
    import numpy as np

    from components.callbacks import confusion_matrix, prediction_grid, reliability

    plots = {
        "confusion_matrix": confusion_matrix.draw_confusion_matrix(np.array(details["confusion"]), labels),
        "reliability": reliability.draw_reliability(details["calibration"], details["calibration_error"]),
    }
    if predicted.wrong:
        indices = [index for index, _ in predicted.wrong]
        pixels = np.stack([picture for _, picture in predicted.wrong])
        plots["wrong_predictions"] = prediction_grid.draw_predictions(
            pixels, predicted.probabilities[indices], predicted.labels[indices], labels
        )
    return plots


def write_plots(plots: dict[str, bytes], folder: Path) -> None:
    """Write each plot as a PNG file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in plots.items():
        (folder / f"{name}.png").write_bytes(png)


def write_logs(plots: dict[str, bytes], values: dict[str, float], folder: Path, step: int) -> None:
    """Write metrics as scalars, under the names that the report gives them, and plots as images for TensorBoard."""
    import tensorflow as tf

    shutil.rmtree(folder, ignore_errors=True)  # what a killed evaluation of the same run has left
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=step):
        for name, value in values.items():
            tf.summary.scalar(name, value)
        for name, png in plots.items():
            tf.summary.image(name, tf.io.decode_png(png, channels=3)[tf.newaxis])
    writer.close()
