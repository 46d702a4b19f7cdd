"""Promises of judging a detector: what is written, that it answers as the served model does, and when it is blessed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.python.summary.summary_iterator import summary_iterator

from components.evaluator import evaluator
from components.tasks.object_detection import baselines, predictions, report
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.evaluation import compare as compare_models
from components.tasks.object_detection.image_pairs import MISSED, RIGHT, WRONG, draw_pair
from components.tasks.object_detection.matching import Outcome
from components.tasks.object_detection.metrics import TAGS, Detections, GroundTruth, coco_metrics
from components.tasks.object_detection.scoring import score
from components.tasks.object_detection.verdict import give_verdict
from data.detection.label_map import write_label_map
from labline.report.page import write_report
from object_detection.postprocessing import detect_bytes
from object_detection.saved_detector import read_detector, write_detector
from pipeline.artifacts import Artifact, Blessing, Evaluation, Examples, Model, write_manifest
from pipeline.component import Context
from pipeline.errors import UserError
from tests.support.drawn_images import LABELS, QUICK, scored_of, write_examples
from tests.support.facts import detector_facts
from tests.support.small_detector import make_detector

SIZE = 96
Judged = tuple[Evaluation, Blessing, Path]  # and the folder they lie in


def write_model(folder: Path, seed: int = 1, labels: list[str] = LABELS, steps: int = 40) -> Model:
    """Write and seal a network without training."""
    trained = replace(make_detector(seed, classes=len(labels), size=SIZE), labels=list(labels))
    model = Model.create(folder)
    write_detector(trained, model.path)
    model.write_facts(detector_facts(list(labels), SIZE, steps=steps))
    write_manifest(model, created=0.0)
    return model


def evaluate(
    folder: Path,
    examples: Examples,
    model: Model,
    baseline: Model | None = None,
    config: DetectionEvaluatorConfig = QUICK,
) -> tuple[Evaluation, Blessing]:
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
def drawn_examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return write_examples(tmp_path_factory.mktemp("drawn") / "examples")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return write_model(tmp_path_factory.mktemp("untrained") / "model")


@pytest.fixture(scope="module")
def swapped(untrained: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The same weights with the names of the classes swapped."""
    model = Model.create(tmp_path_factory.mktemp("swapped") / "model")
    shutil.copytree(untrained.path, model.path, dirs_exist_ok=True)
    write_label_map(model.file("label_map.pbtxt"), dict(enumerate(LABELS[::-1], 1)))
    model.properties = untrained.properties | {"labels": LABELS[::-1]}
    write_manifest(model, created=0.0)
    return model


