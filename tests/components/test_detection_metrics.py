"""Promises of the figures of a detector: COCO's own, Pascal VOC's by hand, and what follows from both."""

from __future__ import annotations

import contextlib
import io
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from components.evaluation.percentiles import percentiles
from components.tasks.object_detection import bootstrap, matching
from components.tasks.object_detection.metrics import NAMES, TAGS, Detections, GroundTruth, coco_metrics, evaluate
from components.tasks.object_detection.voc import overlap, voc_precision

LABELS = ["cat", "dog", "owl"]
HEIGHT, WIDTH = 375, 500


def truth(
    boxes: list[list[float]],
    classes: list[int] | None = None,
    crowd: list[int] | None = None,
    difficult: list[int] | None = None,
    size: tuple[int, int] = (100, 200),
    name: str = "a.jpg",
) -> GroundTruth:
    number = len(boxes)
    return GroundTruth(
        name,
        size,
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(classes or [1] * number, np.int64),
        np.array(difficult or [0] * number, bool),
        np.array(crowd or [0] * number, bool),
    )


def found(boxes: list[list[float]], scores: list[float], classes: list[int] | None = None) -> Detections:
    return Detections(
        np.array(boxes, np.float64).reshape(-1, 4),
        np.array(scores, np.float64),
        np.array(classes or [1] * len(scores), np.int64),
    )


NOTHING = found([], [])


def make_images(
    seed: int, images: int = 30, classes: int = 3, crowds: bool = True, ties: bool = True
) -> tuple[list[GroundTruth], list[Detections]]:
    """Draw boxes of whole pixels, some photos without any, and detections: moved copies, other classes, and noise."""
    random = np.random.default_rng(seed)
    there, given = [], []
    for number in range(images):
        count = int(random.integers(0, 6)) if number % 5 else 0
        side = np.exp(random.uniform(np.log(8), np.log(300), (count, 2))).round()
        corner = (random.uniform(0, 1, (count, 2)) * (np.array([HEIGHT, WIDTH]) - side)).round().clip(0)
        ends = np.minimum(corner + side, (HEIGHT, WIDTH))
        boxes = (np.concatenate([corner, ends], axis=1) / (HEIGHT, WIDTH, HEIGHT, WIDTH)).astype(np.float32)
        kinds = random.integers(1, classes + 1, count)
        crowd = (random.uniform(size=count) < 0.15) & crowds
        there.append(
            GroundTruth(
                f"{number}.jpg",
                (HEIGHT, WIDTH),
                boxes.astype(np.float64),
                kinds,
                random.uniform(size=count) < 0.2,
                crowd,
            )
        )
        copies = np.repeat(np.arange(count), random.integers(0, 4, count))
        sides = np.tile(boxes[copies, 2:] - boxes[copies, :2], 2)
        moved = boxes[copies] + random.normal(0, 0.07, (len(copies), 4)) * sides
        noise = random.uniform(0, 0.5, (int(random.integers(0, 8)), 2))
        noise = np.concatenate([noise, noise + random.uniform(0.05, 0.5, noise.shape)], axis=1)
        swapped = np.where(
            random.uniform(size=len(copies)) < 0.2, random.integers(1, classes + 1, len(copies)), kinds[copies]
        )
        boxes = np.sort(np.concatenate([moved, noise]).reshape(-1, 2, 2), axis=1).reshape(-1, 4).clip(0, 1)
        scores = random.uniform(size=len(boxes))
        given.append(
            Detections(
                boxes,
                scores.round(2) if ties else scores,
                np.concatenate([swapped, random.integers(1, classes + 1, len(noise))]),
            )
        )
    return there, given


