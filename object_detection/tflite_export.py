"""A detector for TensorFlow Lite, with its own non-maximum suppression, as the Object Detection API exported it.

The file takes one image, `normalized_input_image_tensor` [1, size, size, 3]: float32 in -1..1, or, of kind int8, uint8
in 0..255. It gives, in this order, as TensorFlow Lite's operation `TFLite_Detection_PostProcess` does:
    boxes      float32 [1, max_detections, 4]   normalized (ymin, xmin, ymax, xmax); they may reach beyond the image
    classes    float32 [1, max_detections]      counted from 0: the line of `labels.txt`, which is packed into the file
    scores     float32 [1, max_detections]
    number     float32 [1]
By its signature the outputs are called `detection_boxes`, `detection_classes`, `detection_scores` and `num_detections`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from object_detection.outputs import anchors_by_level, flatten_outputs
from object_detection.saved_detector import SavedDetector
from object_detection.ssd import BOX_SCALES
from object_detection.tflite_metadata import INPUT, OPERATION, finish
from pipeline.errors import UserError

Precision = Literal["float32", "float16", "int8"]
MIN_SCORE = 0.3  # files of fewer digits are compared in what is at least as sure: below, they see other things
OUTPUTS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")


def convert(detector: SavedDetector, precision: Precision, images: NDArray[np.float32]) -> bytes:
    """Return the TensorFlow Lite file.

    Args:
        images: as the network takes them, float32 [n, size, size, 3] in -1..1: int8 is calibrated on them.

    Raises:
        UserError: TensorFlow Lite cannot convert the network.
    """
    module = tf.Module(name="lite")
    module.state = list(detector.model.variables)
    function = make_function(detector)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
    converter.allow_custom_ops = True  # the suppression
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: ([with_extremes(image)[None]] for image in images)
        converter.inference_input_type = tf.uint8
    try:
        content = converter.convert()
    except Exception as error:
        raise UserError(
            f"TensorFlow Lite cannot convert the network: {str(error).splitlines()[0]}",
            "exporter.tflite",
            "Use `none`, or report it.",
        ) from error
    return finish(content, detector.labels)


def make_function(detector: SavedDetector) -> Any:
    """Return the function that is converted: an image to what the operation gives."""
    config = detector.config
    suppress = make_suppression(detector)
    anchors = tf.constant(anchor_centres(detector))

    # one image at a time, as the operation takes them
    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([1, config.size, config.size, 3], tf.float32, name=INPUT)]
    )
    def lite(image: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = detector.model(image, anchor_boxes=anchors_by_level(config, 1), training=False)
        codes, logits = flatten_outputs(outputs, config)
        return dict(zip(OUTPUTS, suppress(codes, tf.sigmoid(logits), anchors), strict=True))

    return lite


def make_suppression(detector: SavedDetector) -> Any:
    """Return a function that computes nothing, and that the converter replaces by TensorFlow Lite's operation.

    The settings stand in its name, for which there is no other way (tensorflow/compiler/mlir/lite/utils/nms_utils.cc).
    Suppression class by class (`use_regular_nms`) is what the network is evaluated with; the operation's other way is
    not.
    """
    config = detector.config
    settings: dict[str, tuple[str, Any]] = {
        "max_detections": ("i", config.max_detections),
        "detections_per_class": ("i", config.max_detections),
        "max_classes_per_detection": ("i", 1),
        "use_regular_nms": ("b", "true"),
        "nms_score_threshold": ("f", config.score_threshold),
        "nms_iou_threshold": ("f", config.iou_threshold),
        "num_classes": ("i", config.classes),
        **{f"{edge}_scale": ("f", scale) for edge, scale in zip("yxhw", BOX_SCALES, strict=True)},
    }
    attributes = [f'attr {{ key: "{key}" value {{ {kind}: {value} }} }}' for key, (kind, value) in settings.items()]

    @tf.function(experimental_implements=" ".join([f'name: "{OPERATION}"', *attributes]))
    def suppress(codes: tf.Tensor, scores: tf.Tensor, anchors: tf.Tensor) -> tuple[tf.Tensor, ...]:
        del codes, scores, anchors
        return tuple(tf.constant(0.0, name=name) for name in OUTPUTS)

    return suppress


def anchor_centres(detector: SavedDetector) -> NDArray[np.float32]:
    """Return all anchors as normalized (ycentre, xcentre, height, width), float32 [anchors, 4]."""
    corners = np.concatenate([boxes.reshape(-1, 4) for boxes in detector.config.make_anchors()])
    low, high = corners[:, :2], corners[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def with_extremes(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy with a black and a white pixel, which make the input's range -1..1: bytes go in as they are."""
    copy = image.copy()
    copy[0, 0], copy[-1, -1] = -1.0, 1.0
    return copy


class TfliteDetector:
    """Runs such a file, and answers as `object_detection.postprocessing` does, in numpy and without the labels."""

    def __init__(self, content: bytes) -> None:
        self.interpreter = tf.lite.Interpreter(model_content=content)
        self.interpreter.allocate_tensors()
        self.source = self.interpreter.get_input_details()[0]
        self.targets = [item["index"] for item in self.interpreter.get_output_details()]

    def detect(self, images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Find objects in images as the network takes them, float32 [n, size, size, 3] in -1..1."""
        rows = [self.run(image) for image in images]
        boxes, classes, scores, number = (np.stack(column) for column in zip(*rows, strict=True))
        known = np.arange(scores.shape[1]) < number
        return {
            "detection_boxes": np.where(known[..., None], boxes.clip(0, 1), 0),
            "detection_scores": np.where(known, scores, 0),
            "detection_classes": np.where(known, classes + 1, 1),
            "num_detections": number[:, 0],
        }

    def run(self, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return what the file gives for one image: boxes, classes, scores and their number."""
        if self.source["dtype"] == np.uint8:
            image = np.rint((image + 1) * 127.5).clip(0, 255).astype(np.uint8)
        self.interpreter.set_tensor(self.source["index"], image[None])
        self.interpreter.invoke()
        boxes, classes, scores, number = (self.interpreter.get_tensor(index) for index in self.targets)
        return [boxes[0], classes[0], scores[0], number]
