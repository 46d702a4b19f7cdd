"""Scores a detector on images it has never seen, beside one box drawn on all, and says if it may serve.

`metrics.json` holds the figures as `<split>/<name>`; those of sizes that do not occur are absent. `details.json` is
typed in `details.py`. `predictions.npz` holds for each image `filename` and `size` (height, width), for each object
`truth_photo`, `truth_boxes`, `truth_classes`, `truth_difficult`, `truth_crowd`, for each detection `photo`, `boxes`,
`scores`, `classes`; boxes are (ymin, xmin, ymax, xmax), normalized, classes count from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.evaluation.config import EvaluatorConfig
from components.evaluation.percentiles import percentiles
from components.evaluation.plots import write_logs, write_plots
from components.evaluation.verdict import other_classes, write_verdict
from components.plots import confusion_matrix, detection_plots
from components.tasks.object_detection import baselines, matching, metrics
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.details import (
    ClassRow,
    ConstantBoxRow,
    DetectionDetails,
    ImageRow,
    SizeHistogram,
)
from components.tasks.object_detection.facts import DetectionEvaluationFacts, DetectorNetworkFacts
from components.tasks.object_detection.image_pairs import draw_pair, encode, sheet_of
from components.tasks.object_detection.metric_list import METRICS
from components.tasks.object_detection.metrics import GroundTruth
from components.tasks.object_detection.predictions import Predicted, predict, read_images, read_split, read_truth
from components.tasks.object_detection.scoring import Scored, score
from components.tasks.object_detection.verdict import compare_scores, give_verdict
from pipeline.artifacts import Blessing, Evaluation, Examples, Model
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.facts import ComparisonFacts
from pipeline.settings import narrow

if TYPE_CHECKING:
    from PIL import Image


ON_SHEET = 4  # pairs on the sheets for TensorBoard, which are at most so wide
SHEET_WIDTH = 1200


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
    ended; COCO's figures also under the names that the Object Detection API gave them.
    """
    config = narrow(config, DetectionEvaluatorConfig)
    check_boxes(examples, config.split)
    predicted = predict(model, examples, config.split, config.batch_size, context.progress)
    truth, labels = predicted.truth, examples.labels
    scored = score(truth, predicted.detections, labels, config)
    by_split = {config.split: truth}
    if baselines.TRAINING not in by_split:
        by_split[baselines.TRAINING] = baselines.read_all_truth(examples, baselines.TRAINING)
    constant = baselines.constant_box(by_split[baselines.TRAINING], labels)
    constant_scored = score(truth, constant.on_each(truth), labels, config)
    comparison = None
    if baseline is not None:
        comparison = compare(scored, model, baseline, examples, truth, config, context)
    verdict = give_verdict(scored, constant, constant_scored, comparison, config)
    outcomes = matching.outcomes(truth, predicted.detections, scored.coco.matches, scored.best["score"])
    chosen = choose_images(predicted, outcomes, config)
    pairs = draw_pairs(chosen, predicted, outcomes, labels, examples, config.split)
    details = make_details(
        predicted,
        scored,
        outcomes,
        labels,
        config.split,
        constant_box=ConstantBoxRow(label=constant.label, box=constant.box, values=constant_scored.values),
        box_sizes={split: baselines.size_histogram(images) for split, images in by_split.items()},
        kept={
            name: write_pairs(name, images, pairs, predicted, outcomes, evaluation) for name, images in chosen.items()
        },
    )
    values = {f"{config.split}/{name}": scored.values[name] for name in METRICS if name in scored.values}
    write_predictions(predicted, evaluation.file("predictions.npz"))
    plots = draw_plots(details, chosen, pairs)
    write_plots(plots, evaluation.file("plots"))
    tagged = {tag: scored.values[name] for name, tag in metrics.TAGS.items() if name in scored.values}
    write_logs(plots, values | tagged, context.logs, model.facts.steps)
    evaluation.write_json("metrics.json", values)
    evaluation.write_json("details.json", details)
    evaluation.write_facts(
        DetectionEvaluationFacts(
            metrics=values, split=config.split, intervals=scored.intervals, score=scored.best["score"]
        )
    )
    write_verdict(verdict, baseline, blessing)


def check_boxes(examples: Examples, split: str) -> None:
    """Refuse a split without an object, on which nothing can be measured, before anything takes long.

    Raises:
        UserError: as said.
    """
    if any((~read_truth(features).crowd).any() for features in read_split(examples, split)):
        return
    raise UserError(
        f"Not one of the {examples.splits[split]:,} photos of split `{split}` has a labelled object, "
        "so there is nothing to measure.",
        str(examples.path),
        "Put labelled photos into that split, or score another one with `evaluator.split`.",
    )


