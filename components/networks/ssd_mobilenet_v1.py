"""SSD-MobileNet v1 of the Object Detection API: six feature maps, 1,917 anchors at 300 x 300, batch normalisation.

Source: the Object Detection API's `ssd_mobilenet_v1`; Huang et al. 2017, "Speed/accuracy trade-offs for modern
convolutional object detectors". What is preset here is for short trainings that start from COCO's weights: Adam instead
of RMSProp, with a warm-up and half a cosine; the old configuration's 200,000 steps come with its pipeline.config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat

from pipeline.settings import Settings

if TYPE_CHECKING:
    from object_detection.ssd import SsdConfig

TASK = "object_detection"
PRESET = {
    "trainer": {
        "steps": 400,
        "batch_size": 8,
        "optimizer": {
            "name": "adam",
            "learning_rate": 0.0003,
            "schedule": "cosine",
            "warmup_steps": 50,
            "clip_norm": 10.0,
        },
    },
}


class Config(Settings):
    """Options of the network."""

    size: int = Field(300, ge=33, description="height and width that photos are brought to, in pixels")
    width: float | None = Field(
        None, gt=0, description="factor on the channels of every layer; null: that of the weights to start from, else 1"
    )
    min_scale: float = Field(0.2, gt=0, description="size of the first feature map's anchors, as a share of the photo")
    max_scale: float = Field(0.95, gt=0, description="size of the last feature map's anchors")
    aspect_ratios: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = Field(
        (1.0, 2.0, 0.5, 3.0, 0.3333),
        description="width / height of the anchors; weights to start from need their order",
    )
    interpolated_ratio: float = Field(
        1.0, ge=0, description="of the anchor whose size lies between two feature maps'; 0 for none"
    )
    reduced: bool = Field(True, description="three anchors only on the first feature map, one of them half as large")
    momentum: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="of batch normalisation's moving statistics; null: .9997 where those of trained weights are "
        "trained, else .97",
    )
    score_threshold: float = Field(1e-8, ge=0, lt=1, description="boxes with less are dropped before suppression")
    iou_threshold: float = Field(
        0.6, gt=0, le=1, description="overlap from which on the less sure of two boxes of a class is dropped"
    )
    most: int = Field(100, gt=0, description="boxes kept, of each class and in all")


def ssd_config(config: Config, classes: int, width: float | None = None, warm: bool = False) -> SsdConfig:
    """Return what the network is built from.

    Args:
        classes: number of classes, background not counted.
        width: of the weights to start from; None without any.
        warm: whether the statistics of trained weights are trained on.
    """
    from object_detection.anchors import AnchorShapes
    from object_detection.ssd import SsdConfig

    return SsdConfig(
        classes=classes,
        size=config.size,
        width=config.width or width or 1.0,
        momentum=config.momentum or (0.9997 if warm else 0.97),
        anchors=AnchorShapes(
            config.min_scale, config.max_scale, config.aspect_ratios, config.interpolated_ratio, config.reduced
        ),
        score_threshold=config.score_threshold,
        iou_threshold=config.iou_threshold,
        max_detections=config.most,
    )
