"""SSD-MobileNet v1, the Object Detection API's network, put together from Model Garden's parts.

Model Garden brings the MobileNet, the model that holds backbone, decoder, head and detection generator together, box
decoding and non-maximum suppression. What it lacks is here: SSD's further feature maps and its predictors of one
convolution, with other numbers of anchors on the first feature map than on the others. Architecture: the Object
Detection API's `ssd_mobilenet_v1` (Huang et al. 2017, "Speed/accuracy trade-offs for modern convolutional object
detectors").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from official.vision.modeling import retinanet_model
from official.vision.modeling.backbones import mobilenet
from official.vision.modeling.layers import detection_generator

from object_detection.anchors import LEVELS, AnchorShapes, make_anchors
from object_detection.detector_config import DetectorConfig

BOX_SCALES = [10.0, 10.0, 5.0, 5.0]  # of the offsets in y, x and of the logarithms of height, width
EPSILON = 0.001  # of every batch normalisation
WEIGHT_DECAY = 2e-5  # Keras' l2: half of slim's 4e-5
EXTRA_DEPTHS = (512, 256, 256, 128)
FULL = "float32"  # where the body computes in 16 bits, what follows it does not: its gradients would not stay finite
MIN_SIZE = 33  # pixels: below, the first feature map is the only one with more than a cell


@dataclass(frozen=True)
class SsdConfig:
    """What the network is built from.

    Attributes:
        classes: number of classes, background not counted.
        size: height and width of the images in pixels.
        width: factor on the number of channels of every layer.
        momentum: of batch normalisation's moving statistics: .9997 suits training from a checkpoint only.
        anchors: sizes and shapes of the anchors.
        score_threshold, iou_threshold: of non-maximum suppression.
        max_detections: boxes kept, of each class and in all.
    """

    family: ClassVar[str] = "ssd_mobilenet_v1"
    levels: ClassVar[tuple[int, ...]] = LEVELS

    classes: int
    size: int = 300
    width: float = 1.0
    momentum: float = 0.97
    anchors: AnchorShapes = field(default_factory=AnchorShapes)
    score_threshold: float = 1e-8
    iou_threshold: float = 0.6
    max_detections: int = 100

    def __post_init__(self) -> None:
        check_size(self.size)

    def make_anchors(self) -> list[NDArray[np.float32]]:
        """Return the normalized anchors of each feature map, [cells, cells, anchors, 4]."""
        return make_anchors(self.size, self.anchors)


def check_size(size: int) -> None:
    """Refuse images that are too small for the network.

    Raises:
        ValueError: as said.
    """
    if size < MIN_SIZE:
        raise ValueError(f"SSD-MobileNet needs pictures of at least {MIN_SIZE} pixels, not {size}.")


def read_config(settings: dict[str, Any]) -> SsdConfig:
    """Return the config from what was read from JSON."""
    shapes = settings["anchors"]
    shapes = AnchorShapes(**{**shapes, "aspect_ratios": tuple(shapes["aspect_ratios"])})
    return SsdConfig(**{**settings, "anchors": shapes})


@tf.autograph.experimental.do_not_convert  # Model Garden's layers need no conversion, and it takes most of the time
def build_ssd(config: SsdConfig) -> retinanet_model.RetinaNetModel:
    """Return the model, built: images [n, size, size, 3], -1..1, to Model Garden's dictionary of outputs.

    In training `cls_outputs` and `box_outputs`, a tensor [n, cells, cells, anchors * (classes + 1)] and [n, cells,
    cells, anchors * 4] for each level; else `detection_boxes` [n, max_detections, 4] in pixels of the resized image,
    `detection_scores`, `detection_classes` (from 1) and `num_detections` too.
    """
    backbone = mobilenet.MobileNet(
        "MobileNetV1",
        filter_size_scale=config.width,
        input_specs=tf_keras.layers.InputSpec(shape=[None, config.size, config.size, 3]),
        norm_momentum=config.momentum,
        norm_epsilon=EPSILON,
        kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=0.09),
        kernel_regularizer=tf_keras.regularizers.L2(WEIGHT_DECAY),
    )
    model = retinanet_model.RetinaNetModel(
        backbone=TwoLevels(backbone),
        decoder=build_extra_layers(backbone.output_specs, config),
        head=SsdHead(config),
        detection_generator=make_generator(config),
        min_level=LEVELS[0],
        max_level=LEVELS[-1],
    )
    model(tf.zeros([1, config.size, config.size, 3]), training=True)
    return model


def make_generator(config: DetectorConfig) -> detection_generator.MultilevelDetectionGenerator:
    """Return what decodes boxes and suppresses those that say the same."""
    return detection_generator.MultilevelDetectionGenerator(
        pre_nms_score_threshold=config.score_threshold,
        nms_iou_threshold=config.iou_threshold,
        max_num_detections=config.max_detections,
        nms_version="batched",
        box_coder_weights=BOX_SCALES,
    )


@tf_keras.utils.register_keras_serializable("labline")
class TwoLevels(tf_keras.Model):
    """A MobileNet's feature maps of the two levels that SSD begins with."""

    def __init__(self, mobile_net: tf_keras.Model, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.mobile_net = mobile_net

    def call(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        features = self.mobile_net(images)
        return {str(level): features[str(level)] for level in LEVELS[:2]}

    def get_config(self) -> dict[str, Any]:
        return {"mobile_net": self.mobile_net}


def build_extra_layers(sizes: dict[str, tf.TensorShape], config: SsdConfig) -> tf_keras.Model:
    """Return the model that adds four feature maps, each half as wide as the one before, to the body's two."""
    first, last = (tf_keras.Input(sizes[str(level)][1:], name=f"level_{level}") for level in LEVELS[:2])
    maps = {str(LEVELS[0]): first, str(LEVELS[1]): last}
    features = last
    for number, (level, depth) in enumerate(zip(LEVELS[2:], EXTRA_DEPTHS, strict=True), 2):
        channels = channels_of(depth, config.width)
        features = normalised_convolution(features, channels // 2, 1, f"extra_{number}_1x1", config.momentum)
        features = normalised_convolution(features, channels, 3, f"extra_{number}_3x3_s2", config.momentum)
        maps[str(level)] = features
    return tf_keras.Model(dict(list(maps.items())[:2]), maps, name="extra_layers")


def channels_of(depth: int, width: float) -> int:
    """Return a layer's channels at a width, as the Object Detection API rounds them."""
    return max(int(depth * width), 16)


def normalised_convolution(features: Any, channels: int, kernel: int, name: str, momentum: float) -> Any:
    """Add a convolution, batch normalisation and ReLU6; kernels of 3 take steps of 2."""
    features = tf_keras.layers.Conv2D(
        channels,
        kernel,
        strides=2 if kernel == 3 else 1,
        padding="same",
        use_bias=False,
        kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=0.03),
        kernel_regularizer=tf_keras.regularizers.L2(WEIGHT_DECAY),
        dtype=FULL,
        name=name,
    )(features)
    features = tf_keras.layers.BatchNormalization(momentum=momentum, epsilon=EPSILON, dtype=FULL, name=f"{name}_norm")(
        features
    )
    return tf_keras.layers.ReLU(6.0, dtype=FULL, name=f"{name}_relu6")(features)


@tf_keras.utils.register_keras_serializable("labline")
class SsdHead(tf_keras.layers.Layer):
    """A convolution of 1 x 1 for boxes and one for classes on each feature map; class 0 is background."""

    def __init__(self, config: SsdConfig, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.config = config
        self.boxes, self.classes = {}, {}
        for number, level in enumerate(LEVELS):
            anchors = len(config.anchors.of_map(number))
            self.boxes[str(level)] = predictor(4 * anchors, f"boxes_{number}")
            self.classes[str(level)] = predictor((config.classes + 1) * anchors, f"classes_{number}")

    def call(self, features: dict[str, tf.Tensor]) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor], dict[str, Any]]:
        scores = {level: layer(features[level]) for level, layer in self.classes.items()}
        boxes = {level: layer(features[level]) for level, layer in self.boxes.items()}
        return scores, boxes, {}


def predictor(channels: int, name: str) -> tf_keras.layers.Layer:
    """Return a convolution of 1 x 1 with bias, and neither normalisation nor activation."""
    return tf_keras.layers.Conv2D(
        channels,
        1,
        kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=0.03),
        kernel_regularizer=tf_keras.regularizers.L2(WEIGHT_DECAY),
        dtype=FULL,
        name=name,
    )
