"""SSD-MobileNet v2 FPNLite on Model Garden's RetinaNet: five feature maps, 12,804 anchors at 320 x 320, focal loss.

A third as many parameters as `ssd_mobilenet_v1` (2.2 instead of 6.8 million at COCO's 90 classes), and smaller objects
in view: its finest feature map has four times as many cells. Source: Lin et al. 2017, "Focal loss for dense object
detection"; the Object Detection API's `ssd_mobilenet_v2_fpnlite_320x320_coco17_tpu-8`. What is preset is for short
trainings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveFloat

from pipeline.settings import Settings

if TYPE_CHECKING:
    from object_detection.fpnlite import FpnliteConfig

TASK = "object_detection"
MINES_NEGATIVES = False  # the focal loss takes them all
PRESET = {
    "trainer": {
        "steps": 1200,
        "batch_size": 8,
        "optimizer": {
            "name": "adam",
            "learning_rate": 0.001,
            "schedule": "cosine",
            "warmup_steps": 100,
            "clip_norm": 10.0,
        },
    },
}


class Config(Settings):
    """Options of the network."""

    size: int = Field(
        320,
        ge=64,
        multiple_of=32,
        description="height and width that photos are brought to, in pixels; a multiple of 32",
    )
    width: float | None = Field(
        None, gt=0, description="factor on the MobileNet's channels; null: that of the weights to start from, else 1"
    )
    depth: int = Field(128, gt=0, description="channels of the feature pyramid and of the head")
    layers: int = Field(4, ge=0, description="convolutions before the predictors of boxes, and before those of classes")
    scales: int = Field(2, gt=0, description="sizes of anchors in a cell; they fill an octave")
    aspect_ratios: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = Field(
        (1.0, 2.0, 0.5), description="width / height of the anchors; weights to start from need their order"
    )
    anchor_size: float = Field(4.0, gt=0, description="of the smallest anchors, in cells of their feature map")
    momentum: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="of batch normalisation's moving statistics; null: .997 where those of trained weights are "
        "trained, else .97",
    )
    score_threshold: float = Field(1e-8, ge=0, lt=1, description="boxes with less are dropped before suppression")
    iou_threshold: float = Field(
        0.6, gt=0, le=1, description="overlap from which on the less sure of two boxes of a class is dropped"
    )
    most: int = Field(100, gt=0, description="boxes kept, of each class and in all")


def ssd_config(config: Config, classes: int, width: float | None = None, warm: bool = False) -> FpnliteConfig:
    """Return what the network is built from.

    Args:
        classes: number of classes, background not counted.
        width: of the weights to start from; None without any.
        warm: whether the statistics of trained weights are trained on.
    """
    from object_detection.fpnlite import FpnliteConfig

    chosen = {"width": config.width or width or 1.0, "momentum": config.momentum or (0.997 if warm else 0.97)}
    values = {**config.model_dump(), **chosen}
    return FpnliteConfig(classes=classes, max_detections=values.pop("most"), **values)
