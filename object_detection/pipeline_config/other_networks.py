"""Networks of the Object Detection API that are not here: what to do with their pipeline.config instead."""

from __future__ import annotations

from dataclasses import dataclass

from object_detection.pipeline_config.networks import NETWORKS
from pipeline.errors import did_you_mean

FPNLITE, SSD = "ssd_mobilenet_v2_fpnlite_320", "ssd_mobilenet_v1"
PLACEHOLDER = "PATH_TO_BE_CONFIGURED"
PREDICTED = "SSD-MobileNet v2 without a pyramid"


@dataclass(frozen=True)
class Other:
    """A network that is not here.

    Attributes:
        told: what it is.
        nearest: ours that can begin with the body of its checkpoints; empty if none can.
    """

    told: str
    nearest: str = ""


TYPES = {  # of feature extractors for `ssd`
    "ssd_mobilenet_v2": Other(PREDICTED, FPNLITE),
    "ssd_mobilenet_v2_keras": Other(PREDICTED, FPNLITE),
    "ssd_mobilenet_v2_mnasfpn": Other("SSD-MobileNet v2 with a searched pyramid", FPNLITE),
    "ssd_mobilenet_v1_fpn": Other("SSD-MobileNet v1 with a pyramid", SSD),
    "ssd_mobilenet_v1_fpn_keras": Other("SSD-MobileNet v1 with a pyramid", SSD),
    "ssd_mobilenet_v1_ppn": Other("SSD-MobileNet v1 with a pooling pyramid", SSD),
    "embedded_ssd_mobilenet_v1": Other("SSD-MobileNet v1 for small devices", SSD),
    **dict.fromkeys(("ssd_mobilenet_v3_large", "ssd_mobilenet_v3_small", "ssd_mobilenet_edgetpu",
                     "ssd_mobiledet_cpu", "ssd_mobiledet_dsp", "ssd_mobiledet_edgetpu", "ssd_mobiledet_gpu"),
                    Other("an SSD on a newer MobileNet")),
    **dict.fromkeys(("ssd_inception_v2", "ssd_inception_v3", "ssd_pnasnet", "ssd_spaghettinet",
                     *(f"ssd_resnet{depth}_v1_{kind}" for depth in (50, 101, 152)
                       for kind in ("fpn", "ppn", "fpn_keras"))),
                    Other("an SSD on a larger network")),
    **dict.fromkeys((f"ssd_efficientnet-b{number}_bifpn_keras" for number in range(8)), Other("an EfficientDet")),
}  # fmt: skip
MODELS = {  # of `model`, beside `ssd`
    "faster_rcnn": Other("a Faster R-CNN"),
    "center_net": Other("a CenterNet"),
    "experimental_model": Other("a model of somebody's own"),
    "detr": Other("a DETR"),
}


def explain_type(name: str, checkpoint: str) -> tuple[str, str]:
    """Return what a feature extractor of a type that is not here is, and what to do.

    Args:
        name: the type.
        checkpoint: that the file begins with; empty if it has none.
    """
    path = "model.ssd.feature_extractor.type"
    if name in TYPES:
        return f'`{path}` is "{name}": {TYPES[name].told}, which cannot be had here.', advice(TYPES[name], checkpoint)
    ours = [known for network in NETWORKS for known in network.types]
    near = did_you_mean(name, [*ours, *TYPES]).partition("? ")
    fix = f"{near[0]}? " if near[1] else ""
    what = f'`{path}` is "{name}", which cannot be had here.' if name else f"`{path}` is missing."
    return what, f"{fix}Here are: {', '.join(f'`{known}`' for known in ours)}."


def explain_model(name: str) -> tuple[str, str]:
    """Return what a model that is not an SSD is, and what to do."""
    return f"`model.{name}` cannot be had here: it is {MODELS[name].told}.", advice(MODELS[name], "")


def advice(other: Other, checkpoint: str) -> str:
    """Return the command that trains what is nearest."""
    command = "labline run detector data.path=YOUR_RECORDS"
    if not other.nearest:
        return f"Train ours on the same data, from COCO's weights: `{command}`."
    weights = checkpoint if checkpoint and PLACEHOLDER not in checkpoint else "YOUR_CHECKPOINT"
    return (
        f"Train our nearest network on the same data, begun with the body of its weights: `{command} "
        f"trainer.network={other.nearest} trainer.warm_start={weights} trainer.warm_start_parts=body`."
    )
