"""Model Garden's own tools train, evaluate and export the detectors, from the Object Detection API's records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from official.core import exp_factory, task_factory, train_lib
from official.modeling.optimization import OptimizerFactory

import object_detection.experiments.task  # noqa: F401 - registers them
from data.tfrecord import write_record
from object_detection.experiments.export import SIGNATURES, export
from object_detection.postprocessing import detect_images
from object_detection.saved_detector import read_detector, write_detector
from object_detection.training.input_pipeline import preparer
from pipeline.errors import UserError
from tests.support.detection_training import image

TAGS = {"DetectionBoxes_Precision/mAP", "DetectionBoxes_Precision/mAP@.50IOU", "DetectionBoxes_Recall/AR@100 (large)"}
LOSSES = {f"Loss/{name}_loss" for name in ("classification", "localization", "regularization", "total")}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Eight photos, as create_pascal_tf_record wrote them: their `image/source_id` is a file's name."""
    path = tmp_path_factory.mktemp("records") / "photos.record"
    with path.open("wb") as file:
        for number in range(8):
            example = tf.train.Example.FromString(image(number))
            example.features.feature["image/source_id"].bytes_list.value[:] = [f"raccoon-{number}.jpg".encode()]
            example.features.feature.pop("image/object/is_crowd", None)
            write_record(file, example.SerializeToString())
    return str(path)


def make_params(records: str, name: str = "ssd_mobilenet_v1_025_160", **changes: Any) -> Any:
    """Return an experiment of four steps on the records."""
    params = exp_factory.get_exp_config(name)
    every = {"steps_per_loop": 2, "summary_interval": 2, "checkpoint_interval": 4, "validation_interval": 4}
    params.override(
        {
            "task": {
                "model": {"ssd": {"classes": 2}, "fpnlite": {"classes": 2}},
                "train_data": {"input_path": records, "global_batch_size": 4},
                "validation_data": {"input_path": records, "global_batch_size": 3},
            },
            "trainer": {"train_steps": 4, **every},
        }
    )
    params.override(changes)
    params.validate()
    return params


def run(params: Any, folder: Any) -> tuple[Any, dict[str, Any]]:
    """Run Model Garden's train_and_eval; returns the task too."""
    task = task_factory.get_task(params.task, logging_dir=str(folder))
    strategy = tf.distribute.OneDeviceStrategy("cpu:0")
    _, logs = train_lib.run_experiment(strategy, task, "train_and_eval", params, str(folder), run_post_eval=True)
    return task, logs


@pytest.fixture(scope="module")
def finished(records: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, dict[str, Any], Any]:
    folder, params = tmp_path_factory.mktemp("run"), make_params(records)
    task, logs = run(params, folder)
    return params, task, logs, folder


def tags(folder: Any) -> set[str]:
    files = [str(file) for file in folder.rglob("events*")]
    return {
        value.tag
        for file in files
        for event in tf.compat.v1.train.summary_iterator(file)
        for value in event.summary.value
    }


