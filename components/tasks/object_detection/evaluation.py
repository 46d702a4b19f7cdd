"""Scores a detector on images it has never seen, beside one box drawn on all of them, and says whether it is good enough to serve.

`metrics.json` holds the figures as `<split>/<name>`; those of sizes that do not occur are absent. `predictions.npz` holds for each image
`filename` and `size` (height, width), for each object `truth_photo`, `truth_boxes`, `truth_classes`, `truth_difficult`, `truth_crowd`, for each
detection `photo`, `boxes`, `scores`, `classes`; boxes are (ymin, xmin, ymax, xmax) as shares of the image, classes count from 1.
`details.json`, of which the report draws everything (null stands for what cannot be computed):

| key | holds |
|---|---|
| `split`, `photos`, `empty`, `boxes`, `labels` | what was judged; `empty` images show no object |
| `values`, `intervals` | figure -> value, and for some its 95 % interval [low, high] from images drawn anew |
| `samples` | how often images were drawn for the intervals |
| `remarks` | sentences |
| `constant_box` | `label`, `box`, `values`: the median training box of the commonest class drawn on every image |
| `score` | at which F1 is largest: `score`, `precision`, `recall`, `f1` |
| `score_curve` | rows: `score`, `precision`, `recall`, `f1`, all classes together |
| `classes` | rows: `label`, `boxes`, `photos`, `ap`, `ap50`, `ap75`, `ap_small` ..., `ar100`, `voc_ap50`, `ap_interval`, `best` (as `score`), `curve` (rows of recall, precision, score) |
| `sizes` | rows: `size`, `boxes`, `ap`, `ar` |
| `confusion` | counts at that score [true class, class found]; last row and column: background |
| `box_sizes` | split -> histogram of box sizes: rows of lower edge, upper edge, count |
| `shown`, `worst` | images: `picture` (truth beside what was found), `file`, `objects`, `missed`, `false` |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.evaluation.config import EvaluatorConfig
from components.evaluation.percentiles import percentiles
from components.evaluation.plots import write_logs, write_plots
from components.evaluation.verdict import other_classes, write_verdict
from components.plots import confusion_matrix, detection_plots
from components.tasks.object_detection import baselines, bootstrap, matching, metrics
from components.tasks.object_detection import blessing as judging
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.image_pairs import draw_pair, encode, sheet_of
from components.tasks.object_detection.metric_list import METRICS
from components.tasks.object_detection.metrics import Detections, Judged, Truth
from components.tasks.object_detection.predictions import Predicted, predict, read_images, read_split, read_truth
from components.tasks.object_detection.voc import voc_precision
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.settings import narrow

if TYPE_CHECKING:
    from PIL import Image


ON_SHEET = 4  # pairs on the sheets for TensorBoard, which are at most so wide
SHEET_WIDTH = 1200


@dataclass(frozen=True)
class Scored:
    """Figures of one set of detections.

    Attributes:
        values: figure -> value, see `METRICS`.
        intervals: figure -> 95 % interval, for those in `drawn`.
        drawn: mAP, mAP50 and mAP75 on samples of the images [samples], and `class_ap` [samples, classes].
        judged: COCO's verdict.
        voc: average precision of Pascal VOC by class, see `voc.voc_precision`.
        best: score with the largest F1.
    """

    values: dict[str, float]
    intervals: dict[str, list[float] | None]
    drawn: dict[str, np.ndarray]
    judged: Judged
    voc: list[tuple[float, float] | None]
    best: dict[str, float]


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

    The metrics and plots go to the run's TensorBoard logs too, in the folder `test`, at the step where the training ended; COCO's
    figures also under the names that the Object Detection API gave them.
    """
    config = narrow(config, DetectionEvaluatorConfig)
    check_boxes(examples, config.split)
    predicted = predict(model, examples, config.split, config.batch_size, context.progress)
    labels = examples.labels
    scored = score(predicted.truth, predicted.detections, labels, config)
    training = {
        split: baselines.read_all_truth(examples, split) for split in (baselines.TRAINING,) if split != config.split
    }
    constant = baselines.constant_box(training.get(baselines.TRAINING, predicted.truth), labels)
    constant_scored = score(predicted.truth, constant.on_each(predicted.truth), labels, config)
    comparison = None
    if baseline is not None:
        comparison = compare(scored, model, baseline, examples, predicted.truth, config, context)
    verdict = judging.judge(scored, constant, constant_scored, comparison, config)
    found = matching.outcomes(predicted.truth, predicted.detections, scored.judged.matches, scored.best["score"])
    details = describe(predicted, scored, found, labels, config.split)
    details["constant_box"] = {"label": constant.label, "box": constant.box, "values": constant_scored.values}
    details["box_sizes"] = {split: baselines.size_histogram(images) for split, images in (training | {config.split: predicted.truth}).items()}  # fmt: skip
    chosen = choose_images(predicted, found, config)
    pairs = draw_pairs(chosen, predicted, found, labels, examples, config.split)
    for group, images in chosen.items():
        details[group] = write_pairs(group, images, pairs, predicted, found, evaluation)
    values = {f"{config.split}/{name}": scored.values[name] for name in METRICS if name in scored.values}
    write_predictions(predicted, evaluation.file("predictions.npz"))
    plots = draw_plots(details, chosen, pairs)
    write_plots(plots, evaluation.file("plots"))
    tagged = {tag: scored.values[name] for name, tag in metrics.TAGS.items() if name in scored.values}
    write_logs(plots, values | tagged, context.logs, model.properties.get("steps", 0))
    evaluation.write_json("metrics.json", values)
    evaluation.write_json("details.json", details)
    evaluation.properties = {
        "metrics": values, "split": config.split, "intervals": scored.intervals, "score": scored.best["score"],
    }  # fmt: skip
    write_verdict(verdict, baseline, blessing)


