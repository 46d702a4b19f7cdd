"""The kinds of detectors: how each is built, what it minimises, and what its variables are called.

All else - feed, trainer, judge, answers, export - works with any of them: a detector's config says its family.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np

    from object_detection.losses import ImageLosses


class DetectorConfig(Protocol):
    """What a network is built from, and what all code that is not the family's own may ask of it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def family(self) -> str:
        """Its name in `FAMILIES`."""

    @property
    def levels(self) -> tuple[int, ...]:
        """Feature maps that are predicted from: each is ceil(size / 2**level) cells wide."""

    @property
    def classes(self) -> int:
        """Number of classes, background not counted."""

    @property
    def size(self) -> int:
        """Height and width of the images in pixels."""

    @property
    def width(self) -> float:
        """Factor on the number of channels of the body."""

    @property
    def score_threshold(self) -> float:
        """Score below which boxes are dropped before suppression."""

    @property
    def iou_threshold(self) -> float:
        """Overlap from which on the less sure of two boxes of a class is dropped."""

    @property
    def most(self) -> int:
        """Boxes kept, of each class and in all."""

    def make_anchors(self) -> list[np.ndarray]:
        """Return the anchors of each feature map, float32 [cells, cells, anchors, 4], shares of the image."""


@dataclass(frozen=True)
class Family:
    """One kind of detectors.

    Attributes:
        read_config: the config from what `dataclasses.asdict` made of it, after a detour through JSON.
        build: the model, of Model Garden's class RetinaNetModel, from a config.
        name_variables: every variable that counts, under a lasting name, from a model.
        stored_name: a variable's name in checkpoints, from that one and the config.
        in_body: whether the variable of a name belongs to the MobileNet.
        decays: whether weight decay is for the variable of a name.
        make_losses: what each image adds to the loss, given the negatives kept for each positive anchor.
    """

    read_config: Callable[[dict[str, Any]], DetectorConfig]
    build: Callable[[Any], Any]
    name_variables: Callable[[Any], dict[str, Any]]
    stored_name: Callable[[str, DetectorConfig], str]
    in_body: Callable[[str], bool]
    decays: Callable[[str], bool]
    make_losses: Callable[[int], ImageLosses]


def ssd_mobilenet_v1() -> Family:
    """Return the Object Detection API's SSD-MobileNet v1."""
    from functools import partial

    from object_detection import ssd, variables
    from object_detection.losses import image_losses

    return Family(
        read_config=ssd.read_config,
        build=ssd.build_ssd,
        name_variables=variables.name_variables,
        stored_name=lambda name, config: variables.full_name(name, config.width),
        in_body=variables.in_body,
        decays=lambda name: name.endswith("/weights"),  # slim spared the depthwise kernels
        make_losses=lambda negatives: partial(image_losses, negatives=negatives),
    )


def ssd_mobilenet_v2_fpnlite() -> Family:
    """Return SSD-MobileNet v2 with a feature pyramid, on Model Garden's RetinaNet."""
    from object_detection import fpnlite, fpnlite_variables
    from object_detection.losses import focal_losses

    return Family(
        read_config=fpnlite.read_config,
        build=fpnlite.build_fpnlite,
        name_variables=fpnlite_variables.name_variables,
        stored_name=lambda name, config: name,
        in_body=fpnlite_variables.in_body,
        decays=lambda name: name.endswith("weights"),  # depthwise and pointwise ones too
        make_losses=lambda negatives: focal_losses,
    )


FAMILIES: dict[str, Callable[[], Family]] = {
    "ssd_mobilenet_v1": ssd_mobilenet_v1,
    "ssd_mobilenet_v2_fpnlite": ssd_mobilenet_v2_fpnlite,
}


def family_of(config: DetectorConfig) -> Family:
    """Return the family that a config is of."""
    return FAMILIES[config.family]()