def test_the_experiments_are_the_object_detection_api_s(records: str) -> None:
    params = make_params(records, "ssd_mobilenet_v1")
    detector = params.task.model.get().detector()
    assert (detector.size, detector.width, detector.momentum) == (300, 1.0, 0.9997)
    assert sum(table.size // 4 for table in detector.make_anchors()) == 1917
    factory = OptimizerFactory(params.trainer.optimizer_config)
    rate = factory.build_learning_rate()
    assert factory.build_optimizer(rate).get_config()["epsilon"] == 1.0
    assert float(rate(800_720)) == pytest.approx(0.004 * 0.95)
    pyramid = make_params(records, "ssd_mobilenet_v2_fpnlite_320")
    rate = OptimizerFactory(pyramid.trainer.optimizer_config).build_learning_rate()
    assert float(rate(0)) == pytest.approx(0.026666)
    assert sum(table.size // 4 for table in pyramid.task.model.get().detector().make_anchors()) == 12_804
    with pytest.raises(KeyError):
        make_params(records, task={"model": {"ssd": {"breadth": 1.0}}})


@pytest.mark.slow
def test_model_garden_s_driver_trains_and_gives_losses_and_coco_s_metrics_by_their_old_names(
    finished: tuple[Any, Any, dict[str, Any], Any],
) -> None:
    _, task, logs, _ = finished
    assert set(logs) >= TAGS | LOSSES
    assert logs["Loss/total_loss"] == pytest.approx(sum(logs[name] for name in LOSSES - {"Loss/total_loss"}), rel=1e-5)
    assert 0 <= logs["DetectionBoxes_Precision/mAP@.50IOU"] <= 1
    assert task.network.detector.model.count_params() > 0


@pytest.mark.slow
def test_photos_are_parsed_as_the_trainer_of_this_product_does(finished: tuple[Any, Any, dict[str, Any], Any]) -> None:
    params, task, _, _ = finished
    pixels, labels = next(iter(task.build_inputs(params.task.validation_data)))
    wanted, targets = preparer(task.network.detector, ())(tf.constant(image(0)), tf.constant([0, 0]))
    assert np.array_equal(pixels[0], wanted)
    assert np.array_equal(labels["targets"].boxes[0], targets.boxes)
    truth = labels["groundtruths"]
    assert len(set(truth["source_id"].numpy().tolist())) == 3
    assert truth["boxes"][0, 0].numpy().max() > 2  # in pixels
    assert truth["num_detections"].numpy().tolist() == [1, 1, 1]


@pytest.mark.slow
def test_it_starts_from_trained_weights_and_keeps_statistics_and_body(
    finished: tuple[Any, Any, dict[str, Any], Any], records: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, task, _, _ = finished
    write_detector(task.network.detector, tmp_path)
    start = {"init_checkpoint": str(tmp_path), "init_checkpoint_parts": "all", "freeze_backbone": True}
    again = task_factory.get_task(make_params(records, task=start).task)
    model = again.build_model()
    again.initialize(model)
    assert "199 of 199 variables loaded" in capsys.readouterr().err
    ours = again.network.named
    assert all(np.array_equal(variable, ours[name]) for name, variable in task.network.named.items())
    assert again.network.frozen_norm
    assert not any(name.endswith("Conv2d_0/weights") for name in again.network.trainable)
    absent = task_factory.get_task(make_params(records, task={"init_checkpoint": "/nowhere/model.ckpt"}).task)
    with pytest.raises(UserError, match="no such file"):
        absent.initialize(model)


@pytest.mark.slow
def test_model_garden_s_exporter_writes_a_model_that_answers_as_the_trained_one(
    finished: tuple[Any, Any, dict[str, Any], Any], tmp_path: Path
) -> None:
    params, task, _, folder = finished
    export(params, tf.train.latest_checkpoint(str(folder)), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path / "saved_model"))
    assert set(loaded.signatures) == set(SIGNATURES.values())
    images = tf.cast(tf.random.stateless_uniform([1, 60, 80, 3], (1, 2), 0, 255, tf.int32), tf.uint8)
    found, wanted = loaded.signatures["serving_default"](inputs=images), detect_images(task.network.detector, images)
    assert np.allclose(found["detection_scores"], wanted["detection_scores"], atol=1e-5)
    encoded = tf.stack([tf.io.encode_png(images[0])])
    same = loaded.signatures["image_bytes"](inputs=encoded)
    assert np.allclose(same["detection_scores"], found["detection_scores"], atol=1e-5)
    assert (tmp_path / "params.yaml").is_file()
    kept = read_detector(tmp_path / "checkpoint")
    assert np.array_equal(detect_images(kept, images)["detection_scores"], wanted["detection_scores"])


@pytest.mark.slow
def test_the_second_family_runs_in_model_garden_too(records: str, tmp_path: Path) -> None:
    small = {"size": 64, "width": 0.25, "depth": 16, "layers": 1}
    params = make_params(records, "ssd_mobilenet_v2_fpnlite_320", task={"model": {"fpnlite": small}})
    _, logs = run(params, tmp_path)
    assert set(logs) >= TAGS | LOSSES


@pytest.mark.slow
def test_one_command_runs_model_garden_s_driver(records: str, tmp_path: Path) -> None:
    override = ",".join(
        [
            f"task.train_data.input_path={records}",
            f"task.validation_data.input_path={records}",
            "task.model.ssd.classes=2",
            "task.model.ssd.size=64",
            "trainer.train_steps=2",
            "trainer.steps_per_loop=1",
            "trainer.validation_interval=2",
        ]
    )
    command = [sys.executable, "-m", "object_detection.experiments", "--experiment=ssd_mobilenet_v1_025_160"]
    command += ["--mode=train_and_eval", f"--model_dir={tmp_path}", f"--params_override={override}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "params.yaml").is_file()
    assert tags(tmp_path / "train") >= LOSSES | {"learning_rate"}
    assert tags(tmp_path / "validation") >= LOSSES | TAGS