@pytest.fixture(scope="module")
def judged(
    drawn_examples: Examples, untrained: Model, swapped: Model, tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    folder = tmp_path_factory.mktemp("judged_detector")
    return *evaluate(folder, drawn_examples, untrained, baseline=swapped), folder


def test_the_files_hold_figures_predictions_and_pictures(judged: Judged, drawn_examples: Examples) -> None:
    evaluation, _, _ = judged
    values, details = evaluation.read_json("metrics.json"), evaluation.read_json("details.json")
    assert {"test/mAP", "test/mAP50", "test/AR100", "test/voc_mAP50", "test/f1"} <= set(values)
    assert all(0 <= value <= 1 for value in values.values())
    assert "test/mAP_large" not in values  # nothing drawn is as large as 96 pixels
    assert evaluation.properties["metrics"] == values
    assert details["boxes"] == drawn_examples.properties["boxes"]["test"]
    assert (details["photos"], details["empty"]) == (13, 2)
    for name in ("precision_recall", "score", "confusion_matrix", "worst_photos", "shown_photos"):
        assert evaluation.file("plots", f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for row in details["worst"] + details["shown"]:
        assert evaluation.file(row["picture"]).read_bytes().startswith(b"\xff\xd8")
    assert len({row["file"] for row in details["worst"] + details["shown"]}) == 4
    assert sum(count for _, _, count in details["box_sizes"]["train"]) == drawn_examples.properties["boxes"]["train"]


def test_stored_predictions_give_the_figures_again(judged: Judged) -> None:
    stored = np.load(judged[0].file("predictions.npz"))
    there, found = [], []
    for image, (name, size) in enumerate(zip(stored["filename"], stored["size"], strict=True)):
        own, given = stored["truth_photo"] == image, stored["photo"] == image
        there.append(
            GroundTruth(
                str(name),
                tuple(size),
                *(stored[f"truth_{key}"][own] for key in ("boxes", "classes", "difficult", "crowd")),
            )
        )
        found.append(Detections(*(stored[key][given] for key in ("boxes", "scores", "classes"))))
    values = judged[0].read_json("metrics.json")
    for name, value in coco_metrics(there, found, LABELS).items():
        assert values[f"test/{name}"] == pytest.approx(value)


def test_the_evaluator_sees_what_the_served_model_answers(
    judged: Judged, drawn_examples: Examples, untrained: Model
) -> None:
    stored = np.load(judged[0].file("predictions.npz"))
    last = len(stored["filename"]) - 1  # in a batch that had to be filled up
    image = predictions.read_images(drawn_examples, "test", [last])[last]
    answer = detect_bytes(read_detector(untrained.path), tf.constant([image]))
    own = stored["photo"] == last
    assert own.sum() == answer["num_detections"][0].numpy()
    assert stored["boxes"][own] == pytest.approx(answer["detection_boxes"][0, : own.sum()].numpy(), abs=1e-5)
    assert stored["scores"][own] == pytest.approx(answer["detection_scores"][0, : own.sum()].numpy(), abs=1e-5)


def test_tensorboard_has_our_names_and_the_object_detection_apis(judged: Judged) -> None:
    events = next((judged[2] / "logs" / "test").glob("events*"))
    tags = {value.tag: event.step for event in summary_iterator(str(events)) for value in event.summary.value}
    assert {
        "test/mAP",
        "DetectionBoxes_Precision/mAP",
        "DetectionBoxes_Precision/mAP@.50IOU",
        TAGS["mAP_small"],
        TAGS["AR100"],
        "worst_photos",
    } <= set(tags)
    assert TAGS["mAP_large"] not in tags
    assert set(tags.values()) == {40}


def test_a_detector_without_training_is_not_blessed(judged: Judged) -> None:
    _, blessing, _ = judged
    assert blessing.properties["blessed"] is False
    assert any("next to nothing is found" in reason for reason in blessing.properties["reasons"])


@pytest.mark.slow
def test_the_same_model_again_writes_the_same_bytes(
    judged: Judged, drawn_examples: Examples, untrained: Model, tmp_path: Path
) -> None:
    assert evaluate(tmp_path, drawn_examples, untrained)[0].digest == judged[0].digest


def test_an_earlier_model_with_the_classes_in_another_order_is_asked_by_their_names(
    judged: Judged, drawn_examples: Examples
) -> None:
    """The same weights under swapped names find squares where they found discs."""
    stored = np.load(judged[0].file("predictions.npz"))
    there = baselines.read_all_truth(drawn_examples, "test")
    found = []
    for image in range(len(there)):
        own = stored["photo"] == image
        found.append(Detections(stored["boxes"][own], stored["scores"][own], 3 - stored["classes"][own]))
    comparison = judged[1].properties["comparison"]["metrics"]
    values = score(there, found, LABELS, QUICK).values
    assert {name: row["value"] for name, row in comparison.items()} == pytest.approx(values)
    assert comparison["AR100"]["difference"] != 0


def test_an_earlier_model_with_other_classes_is_not_compared_with_and_that_is_said(
    drawn_examples: Examples, untrained: Model, tmp_path: Path
) -> None:
    other = Model(tmp_path, untrained.properties | {"labels": ["disc", "star"]})
    _, scored = scored_of(drawn_examples)
    compared = compare_models(scored, untrained, other, drawn_examples, [], QUICK, Context.standalone(tmp_path))
    assert "knows other classes (without square; with star)" in compared.skipped
    verdict = give_verdict(scored, baselines.constant_box([], LABELS), scored, compared, QUICK)
    assert verdict.reasons[-1] == compared.skipped


def test_a_split_without_a_single_object_is_refused(untrained: Model, tmp_path: Path) -> None:
    examples = write_examples(tmp_path / "examples", {"train": 2, "test": 3}, empty=True)
    with pytest.raises(UserError, match="has a labelled object"):
        evaluate(tmp_path, examples, untrained)


def test_settings_of_the_evaluator_load_nothing_heavy() -> None:
    heavy = "'tensorflow' in m or 'numpy' in m or 'pycocotools' in m or 'matplotlib' in m"
    imported = "components.tasks.object_detection.config, components.tasks.object_detection.report"
    code = f"import {imported}, json, sys; m = set(sys.modules); print(json.dumps({heavy}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) is False


@pytest.fixture(scope="module")
def page(judged: Judged, drawn_examples: Examples, untrained: Model) -> str:
    evaluation, blessing, folder = judged
    run = {
        "run": "first",
        "recipe": "shapes",
        "command": "labline run shapes",
        "started": "2026-01-01T10:00:00",
        "seconds": 1,
        "steps": [],
        "metrics": evaluation.properties["metrics"],
        "blessed": False,
        "recipe_values": {},
        "lineage": [],
        "error": None,
        "pushed": {"name": "shapes", "version": "1", "path": "served_models/shapes/1"},
        "logs": "",
    }
    model = Model.create(folder / "trained")
    model.properties = untrained.properties | {"network": "small"}
    model.properties["warm_start"] = {
        "origin": "coco.tflite",
        "loaded": 187,
        "fresh": 12,
        "missing": 0,
        "mismatched": 1,
    }
    model.write_json(
        "history.json",
        {
            "epochs": [
                {"epoch": number, "train/loss": 3 / number, "validation/mAP": number / 9} for number in (1, 2, 3)
            ],
            "steps": [],
        },
    )
    artifacts: dict[str, Artifact | None] = {
        "examples": drawn_examples,
        "model": model,
        "evaluation": evaluation,
        "blessing": blessing,
    }
    write_report(run, artifacts, folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


def test_the_page_shows_figures_beside_one_box_for_all_and_the_last_blessed_model(page: str) -> None:
    assert "test/mAP50" in page
    assert "one box for all" in page
    assert "last blessed" in page
    assert "next to nothing is found" in page


def test_the_page_shows_boxes_by_class_curves_confusion_and_photos(page: str, judged: Judged) -> None:
    details = judged[0].read_json("details.json")
    for words in (
        "boxes by class",
        "Sizes of the boxes",
        "precision over recall",
        "What is taken for what",
        "background",
        "Photos with most mistakes",
        "Other photos",
        "Started from coco.tflite: 187 variables loaded, 12 fresh, 1 mismatched.",
        "--out boxed.jpg",
    ):
        assert words in page
    assert page.count("data:image/jpeg;base64,") == len(details["worst"] + details["shown"]) == 4
    assert all(row["file"] in page for row in details["worst"] + details["shown"])
    assert "mAP by epoch" in page


def test_a_page_without_evaluation_still_shows_the_data(drawn_examples: Examples, tmp_path: Path) -> None:
    assert report.figures({}, {}) == []
    assert report.evaluation({}, lambda artifact, name: "") is None
    shown = report.data({"examples": drawn_examples}, lambda artifact, name: "")
    assert shown is not None
    assert [row["label"] for row in shown["classes"]] == LABELS
    assert shown["splits"] == ["train", "test"]


def test_mistakes_are_drawn_in_other_colours_than_what_is_right() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (200, 100), "black").save(stream, "PNG")
    none = np.zeros(2, bool)
    truth = GroundTruth(
        "a", (100, 200), np.array([[0.2, 0.1, 0.6, 0.4], [0.2, 0.5, 0.6, 0.9]]), np.array([1, 2]), none, none
    )
    found = Detections(np.array([[0.2, 0.1, 0.6, 0.4], [0.5, 0.2, 0.9, 0.3]]), np.array([0.9, 0.8]), np.array([1, 2]))
    outcome = Outcome(np.arange(2), np.array([True, False]), np.array([-1, -1]), np.arange(2), np.array([True, False]))
    pair = draw_pair(stream.getvalue(), truth, found, outcome, LABELS)
    halves = [pair.crop((0, 0, pair.width // 2, pair.height)), pair.crop((pair.width // 2, 0, pair.width, pair.height))]
    colours = [{colour for _, colour in half.getcolors(1 << 20) or ()} for half in halves]
    assert {RIGHT, MISSED} <= colours[0] - {WRONG}
    assert {RIGHT, WRONG} <= colours[1] - {MISSED}
