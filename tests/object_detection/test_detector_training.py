"""Detectors learn from labelled images: the same from the same seed, stopped or not, and from trained weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import ValidationError

from components.tasks.object_detection import training
from components.tasks.object_detection.config import DetectionTrainerConfig
from components.tasks.object_detection.metric_list import MAP
from components.tasks.object_detection.optimizers import LoopOptimizer, explain_not_finite
from components.training.config import OptimizerConfig
from components.training.loop import Loop
from object_detection.losses import image_losses
from object_detection.resynthesis import resynthesise
from object_detection.saved_detector import SavedDetector
from object_detection.ssd import SsdConfig, build_ssd
from object_detection.training.input_pipeline import DetectionInputPipeline, decode_detection
from object_detection.training.network import DetectorInTraining
from object_detection.training.objective import Multibox
from pipeline.artifacts import Examples, Model
from pipeline.errors import UserError
from pipeline.metric import LOSS
from tests.support.detection_training import LABELS, image, train, write_examples


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return write_examples(tmp_path_factory.mktemp("photos") / "examples", {"train": 10, "validation": 5, "test": 3})


@pytest.fixture(scope="module")
def trained(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Path, list[str]]:
    said: list[str] = []
    folder = tmp_path_factory.mktemp("trained")
    return train(examples, folder, said, steps=6), folder, said


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Leaves out validation and drawing, which take longer than the trainings here."""
    monkeypatch.setattr(training, "write_images", lambda *arguments: None)
    return {"validation_split": "none"}