def check_boxes(examples: Examples, split: str) -> None:
    """Refuse a split without an object, on which nothing can be measured, before anything takes long.

    Raises:
        UserError: as said.
    """
    if any((~read_truth(features).crowd).any() for features in read_split(examples, split)):
        return
    raise UserError(
        f"Not one of the {examples.splits[split]:,} photos of split `{split}` has a labelled object, so there is nothing to measure.",
        str(examples.path),
        "Put labelled photos into that split, or score another one with `evaluator.split`.",
    )


def score(
    truth: Sequence[Truth], detections: Sequence[Detections], labels: Sequence[str], config: DetectionEvaluatorConfig
) -> Scored:
    """Measure detections."""
    judged = metrics.judge(truth, detections, labels)
    voc = voc_precision(truth, detections, len(labels))
    known = [pair for pair in voc if pair is not None]
    best = matching.best_score(judged.matches)
    assert best is not None  # there are objects
    values = dict(judged.values)
    if known:  # it may be that all objects are difficult ones
        values["voc_mAP50"], values["voc_mAP50_eleven"] = (
            sum(pair[place] for pair in known) / len(known) for place in (0, 1)
        )
    values |= {name: best[name] for name in ("f1", "precision", "recall")}
    drawn = bootstrap.draw_samples(judged.matches, config.resamples, config.seed)
    intervals = {name: percentiles(drawn[name]) for name in ("mAP", "mAP50", "mAP75")}
    return Scored(values, intervals, drawn, judged, voc, best)


def compare(
    scored: Scored,
    model: Model,
    baseline: Model,
    examples: Examples,
    truth: Sequence[Truth],
    config: DetectionEvaluatorConfig,
    context: Context,
) -> dict[str, Any]:
    """Run the last blessed model on the same images and compare; skipped where its classes differ."""
    if reason := other_classes(baseline.properties.get("labels") or [], model.properties["labels"]):
        return {"skipped": reason}
    before = predict(baseline, examples, config.split, config.batch_size, context.progress)
    return judging.compare(scored, score(truth, before.detections, examples.labels, config))


def describe(
    predicted: Predicted, scored: Scored, found: Sequence[matching.Outcome], labels: list[str], split: str
) -> dict[str, Any]:
    """Return most of the content of details.json; its keys stand at the top of this file."""
    judged, truth = scored.judged, predicted.truth
    classes = []
    for number, row in enumerate(judged.classes):
        pair, one = scored.voc[number], judged.matches[number]
        classes.append({
            **row, "voc_ap50": pair[0] if pair else None, "ap_interval": percentiles(scored.drawn["class_ap"][:, number]),
            "best": matching.best_score([one]), "curve": matching.precision_recall(one),
        })  # fmt: skip
    return {
        "split": split, "photos": len(truth), "empty": sum(len(image.boxes) == 0 for image in truth),
        "boxes": sum(row["boxes"] for row in classes), "labels": labels, "values": scored.values, "intervals": scored.intervals,
        "samples": len(scored.drawn["mAP"]), "remarks": remarks_on(truth, classes), "score": scored.best,
        "score_curve": matching.score_curve(judged.matches), "classes": classes, "sizes": judged.sizes,
        "confusion": matching.confusion(truth, predicted.detections, found, len(labels)),
    }  # fmt: skip


