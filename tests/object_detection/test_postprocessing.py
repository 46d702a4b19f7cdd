"""A detector answers the same about a photo as pixels, as a file, as a record, alone or among others."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from data.tfrecord import read_records
from object_detection import postprocessing, preprocessing
from object_detection.saved_detector import SavedDetector
from object_detection.ssd import SsdConfig
from object_detection.variables import name_variables
from tests.support.small_detector import LABELS, draw_image, write_images


@pytest.fixture(scope="module")
def trained(small_ssd: Any, small_config: Any) -> SavedDetector:
    return SavedDetector(small_ssd, small_config, LABELS)


@pytest.fixture(scope="module")
def encoded() -> list[bytes]:
    return [draw_image(0)[0], draw_image(1, "PNG")[0], draw_image(2)[0]]


def numpy_of(answer: Any) -> dict[str, NDArray[Any]]:
    return {name: value.numpy() for name, value in answer.items()}


def test_files_pixels_and_records_are_answered_alike(
    trained: SavedDetector, encoded: list[bytes], tmp_path: Path
) -> None:
    files = numpy_of(postprocessing.detect_bytes(trained, tf.constant(encoded)))
    for number, image in enumerate(encoded):
        pixels = preprocessing.decode(tf.constant(image))[tf.newaxis]
        alone = numpy_of(postprocessing.detect_images(trained, pixels))
        for name, values in alone.items():
            if name != "detection_labels":
                np.testing.assert_allclose(values[0], files[name][number], atol=2e-6)
    examples = write_images(tmp_path / "examples", {"test": 2})
    records = tf.constant(list(read_records(examples.shards("test")[0])))
    recorded = numpy_of(postprocessing.detect_examples(trained, records))
    np.testing.assert_allclose(recorded["detection_scores"][0], files["detection_scores"][0], atol=2e-6)


def test_classes_count_from_one_and_carry_their_names(trained: SavedDetector, encoded: list[bytes]) -> None:
    answer = numpy_of(postprocessing.detect_bytes(trained, tf.constant(encoded)))
    assert set(answer["detection_classes"].ravel()) == {1.0, 2.0, 3.0}
    named = np.array(LABELS)[answer["detection_classes"].astype(int) - 1]
    np.testing.assert_array_equal(answer["detection_labels"].astype(str), named)
    assert 0 <= answer["detection_boxes"].min() < answer["detection_boxes"].max() <= 1


def test_beyond_the_last_detection_there_is_nothing(
    small_ssd: Any, small_config: SsdConfig, encoded: list[bytes], make_ssd: Callable[..., Any]
) -> None:
    every = numpy_of(postprocessing.detect_bytes(SavedDetector(small_ssd, small_config, LABELS), tf.constant(encoded)))
    least = float(np.median(every["detection_scores"]))
    strict = make_ssd(score_threshold=least)
    for name, variable in name_variables(strict).items():
        variable.assign(name_variables(small_ssd)[name])
    trained = SavedDetector(strict, replace(small_config, score_threshold=least), LABELS)
    answer = numpy_of(postprocessing.detect_bytes(trained, tf.constant(encoded)))
    numbers = answer["num_detections"].astype(int)
    assert numbers.min() < 100
    assert numbers.max() > 0
    for place, number in enumerate(numbers):
        assert (answer["detection_scores"][place, :number] > least).all()
        for name, empty in (("boxes", 0.0), ("scores", 0.0), ("classes", 1.0), ("labels", b"")):
            assert (answer[f"detection_{name}"][place, number:] == empty).all()


def test_boxes_beside_the_photo_are_dropped_and_the_others_keep_their_order(small_config: SsdConfig) -> None:
    size, most = small_config.size, small_config.max_detections
    boxes = [(0, 0, 9, 9), (-20, 5, -2, 9), (0, 4, 9, 4), (-5, -5, 8, 8), (9, size + 1, 20, size + 9), (1, 1, 3, 3)]

    def model(prepared: Any, anchor_boxes: Any, training: bool) -> dict[str, tf.Tensor]:
        filled = [*boxes, *[(0, 0, 0, 0)] * (most - len(boxes))]
        return {
            "detection_boxes": tf.constant([filled], tf.float32),
            "detection_scores": tf.constant([np.linspace(0.9, 0.1, most)], tf.float32),
            "detection_classes": tf.constant([np.arange(most) % 3 + 1]),
            "num_detections": tf.constant([len(boxes)]),
        }

    answer = numpy_of(
        postprocessing.detect_prepared(SavedDetector(model, small_config, LABELS), tf.zeros([1, size, size, 3]))
    )
    assert answer["num_detections"] == [3]
    np.testing.assert_allclose(answer["detection_boxes"][0, :3] * size, [boxes[0], (0, 0, 8, 8), boxes[5]], atol=1e-4)
    np.testing.assert_allclose(answer["detection_scores"][0, :3], np.linspace(0.9, 0.1, most)[[0, 3, 5]], atol=1e-6)
    np.testing.assert_array_equal(answer["detection_classes"][0, :4], [1, 1, 3, 1])
    assert not answer["detection_scores"][0, 3:].any()


def test_grey_photos_are_answered_too(trained: SavedDetector) -> None:
    stream = io.BytesIO()
    Image.open(io.BytesIO(draw_image(0)[0])).convert("L").save(stream, "JPEG")
    answer = postprocessing.detect_bytes(trained, tf.constant([stream.getvalue()]))
    assert answer["detection_scores"].shape == [1, 100]