def compare(
    scored: Scored,
    model: Model,
    baseline: Model,
    examples: Examples,
    truth: Sequence[GroundTruth],
    config: DetectionEvaluatorConfig,
    context: Context,
) -> ComparisonFacts:
    """Run the last blessed model on the same images and compare; skipped where its classes differ."""
    old, new = baseline.facts_as(DetectorNetworkFacts).labels, model.facts_as(DetectorNetworkFacts).labels
    if reason := other_classes(old, new):
        return ComparisonFacts(skipped=reason)
    before = predict(baseline, examples, config.split, config.batch_size, context.progress)
    return compare_scores(scored, score(truth, before.detections, examples.labels, config))


def make_details(
    predicted: Predicted,
    scored: Scored,
    outcomes: Sequence[matching.Outcome],
    labels: list[str],
    split: str,
    constant_box: ConstantBoxRow,
    box_sizes: dict[str, SizeHistogram],
    kept: dict[str, list[ImageRow]],
) -> DetectionDetails:
    """Return the content of details.json.

    Args:
        outcomes: of each image at the best score.
        kept: the images of `choose_images`.
    """
    coco, truth = scored.coco, predicted.truth
    classes = [make_class_row(number, scored) for number in range(len(labels))]
    return DetectionDetails(
        split=split,
        labels=labels,
        photos=len(truth),
        empty=sum(len(image.boxes) == 0 for image in truth),
        boxes=sum(row["boxes"] for row in classes),
        values=scored.values,
        intervals=scored.intervals,
        samples=len(scored.drawn["mAP"]),
        remarks=remarks_on(truth, classes),
        constant_box=constant_box,
        score=scored.best,
        score_curve=matching.score_curve(coco.matches),
        classes=classes,
        sizes=coco.sizes,
        confusion=matching.confusion(truth, predicted.detections, outcomes, len(labels)),
        box_sizes=box_sizes,
        shown=kept["shown"],
        worst=kept["worst"],
    )


def make_class_row(number: int, scored: Scored) -> ClassRow:
    """Return what details.json says of a class, counted from 0."""
    voc, matches = scored.voc[number], scored.coco.matches[number]
    return ClassRow(
        **scored.coco.classes[number],
        voc_ap50=voc[0] if voc else None,
        ap_interval=percentiles(scored.drawn["class_ap"][:, number]),
        best=matching.best_score([matches]),
        curve=matching.precision_recall(matches),
    )


def remarks_on(truth: Sequence[GroundTruth], classes: Sequence[ClassRow]) -> list[str]:
    """Say what a reader of the figures must know."""
    remarks = []
    absent = [row["label"] for row in classes if not row["boxes"]]
    if absent:
        named = f"{', '.join(absent[:10])}{' ...' if len(absent) > 10 else ''}"
        remarks.append(f"No object of {named} is in this split: no figure tells of it.")
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
) -> list[ImageRow]:
    """Write pairs as JPEG files and return a row for each."""
    rows = []
    for number, image in enumerate(images):
        name = f"plots/{group}/{number:02d}.jpg"
        evaluation.file(name).parent.mkdir(parents=True, exist_ok=True)
        evaluation.file(name).write_bytes(encode(pairs[image], "JPEG"))
        outcome = found[image]
        rows.append(
            ImageRow(
                picture=name,
                file=predicted.truth[image].filename,
                objects=len(outcome.objects),
                missed=outcome.missed,
                false=outcome.false,
            )
        )
    return rows


def write_predictions(predicted: Predicted, target: Path) -> None:
    """Write every image's objects and detections; the arrays' names stand at the top of this file."""
    truth, found = predicted.truth, predicted.detections
    np.savez_compressed(
        target,
        filename=np.array([image.filename for image in truth]),
        size=np.array([image.size for image in truth]),
        truth_photo=np.repeat(np.arange(len(truth)), [len(image.boxes) for image in truth]),
        **{
            f"truth_{name}": np.concatenate([getattr(image, name) for image in truth])
            for name in ("boxes", "classes", "difficult", "crowd")
        },
        photo=np.repeat(np.arange(len(found)), [len(answer.boxes) for answer in found]),
        **{
            name: np.concatenate([getattr(answer, name) for answer in found]) for name in ("boxes", "scores", "classes")
        },
    )


def draw_plots(
    details: DetectionDetails, chosen: dict[str, list[int]], pairs: dict[int, Image.Image]
) -> dict[str, bytes]:
    """Draw precision over recall, figures over the score, confused classes and images; return PNG bytes by name."""
    names = [*details["labels"], "background"]
    plots = {
        "precision_recall": detection_plots.draw_precision_recall(details["classes"]),
        "score": detection_plots.draw_score_curve(details["score_curve"], details["score"]),
        "confusion_matrix": confusion_matrix.draw_confusion_matrix(np.array(details["confusion"]), names),
    }
    for group, images in chosen.items():
        if images:
            sheet = sheet_of([pairs[image] for image in images[:ON_SHEET]])
            sheet.thumbnail((SHEET_WIDTH, SHEET_WIDTH))
            plots[f"{group}_photos"] = encode(sheet, "PNG")
    return plots
