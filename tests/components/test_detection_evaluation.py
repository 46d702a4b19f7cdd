"""Promises of judging a detector: what is written, that it answers as the served model does, and when it is blessed."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from components.tasks.object_detection import baselines, predictions
from components.tasks.object_detection.blessing import constant_check, judge, threshold_checks
from components.tasks.object_detection.evaluation import DetectionEvaluatorConfig, score
from components.tasks.object_detection.evaluation import compare as compare_models
from components.tasks.object_detection.metrics import TAGS, Detections, Truth
from data.boxes import Box
from pipeline.artifacts import Blessing, Evaluation, Examples, Model, write_manifest
from pipeline.component import Context
from pipeline.errors import UserError

LABELS = ["disc", "square"]
QUICK = DetectionEvaluatorConfig(resamples=100, batch_size=4, worst_photos=2, shown_photos=2)
SIZE = 96


def draw_photo(random, number):
    """Return a PNG of some discs and squares on grey, its size and its boxes; every sixth photo is empty."""
    from PIL import Image, ImageDraw

    height, width = int(random.integers(80, 140)), int(random.integers(80, 140))
    picture = Image.fromarray(random.integers(100, 140, (height, width, 3), dtype=np.uint8))
    pen = ImageDraw.Draw(picture)
    boxes = []
    for place in range(0 if number % 6 == 5 else int(random.integers(1, 3))):
        side = int(random.integers(20, 38))
        top, left = (
            int(random.integers(0, height - side)),
            int(random.integers(0, width // 2 - side + 1)) + place * (width // 2),
        )
        label = LABELS[int(random.integers(0, 2))]
        shape = pen.ellipse if label == "disc" else pen.rectangle
        shape((left, top, left + side - 1, top + side - 1), fill=(220, 40, 40) if label == "disc" else (40, 40, 220))
        boxes.append(
            Box(
                label,
                top / height,
                left / width,
                (top + side) / height,
                (left + side) / width,
                "",
                difficult=number == 3,
            )
        )
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue(), (height, width, 3), boxes


def write_examples(folder, splits=None, empty=False, labels=LABELS):
    """Write and seal photos as the ingest does."""
    from data.box_records import encode_photo
    from data.tfrecord import write_record

    random = np.random.default_rng(2)
    examples = Examples.create(folder)
    numbers = {label: place for place, label in enumerate(labels, 1)}
    counts = {}
    for split, number in (splits or {"train": 12, "test": 13}).items():
        counts[split] = [0] * len(labels)
        with examples.file(f"{split}-00000-of-00001.tfrecord").open("wb") as shard:
            for place in range(number):
                encoded, size, boxes = draw_photo(random, place)
                boxes = [] if empty else boxes
                for box in boxes:
                    counts[split][numbers[box.label] - 1] += 1
                write_record(
                    shard,
                    encode_photo(encoded, b"png", f"{split}/{place}.png".encode(), place, size, 0.5, boxes, numbers),
                )
    examples.properties = {
        "task": "object_detection", "splits": splits or {"train": 12, "test": 13}, "labels": list(labels), "label_counts": counts,
        "boxes": {split: sum(row) for split, row in counts.items()}, "empty": {}, "image_shape": None, "channels": 3, "rejected": 0, "source": "drawn",
    }  # fmt: skip
    write_manifest(examples, created=0.0)
    return examples


def write_model(folder, seed=1, labels=LABELS, steps=40):
    """Write and seal a network without training."""
    from object_detection.trained import write_trained
    from small_detector import make_detector

    trained = replace(make_detector(seed, classes=len(labels), size=SIZE), labels=list(labels))
    model = Model.create(folder)
    write_trained(trained, model.path)
    model.properties = {"task": "object_detection", "labels": list(labels), "steps": steps, "input_size": SIZE}
    write_manifest(model, created=0.0)
    return model


def evaluate(folder, examples, model, baseline=None, config=QUICK):
    from components.evaluator import evaluator

    evaluation, blessing = Evaluation.create(folder / "evaluation"), Blessing.create(folder / "blessing")
    evaluator(
        examples=examples, model=model, baseline=baseline, evaluation=evaluation, blessing=blessing, config=config,
        context=Context.standalone(folder),
    )  # fmt: skip
    write_manifest(evaluation, created=0.0)
    write_manifest(blessing, created=0.0)
    return evaluation, blessing


@pytest.fixture(scope="module")
def drawn_examples(tmp_path_factory):
    return write_examples(tmp_path_factory.mktemp("drawn") / "examples")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("untrained") / "model")


@pytest.fixture(scope="module")
def swapped(untrained, tmp_path_factory):
    """The same weights with the names of the classes swapped."""
    from object_detection.label_map import write_label_map

    model = Model.create(tmp_path_factory.mktemp("swapped") / "model")
    shutil.copytree(untrained.path, model.path, dirs_exist_ok=True)
    write_label_map(model.file("label_map.pbtxt"), dict(enumerate(LABELS[::-1], 1)))
    model.properties = untrained.properties | {"labels": LABELS[::-1]}
    write_manifest(model, created=0.0)
    return model


@pytest.fixture(scope="module")
def judged(drawn_examples, untrained, swapped, tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged_detector")
    return *evaluate(folder, drawn_examples, untrained, baseline=swapped), folder


def test_the_files_hold_figures_predictions_and_pictures(judged, drawn_examples):
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


def test_stored_predictions_give_the_figures_again(judged):
    from components.tasks.object_detection.metrics import coco_metrics

    stored = np.load(judged[0].file("predictions.npz"))
    there, found = [], []
    for photo, (name, size) in enumerate(zip(stored["filename"], stored["size"], strict=True)):
        own, given = stored["truth_photo"] == photo, stored["photo"] == photo
        there.append(
            Truth(
                str(name),
                tuple(size),
                *(stored[f"truth_{key}"][own] for key in ("boxes", "classes", "difficult", "crowd")),
            )
        )
        found.append(Detections(*(stored[key][given] for key in ("boxes", "scores", "classes"))))
    values = judged[0].read_json("metrics.json")
    for name, value in coco_metrics(there, found, LABELS).items():
        assert values[f"test/{name}"] == pytest.approx(value)


def test_the_evaluator_sees_what_the_served_model_answers(judged, drawn_examples, untrained):
    import tensorflow as tf

    from object_detection.answering import answer_bytes
    from object_detection.trained import read_trained

    stored = np.load(judged[0].file("predictions.npz"))
    last = len(stored["filename"]) - 1  # in a batch that had to be filled up
    photo = predictions.read_photos(drawn_examples, "test", [last])[last]
    answer = answer_bytes(read_trained(untrained.path), tf.constant([photo]))
    own = stored["photo"] == last
    assert own.sum() == answer["num_detections"][0].numpy()
    assert stored["boxes"][own] == pytest.approx(answer["detection_boxes"][0, : own.sum()].numpy(), abs=1e-5)
    assert stored["scores"][own] == pytest.approx(answer["detection_scores"][0, : own.sum()].numpy(), abs=1e-5)


def test_tensorboard_has_our_names_and_the_object_detection_apis(judged):
    from tensorflow.python.summary.summary_iterator import summary_iterator

    events = next((judged[2] / "logs" / "test").glob("events*"))
    tags = {value.tag: event.step for event in summary_iterator(str(events)) for value in event.summary.value}
    assert {"test/mAP", "DetectionBoxes_Precision/mAP", "DetectionBoxes_Precision/mAP@.50IOU", TAGS["mAP_small"], TAGS["AR100"], "worst_photos"} <= set(tags)  # fmt: skip
    assert TAGS["mAP_large"] not in tags
    assert set(tags.values()) == {40}


def test_a_detector_without_training_is_not_blessed(judged):
    _, blessing, _ = judged
    assert blessing.properties["blessed"] is False
    assert any("next to nothing is found" in reason for reason in blessing.properties["reasons"])


def test_a_detector_no_better_than_one_box_for_all_photos_is_never_blessed():
    none = np.zeros(1, bool)
    there = [
        Truth(
            f"{number}.jpg",
            (100, 100),
            np.array([[0.1, 0.1, 0.8, 0.8 + number / 100]]),
            np.ones(1, np.int64),
            none,
            none,
        )
        for number in range(9)
    ]
    constant = baselines.constant_box(there, LABELS)
    scored = score(there, constant.on_each(there), LABELS, QUICK)
    assert scored.values["mAP"] > 0.8
    verdict = judge(scored, constant, scored, None, QUICK)
    assert verdict["blessed"] is False
    assert "is not above that of the median training box (`disc`) drawn on every photo" in verdict["reasons"][0]


def test_an_advantage_over_the_constant_box_that_may_be_luck_is_called_so():
    check = constant_check(0.31, baselines.ConstantBox(1, "disc", (0, 0, 1, 1)), 0.3, [-0.1, 0.1], "test")
    assert check["passed"] is True
    assert "may be luck" in check["reason"]


@pytest.mark.slow
def test_the_same_model_again_writes_the_same_bytes(judged, drawn_examples, untrained, tmp_path):
    assert evaluate(tmp_path, drawn_examples, untrained)[0].digest == judged[0].digest


def test_an_earlier_model_with_the_classes_in_another_order_is_asked_by_their_names(judged, drawn_examples):
    """The same weights under swapped names find squares where they found discs."""
    stored = np.load(judged[0].file("predictions.npz"))
    there = baselines.read_all_truth(drawn_examples, "test")
    found = []
    for photo in range(len(there)):
        own = stored["photo"] == photo
        found.append(Detections(stored["boxes"][own], stored["scores"][own], 3 - stored["classes"][own]))
    comparison = judged[1].properties["comparison"]["metrics"]
    values = score(there, found, LABELS, QUICK).values
    assert {name: row["value"] for name, row in comparison.items()} == pytest.approx(values)
    assert comparison["AR100"]["difference"] != 0


def test_an_earlier_model_with_other_classes_is_not_compared_with_and_that_is_said(drawn_examples, untrained, tmp_path):
    other = Model(tmp_path, {"labels": ["disc", "star"]})
    skipped = compare_models(None, untrained, other, drawn_examples, [], QUICK, Context.standalone(tmp_path))
    assert "knows other classes (without square; with star)" in skipped["skipped"]
    _, scored = scored_of(drawn_examples)
    verdict = judge(scored, baselines.constant_box([], LABELS), scored, skipped, QUICK)
    assert verdict["reasons"][-1] == skipped["skipped"]


def test_a_split_without_a_single_object_is_refused(untrained, tmp_path):
    examples = write_examples(tmp_path / "examples", {"train": 2, "test": 3}, empty=True)
    with pytest.raises(UserError, match="has a labelled object"):
        evaluate(tmp_path, examples, untrained)


def scored_of(examples, moved=0.0):
    """Return figures of detections that are the truth, moved aside."""
    there = baselines.read_all_truth(examples, "test")
    found = [Detections(photo.boxes + moved, np.linspace(0.9, 0.5, len(photo.boxes)), photo.classes) for photo in there]
    return there, score(there, found, LABELS, QUICK)


def test_a_good_detector_is_blessed_and_says_why(drawn_examples):
    there, scored = scored_of(drawn_examples)
    constant = baselines.constant_box(baselines.read_all_truth(drawn_examples, "train"), LABELS)
    beside = score(there, constant.on_each(there), LABELS, QUICK)
    config = QUICK.model_copy(update={"thresholds": {"test/mAP": 0.5}})
    verdict = judge(scored, constant, beside, None, config)
    assert verdict["blessed"] is True
    assert [check["name"] for check in verdict["checks"]] == [
        "test/mAP above one box for all", "test/mAP50 above next to nothing", "test/mAP",
    ]  # fmt: skip
    assert verdict["reasons"][-1] == "There is no blessed model yet to compare with."
    assert scored.values["f1"] == 1


def test_a_loss_beyond_the_tolerance_against_the_last_blessed_model_is_not_blessed(drawn_examples):
    from components.tasks.object_detection.blessing import compare

    there, before = scored_of(drawn_examples)
    _, worse = scored_of(drawn_examples, moved=0.02)
    constant = baselines.constant_box([], LABELS)
    nothing = score(there, constant.on_each(there), LABELS, QUICK)
    verdict = judge(worse, constant, nothing, compare(worse, before), QUICK)
    assert verdict["blessed"] is False
    assert "more than the tolerated loss of 0.02" in verdict["reasons"][0]
    low, high = verdict["comparison"]["metrics"]["mAP"]["difference_interval"]
    assert low < verdict["comparison"]["metrics"]["mAP"]["difference"] < high < 0
    loose = QUICK.model_copy(update={"baseline_tolerance": 0.9})
    assert judge(worse, constant, nothing, compare(worse, before), loose)["blessed"] is True


def test_a_limit_for_a_size_that_does_not_occur_is_not_met():
    check = threshold_checks({"mAP": 0.5}, {"test/mAP_large": 0.1})[0]
    assert (check["passed"], check["value"]) == (False, None)
    assert "no object of that size" in check["reason"]


def test_thresholds_on_what_is_not_measured_are_refused_with_the_nearest_name():
    with pytest.raises(ValidationError, match="test/mAP50"):
        DetectionEvaluatorConfig(thresholds={"test/map50": 0.5})


def test_the_constant_box_is_the_median_of_the_commonest_class_whatever_the_order_of_the_records(drawn_examples):
    there = baselines.read_all_truth(drawn_examples, "train")
    constant = baselines.constant_box(there, LABELS)
    boxes, classes = baselines.usable_boxes(there)
    assert constant.number == np.bincount(classes).argmax()
    assert constant.box == pytest.approx(np.median(boxes[classes == constant.number], axis=0))
    near, far = np.array([constant.box]), np.array([[0.9, 0.9, 1, 1]])
    photos = [
        replace(
            there[0], filename=f"{place:02d}", boxes=near if place % 3 else far, classes=np.array([constant.number])
        )
        for place in range(12)
    ]
    photos = [replace(photo, difficult=np.zeros(1, bool), crowd=np.zeros(1, bool)) for photo in photos]
    one, other = (score(rows, constant.on_each(rows), LABELS, QUICK) for rows in (photos, photos[::-1]))
    assert 0 < one.values["mAP"] < 1
    assert one.values == pytest.approx(other.values)


def test_the_constant_box_on_raccoons_is_the_published_one(real_data):
    """.166 and .589 were measured with pycocotools by others."""
    import csv
    import zipfile

    from components.tasks.object_detection.metrics import coco_metrics

    archive = zipfile.ZipFile(real_data / "detection" / "raccoon.zip")
    splits = {}
    for split in ("train", "test"):
        name = next(name for name in archive.namelist() if name.endswith(".csv") and split in name)
        photos: dict = {}
        for row in csv.DictReader(io.TextIOWrapper(archive.open(name))):
            photos.setdefault(row["filename"], []).append(row)
        splits[split] = []
        for name, rows in photos.items():
            height, width = int(rows[0]["height"]), int(rows[0]["width"])
            boxes = np.array([[int(row["ymin"]) / height, int(row["xmin"]) / width, int(row["ymax"]) / height, int(row["xmax"]) / width] for row in rows])  # fmt: skip
            none = np.zeros(len(rows), bool)
            splits[split].append(Truth(name, (height, width), boxes, np.ones(len(rows), np.int64), none, none))
    constant = baselines.constant_box(splits["train"], ["raccoon"])
    values = coco_metrics(splits["test"], constant.on_each(splits["test"]), ["raccoon"])
    assert (round(values["mAP"], 3), round(values["mAP50"], 3)) == (0.166, 0.589)


def test_photos_marked_for_crowds_do_not_shape_the_constant_box(drawn_examples):
    there = baselines.read_all_truth(drawn_examples, "train")
    crowds = [replace(photo, crowd=np.ones(len(photo.boxes), bool)) for photo in there]
    assert baselines.constant_box(crowds, LABELS).number == 0


def test_settings_of_the_evaluator_load_nothing_heavy():
    import subprocess
    import sys

    heavy = "'tensorflow' in m or 'numpy' in m or 'pycocotools' in m or 'matplotlib' in m"
    code = f"import components.tasks.object_detection.evaluation, components.tasks.object_detection.report, json, sys; m = set(sys.modules); print(json.dumps({heavy}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(answer) is False


@pytest.fixture(scope="module")
def page(judged, drawn_examples, untrained):
    from pipeline.report import write_report

    evaluation, blessing, folder = judged
    run = {
        "run": "first", "recipe": "shapes", "command": "labline run shapes", "started": "2026-01-01T10:00:00", "seconds": 1, "steps": [],
        "metrics": evaluation.properties["metrics"], "blessed": False, "pushed": None, "recipe_values": {}, "lineage": [], "error": None,
        "logs": "",
    }  # fmt: skip
    model = Model.create(folder / "trained")
    model.properties = untrained.properties | {"network": "small"}
    model.properties["warm_start"] = {
        "origin": "coco.tflite",
        "loaded": 187,
        "fresh": 12,
        "missing": 0,
        "mismatched": 1,
    }
    model.write_json("history.json", {"epochs": [{"epoch": number, "train/loss": 3 / number, "validation/mAP": number / 9} for number in (1, 2, 3)], "steps": []})  # fmt: skip
    artifacts = {"examples": drawn_examples, "model": model, "evaluation": evaluation, "blessing": blessing}
    write_report(run, artifacts, folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


def test_the_page_shows_figures_beside_one_box_for_all_and_the_last_blessed_model(page):
    assert "test/mAP50" in page
    assert "one box for all" in page
    assert "last blessed" in page
    assert "next to nothing is found" in page


def test_the_page_shows_boxes_by_class_curves_confusion_and_photos(page, judged):
    details = judged[0].read_json("details.json")
    for words in (
        "boxes by class", "Sizes of the boxes", "precision over recall", "What is taken for what", "background", "Photos with most mistakes",
        "Other photos", "Started from coco.tflite: 187 variables loaded, 12 fresh, 1 mismatched.", "--out boxed.jpg",
    ):  # fmt: skip
        assert words in page
    assert page.count("data:image/jpeg;base64,") == len(details["worst"] + details["shown"]) == 4
    assert all(row["file"] in page for row in details["worst"] + details["shown"])
    assert "mAP by epoch" in page


def test_a_page_without_evaluation_still_shows_the_data(drawn_examples, tmp_path):
    from components.tasks.object_detection import report

    assert report.figures({}, {}) == []
    assert report.evaluation({}, lambda artifact, name: "") is None
    shown = report.data({"examples": drawn_examples}, lambda artifact, name: "")
    assert [row["label"] for row in shown["classes"]] == LABELS
    assert shown["splits"] == ["train", "test"]


def test_mistakes_are_drawn_in_other_colours_than_what_is_right():
    from PIL import Image

    from components.tasks.object_detection.matching import Outcome
    from components.tasks.object_detection.photo_pairs import MISSED, RIGHT, WRONG, draw_pair

    stream = io.BytesIO()
    Image.new("RGB", (200, 100), "black").save(stream, "PNG")
    none = np.zeros(2, bool)
    truth = Truth("a", (100, 200), np.array([[0.2, 0.1, 0.6, 0.4], [0.2, 0.5, 0.6, 0.9]]), np.array([1, 2]), none, none)
    found = Detections(np.array([[0.2, 0.1, 0.6, 0.4], [0.5, 0.2, 0.9, 0.3]]), np.array([0.9, 0.8]), np.array([1, 2]))
    outcome = Outcome(np.arange(2), np.array([True, False]), np.array([-1, -1]), np.arange(2), np.array([True, False]))
    pair = draw_pair(stream.getvalue(), truth, found, outcome, LABELS)
    halves = [pair.crop((0, 0, pair.width // 2, pair.height)), pair.crop((pair.width // 2, 0, pair.width, pair.height))]
    colours = [{colour for _, colour in half.getcolors(1 << 20)} for half in halves]
    assert {RIGHT, MISSED} <= colours[0] - {WRONG}
    assert {RIGHT, WRONG} <= colours[1] - {MISSED}