def pycocotools_stats(there: list[GroundTruth], given: list[Detections], classes: int) -> dict[str, float]:
    """Return pycocotools' twelve figures, from its own dictionaries."""
    annotations: list[dict[str, Any]] = []
    results = []
    for number, (image, answer) in enumerate(zip(there, given, strict=True), 1):
        scale = np.array([image.size[0], image.size[1]] * 2)
        for box, kind, crowd in zip((image.boxes * scale).round(), image.classes, image.crowd, strict=True):
            ymin, xmin, ymax, xmax = map(float, box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(kind),
                    "iscrowd": int(crowd),
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                    "area": (xmax - xmin) * (ymax - ymin),
                }
            )
        for box, kind, score in zip(answer.boxes * scale, answer.classes, answer.scores, strict=True):
            ymin, xmin, ymax, xmax = map(float, box)
            results.append(
                {
                    "image_id": number,
                    "category_id": int(kind),
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                    "score": float(score),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": number + 1} for number in range(len(there))],
            "annotations": annotations,
            "categories": [{"id": number + 1, "name": str(number)} for number in range(classes)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, evaluation.stats, strict=True))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_figures_are_those_of_pycocotools_crowds_and_photos_without_boxes_included(seed: int) -> None:
    there, given = make_images(seed)
    assert any(image.crowd.any() for image in there)
    assert any(len(image.boxes) == 0 for image in there)
    ours, theirs = coco_metrics(there, given, LABELS), pycocotools_stats(there, given, 3)
    assert ours == pytest.approx({name: value for name, value in theirs.items() if value >= 0}, abs=1e-12)
    assert 0.03 < ours["mAP"] < 0.9


def test_perfect_boxes_score_one_everywhere_and_no_boxes_score_nothing() -> None:
    there, _ = make_images(4)
    perfect = [Detections(image.boxes, np.ones(len(image.boxes)), image.classes) for image in there]
    values = coco_metrics(there, perfect, LABELS)
    recalls = {"AR1", "AR10"}  # one box of a class a photo cannot find two objects
    assert {name: value for name, value in values.items() if name not in recalls} == dict.fromkeys(
        set(values) - recalls, 1.0
    )
    nothing = coco_metrics(there, [NOTHING] * len(there), LABELS)
    assert nothing == dict.fromkeys(values, 0.0)


def test_sizes_that_do_not_occur_have_no_figure_rather_than_minus_one() -> None:
    large = coco_metrics([truth([[0, 0, 1, 1]], size=(200, 200))], [NOTHING], LABELS)
    assert large == {"mAP": 0, "mAP50": 0, "mAP75": 0, "mAP_large": 0, "AR1": 0, "AR10": 0, "AR100": 0, "AR_large": 0}
    assert coco_metrics([truth([])], [found([[0, 0, 1, 1]], [0.5])], LABELS) == {}


def test_a_class_that_is_not_in_the_split_has_no_figure_and_does_not_lower_the_mean() -> None:
    judged = evaluate([truth([[0, 0, 1, 1]], [2])], [found([[0, 0, 1, 1], [0, 0, 1, 1]], [0.9, 0.8], [1, 2])], LABELS)
    assert judged.values["mAP"] == pytest.approx(1)
    assert [row["ap"] and round(row["ap"], 9) for row in judged.classes] == [None, 1.0, None]
    assert [row["boxes"] for row in judged.classes] == [0, 1, 0]


def test_boxes_are_measured_in_pixels_of_the_photo_itself() -> None:
    box = [[0.1, 0.1, 0.42, 0.26]]  # 32 x 32 pixels of a photo of 100 x 200
    small = coco_metrics([truth(box)], [NOTHING], LABELS)
    assert {"mAP_small", "mAP_medium"} <= set(small)  # COCO counts the border to both
    assert "mAP_small" not in coco_metrics([truth(box, size=(200, 400))], [NOTHING], LABELS)


def test_a_box_on_the_border_of_a_size_stays_there_though_records_keep_32_bits() -> None:
    for left in range(40):
        edges = np.array([left / 375, left / 500, (left + 32) / 375, (left + 32) / 500], np.float32)
        values = coco_metrics([truth([edges.astype(np.float64).tolist()], size=(375, 500))], [NOTHING], LABELS)
        assert {"mAP_small", "mAP_medium"} <= set(values)


def test_tags_of_tensorboard_are_the_object_detection_apis() -> None:
    assert TAGS["mAP50"] == "DetectionBoxes_Precision/mAP@.50IOU"
    assert TAGS["mAP_small"] == "DetectionBoxes_Precision/mAP (small)"
    assert TAGS["AR100"] == "DetectionBoxes_Recall/AR@100"
    assert TAGS["AR_large"] == "DetectionBoxes_Recall/AR@100 (large)"


def test_pascal_voc_by_hand() -> None:
    """Three objects on two photos; right, wrong, right, twice the same, and one never found."""
    there = [truth([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]), truth([[0, 0, 0.4, 0.4]], name="b.jpg")]
    given = [
        found([[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.48], [0.5, 0.5, 1, 0.95]], [0.9, 0.6, 0.7]),
        found([[0.6, 0.6, 1, 1]], [0.8]),
    ]
    # by score: hit, miss, hit, miss again -> precision 1, 1/2, 2/3, 1/2 at recall 1/3, 1/3, 2/3, 2/3
    all_points = float(Fraction(1, 3) * 1 + Fraction(1, 3) * Fraction(2, 3))
    eleven = float((4 * 1 + 3 * Fraction(2, 3)) / 11)  # recalls 0 .1 .2 .3 | .4 .5 .6
    assert voc_precision(there, given, 2)[0] == pytest.approx((all_points, eleven))
    assert voc_precision(there, given, 2)[1] is None


def test_pascal_voc_leaves_difficult_objects_out_and_coco_keeps_them() -> None:
    there = [truth([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], difficult=[0, 1])]
    given = [found([[0.5, 0.5, 1, 1], [0.5, 0.5, 1, 0.99], [0, 0, 0.5, 0.5]], [0.9, 0.8, 0.7])]
    assert voc_precision(there, given, 1)[0] == pytest.approx((1.0, 1.0))
    only_easy = [found([[0, 0, 0.5, 0.5]], [0.7])]
    assert voc_precision(there, only_easy, 1)[0] == pytest.approx((1.0, 1.0))
    assert coco_metrics(there, only_easy, ["cat"])["AR100"] == pytest.approx(0.5)


@pytest.mark.parametrize("seed", [0, 1])
def test_pascal_voc_agrees_with_an_independent_program(seed: int) -> None:
    there, given = make_images(seed, crowds=False)
    for number, ours in enumerate(voc_precision(there, given, 3), 1):
        assert ours is not None
        assert ours[0] == pytest.approx(slow_voc(there, given, number), abs=1e-12)


def slow_voc(there: list[GroundTruth], given: list[Detections], number: int) -> float | None:
    """Pascal VOC's average precision as its development kit's reading has it: one loop over all detections."""
    rows = sorted(
        (
            (-score, image, row)
            for image, answer in enumerate(given)
            for row, score in enumerate(answer.scores)
            if answer.classes[row] == number
        ),
    )
    used, curve, hits, wrong = set(), [], 0, 0
    total = sum(int(((image.classes == number) & ~image.difficult).sum()) for image in there)
    for _, image, row in rows:
        y0, x0, y1, x1 = given[image].boxes[row]
        best, place = 0.0, None
        for item, (b0, a0, b1, a1) in enumerate(there[image].boxes):
            if there[image].classes[item] != number:
                continue
            shared = max(0, min(y1, b1) - max(y0, b0)) * max(0, min(x1, a1) - max(x0, a0))
            share = shared / ((y1 - y0) * (x1 - x0) + (b1 - b0) * (a1 - a0) - shared)
            if share > best:
                best, place = share, item
        if best >= 0.5 and there[image].difficult[place]:
            continue
        fresh = best >= 0.5 and (image, place) not in used
        used.add((image, place)) if fresh else None
        hits, wrong = hits + fresh, wrong + (not fresh)
        curve.append((hits / total, hits / (hits + wrong)))
    area, before = 0.0, 0.0
    for place, (recall, _) in enumerate(curve):
        area += (recall - before) * max(precision for _, precision in curve[place:])
        before = recall
    return area


def test_a_sample_with_every_photo_once_has_the_figures_themselves() -> None:
    judged = evaluate(*make_images(3), LABELS)
    once = np.ones((1, 30), np.int64)
    precisions = np.stack([bootstrap.average_precisions(one, once)[0] for one in judged.matches])
    assert precisions.mean() == pytest.approx(judged.values["mAP"], abs=1e-6)
    assert precisions[:, 0].mean() == pytest.approx(judged.values["mAP50"], abs=1e-6)


def test_a_photo_drawn_twice_counts_as_two_photos_would() -> None:
    there, given = make_images(5, ties=False)
    counts = np.random.default_rng(1).multinomial(30, np.full(30, 1 / 30), size=3)
    ours = np.stack([bootstrap.average_precisions(one, counts) for one in evaluate(there, given, LABELS).matches])
    for sample, drawn in enumerate(counts):
        places = np.repeat(np.arange(30), drawn)
        values = coco_metrics([there[place] for place in places], [given[place] for place in places], LABELS)
        assert bootstrap.mean_of_known(ours.mean(axis=2))[sample] == pytest.approx(values["mAP"], abs=1e-6)
        assert bootstrap.mean_of_known(ours[..., 0])[sample] == pytest.approx(values["mAP50"], abs=1e-6)


def test_intervals_hold_their_figure_and_the_same_seed_draws_the_same() -> None:
    judged = evaluate(*make_images(6), LABELS)
    drawn = bootstrap.draw_samples(judged.matches, 500, seed=7)
    for name in ("mAP", "mAP50", "mAP75"):
        interval = percentiles(drawn[name])
        assert interval is not None
        low, high = interval
        assert low < judged.values[name] < high
    assert np.array_equal(drawn["mAP"], bootstrap.draw_samples(judged.matches, 500, seed=7)["mAP"])


def test_the_best_score_is_the_one_that_no_other_score_beats() -> None:
    there, given = make_images(8)
    matches = evaluate(there, given, LABELS).matches
    best = matching.best_score(matches)
    assert best is not None

    def f1_at(score: float) -> float:
        kept = matching.outcomes(there, given, matches, score)
        hits = sum(int(one.right.sum()) for one in kept)
        return 2 * hits / (2 * hits + sum(one.missed + one.false for one in kept))

    every = sorted({float(score) for answer in given for score in answer.scores})
    assert best["f1"] == pytest.approx(max(f1_at(score) for score in every))
    assert f1_at(best["score"]) == pytest.approx(best["f1"])
    grid = {row["score"]: row["f1"] for row in matching.score_curve(matches)}
    assert grid[0.5] == pytest.approx(f1_at(0.5), abs=1e-5)


def test_boxes_of_equal_score_are_kept_or_dropped_together() -> None:
    matches = evaluate(
        [truth([[0, 0, 0.2, 0.2]])], [found([[0, 0, 0.2, 0.2], [0.5, 0.5, 1, 1]], [0.5, 0.5])], ["cat"]
    ).matches
    assert matching.best_score(matches) == {"score": 0.5, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3)}


