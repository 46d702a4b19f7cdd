"""Weights of Keras or TensorFlow 2 are read into the same network, a classifier's into the body alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from object_detection.variables import in_body, name_variables
from object_detection.warm_start import warm_start
from object_detection.weights import keras_file, read_weights
from object_detection.weights.arrays import BODY, BODY_V2
from object_detection.weights.mobilenet import V2, name_body
from pipeline.errors import UserError
from tests.support.detector_fixtures import Arrays

KERAS_3 = """
import sys, keras, numpy as np
random = np.random.default_rng(3)
model = keras.applications.MobileNet(input_shape=(160, 160, 3), alpha=.25, weights=None, include_top={top}, classes=5)
model.set_weights([random.uniform(.1, 1, weight.shape).astype(np.float32) for weight in model.get_weights()])
model.{how}(sys.argv[1])
first, last = model.get_layer("conv1").get_weights()[0], model.get_layer("conv_pw_13_bn").get_weights()[3]
np.savez(sys.argv[2], first=first, last=last)
"""


@pytest.fixture(scope="module")
def classifier() -> Any:
    """A MobileNet of width .25 of keras.applications, whose maps are neither all 0 nor all 6."""
    model = tf_keras.applications.MobileNet(input_shape=(160, 160, 3), alpha=0.25, weights=None, classes=5)
    random = np.random.default_rng(3)
    for weight in model.weights:
        kernel = len(weight.shape) == 4
        fan = np.prod(weight.shape[:2]) * (1 if weight.name.startswith("conv_dw") else weight.shape[2]) if kernel else 1
        values = random.normal(0, (2 / fan) ** 0.5, weight.shape) if kernel else random.uniform(0.5, 1.5, weight.shape)
        weight.assign(values * (0.3 if "beta" in weight.name or "mean" in weight.name else 1))
    return model


def check_body(file: Path, model: Any) -> None:
    found = read_weights(file).arrays
    assert sum(name.startswith(f"{BODY}/") for name in found) == 27 * 5
    for name, layer, number in (
        ("Conv2d_0/weights", "conv1", 0),
        ("Conv2d_7_depthwise/depthwise_weights", "conv_dw_7", 0),
        ("Conv2d_7_depthwise/BatchNorm/beta", "conv_dw_7_bn", 1),
        ("Conv2d_13_pointwise/BatchNorm/moving_variance", "conv_pw_13_bn", 3),
    ):
        np.testing.assert_array_equal(found[f"{BODY}/{name}"], model.get_layer(layer).get_weights()[number])


def test_a_keras_classifier_gives_the_whole_body_and_computes_the_same(
    make_ssd: Callable[..., Any], classifier: Any, tmp_path: Path
) -> None:
    classifier.save_weights(tmp_path / "mobilenet_2_5_224_tf.h5")
    weights = read_weights(tmp_path)
    assert (weights.width, weights.classes, weights.folded, weights.background) == (0.25, None, False, True)
    model = make_ssd()
    report = warm_start(name_variables(model), weights, "body")
    assert sorted(report.loaded) == sorted(name for name in name_variables(model) if in_body(name))
    assert (len(report.loaded), report.mismatched) == (27 * 5, {})
    assert report.unused == ["conv_preds/conv_preds/bias:0", "conv_preds/conv_preds/kernel:0"]
    assert "135 of 199" in str(report)

    pixels = tf.random.stateless_uniform([2, 160, 160, 3], (1, 2), -1, 1)
    ours = model.backbone(pixels, training=False)
    outputs = [classifier.get_layer(f"conv_pw_{number}_relu").output for number in (11, 13)]
    for level, theirs in zip(("4", "5"), tf_keras.Model(classifier.input, outputs)(pixels), strict=True):
        assert float(tf.math.reduce_std(theirs)) > 0.2
        np.testing.assert_allclose(ours[level].numpy(), theirs.numpy(), atol=1e-4)


def test_a_whole_model_and_a_checkpoint_of_keras_give_the_same_body(classifier: Any, tmp_path: Path) -> None:
    classifier.save(tmp_path / "whole.h5")
    classifier.save_weights(tmp_path / "ckpt")
    check_body(tmp_path / "whole.h5", classifier)
    check_body(tmp_path / "ckpt", classifier)


@pytest.mark.slow
def test_a_saved_model_of_keras_gives_the_same_body(classifier: Any, tmp_path: Path) -> None:
    classifier.save(tmp_path / "saved_model")
    check_body(tmp_path / "saved_model", classifier)


@pytest.mark.parametrize(
    ("name", "how", "top"),
    [("a.keras", "save", True), ("a.h5", "save", False), ("a.weights.h5", "save_weights", True)],
)
@pytest.mark.slow
def test_every_file_of_keras_3_gives_the_body(tmp_path: Path, name: str, how: str, top: bool) -> None:
    command = [sys.executable, "-c", KERAS_3.format(top=top, how=how), str(tmp_path / name), str(tmp_path / "seen.npz")]
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    seen, found = np.load(tmp_path / "seen.npz"), read_weights(tmp_path / name).arrays
    assert sum(key.startswith(f"{BODY}/") for key in found) == 27 * 5
    np.testing.assert_array_equal(found[f"{BODY}/Conv2d_0/weights"], seen["first"])
    np.testing.assert_array_equal(found[f"{BODY}/Conv2d_13_pointwise/BatchNorm/moving_variance"], seen["last"])


def test_a_mobilenet_v2_of_keras_is_told_from_a_v1(tmp_path: Path) -> None:
    model = tf_keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, weights=None, include_top=False)
    model.save_weights(tmp_path / "v2.h5")
    arrays = keras_file.read(tmp_path / "v2.h5").arrays
    kernels = [
        name.removeprefix(f"{BODY_V2}/").removesuffix("/weights") for name in arrays if name.endswith("/weights")
    ]
    assert sorted(kernels) == sorted(layer for layer in V2 if not layer.endswith("depthwise"))
    assert len(arrays) == 52 * 5
    for name, layer in (("Conv", "Conv1"), ("expanded_conv_3/expand", "block_3_expand"), ("Conv_1", "Conv_1")):
        np.testing.assert_array_equal(arrays[f"{BODY_V2}/{name}/weights"], model.get_layer(layer).get_weights()[0])


def test_a_damaged_file_of_keras_is_refused(tmp_path: Path) -> None:
    for name in ("a.h5", "a.keras"):
        (tmp_path / name).write_bytes(b"PK\x03\x04nothing")
        with pytest.raises(UserError, match="no file of Keras' weights"):
            read_weights(tmp_path / name)


def test_another_networks_layers_are_named() -> None:
    with pytest.raises(UserError, match="where a MobileNet has a `depthwise_kernel`, their layer 2 has `kernel`"):
        name_body({(0, "kernel"): np.zeros(1), (2, "kernel"): np.zeros(1)}, "resnet")


# TensorFlow 2's Object Detection API. Its own program (tf-models-research-object-detection 2.8.0.post1) wrote these
# names for `ssd_mobilenet_v1_keras`, of a pipeline.config that `labline export-config` had written.


def place_of(name: str) -> str:
    """Return where TensorFlow 2's Object Detection API keeps a variable."""
    variable = {"weights": "kernel", "depthwise_weights": "depthwise_kernel", "biases": "bias"}.get(
        name.rpartition("/")[2], name.rpartition("/")[2]
    )
    norm = "/BatchNorm/" in name
    if match := re.search(r"Conv2d_(\d+)_?(depthwise|pointwise)?/", name):
        number = int(match[1])
        layer = 4 * number - (2 if match[2] == "depthwise" else 0) + norm
        return f"model/_feature_extractor/classification_backbone/layer_with_weights-{layer}/{variable}"
    if match := re.search(r"pointwise_([12])_Conv2d_(\d)", name):
        place = {"1": 0, "2": 3}[match[1]] + norm
        return f"model/_feature_extractor/_feature_map_generator/convolutions/{match[2]}/{place}/{variable}"
    match = re.search(r"BoxPredictor_(\d)/(\w+)/", name)
    assert match
    kind = match[2]
    head = "box_encodings" if kind == "BoxEncodingPredictor" else "class_predictions_with_background"
    layers = "_box_encoder_layers" if kind == "BoxEncodingPredictor" else "_class_predictor_layers"
    return f"model/_box_predictor/_prediction_heads/{head}/{match[1]}/{layers}/0/{variable}"


