"""Trains in child processes, killing some of them with SIGKILL.

A program of its own, because forking needs a process to itself. Usage: killed_training.py EXAMPLES FOLDER NETWORK;
prints JSON {"kills": [steps]}. For a detector TF_USE_LEGACY_KERAS must be 1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow  # noqa: F401 - imported once here, so that each child does not have to

if os.environ.get("TF_USE_LEGACY_KERAS"):
    sys.path.insert(0, str(Path(__file__).parents[2]))
    import object_detection.training.network  # noqa: F401
else:
    import keras  # noqa: F401

from components.tasks.forecasting.config import ForecastTrainerConfig
from components.tasks.image_classification.config import ImageTrainerConfig
from components.trainer import trainer
from components.training.config import EarlyStoppingConfig, OptimizerConfig
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context
from tests.support.facts import pixel_statistics

CONFIGS = {
    "small_vgg": ImageTrainerConfig(  # 120 examples: 15 steps an epoch, so steps 4 and 26 lie within epochs
        network="small_vgg",
        epochs=4,
        batch_size=8,
        checkpoint_steps=2,
        steps_per_execution=1,
        optimizer=OptimizerConfig(name="adam", learning_rate=1e-3, schedule="cosine", warmup_steps=5, average=0.9),
        keep="best",
        keep_metric="loss",
        early_stopping=EarlyStoppingConfig(patience=50),
    ),
    "distorted_cnn": ImageTrainerConfig(
        network="distorted_cnn",
        options={"crop": 8},
        steps=40,
        batch_size=8,
        checkpoint_steps=3,
        steps_per_execution=1,
        cache_megabytes=0,
        shuffle_buffer=50,
        optimizer=OptimizerConfig(name="rmsprop", learning_rate=1e-4),
    ),
    "lstm": ForecastTrainerConfig(  # 159 windows: 20 steps an epoch
        network="lstm",
        options={"units": [6, 4], "dropout": 0.2},
        epochs=3,
        batch_size=8,
        checkpoint_steps=2,
        steps_per_execution=1,
        optimizer=OptimizerConfig(name="adamw", learning_rate=1e-3, schedule="cosine", average=0.9, clip_norm=1.0),
        keep="best",
    ),
}
DETECTOR = "ssd_mobilenet_v1_025_160"
DETECTOR_SETTINGS = {"steps": 14, "checkpoint_steps": 2, "steps_per_execution": 1, "judge_steps": 4, "keep": "best"}
KILL_AT = {DETECTOR: [4, 10], "lstm": [4, 32], "small_vgg": [4, 26], "distorted_cnn": [6, 15, 21, 36]}


def main(examples: Path, folder: Path, network: str) -> None:
    """Train once undisturbed and once killed whenever a checkpoint of the next step in KILL_AT lies there."""
    finish(start(examples, folder / "whole", network))
    kills = []
    for step in KILL_AT[network]:
        child = start(examples, folder / "killed", network)
        wait_for_checkpoint(folder / "killed" / "scratch" / "checkpoints", step, child)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "the training ended before it could be killed"
        kills.append(newest(folder / "killed" / "scratch" / "checkpoints"))
    finish(start(examples, folder / "killed", network))
    print(json.dumps({"kills": kills}))


def start(examples: Path, folder: Path, network: str) -> int:
    """Train in a forked child and return its process number."""
    child = os.fork()
    if child:
        return child
    try:
        if network == DETECTOR:
            train_detector(examples, folder)
        else:
            train(examples, folder, network)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def train(examples: Path, folder: Path, network: str) -> None:
    """Train a network of Keras 3."""
    opened = Examples.open(examples)
    pixels = {"mean": 0.3, "std": 0.2, "channel_mean": [0.3], "channel_std": [0.2]}
    trainer(
        examples=opened,
        statistics=Statistics(folder, pixel_statistics(pixels) | {"scaling": opened.properties.get("scaling")}),
        checked=Anomalies(folder),
        model=Model.create(folder / "model"),
        config=CONFIGS[network],
        context=Context.standalone(folder),
    )


def train_detector(examples: Path, folder: Path) -> None:
    """Train a small detector."""
    import detection_training

    detection_training.train(Examples.open(examples), folder, **DETECTOR_SETTINGS)


def finish(child: int) -> None:
    """Wait for a child that must succeed."""
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the training failed with status {status}"


def wait_for_checkpoint(folder: Path, step: int, child: int) -> None:
    """Return as soon as a checkpoint of `step` or later exists, or the child has ended."""
    while newest(folder) < step:
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the training ended before it could be killed"
        time.sleep(0.001)


def newest(folder: Path) -> int:
    """Return the step of the newest checkpoint, 0 if there is none."""
    return max((int(path.stem.split("-")[1]) for path in folder.glob("step-*.npz")), default=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
