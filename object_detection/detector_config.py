"""What a detector's network is built from, as far as all code may ask that is not the family's own."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray


class DetectorConfig(Protocol):
    """The settings of a network, a frozen dataclass of its family."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def family(self) -> str:
        """Its name in `object_detection.families.FAMILIES`."""

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
    def max_detections(self) -> int:
        """Boxes kept, of each class and in all."""

    def make_anchors(self) -> list[NDArray[np.float32]]:
        """Return the normalized anchors of each feature map, [cells, cells, anchors, 4]."""
