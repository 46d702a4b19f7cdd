"""Networks without training, and old checkpoints made of them, for the tests of object detection.

TensorFlow is imported where a fixture is made: this file is loaded for tests that do without, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

if TYPE_CHECKING:
    from object_detection.ssd import SsdConfig

CLASSES = 3
SIZE, WIDTH = 160, 0.25

Arrays = dict[str, NDArray[Any]]


@pytest.fixture(scope="session")
def small_config() -> SsdConfig:
    from object_detection.ssd import SsdConfig

    return SsdConfig(classes=CLASSES, size=SIZE, width=WIDTH, momentum=0.0)


@pytest.fixture(scope="session")
def small_ssd(small_config: SsdConfig) -> Any:
    """A network of width .25 for images of 160 pixels, whose normalisation has seen noise: no two outputs are alike."""
    import tensorflow as tf
    import tf_keras

    from object_detection.ssd import build_ssd

    tf_keras.utils.set_random_seed(3)
    model = build_ssd(small_config)
    model(tf.random.stateless_uniform([8, SIZE, SIZE, 3], (5, 6), -1, 1), training=True)
    return model


@pytest.fixture
def make_ssd(small_config: SsdConfig) -> Callable[..., Any]:
    """Return a function that builds such a network anew, with other options."""
    from object_detection.ssd import build_ssd

    return lambda **changes: build_ssd(replace(small_config, **changes))


def old_name(name: str, array: NDArray[Any]) -> str:
    """Return a variable's name as the Object Detection API's checkpoints have it, extra layers with their width."""
    for kind in ("1x1", "3x3_s2"):
        for number in range(2, 6):
            depth = max(int((512, 256, 256, 128)[number - 2] * WIDTH), 16) // (2 if kind == "1x1" else 1)
            name = name.replace(f"_Conv2d_{number}_{kind}/", f"_Conv2d_{number}_{kind}_{depth}/")
    return name


@pytest.fixture(scope="session")
def old_arrays(small_ssd: Any) -> Arrays:
    """Random values for every variable of the small network, under our names."""
    from object_detection.variables import name_variables

    random = np.random.default_rng(5)
    return {
        name: random.uniform(0.1, 1, variable.shape).astype(np.float32)
        for name, variable in name_variables(small_ssd).items()
    }


def save_checkpoint(folder: Path, arrays: Arrays) -> Path:
    """Write a TensorFlow 1 checkpoint with its Saver."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session() as session:
        for name, array in arrays.items():
            tf.compat.v1.get_variable(name, initializer=array, use_resource=False)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, str(folder / "model.ckpt"), write_meta_graph=False)
    return folder / "model.ckpt"


@pytest.fixture(scope="session")
def old_checkpoint(old_arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as the Object Detection API's training left it: moving averages and slots beside the weights."""
    arrays: Arrays = {"global_step": np.array(200_000, np.int64)}
    for name, array in old_arrays.items():
        arrays[old_name(name, array)] = array
        arrays[f"{old_name(name, array)}/RMSProp"] = array * 0
        arrays[f"{old_name(name, array)}/ExponentialMovingAverage"] = array + 1
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"), arrays)


@pytest.fixture(scope="session")
def write_checkpoint() -> Callable[[Path, Arrays], Path]:
    return save_checkpoint
