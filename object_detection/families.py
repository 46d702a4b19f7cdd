"""The kinds of detectors: how each is built, what it minimises, and what its variables are called.

All else - input pipeline, trainer, validation, postprocessing, export - works with any of them: a detector's config
says its family.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from object_detection import fpnlite, fpnlite_variables, ssd, variables
from object_detection.detector_config import DetectorConfig
from object_detection.losses import ImageLosses, focal_losses, image_losses


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


FAMILIES: dict[str, Family] = {
    "ssd_mobilenet_v1": Family(
        read_config=ssd.read_config,
        build=ssd.build_ssd,
        name_variables=variables.name_variables,
        stored_name=lambda name, config: variables.full_name(name, config.width),
        in_body=variables.in_body,
        decays=lambda name: name.endswith("/weights"),  # slim spared the depthwise kernels
        make_losses=lambda negatives: partial(image_losses, negatives=negatives),
    ),
    "ssd_mobilenet_v2_fpnlite": Family(
        read_config=fpnlite.read_config,
        build=fpnlite.build_fpnlite,
        name_variables=fpnlite_variables.name_variables,
        stored_name=lambda name, config: name,
        in_body=fpnlite_variables.in_body,
        decays=lambda name: name.endswith("weights"),  # depthwise and pointwise ones too
        make_losses=lambda negatives: focal_losses,
    ),
}


def family_of(config: DetectorConfig) -> Family:
    """Return the family that a config is of."""
    return FAMILIES[config.family]
