"""The second family of detectors, on Model Garden's RetinaNet, goes through the same trainer, files and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.vision.ops.anchor import Anchor

from components.tasks.object_detection.config import DetectionExporterConfig
from components.tasks.object_detection.export import export
from object_detection.families import family_of
from object_detection.fpnlite import FpnliteConfig, build_fpnlite
from object_detection.losses import focal_losses
from object_detection.outputs import anchors_by_level, flatten_outputs
from object_detection.postprocessing import detect_images, detect_prepared
from object_detection.saved_detector import SavedDetector, read_detector, write_detector
from object_detection.targets import Targets
from object_detection.training.network import DetectorInTraining
from object_detection.variables import name_variables
from object_detection.warm_start import LoadReport, warm_start
from object_detection.weights import read_weights
from pipeline.artifacts import Examples, Model, SavedModel, write_manifest
from pipeline.errors import UserError
from tests.support.detection_training import LABELS, train, write_examples

NETWORK = "ssd_mobilenet_v2_fpnlite_320"
SMALL: dict[str, Any] = {"size": 64, "width": 0.25, "depth": 16, "layers": 1}
UNUSED = (
    320 * 1280 + 4 * 1280
)  # parameters of MobileNet v2's last convolution, which Model Garden builds and RetinaNet leaves unused


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return write_examples(tmp_path_factory.mktemp("photos") / "examples", {"train": 10, "validation": 5, "test": 3})


@pytest.fixture(scope="module")
def trained(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("fpnlite")
    quick = {"learning_rate": 0.01, "warmup_steps": 0, "schedule": "constant"}
    settings: dict[str, Any] = {
        "options": SMALL,
        "steps": 20,
        "judge_steps": 10,
        "augmentation": (),
        "optimizer": quick,
    }
    return train(examples, folder, network=NETWORK, **settings)


@pytest.fixture(scope="module")
def small() -> SavedDetector:
    tf_keras.utils.set_random_seed(3)
    config = FpnliteConfig(classes=2, momentum=0.0, **SMALL)
    detector = SavedDetector(family_of(config).build(config), config, LABELS)
    detector.model(tf.random.stateless_uniform([8, 64, 64, 3], (5, 6), -1, 1), training=True)
    return detector


def same_weights(first: Any, second: Any) -> bool:
    return all(np.array_equal(variable, second.named[name]) for name, variable in first.named.items())


@pytest.mark.parametrize(
    ("head", "parameters"),
    [
        pytest.param({"layers": 2, "scales": 3}, 2_498_367, id="2 x 2 convolutions, 9 anchors a cell"),
        pytest.param({}, 2_576_554, id="preset", marks=pytest.mark.slow),
    ],
)
def test_it_has_the_parameters_of_model_garden_s_retinanet_but_for_what_that_leaves_unused(
    head: dict[str, Any], parameters: int
) -> None:
    """At 2 classes."""
    model = build_fpnlite(FpnliteConfig(classes=2, size=64, **head))
    assert model.count_params() + UNUSED == parameters


def test_it_has_12804_anchors_on_five_feature_maps_as_model_garden_lays_them() -> None:
    anchors = FpnliteConfig(classes=2).make_anchors()
    assert [table.shape for table in anchors] == [(cells, cells, 6, 4) for cells in (40, 20, 10, 5, 3)]
    flat = np.concatenate([table.reshape(-1, 4) for table in anchors])
    assert flat.shape == (12_804, 4)
    assert np.allclose(flat * 320, Anchor(3, 7, 2, [1.0, 2.0, 0.5], 4.0, [320, 320]).boxes, atol=1e-3)
    assert np.allclose(flat[0], np.array([4 - 16, 4 - 16, 4 + 16, 4 + 16]) / 320)


def test_every_variable_has_a_name_and_the_body_s_are_those_of_old_checkpoints(small: SavedDetector) -> None:
    named = small.named
    assert {id(variable) for variable in named.values()} == {id(variable) for variable in small.model.variables}
    body = [name for name in named if small.family.in_body(name)]
    assert len(body) == 5 * (2 + 3 * 16 + 1)
    assert named["FeatureExtractor/MobilenetV2/expanded_conv_16/project/weights"].shape[-1] == 320 * 0.25
    assert "FeatureExtractor/MobilenetV2/expanded_conv/depthwise/BatchNorm/gamma" in body
    assert not any("BatchNorm" in name or "biases" in name for name in named if small.family.decays(name))


def test_outputs_are_raw_for_training_and_boxes_else(small: SavedDetector) -> None:
    pixels = tf.zeros([2, 64, 64, 3])
    codes, logits = flatten_outputs(small.model(pixels, training=True), small.config)
    anchors = sum(table.size // 4 for table in small.config.make_anchors())
    assert codes.shape == (2, anchors, 4)
    assert logits.shape == (2, anchors, 3)
    found = small.model(pixels, anchor_boxes=anchors_by_level(small.config, 2), training=False)
    assert found["detection_boxes"].shape == (2, 100, 4)


def test_the_focal_loss_counts_every_anchor_and_asks_of_background_that_it_is_nothing() -> None:
    random = np.random.default_rng(4)
    codes, logits = random.normal(size=(2, 5, 4)).astype("f4"), random.normal(size=(2, 5, 3)).astype("f4")
    classes = np.array([[0, 1, 2, 0, 0], [0, 0, 0, 0, 0]], np.int32)
    weights, box_weights = np.ones((2, 5), "f4"), (classes > 0).astype("f4")
    found = focal_losses(codes, logits, Targets(classes, np.zeros_like(codes), weights, box_weights))
    chance = 1 / (1 + np.exp(-logits.astype("f8")))
    wanted = np.eye(3)[classes] * (classes > 0)[..., None]
    each = np.where(wanted == 1, -0.25 * (1 - chance) ** 2 * np.log(chance), -0.75 * chance**2 * np.log(1 - chance))
    assert np.allclose(found.classification, each.sum(axis=(1, 2)), rtol=1e-5)
    size = np.abs(codes)
    huber = np.where(size <= 1, size**2 / 2, size - 0.5).mean(axis=-1) * box_weights
    assert np.allclose(found.localization, huber.sum(axis=1), rtol=1e-5)
    assert found.localization[1] == 0


@pytest.mark.slow
def test_a_few_steps_of_the_trainer_lower_the_loss(trained: Model) -> None:
    epochs = json.loads(trained.file("history.json").read_text("utf-8"))["epochs"]
    assert epochs[-1]["train/loss"] < 0.9 * epochs[0]["train/loss"]
    assert {"validation/mAP", "validation/classification_loss", "validation/localization_loss"} <= set(epochs[-1])
    assert trained.properties["input_size"] == 64


def test_what_is_written_is_read_back_and_answers_the_same(small: SavedDetector, tmp_path: Path) -> None:
    write_detector(small, tmp_path)
    again = read_detector(tmp_path)
    assert again.config == small.config
    assert same_weights(small, again)
    pixels = tf.random.stateless_uniform([2, 64, 64, 3], (1, 2), -1, 1)
    first, second = detect_prepared(small, pixels), detect_prepared(again, pixels)
    assert np.array_equal(first["detection_scores"], second["detection_scores"])
    assert np.array_equal(first["detection_boxes"], second["detection_boxes"])
    assert first["num_detections"].numpy().min() > 0


def test_its_own_checkpoint_is_a_warm_start_for_other_classes_and_another_family_s_is_refused(
    small: SavedDetector, make_ssd: Callable[..., Any], tmp_path: Path
) -> None:
    write_detector(small, tmp_path)
    weights = read_weights(tmp_path)
    config = replace(small.config, classes=5)
    other = SavedDetector(family_of(config).build(config), config, list("abcde"))
    report = warm_start(other.named, weights)
    assert (len(report.loaded), len(report.fresh)) == (len(small.named) - 3, 3)
    assert not report.missing
    assert not report.mismatched
    body = warm_start(other.named, weights, "body")
    assert all(name.startswith("FeatureExtractor/") for name in body.loaded)
    with pytest.raises(UserError, match="MobilenetV2's, the network has a MobilenetV1"):
        warm_start(name_variables(make_ssd()), weights)


def test_statistics_that_no_weights_brought_are_trained_though_those_of_the_body_are_kept(small: SavedDetector) -> None:
    def trained_norms(report: LoadReport | None) -> int:
        network = DetectorInTraining(small, "small", True, False, 0.0, report)
        norms = [item for item in network.model.submodules if isinstance(item, tf_keras.layers.BatchNormalization)]
        return sum(norm.trainable for norm in norms)

    body = [name for name in small.named if small.family.in_body(name)]
    assert trained_norms(LoadReport("body", loaded=body)) == 5 + 2 * 5 * SMALL["layers"]
    assert trained_norms(LoadReport("all", loaded=list(small.named))) == 0
    assert trained_norms(None) == 0


@pytest.mark.slow
def test_a_training_starts_from_it_and_can_leave_the_body_as_it_is(
    examples: Examples, trained: Model, tmp_path: Path
) -> None:
    said: list[str] = []
    start = read_detector(trained.path)
    settings = {"warm_start": str(trained.path), "trained": "extras", "options": {**SMALL, "width": None}, "steps": 1}
    model = read_detector(train(examples, tmp_path, said, network=NETWORK, **settings).path)
    assert any("variables loaded, 3 left new on purpose" in line for line in said)
    body = {name for name in start.named if start.family.in_body(name)}
    changed = {name for name in start.named if not np.array_equal(start.named[name], model.named[name])}
    assert changed
    assert not changed & body


@pytest.mark.slow
def test_it_is_exported_with_the_signatures_and_answers_of_every_detector(
    examples: Examples, trained: Model, tmp_path: Path
) -> None:
    write_manifest(examples, created=0.0)
    exported = SavedModel.create(tmp_path / "exported")
    export(examples, trained, exported, DetectionExporterConfig(warmup_examples=0))
    loaded = tf.saved_model.load(str(exported.path))
    image = tf.random.stateless_uniform([1, 64, 80, 3], (1, 2), 0, 255, tf.int32)
    found = loaded.signatures["image_tensor"](inputs=tf.cast(image, tf.uint8))
    wanted = detect_images(read_detector(trained.path), tf.cast(image, tf.uint8))
    assert np.allclose(found["detection_scores"], wanted["detection_scores"], atol=1e-5)
    assert np.allclose(found["detection_boxes"][0, :5], wanted["detection_boxes"][0, :5], atol=1e-4)