def test_without_a_right_box_the_best_score_keeps_nothing() -> None:
    matches = evaluate([truth([[0, 0, 0.2, 0.2]])], [found([[0.5, 0.5, 1, 1]], [0.9])], ["cat"]).matches
    assert matching.best_score(matches) == {"score": 1.0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert matching.best_score(evaluate([truth([])], [NOTHING], ["cat"]).matches) is None


def test_confusion_tells_taken_for_another_class_from_missed_and_from_nothing_there() -> None:
    there = [truth([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0.6, 0.2, 0.8]], [1, 2, 3])]
    given = [
        found(
            [[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 0.98], [0.6, 0, 0.9, 0.2], [0, 0, 0.5, 0.5]],
            [0.9, 0.8, 0.7, 0.1],
            [1, 1, 2, 2],
        )
    ]
    matches = evaluate(there, given, LABELS).matches
    outcomes = matching.outcomes(there, given, matches, 0.5)
    assert matching.confusion(there, given, outcomes, 3) == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0]]
    assert (outcomes[0].missed, outcomes[0].false) == (2, 2)


def test_boxes_on_a_crowd_are_neither_right_nor_wrong() -> None:
    there = [truth([[0, 0, 0.8, 0.8], [0.9, 0.9, 1, 1]], crowd=[1, 0])]
    given = [found([[0, 0, 0.4, 0.4], [0.4, 0.4, 0.8, 0.8], [0.9, 0.9, 1, 1]], [0.9, 0.8, 0.7])]
    judged = evaluate(there, given, ["cat"])
    assert judged.values["mAP"] == pytest.approx(1)
    assert judged.classes[0]["boxes"] == 1
    outcome = matching.outcomes(there, given, judged.matches, 0.5)[0]
    assert (outcome.missed, outcome.false) == (0, 0)
    assert matching.confusion(there, given, [outcome], 1) == [[1, 0], [0, 0]]