def save_objects(arrays: dict[str, NDArray[Any]], prefix: str, averages: bool = False) -> str:
    """Write a checkpoint of TensorFlow 2 with variables at given places."""
    root = tf.train.Checkpoint(step=tf.Variable(7))
    optimizer = tf.train.Checkpoint(iter=tf.Variable(3))
    root.optimizer = optimizer
    for place, array in arrays.items():
        *above, last = place.split("/")
        inner = root
        for part in above:
            if not hasattr(inner, part):
                setattr(inner, part, tf.train.Checkpoint())
            inner = getattr(inner, part)
        setattr(inner, last, tf.Variable(array))
    if averages:
        slot = {
            f"{place}/.OPTIMIZER_SLOT/optimizer/average/.ATTRIBUTES/VARIABLE_VALUE": array + 1
            for place, array in arrays.items()
        }
        plain = {f"{place}/.ATTRIBUTES/VARIABLE_VALUE": array for place, array in arrays.items()}
        every = slot | plain | {"_CHECKPOINTABLE_OBJECT_GRAPH": np.array(b"")}
        names = sorted(every)
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(every[name]) for name in names],
        )
        return prefix
    return str(root.write(prefix))


def test_a_detector_of_tensorflow_2_loads_into_all_199_variables(
    make_ssd: Callable[..., Any], old_arrays: Arrays, tmp_path: Path
) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model/saved_model.pb").write_bytes(b"")
    save_objects({place_of(name): array for name, array in old_arrays.items()}, str(tmp_path / "checkpoint/ckpt-0"))
    variables = name_variables(make_ssd())
    for given in (
        tmp_path,
        tmp_path / "checkpoint",
        tmp_path / "checkpoint/ckpt-0",
        tmp_path / "checkpoint/ckpt-0.index",
    ):
        weights = read_weights(given)
        assert (weights.width, weights.classes, len(weights.arrays)) == (0.25, 3, 199)
    report = warm_start(variables, weights, "all")
    assert (len(report.loaded), report.missing, report.mismatched, report.unused) == (199, [], {}, [])
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable.numpy(), old_arrays[name], err_msg=name)


