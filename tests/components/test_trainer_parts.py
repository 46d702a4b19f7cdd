"""Checkpoints, schedules, history and call lengths, each on its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.plugins.hparams import metadata

from components.tasks.forecasting.config import ForecastTrainerConfig
from components.tasks.image_classification.config import ImageTrainerConfig
from components.tasks.object_detection.config import DetectionTrainerConfig
from components.trainer import prepare
from components.training import checkpoints
from components.training.config import FineTuneConfig, OptimizerConfig, TrainerConfig
from components.training.history import CURVE_POINTS, History
from components.training.input_pipeline import count_steps
from components.training.loop import plan_phases
from components.training.optimizers import learning_rate_at, make_optimizer
from components.training.tensorboard import TensorBoard
from pipeline.errors import UserError
from pipeline.progress import Progress


@pytest.fixture
def quiet() -> Progress:
    return Progress(quiet=True)


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path: Path, quiet: Progress) -> None:
    arrays = {"model/00000": np.array([0.1, 1e-45, -0.0], np.float32), "random/00000": np.array([3, 4], np.uint32)}
    checkpoints.save(tmp_path, 5, arrays, {"loss": 0.1 + 0.2})
    found = checkpoints.load_newest(tmp_path, quiet)
    assert found is not None
    assert found[1]["loss"] == 0.1 + 0.2
    for name, value in arrays.items():
        assert found[0][name].tobytes() == value.tobytes()


def test_only_the_two_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".step-0000000001.npz.0a1b").write_bytes(b"left by a kill")
    for step in (1, 2, 3):
        checkpoints.save(tmp_path, step, {}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-0000000002.npz", "step-0000000003.npz"]


@pytest.mark.parametrize("left", [0, 1, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_falls_back_to_the_one_before(tmp_path: Path, quiet: Progress, left: float) -> None:
    checkpoints.save(tmp_path, 1, {"model/00000": np.zeros(500)}, {"step": 1})
    newest = checkpoints.save(tmp_path, 2, {"model/00000": np.ones(500)}, {"step": 2})
    content = newest.read_bytes()
    newest.write_bytes(content[: left if isinstance(left, int) else int(left * len(content))])
    found = checkpoints.load_newest(tmp_path, quiet)
    assert found is not None
    assert found[1] == {"step": 1}


def test_a_checkpoint_with_a_flipped_bit_is_not_used(tmp_path: Path, quiet: Progress) -> None:
    newest = checkpoints.save(tmp_path, 2, {"model/00000": np.ones(500)}, {"step": 2})
    content = bytearray(newest.read_bytes())
    content[1000] ^= 1
    newest.write_bytes(content)
    assert checkpoints.load_newest(tmp_path, quiet) is None


def test_a_checkpoint_on_a_read_only_place_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UserError):
        checkpoints.save(tmp_path / "file" / "below", 1, {}, {})


def test_inverse_time_is_the_decay_of_old_keras() -> None:
    config = OptimizerConfig(learning_rate=1e-4, schedule="inverse_time", decay=1e-6, decay_steps=1)
    assert learning_rate_at(config, 0, 0) == 1e-4
    assert learning_rate_at(config, 0, 1_000_000) == pytest.approx(0.5e-4)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [1.0, 1.0, 1.0, 1.0]),
        ({"schedule": "cosine"}, [1.0, 0.5, 0.0, 0.0]),
        ({"schedule": "cosine", "final": 0.2}, [1.0, 0.6, 0.2, 0.2]),
        ({"schedule": "exponential", "decay": 0.25, "decay_steps": 100}, [1.0, 0.5, 0.25, 0.0625]),
        ({"schedule": "step", "decay": 0.25, "decay_steps": 100}, [1.0, 1.0, 0.25, 0.0625]),
        ({"warmup_steps": 100}, [0.01, 0.51, 1.0, 1.0]),
        ({"warmup_steps": 100, "warmup_rate": 0.2}, [0.208, 0.608, 1.0, 1.0]),
        ({"schedule": "cosine", "cosine_steps": 200}, [1.0, 0.8535534, 0.5, 0.0]),
        ({"schedule": "manual", "rates": [(50, 0.1), (200, 3.0)]}, [1.0, 0.1, 0.1, 3.0]),
        ({"schedule": "manual", "rates": [(51, 0.1), (200, 0.0)], "warmup_steps": 10}, [0.1, 1.0, 0.1, 0.0]),
    ],
)
def test_the_optimiser_follows_the_schedule_that_is_logged(settings: dict[str, Any], expected: list[float]) -> None:
    config = OptimizerConfig(name="sgd", learning_rate=1.0, **settings)
    optimizer = make_optimizer(config, 100)
    optimizer.build([])
    for step, rate in zip((0, 50, 100, 200), expected, strict=True):
        optimizer.iterations.assign(step)
        assert learning_rate_at(config, 100, step) == pytest.approx(rate, abs=1e-7)
        assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "lion"])
def test_every_optimiser_takes_its_settings(name: Any) -> None:
    optimizer = make_optimizer(
        OptimizerConfig(name=name, learning_rate=0.25, clip_norm=1.0, weight_decay=0.01, average=0.9), 10
    )
    assert type(optimizer).__name__.lower() == name
    assert float(optimizer.learning_rate) == 0.25
    assert (optimizer.global_clipnorm, optimizer.weight_decay, optimizer.ema_momentum) == (1.0, 0.01, 0.9)


def test_epsilon_is_keras_own_unless_it_is_given() -> None:
    assert make_optimizer(OptimizerConfig(name="rmsprop"), 10).epsilon == 1e-7
    assert make_optimizer(OptimizerConfig(name="rmsprop", epsilon=1e-14), 10).epsilon == 1e-14


def test_rmsprop_takes_its_memory_of_squared_gradients() -> None:
    assert make_optimizer(OptimizerConfig(name="rmsprop", rho=0.75), 10).rho == 0.75
    assert make_optimizer(OptimizerConfig(name="rmsprop"), 10).rho == 0.9


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"schedule": "manual"}, "belong together"),
        ({"rates": [(5, 0.1)]}, "belong together"),
        ({"schedule": "manual", "rates": [(5, 0.1), (5, 0.2)]}, "must grow"),
        ({"warmup_rate": 0.1}, "needs `warmup_steps`"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        OptimizerConfig(**settings)


def test_history_does_not_depend_on_how_steps_are_grouped() -> None:
    results = np.random.default_rng(0).uniform(1, 2, (5003, 3)).astype(np.float32)
    whole, pieces = History.for_steps(5003, "accuracy"), History.for_steps(5003, "accuracy")
    whole.add(results, 5003)
    for start in range(0, 5003, 37):
        part = results[start : start + 37]
        pieces.add(part, start + len(part))
    assert whole == pieces
    assert len(whole.points) <= CURVE_POINTS
    assert whole.points[0][0] == 3


def test_epochs_and_steps_end_a_training_at_whichever_comes_first() -> None:
    assert plan_phases(ImageTrainerConfig(), 7)[-1].end == 70
    assert plan_phases(ImageTrainerConfig(epochs=3), 7)[-1].end == 21
    assert plan_phases(ImageTrainerConfig(epochs=3, steps=20), 7)[-1].end == 20
    assert plan_phases(ImageTrainerConfig(epochs=3, steps=200), 7)[-1].end == 21
    first, second = plan_phases(ImageTrainerConfig(epochs=3, fine_tune=FineTuneConfig(epochs=2, learning_rate=0.5)), 7)
    assert (first.end, second.start, second.end, second.unfrozen, second.optimizer.learning_rate) == (
        21,
        21,
        35,
        True,
        0.5,
    )


def test_a_last_batch_that_would_leave_a_replica_without_an_example_is_left_out() -> None:
    assert count_steps(100, 32, 1) == 4
    assert count_steps(97, 32, 2) == 3
    assert count_steps(98, 32, 2) == 4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ImageTrainerConfig(warm_start="nowhere"), "no weights to start from"),
        (ImageTrainerConfig(network="transfer", options={"weights": "nowhere.h5"}), "weights' file does not exist"),
        (DetectionTrainerConfig(warm_start="nowhere/model.ckpt"), "no such file or folder"),
        (DetectionTrainerConfig(warm_start="ssd_mobilenet_v9"), "neither a path nor a published model"),
    ],
)
def test_weights_that_are_not_to_be_had_are_told_before_the_first_step(
    quiet: Progress, config: TrainerConfig, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        prepare(config, quiet)


def test_a_training_from_nothing_needs_nothing_before_the_first_step(quiet: Progress) -> None:
    for config in (ImageTrainerConfig(), ImageTrainerConfig(network="transfer"), DetectionTrainerConfig()):
        prepare(config, quiet)


def test_each_run_has_a_row_of_its_own_in_the_table_of_settings_whatever_its_windows(tmp_path: Path) -> None:
    rows = {}
    for run, history in (("20261122-052303-d39d", 36), ("20261122-052652-971e", 12)):
        logs = TensorBoard(tmp_path / "milk" / run, ())
        logs.write_hparams(ForecastTrainerConfig(), {"history": history, "horizon": 3}, {"validation/loss": 0.5})
        logs.close()
        [file] = (tmp_path / "milk" / run).glob("events.*")
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.tag == "_hparams_/session_start_info":
                    started = metadata.parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
                    rows[started.group_name] = started.hparams["data.history"].number_value
    assert rows == {"milk/20261122-052303-d39d": 36, "milk/20261122-052652-971e": 12}
