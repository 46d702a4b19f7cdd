"""The networks that a pipeline.config can become: their fields, alternatives, and the names of what they train."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from object_detection.pipeline_config import channels, choices, fields, fpnlite_fields, ssd_fields
from object_detection.pipeline_config.choices import Choice
from object_detection.pipeline_config.fields import EXTRACTOR, Table, within


@dataclass(frozen=True)
class Kernels:
    """What kernels of new layers begin with here.

    Attributes:
        initializer: the API's name of it.
        values: its settings; those that are left out have the proto's defaults.
        told: the same in words.
    """

    initializer: str
    values: dict[str, float | bool | str]
    told: str


@dataclass(frozen=True)
class Network:
    """One network, as the API and we call and build it.

    Attributes:
        name: the recipe's.
        others: further recipe names of the same network, with other presets.
        fields: what every field becomes.
        choices: alternatives by the path of their message.
        direct: fields below `model.ssd` that give an option each.
        ratios: the field with the anchors' shapes.
        predictor: the settings of the predictors' convolutions.
        kernels: how new kernels begin here, by the path of their layers' settings.
        shared_codes: the loss of a box is shared out over its four numbers.
        least: pixels that photos must be wide and high.
        multiple: that their size must be a multiple of.
        variable_names: those that can be trained, by the width.
        frozen: patterns of all the body's variables, and of no others.
        momentum: of batch normalisation where trained statistics are trained on.
        in_body: whether a variable of that name is the body's.
        fits: whether the API's layers of a width and `min_depth` are as wide as ours.
    """

    name: str
    others: tuple[str, ...]
    fields: Table
    choices: dict[str, Choice]
    direct: tuple[str, ...]
    ratios: str
    predictor: str
    kernels: dict[str, Kernels]
    shared_codes: bool
    least: int
    multiple: int
    variable_names: Callable[[float], list[str]]
    frozen: tuple[str, ...]
    momentum: float
    in_body: Callable[[str], bool]
    fits: Callable[[float, int], bool]

    @functools.cached_property
    def inside(self) -> dict[str, list[str]]:
        """The names of the fields and messages inside each message, in the table's order, by its path."""
        found: dict[str, list[str]] = {}
        for path in self.fields:
            parts = path.split(".")
            for depth, name in enumerate(parts):
                names = found.setdefault(".".join(parts[:depth]), [])
                if name not in names:
                    names.append(name)
        return found

    @property
    def types(self) -> tuple[str, ...]:
        """The API's names of its feature extractor; the first one is written."""
        return self.fields["model.ssd.feature_extractor.type"].only

    def nearest_size(self, size: int) -> int:
        """Return the size that can be had next to a wanted one, in pixels."""
        return max(self.least, -(-size // self.multiple) * self.multiple)

    def find_min_depth(self, width: float) -> int | None:
        """Return the `min_depth` with which the API builds our network; None if there is none."""
        return next((depth for depth in (16, 8, 1) if self.fits(width, depth)), None)


SSD_PREDICTOR = f"model.ssd.{ssd_fields.PREDICTOR}.conv_hyperparams"
FPNLITE_PREDICTOR = f"model.ssd.{fpnlite_fields.PREDICTOR}.conv_hyperparams"
NARROW = Kernels(
    "truncated_normal_initializer",
    {"mean": 0.0, "stddev": 0.03},
    "a truncated normal distribution of deviation 0.03",
)
GLOROT = Kernels(
    "variance_scaling_initializer",
    {"factor": 1.0, "uniform": True, "mode": "FAN_AVG"},
    "Glorot's uniform distribution",
)
SSD_MOBILENET_V1 = Network(
    name="ssd_mobilenet_v1",
    others=("ssd_mobilenet_v1_025_160",),
    fields=within("model.ssd", ssd_fields.SSD) | fields.ALWAYS,
    choices=choices.SSD,
    direct=ssd_fields.DIRECT,
    ratios=f"model.ssd.{ssd_fields.ANCHORS}.aspect_ratios",
    predictor=SSD_PREDICTOR,
    kernels={EXTRACTOR: NARROW, SSD_PREDICTOR: NARROW},
    shared_codes=False,
    least=33,
    multiple=1,
    variable_names=channels.variable_names,
    frozen=tuple(f"MobilenetV1/{layer}/" for layer in channels.BODY_LAYERS),
    momentum=0.9997,
    in_body=channels.in_body,
    fits=channels.same_channels,
)
FPNLITE = Network(
    name="ssd_mobilenet_v2_fpnlite_320",
    others=(),
    fields=within("model.ssd", fpnlite_fields.FPNLITE) | fields.ALWAYS,
    choices=choices.FPNLITE,
    direct=fpnlite_fields.DIRECT,
    ratios=f"model.ssd.{fpnlite_fields.ANCHORS}.aspect_ratios",
    predictor=FPNLITE_PREDICTOR,
    kernels={EXTRACTOR: GLOROT, FPNLITE_PREDICTOR: GLOROT},
    shared_codes=True,
    least=64,
    multiple=32,
    variable_names=channels.pyramid_variable_names,
    frozen=("MobilenetV2/Conv/", "MobilenetV2/expanded_conv"),
    momentum=0.997,
    in_body=channels.in_v2_body,
    fits=channels.same_v2_channels,
)
NETWORKS = (SSD_MOBILENET_V1, FPNLITE)


def by_type(name: str) -> Network | None:
    """Return the network of a feature extractor that the API calls so; None if it is not here."""
    return next((network for network in NETWORKS if name in network.types), None)


def by_recipe(name: str) -> Network | None:
    """Return the network that a recipe calls so; None if the API has none like it."""
    return next((network for network in NETWORKS if name in (network.name, *network.others)), None)
