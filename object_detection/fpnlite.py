"""SSD-MobileNet v2 FPNLite: Model Garden's RetinaNet on a MobileNet v2, with separable convolutions throughout.

Feature maps of 1/8, 1/16 and 1/32 of the image's size are mixed in a pyramid, to which two smaller ones are added; one
head, the same for all of them, predicts boxes and classes. Architecture: Model Garden's RetinaNet (Lin et al. 2017,
"Focal loss for dense object detection"), with the settings of the Object Detection API's
`ssd_mobilenet_v2_fpnlite_320x320_coco17_tpu-8`. In two things that one differed: boxes and classes had the convolutions
before the predictors in common, and the pyramid took its deepest map one convolution later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray
from official.vision.modeling import retinanet_model
from official.vision.modeling.backbones import mobilenet
from official.vision.modeling.decoders.fpn import FPN
from official.vision.modeling.heads.dense_prediction_heads import RetinaNetHead
from official.vision.ops.anchor import Anchor

from object_detection.ssd import EPSILON, FULL, WEIGHT_DECAY, check_size, make_generator

BODY_LEVELS = (3, 4, 5)
ACTIVATION = "relu6"


@dataclass(frozen=True)
class FpnliteConfig:
    """What the network is built from.

    Attributes:
        classes: number of classes, background not counted.
        size: height and width of the images in pixels.
        width: factor on the number of channels of the MobileNet.
        depth: channels of the pyramid and of the head.
        layers: convolutions before each of the two predictors.
        scales: sizes of anchors in a cell; they fill an octave.
        aspect_ratios: width / height of the anchors.
        anchor_size: of the smallest anchors, in cells.
        momentum: of batch normalisation's moving statistics: .997 suits going on from a checkpoint's only.
        score_threshold, iou_threshold: of non-maximum suppression.
        max_detections: boxes kept, of each class and in all.
    """

    family: ClassVar[str] = "ssd_mobilenet_v2_fpnlite"
    levels: ClassVar[tuple[int, ...]] = (3, 4, 5, 6, 7)

    classes: int
    size: int = 320
    width: float = 1.0
    depth: int = 128
    layers: int = 4
    scales: int = 2
    aspect_ratios: tuple[float, ...] = (1.0, 2.0, 0.5)
    anchor_size: float = 4.0
    momentum: float = 0.97
    score_threshold: float = 1e-8
    iou_threshold: float = 0.6
    max_detections: int = 100

    def __post_init__(self) -> None:
        check_size(self.size)

    def make_anchors(self) -> list[NDArray[np.float32]]:
        """Return Model Garden's anchors of each level, normalized, [cells, cells, anchors, 4]."""
        first, last, sizes = self.levels[0], self.levels[-1], [self.size, self.size]
        with tf.init_scope():
            anchors = Anchor(first, last, self.scales, list(self.aspect_ratios), self.anchor_size, sizes)
            tables = [table.numpy() / self.size for table in anchors.multilevel_boxes.values()]
        return [table.reshape(*table.shape[:2], -1, 4) for table in tables]


def read_config(settings: dict[str, Any]) -> FpnliteConfig:
    """Return the config from what was read from JSON."""
    return FpnliteConfig(**{**settings, "aspect_ratios": tuple(settings["aspect_ratios"])})


@tf.autograph.experimental.do_not_convert  # Model Garden's layers need no conversion, and it takes most of the time
def build_fpnlite(config: FpnliteConfig) -> retinanet_model.RetinaNetModel:
    """Return the model, built; it takes and gives what `build_ssd`'s does."""
    regularizer = tf_keras.regularizers.L2(WEIGHT_DECAY)
    norm = {"norm_momentum": config.momentum, "norm_epsilon": EPSILON}
    body = build_body(config)
    with full_precision():
        pyramid = FPN(
            {level: table.shape for level, table in body.output.items()},
            config.levels[0],
            config.levels[-1],
            num_filters=config.depth,
            use_separable_conv=True,
            activation=ACTIVATION,
            **norm,
        )
        head = RetinaNetHead(
            config.levels[0],
            config.levels[-1],
            num_classes=config.classes + 1,
            num_anchors_per_location=config.scales * len(config.aspect_ratios),
            num_convs=config.layers,
            num_filters=config.depth,
            use_separable_conv=True,
            activation=ACTIVATION,
            kernel_regularizer=regularizer,
            **norm,
        )
        head.build(pyramid.output_shape)
    model = retinanet_model.RetinaNetModel(
        body,
        pyramid,
        head,
        make_generator(config),
        config.levels[0],
        config.levels[-1],
        config.scales,
        list(config.aspect_ratios),
        config.anchor_size,
    )
    model(tf.zeros([1, config.size, config.size, 3]), training=True)
    return model


def build_body(config: FpnliteConfig) -> tf_keras.Model:
    """Return the MobileNet up to the deepest feature map that is used; its last convolution is not."""
    whole = mobilenet.MobileNet(
        "MobileNetV2",
        filter_size_scale=config.width,
        input_specs=tf_keras.layers.InputSpec(shape=[None, config.size, config.size, 3]),
        norm_momentum=config.momentum,
        norm_epsilon=EPSILON,
        kernel_regularizer=tf_keras.regularizers.L2(WEIGHT_DECAY),
    )
    return tf_keras.Model(whole.inputs, {str(level): whole.output[str(level)] for level in BODY_LEVELS}, name="body")


@contextmanager
def full_precision() -> Iterator[None]:
    """Build layers that compute in 32 bits, whatever the body does: their gradients would not stay finite."""
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(FULL)
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
