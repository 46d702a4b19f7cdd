"""A trained detector is written as the Object Detection API wrote its own, and comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from object_detection.saved_detector import SavedDetector, read_detector, write_detector
from object_detection.ssd import SsdConfig
from object_detection.variables import name_variables
from object_detection.weights import read_weights
from pipeline.errors import UserError

LABELS = ["red cell", "white cell", "it's a platelet"]


@pytest.fixture(scope="module")
def folder(small_ssd: Any, small_config: SsdConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained")
    write_detector(SavedDetector(small_ssd, small_config, LABELS), path)
    return path


def test_it_comes_back_as_it_was(folder: Path, small_ssd: Any, small_config: SsdConfig) -> None:
    trained = read_detector(folder)
    assert (trained.config, trained.labels) == (small_config, LABELS)
    ours = name_variables(small_ssd)
    for name, variable in name_variables(trained.model).items():
        np.testing.assert_array_equal(variable.numpy(), ours[name].numpy())


def test_the_checkpoint_can_start_another_training_and_has_the_old_names(folder: Path) -> None:
    assert len(read_weights(folder).arrays) == 199
    names = {name for name, _ in tf.train.list_variables(str(folder / "model.ckpt"))}
    assert "FeatureExtractor/MobilenetV1/Conv2d_13_pointwise_2_Conv2d_2_3x3_s2_128/weights" in names


def test_the_same_detector_gives_the_same_bytes(
    folder: Path, small_ssd: Any, small_config: SsdConfig, tmp_path: Path
) -> None:
    write_detector(SavedDetector(small_ssd, small_config, LABELS), tmp_path)
    for file in folder.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_a_folder_without_a_detector_and_one_that_lacks_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained detector") as error:
        read_detector(tmp_path)
    assert "ssd.json" in error.value.where
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((tmp_path / "ssd.json").read_text())
    (tmp_path / "ssd.json").write_text(json.dumps({**settings, "classes": 5}))
    with pytest.raises(UserError, match="Weights are missing"):
        read_detector(tmp_path)
