"""Weights of every file of the Object Detection API are read to the last variable, and what was not loaded is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from data.detection.label_map import read_label_map
from object_detection import zoo
from object_detection.detector import Detector
from object_detection.outputs import anchors_by_level, flatten_outputs
from object_detection.variables import name_variables
from object_detection.warm_start import warm_start
from object_detection.weights import read_weights
from object_detection.weights.arrays import BODY, plain_name
from pipeline.errors import UserError
from tests.support.detector_fixtures import Arrays

QUANTISED = "weights/tflite-support/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"


def check_equal(variables: Any, expected: Any) -> None:
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable.numpy(), expected[name], err_msg=name)


def test_a_detection_checkpoint_loads_into_all_199_variables(
    make_ssd: Callable[..., Any], old_checkpoint: Path, old_arrays: Arrays
) -> None:
    weights = read_weights(old_checkpoint)
    assert (weights.width, weights.classes, weights.folded, weights.background) == (0.25, 3, False, True)
    variables = name_variables(make_ssd())
    report = warm_start(variables, weights, "all")
    assert (len(report.loaded), report.missing, report.mismatched, report.unused) == (199, [], {}, [])
    check_equal(variables, old_arrays)


@pytest.mark.parametrize("given", ["model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "."])
def test_a_checkpoint_is_found_by_any_of_its_names(old_checkpoint: Path, given: str) -> None:
    assert len(read_weights(old_checkpoint.parent / given).arrays) == 199


def test_moving_averages_are_read_where_they_are_asked_for(
    old_checkpoint: Path, old_arrays: Arrays, write_checkpoint: Callable[[Path, Arrays], Path], tmp_path: Path
) -> None:
    found = read_weights(old_checkpoint, moving_averages=True).arrays
    name = f"{BODY}/Conv2d_0/weights"
    np.testing.assert_array_equal(found[name], old_arrays[name] + 1)
    plain = write_checkpoint(tmp_path, old_arrays)
    with pytest.raises(UserError, match="no moving averages"):
        read_weights(plain, moving_averages=True)


def test_a_classifiers_checkpoint_gives_the_body(
    make_ssd: Callable[..., Any], old_arrays: Arrays, write_checkpoint: Callable[[Path, Arrays], Path], tmp_path: Path
) -> None:
    body = {
        name.removeprefix("FeatureExtractor/"): array
        for name, array in old_arrays.items()
        if name.startswith(BODY) and "13_pointwise_" not in name
    }
    body["MobilenetV1/Logits/Conv2d_1c_1x1/biases"] = np.zeros(1001, np.float32)
    report = warm_start(name_variables(make_ssd()), read_weights(write_checkpoint(tmp_path, body)), "body")
    assert len(report.loaded) == 27 * 5
    assert all("13_pointwise_" in name for name in report.missing)
    assert report.unused == [f"{BODY}/Logits/Conv2d_1c_1x1/biases"]


def test_a_frozen_graph_loads_whatever_its_scope(
    make_ssd: Callable[..., Any], old_arrays: Arrays, tmp_path: Path
) -> None:
    graph = tf.Graph()
    with graph.as_default():
        for name, array in old_arrays.items():
            doubled = name.replace(f"{BODY}/Conv2d_0/", f"{BODY}/MobilenetV1/Conv2d_0/")
            tf.constant(array, name=doubled)
        tf.constant(1.0, name="Postprocessor/scale")
    (tmp_path / "frozen_inference_graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    (tmp_path / "saved_model.pb").write_bytes(b"")
    variables = name_variables(make_ssd())
    assert len(warm_start(variables, read_weights(tmp_path), "all").loaded) == 199
    check_equal(variables, old_arrays)


def test_parts_that_are_not_wanted_stay_new(make_ssd: Callable[..., Any], old_checkpoint: Path) -> None:
    variables = name_variables(make_ssd())
    before = {name: variable.numpy() for name, variable in variables.items()}
    report = warm_start(variables, read_weights(old_checkpoint))
    assert sorted(report.fresh) == sorted(name for name in variables if "ClassPredictor" in name)
    check_equal({name: variables[name] for name in report.fresh}, before)
    assert len(warm_start(variables, read_weights(old_checkpoint), "body").fresh) == 24


def test_predictors_of_other_classes_are_named_with_both_shapes(
    make_ssd: Callable[..., Any], old_checkpoint: Path
) -> None:
    report = warm_start(name_variables(make_ssd(classes=7)), read_weights(old_checkpoint), "all")
    assert report.mismatched["BoxPredictor_0/ClassPredictor/biases"] == ((24,), (12,))
    assert len(report.mismatched) == 12
    assert "187 of 199" in str(report)
    assert "has [24] here, [12] in the file" in str(report)


def test_weights_of_another_width_are_refused_with_the_width_to_set(
    make_ssd: Callable[..., Any], old_checkpoint: Path
) -> None:
    with pytest.raises(UserError, match=r"width 0\.25, the network of width 0\.5") as error:
        warm_start(name_variables(make_ssd(width=0.5)), read_weights(old_checkpoint))
    assert "width=0.25" in error.value.fix


def test_what_is_no_ssd_mobilenet_is_refused(tmp_path: Path, write_checkpoint: Callable[[Path, Arrays], Path]) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_weights(tmp_path / "none")
    with pytest.raises(UserError, match="no weights that can be read"):
        read_weights(tmp_path)
    for name, says in (("a.pb", "no frozen graph"), ("a.tflite", "no TFLite model")):
        (tmp_path / name).write_bytes(b"\x00\xffnothing")
        with pytest.raises(UserError, match=says):
            read_weights(tmp_path / name)
    with pytest.raises(UserError, match="not the weights of an SSD-MobileNet"):
        read_weights(write_checkpoint(tmp_path, {"resnet/conv1/kernel": np.zeros(3, np.float32)}))
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(UserError, match="checkpoint cannot be read"):
        read_weights(tmp_path / "model.ckpt")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("FeatureExtractor/MobilenetV1/MobilenetV1/Conv2d_1_depthwise/x", f"{BODY}/Conv2d_1_depthwise/x"),
        ("MobilenetV1/Conv2d_0/weights", f"{BODY}/Conv2d_0/weights"),
        (
            f"{BODY}/Conv2d_13_pointwise_2_Conv2d_3_3x3_s2_192/weights",
            f"{BODY}/Conv2d_13_pointwise_2_Conv2d_3_3x3_s2/weights",
        ),
        (
            f"{BODY}/Conv2d_13_pointwise_1_Conv2d_5_1x1_64/BatchNorm/beta",
            f"{BODY}/Conv2d_13_pointwise_1_Conv2d_5_1x1/BatchNorm/beta",
        ),
        ("BoxPredictor_0/ClassPredictor/biases", "BoxPredictor_0/ClassPredictor/biases"),
    ],
)
def test_names_are_brought_to_one_form(name: str, plain: str) -> None:
    assert plain_name(name) == plain


# real COCO weights


@pytest.fixture(scope="module")
def coco(real_data: Path) -> Detector:
    return Detector.read(real_data / QUANTISED, read_label_map(zoo.FOLDER / "coco.pbtxt"))


def interpret(path: Path, pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return what TensorFlow Lite computes: box codes [1917, 4], logits [1917, 91] and the scores of its best boxes."""
    interpreter = tf.lite.Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None])
    interpreter.invoke()
    tensors = {tensor["name"]: tensor for tensor in interpreter.get_tensor_details()}

    def value(name: str) -> NDArray[Any]:
        scale, zero = tensors[name]["quantization"]
        stored: NDArray[np.float64] = interpreter.get_tensor(tensors[name]["index"]).astype(np.float64)
        values: NDArray[np.float64] = scale * (stored - zero)
        return values

    boxes = [value(f"BoxPredictor_{number}/BoxEncodingPredictor/BiasAdd").reshape(-1, 4) for number in range(6)]
    logits = [value(f"BoxPredictor_{number}/ClassPredictor/BiasAdd").reshape(-1, 91) for number in range(6)]
    scores = interpreter.get_tensor(tensors["TFLite_Detection_PostProcess:2"]["index"])[0]
    return np.concatenate(boxes), np.concatenate(logits), scores


