"""A training killed with SIGKILL and resumed ends in the same bytes as one that was left alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.artifacts import Examples, write_manifest
from tests.support.detection_training import write_examples

KERAS_FILES = ("model.keras", "history.json", "summary.txt")
DETECTOR_FILES = ("model.ckpt.index", "model.ckpt.data-00000-of-00001", "history.json")
HELPER = Path(__file__).parents[1] / "support" / "killed_training.py"


@pytest.mark.parametrize(
    ("network", "steps_an_epoch"),
    [
        pytest.param("small_vgg", 15, id="dropout_augmentation_and_averaged_weights_from_memory"),
        pytest.param("distorted_cnn", 15, id="distortions_from_shuffled_records", marks=pytest.mark.slow),
    ],
)
def test_resumed_training_equals_the_uninterrupted_one_bit_for_bit(
    tiny_examples: Examples, tmp_path: Path, network: str, steps_an_epoch: int
) -> None:
    train_with_kills(tiny_examples, tmp_path, network, steps_an_epoch)


@pytest.mark.slow
def test_a_forecaster_resumes_bit_for_bit_too(series_examples: Examples, tmp_path: Path) -> None:
    train_with_kills(series_examples, tmp_path, "lstm", 20)


@pytest.mark.slow
def test_a_detector_resumes_bit_for_bit_too(tmp_path: Path) -> None:
    examples = write_examples(tmp_path / "examples", {"train": 20, "validation": 6, "test": 2})
    write_manifest(examples, 0.0)
    train_with_kills(examples, tmp_path, "ssd_mobilenet_v1_025_160", 5, DETECTOR_FILES, TF_USE_LEGACY_KERAS="1")


def train_with_kills(
    examples: Examples,
    tmp_path: Path,
    network: str,
    steps_an_epoch: int,
    files: tuple[str, ...] = KERAS_FILES,
    **environment: str,
) -> None:
    command = [sys.executable, str(HELPER), str(examples.path), str(tmp_path), network]
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment}
    )
    assert process.returncode == 0, process.stderr
    kills = json.loads(process.stdout.splitlines()[-1])["kills"]
    assert any(step % steps_an_epoch for step in kills), "at least one kill must fall within an epoch"
    whole, killed = tmp_path / "whole" / "model", tmp_path / "killed" / "model"
    for name in files:
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), (
            f"{name} differs after kills at steps {kills}"
        )