def test_the_body_of_another_detector_of_tensorflow_2_is_taken_and_its_rest_named(
    make_ssd: Callable[..., Any], old_arrays: Arrays, tmp_path: Path
) -> None:
    arrays = {place_of(name): array for name, array in old_arrays.items() if in_body(name)}
    other = "model/_feature_extractor/_fpn_features_generator/top_layers/0/kernel"
    save_objects(arrays | {other: np.zeros((1, 1, 4, 4), np.float32)}, str(tmp_path / "ckpt-0"))
    report = warm_start(name_variables(make_ssd()), read_weights(tmp_path / "ckpt-0"), "body")
    assert (len(report.loaded), len(report.missing), report.unused) == (27 * 5, 8 * 5, [other])


def test_moving_averages_of_tensorflow_2_are_read_where_they_are_asked_for(old_arrays: Arrays, tmp_path: Path) -> None:
    arrays = {place_of(name): array for name, array in old_arrays.items()}
    prefix = save_objects(arrays, str(tmp_path / "ckpt-0"), averages=True)
    name = f"{BODY}/Conv2d_0/weights"
    np.testing.assert_array_equal(read_weights(Path(prefix), True).arrays[name], old_arrays[name] + 1)
    np.testing.assert_array_equal(read_weights(Path(prefix)).arrays[name], old_arrays[name])
    save_objects(arrays, str(tmp_path / "ckpt-1"))
    with pytest.raises(UserError, match="no moving averages"):
        read_weights(tmp_path / "ckpt-1", moving_averages=True)


def test_background_that_focal_loss_left_as_it_began_is_told(old_arrays: Arrays, tmp_path: Path) -> None:
    name = "BoxPredictor_0/ClassPredictor/biases"
    arrays = {place_of(key): array for key, array in {**old_arrays, name: np.full(12, -4.6, np.float32)}.items()}
    save_objects(arrays, str(tmp_path / "ckpt-0"))
    assert read_weights(tmp_path / "ckpt-0").background is False