@pytest.mark.parametrize("name", ["cats_and_dogs", "burger"])
def test_quantised_coco_weights_compute_what_tensorflow_lite_computes(
    coco: Detector, real_data: Path, name: str
) -> None:
    image = (
        Image.open(real_data / f"weights/tflite-support/{name}.jpg")
        .convert("RGB")
        .resize((300, 300), Image.Resampling.BILINEAR)
    )
    pixels = np.asarray(image)
    their_boxes, their_logits, their_scores = interpret(real_data / QUANTISED, pixels)
    inputs = tf.constant(pixels[None].astype(np.float32) * (2 / 255) - 1)
    outputs = coco.saved.model(inputs, anchor_boxes=anchors_by_level(coco.saved.config, 1), training=False)
    boxes, logits = (table[0].numpy() for table in flatten_outputs(outputs, coco.saved.config))
    assert np.abs(boxes - their_boxes).mean() < 0.08
    assert np.abs(logits - their_logits).mean() < 0.06
    assert np.corrcoef(boxes.ravel(), their_boxes.ravel())[0, 1] > 0.995
    assert np.corrcoef(logits.ravel(), their_logits.ravel())[0, 1] > 0.995
    assert float(outputs["detection_scores"][0, 0]) == pytest.approx(their_scores[0], abs=0.03)


def test_quantised_coco_weights_are_loaded_whole_and_see_the_cats(coco: Detector, real_data: Path) -> None:
    assert "199 of 199 variables loaded" in coco.description
    assert (coco.saved.config.width, coco.saved.config.classes) == (0.75, 90)
    image = np.asarray(Image.open(real_data / "weights/tflite-support/cats_and_dogs.jpg"))
    found = coco.detect([image], min_score=0.45)[0]
    assert [item.label for item in found[:3]] == ["cat", "cat", "cat"]
    assert sum(item.label == "cat" for item in found) == 4


def test_the_untrained_background_of_quantised_weights_is_known(real_data: Path) -> None:
    weights = read_weights(real_data / QUANTISED)
    assert (weights.background, weights.folded) == (False, True)