def remarks_on(truth: Sequence[Truth], classes: Sequence[dict[str, Any]]) -> list[str]:
    """Say what a reader of the figures must know."""
    remarks = []
    absent = [row["label"] for row in classes if not row["boxes"]]
    if absent:
        remarks.append(f"No object of {', '.join(absent[:10])}{' ...' if len(absent) > 10 else ''} is in this split: no figure tells of it.")  # fmt: skip
    difficult, crowds = (sum(int(getattr(image, name).sum()) for image in truth) for name in ("difficult", "crowd"))
    if difficult:
        remarks.append(
            f"Objects marked difficult: {difficult:,}. COCO's figures count them, Pascal VOC's leave them out."
        )
    if crowds:
        remarks.append(f"Boxes around crowds: {crowds:,}. They count neither way.")
    if len(truth) < 30:
        remarks.append(f"Figures rest on {len(truth)} photos only.")
    return remarks


def choose_images(
    predicted: Predicted, found: Sequence[matching.Outcome], config: DetectionEvaluatorConfig
) -> dict[str, list[int]]:
    """Return the images that are kept: those with most mistakes, and others evenly spaced."""
    number = len(predicted.truth)
    worst = matching.rank_worst(predicted.detections, found)[: config.worst_photos]
    others = [image for image in range(number) if image not in worst]
    step = max(1, len(others) // max(1, config.shown_photos))
    return {"shown": others[::step][: config.shown_photos], "worst": worst}


def draw_pairs(
    chosen: dict[str, list[int]],
    predicted: Predicted,
    found: Sequence[matching.Outcome],
    labels: list[str],
    examples: Examples,
    split: str,
) -> dict[int, Image.Image]:
    """Return images with truth beside what was found, by their place in the split."""
    images = read_images(examples, split, [image for group in chosen.values() for image in group])
    return {
        place: draw_pair(encoded, predicted.truth[place], predicted.detections[place], found[place], labels)
        for place, encoded in images.items()
    }


def write_pairs(
    group: str,
    images: Sequence[int],
    pairs: dict[int, Image.Image],
    predicted: Predicted,
    found: Sequence[matching.Outcome],
    evaluation: Evaluation,
) -> list[dict[str, Any]]:
    """Write pairs as JPEG files and return a row for each."""
    rows = []
    for number, image in enumerate(images):
        name = f"plots/{group}/{number:02d}.jpg"
        evaluation.file(name).parent.mkdir(parents=True, exist_ok=True)
        evaluation.file(name).write_bytes(encode(pairs[image], "JPEG"))
        outcome = found[image]
        rows.append({
            "picture": name, "file": predicted.truth[image].filename, "objects": len(outcome.objects), "missed": outcome.missed,
            "false": outcome.false,
        })  # fmt: skip
    return rows


def write_predictions(predicted: Predicted, target: Path) -> None:
    """Write every image's objects and detections; the arrays' names stand at the top of this file."""
    truth, found = predicted.truth, predicted.detections
    np.savez_compressed(
        target,
        filename=np.array([image.filename for image in truth]),
        size=np.array([image.size for image in truth]),
        truth_photo=np.repeat(np.arange(len(truth)), [len(image.boxes) for image in truth]),
        **{f"truth_{name}": np.concatenate([getattr(image, name) for image in truth]) for name in ("boxes", "classes", "difficult", "crowd")},
        photo=np.repeat(np.arange(len(found)), [len(answer.boxes) for answer in found]),
        **{name: np.concatenate([getattr(answer, name) for answer in found]) for name in ("boxes", "scores", "classes")},
    )  # fmt: skip


def draw_plots(
    details: dict[str, Any], chosen: dict[str, list[int]], pairs: dict[int, Image.Image]
) -> dict[str, bytes]:
    """Draw precision over recall, figures over the score, confused classes and images; return PNG bytes by name."""
    plots = {
        "precision_recall": detection_plots.draw_precision_recall(details["classes"]),
        "score": detection_plots.draw_score_curve(details["score_curve"], details["score"]),
        "confusion_matrix": confusion_matrix.draw_confusion_matrix(np.array(details["confusion"]), [*details["labels"], "background"]),
    }  # fmt: skip
    for group, images in chosen.items():
        if images:
            sheet = sheet_of([pairs[image] for image in images[:ON_SHEET]])
            sheet.thumbnail((SHEET_WIDTH, SHEET_WIDTH))
            plots[f"{group}_photos"] = encode(sheet, "PNG")
    return plots
