"""Promises of the verdict on a detector: better than one box for all photos, than the recipe's limits, than the last
blessed model.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from components.evaluation.verdict import threshold_checks
from components.tasks.object_detection import baselines
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.metrics import GroundTruth, coco_metrics
from components.tasks.object_detection.scoring import score
from components.tasks.object_detection.verdict import absent_check, compare_scores, constant_check, give_verdict
from pipeline.artifacts import Examples
from tests.support.drawn_images import LABELS, QUICK, scored_of, write_examples


@pytest.fixture(scope="module")
def drawn_examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return write_examples(tmp_path_factory.mktemp("drawn") / "examples")


def test_a_detector_no_better_than_one_box_for_all_photos_is_never_blessed() -> None:
    none = np.zeros(1, bool)
    there = [
        GroundTruth(
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
    verdict = give_verdict(scored, constant, scored, None, QUICK)
    assert verdict.blessed is False
    assert "is not above that of the median training box (`disc`) drawn on every photo" in verdict.reasons[0]


def test_an_advantage_over_the_constant_box_that_may_be_luck_is_called_so() -> None:
    check = constant_check(0.31, baselines.ConstantBox(1, "disc", (0, 0, 1, 1)), 0.3, [-0.1, 0.1], "test")
    assert check.passed is True
    assert "may be luck" in check.reason


def test_a_good_detector_is_blessed_and_says_why(drawn_examples: Examples) -> None:
    there, scored = scored_of(drawn_examples)
    constant = baselines.constant_box(baselines.read_all_truth(drawn_examples, "train"), LABELS)
    beside = score(there, constant.on_each(there), LABELS, QUICK)
    config = QUICK.model_copy(update={"thresholds": {"test/mAP": 0.5}})
    verdict = give_verdict(scored, constant, beside, None, config)
    assert verdict.blessed is True
    assert [check.name for check in verdict.checks] == [
        "test/mAP above one box for all",
        "test/mAP50 above next to nothing",
        "test/mAP",
    ]
    assert verdict.reasons[-1] == "There is no blessed model yet to compare with."
    assert scored.values["f1"] == 1


def test_a_loss_beyond_the_tolerance_against_the_last_blessed_model_is_not_blessed(drawn_examples: Examples) -> None:
    there, before = scored_of(drawn_examples)
    _, worse = scored_of(drawn_examples, moved=0.02)
    constant = baselines.constant_box([], LABELS)
    nothing = score(there, constant.on_each(there), LABELS, QUICK)
    verdict = give_verdict(worse, constant, nothing, compare_scores(worse, before), QUICK)
    assert verdict.blessed is False
    assert "more than the tolerated loss of 0.02" in verdict.reasons[0]
    assert verdict.comparison is not None
    change = verdict.comparison.metrics["mAP"]
    assert change.difference_interval is not None
    low, high = change.difference_interval
    assert low < change.difference < high < 0
    loose = QUICK.model_copy(update={"baseline_tolerance": 0.9})
    assert give_verdict(worse, constant, nothing, compare_scores(worse, before), loose).blessed is True


def test_a_limit_for_a_size_that_does_not_occur_is_not_met() -> None:
    check = threshold_checks({"mAP": 0.5}, {"test/mAP_large": 0.1}, {}, absent_check)[0]
    assert (check.passed, check.value) == (False, None)
    assert "no object of that size" in check.reason


def test_thresholds_on_what_is_not_measured_are_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match="test/mAP50"):
        DetectionEvaluatorConfig(thresholds={"test/map50": 0.5})


def test_the_constant_box_is_the_median_of_the_commonest_class_whatever_the_order_of_the_records(
    drawn_examples: Examples,
) -> None:
    there = baselines.read_all_truth(drawn_examples, "train")
    constant = baselines.constant_box(there, LABELS)
    boxes, classes = baselines.usable_boxes(there)
    assert constant.number == np.bincount(classes).argmax()
    assert constant.box == pytest.approx(np.median(boxes[classes == constant.number], axis=0))
    near, far = np.array([constant.box]), np.array([[0.9, 0.9, 1, 1]])
    images = [
        replace(
            there[0], filename=f"{place:02d}", boxes=near if place % 3 else far, classes=np.array([constant.number])
        )
        for place in range(12)
    ]
    images = [replace(image, difficult=np.zeros(1, bool), crowd=np.zeros(1, bool)) for image in images]
    one, other = (score(rows, constant.on_each(rows), LABELS, QUICK) for rows in (images, images[::-1]))
    assert 0 < one.values["mAP"] < 1
    assert one.values == pytest.approx(other.values)


def test_the_constant_box_on_raccoons_is_the_published_one(real_data: Path) -> None:
    """.166 and .589 were measured with pycocotools by others."""
    archive = zipfile.ZipFile(real_data / "detection" / "raccoon.zip")
    splits: dict[str, list[GroundTruth]] = {}
    for split in ("train", "test"):
        name = next(name for name in archive.namelist() if name.endswith(".csv") and split in name)
        images: dict[str, list[dict[str, str]]] = {}
        for row in csv.DictReader(io.TextIOWrapper(archive.open(name))):
            images.setdefault(row["filename"], []).append(row)
        splits[split] = []
        for name, rows in images.items():
            height, width = int(rows[0]["height"]), int(rows[0]["width"])
            boxes = np.array(
                [
                    [
                        int(row["ymin"]) / height,
                        int(row["xmin"]) / width,
                        int(row["ymax"]) / height,
                        int(row["xmax"]) / width,
                    ]
                    for row in rows
                ]
            )
            none = np.zeros(len(rows), bool)
            splits[split].append(GroundTruth(name, (height, width), boxes, np.ones(len(rows), np.int64), none, none))
    constant = baselines.constant_box(splits["train"], ["raccoon"])
    values = coco_metrics(splits["test"], constant.on_each(splits["test"]), ["raccoon"])
    assert (round(values["mAP"], 3), round(values["mAP50"], 3)) == (0.166, 0.589)


def test_photos_marked_for_crowds_do_not_shape_the_constant_box(drawn_examples: Examples) -> None:
    there = baselines.read_all_truth(drawn_examples, "train")
    crowds = [replace(image, crowd=np.ones(len(image.boxes), bool)) for image in there]
    assert baselines.constant_box(crowds, LABELS).number == 0