def test_the_worst_photo_has_most_mistakes_and_of_equals_the_surest() -> None:
    there = [truth([[0, 0, 0.5, 0.5]]), truth([[0, 0, 0.5, 0.5]]), truth([[0, 0, 0.5, 0.5]]), truth([])]
    given = [
        found([[0, 0, 0.5, 0.5]], [0.9]),
        found([[0.6, 0.6, 1, 1]], [0.7]),
        found([[0.6, 0.6, 1, 1]], [0.8]),
        NOTHING,
    ]
    matches = evaluate(there, given, ["cat"]).matches
    assert matching.rank_worst(given, matching.outcomes(there, given, matches, 0.5)) == [2, 1]


def test_curves_end_at_the_recall_that_was_reached() -> None:
    judged = evaluate(*make_images(9), LABELS)
    for one, row in zip(judged.matches, judged.classes, strict=True):
        curve = matching.precision_recall(one)
        recalls = [point[0] for point in curve]
        assert recalls == sorted(recalls)
        assert len(curve) <= matching.POINTS
        assert recalls[-1] == pytest.approx(one.hits[0].sum() / row["boxes"], abs=1e-4)


def test_overlap_of_boxes_that_do_not_touch_or_have_no_area_is_zero() -> None:
    boxes = np.array([[0, 0, 0.5, 0.5], [0.2, 0.2, 0.2, 0.4]])
    assert overlap(boxes, np.array([[0, 0, 0.5, 0.25], [0.6, 0.6, 1, 1]])).tolist() == [[0.5, 0], [0, 0]]