def variables(model: Model) -> dict[str, NDArray[Any]]:
    reader = tf.train.load_checkpoint(str(model.file("model.ckpt")))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.glob("events*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    found.setdefault(value.tag, []).append((event.step, float(tf.make_ndarray(value.tensor))))
    return found


def test_a_training_leaves_a_checkpoint_with_the_old_names_and_a_label_map(
    trained: tuple[Model, Path, list[str]],
) -> None:
    model, _, _ = trained
    names = variables(model)
    assert len(names) == 199
    assert "FeatureExtractor/MobilenetV1/Conv2d_13_pointwise_2_Conv2d_2_3x3_s2_128/weights" in names
    assert model.properties["labels"] == LABELS
    assert "name: 'disc'" in model.file("label_map.pbtxt").read_text("utf-8")
    assert model.properties["parameters"] == sum(array.size for array in names.values())
    assert {"matched_anchors.png", "truth_beside_prediction.png"} <= {
        path.name for path in model.file("pictures").iterdir()
    }


def test_the_losses_are_logged_under_the_tags_of_the_object_detection_api(
    trained: tuple[Model, Path, list[str]],
) -> None:
    _, folder, _ = trained
    train_logs, judged = scalars(folder / "logs" / "train"), scalars(folder / "logs" / "validation")
    parts = [train_logs[f"Loss/{name}_loss"] for name in ("classification", "localization", "regularization")]
    total = train_logs["Loss/total_loss"]
    assert [step for step, _ in total] == [1, 2, 3, 4, 5, 6]
    for place, (_, value) in enumerate(total):
        assert value == pytest.approx(sum(part[place][1] for part in parts), rel=1e-5)
    assert all(value > 0 for _, value in parts[2])
    assert len(train_logs["learning_rate"]) >= 1
    assert {"DetectionBoxes_Precision/mAP", "DetectionBoxes_Recall/AR@100", "Loss/total_loss"} <= set(judged)


def test_the_history_has_each_part_of_the_loss_and_coco_s_metrics(trained: tuple[Model, Path, list[str]]) -> None:
    model, _, _ = trained
    history = json.loads(model.file("history.json").read_text("utf-8"))
    last = history["epochs"][-1]
    assert {"train/loss", "train/classification_loss", "validation/localization_loss", "validation/mAP"} <= set(last)
    assert len(history["epochs"]) == 3  # 10 photos are two full batches of 4
    assert model.properties["metrics"]["validation/mAP"] == last["validation/mAP"]


def test_the_judge_s_loss_is_that_of_the_whole_split_whatever_the_batches(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SsdConfig(classes=2, size=64, width=0.25)
    network = DetectorInTraining(SavedDetector(build_ssd(config), config, LABELS), "small", True, False, 4e-5, None)
    values = []
    for size in (2, 5):
        monkeypatch.setattr(training, "VALIDATED_AT_ONCE", size)
        values.append(training.make_validator(network, Multibox(1.0, 1.0, image_losses), examples, "validation")())
    assert values[0] == pytest.approx(values[1], rel=1e-5)


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_as_if_it_never_had_been(
    examples: Examples,
    trained: tuple[Model, Path, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    blind: dict[str, Any],
) -> None:
    class Killed(Exception):
        """Stands for a kill right after a checkpoint."""

    save = Loop.save

    def save_and_die(self: Loop) -> None:
        save(self)
        if self.state.step >= 4:
            raise Killed

    monkeypatch.setattr(Loop, "save", save_and_die)
    with pytest.raises(Killed):
        train(examples, tmp_path, steps=6, **blind)
    monkeypatch.setattr(Loop, "save", save)
    said: list[str] = []
    resumed = train(examples, tmp_path, said, steps=6, **blind)
    assert any("resumed from the checkpoint of step 4" in line for line in said)
    first = variables(trained[0])
    assert all(np.array_equal(first[name], array) for name, array in variables(resumed).items())


@pytest.mark.slow
def test_photos_that_do_not_fit_the_memory_are_read_again_and_trained_on_all_the_same(
    examples: Examples, tmp_path: Path, blind: dict[str, Any]
) -> None:
    model = train(examples, tmp_path, cache_megabytes=0, steps=3, **blind)
    assert model.properties["steps"] == 3


def test_every_pass_sees_other_photos_in_another_order_and_the_same_after_a_restart(examples: Examples) -> None:
    def prepare(record: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, Any]:
        name = tf.io.parse_single_example(record, {"image/filename": tf.io.FixedLenFeature([], tf.string)})
        return name["image/filename"], seed

    def batches(images: DetectionInputPipeline, epoch: int, skip: int, count: int) -> list[Any]:
        source = images.source(epoch, skip)
        return [tf.nest.map_structure(lambda part: part.numpy().tolist(), source.get_next()) for _ in range(count)]

    for budget in (10**9, 0):
        pipelines = [
            DetectionInputPipeline(examples, prepare, 4, 7, True, 100, budget, tf.distribute.get_strategy())
            for _ in "ab"
        ]
        whole = batches(pipelines[0], 0, 0, 2) + batches(pipelines[0], 1, 0, 2)
        assert [len(set(whole[place][0] + whole[place + 1][0])) for place in (0, 2)] == [8, 8]
        assert whole[0] != whole[2]
        assert batches(pipelines[1], 1, 1, 1) == whole[3:]


def test_boxes_around_crowds_are_not_learnt_from() -> None:
    assert decode_detection(tf.constant(image(1))).boxes.shape == (1, 4)
    assert decode_detection(tf.constant(image(1, crowd=True))).boxes.shape == (0, 4)


def test_a_checkpoint_of_one_training_is_the_start_of_another_whose_body_stays(
    examples: Examples, trained: tuple[Model, Path, list[str]], tmp_path: Path, blind: dict[str, Any]
) -> None:
    said: list[str] = []
    start = variables(trained[0])
    model = train(examples, tmp_path, said, warm_start=str(trained[0].path), trained="extras", steps=2, **blind)
    assert any("187 of 199 variables loaded, 12 left new on purpose" in line for line in said)
    assert model.properties["warm_start"]["loaded"] == 187
    after = variables(model)
    body = {name for name in start if name.startswith("FeatureExtractor") and "_Conv2d_" not in name}
    assert len(body) == 135
    assert all(np.array_equal(start[name], after[name]) for name in body)
    assert any(not np.array_equal(start[name], after[name]) for name in start.keys() - body)


@pytest.mark.slow
def test_from_trained_weights_normalisation_keeps_its_statistics_and_learns_its_scale(
    examples: Examples, trained: tuple[Model, Path, list[str]], tmp_path: Path, blind: dict[str, Any]
) -> None:
    start = variables(trained[0])
    after = variables(train(examples, tmp_path, warm_start=str(trained[0].path), steps=2, **blind))
    moving = [name for name in start if "/moving_" in name]
    assert moving
    assert all(np.array_equal(start[name], after[name]) for name in moving)
    assert any(not np.array_equal(start[name], after[name]) for name in start if name.endswith("/gamma"))


def test_stopping_early_and_the_best_judgement_can_be_by_map_where_more_is_better() -> None:
    watched = {"early_stopping": {"metric": "mAP", "patience": 2}, "keep": "best"}
    config = DetectionTrainerConfig.model_validate(watched)
    assert config.keep_metric == MAP.name
    assert (MAP.is_better(0.5, 0.4), LOSS.is_better(0.5, 0.4)) == (True, False)
    with pytest.raises(ValidationError, match="`loss` or `mAP`"):
        DetectionTrainerConfig.model_validate({"early_stopping": {"metric": "accuracy"}})


def test_weights_of_another_width_are_refused_with_what_to_set(
    examples: Examples, trained: tuple[Model, Path, list[str]], tmp_path: Path, blind: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"trainer.options.width=0.25"):
        train(examples, tmp_path, warm_start=str(trained[0].path), options={"size": 64, "width": 0.5}, steps=1, **blind)


@pytest.mark.slow
def test_folded_normalisation_gets_its_statistics_back_without_a_change_of_what_it_computes(
    small_config: SsdConfig,
) -> None:
    model = build_ssd(small_config)
    images = tf.random.stateless_uniform([6, 160, 160, 3], (1, 2), -1, 1)
    for layer in model.submodules:
        if hasattr(layer, "moving_variance"):
            layer.moving_variance.assign(tf.fill(layer.moving_variance.shape, 0.999))

    def raw(training: bool) -> NDArray[Any]:
        scores, _, _ = model.head(model.decoder(model.backbone(images, training=training), training=training))
        found: NDArray[np.float32] = scores["4"].numpy()
        return found

    folded = model.get_weights()
    before, naive = raw(False), raw(True)
    model.set_weights(folded)  # the pass in training mode has moved the statistics
    assert resynthesise(model, images) == 35
    assert np.abs(raw(False) - before).max() < 1e-4
    assert np.abs(raw(True) - before).mean() < 0.2 * np.abs(naive - before).mean()


@pytest.mark.slow
def test_training_in_16_bits_is_measured_as_such_and_a_broken_gradient_is_named(
    examples: Examples, tmp_path: Path, blind: dict[str, Any]
) -> None:
    said: list[str] = []
    train(examples, tmp_path, said, mixed_precision=True, steps=1, **blind)
    assert any("16-bit arithmetic" in line for line in said)
    variable = tf.Variable([1.0])
    optimizer = LoopOptimizer(OptimizerConfig(), 10, checked=True)
    optimizer.build([variable])
    with pytest.raises(UserError, match=r"mixed_precision=false"), explain_not_finite():
        optimizer.apply([tf.constant([float("nan")])], [variable])
    assert variable.numpy().tolist() == [1.0]


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "lion"])
def test_a_detector_trains_with_every_optimiser_that_the_other_tasks_have(name: str) -> None:
    config = OptimizerConfig(name=name, learning_rate=0.25, clip_norm=1.0, weight_decay=0.01, average=0.9)
    optimizer = LoopOptimizer(config, 10).optimizer
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.learning_rate) == 0.25
    assert (optimizer.global_clipnorm, optimizer.weight_decay, optimizer.ema_momentum) == (1.0, 0.01, 0.9)
    assert optimizer.jit_compile is False


def test_the_slots_of_rmsprop_begin_at_one_as_tensorflow_1_had_them() -> None:
    variable = tf.Variable([0.0])
    optimizer = LoopOptimizer(OptimizerConfig(name="rmsprop", learning_rate=0.1, epsilon=1.0), 10)
    optimizer.build([variable])
    optimizer.apply([tf.constant([2.0])], [variable])
    mean_square = 0.9 * 1 + 0.1 * 4
    assert variable.numpy()[0] == pytest.approx(-0.1 * 2 / np.sqrt(mean_square + 1.0), rel=1e-5)


@pytest.mark.slow
def test_two_devices_train_as_one_would(examples: Examples, tmp_path: Path) -> None:
    """Photos are shared out; the loss is divided by the boxes of the whole batch."""
    program = Path(__file__).parents[1] / "support" / "two_devices.py"
    done = subprocess.run(
        [sys.executable, str(program), str(examples.path), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = json.loads(done.stdout.splitlines()[-1])
    assert one == pytest.approx(two, rel=1e-4)
