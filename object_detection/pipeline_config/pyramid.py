"""What of SSD-MobileNet v2 FPNLite is another thing here: it is Model Garden's RetinaNet, not quite the API's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from object_detection.pipeline_config import fpnlite_fields
from object_detection.pipeline_config.fields import EXTRACTOR
from object_detection.pipeline_config.networks import FPNLITE
from object_detection.pipeline_config.reading import PipelineConfig, same
from object_detection.pipeline_config.setting import SSD, TRAINING

HEAD = FPNLITE.predictor.rpartition(".")[0]
PYRAMID = f"{SSD}.feature_extractor.fpn"
BEGIN = -4.6  # what class predictors begin with: a chance of a hundredth


def pyramid_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that say in a pipeline.config what the network is here."""
    return {
        **{f"{layers}.regularize_depthwise": True for layers in (EXTRACTOR, FPNLITE.predictor)},
        f"{PYRAMID}.additional_layer_depth": values["trainer.options.depth"],
        f"{HEAD}.class_prediction_bias_init": BEGIN,
        f"{HEAD}.share_prediction_tower": False,
    }


def check_pyramid(config: PipelineConfig) -> None:
    """Note what of FPNLite's pyramid and head cannot be built."""
    pyramid, head = f"{PYRAMID}.additional_layer_depth", f"{HEAD}.depth"
    if config[pyramid] != config[head]:
        config.stop(pyramid, f"is {config[pyramid]}, the head's `depth` {config[head]}.", "Here they are one number.")


def pyramid_differences(config: PipelineConfig) -> Iterator[str]:
    """Tell where Model Garden's RetinaNet, which FPNLite is here, is not quite the API's."""
    if config[f"{HEAD}.share_prediction_tower"]:
        layers = config[f"{HEAD}.num_layers_before_predictor"]
        yield f"{HEAD}.share_prediction_tower: boxes and classes have {layers} convolutions each of their own here"
    yield f"{PYRAMID}: the pyramid takes the MobileNet's deepest map one convolution earlier here"
    if config[f"{SSD}.image_resizer.fixed_shape_resizer.height"] % 128:
        yield f"{SSD}.{fpnlite_fields.ANCHORS}: the anchors of level 7 stand in the middle of their cells here"
    if not same(round(config[f"{HEAD}.class_prediction_bias_init"], 2), BEGIN):
        yield f"{HEAD}.class_prediction_bias_init: class predictors begin at {BEGIN} here"
    spared = [path for path in (EXTRACTOR, FPNLITE.predictor) if not config[f"{path}.regularize_depthwise"]]
    if spared and config[f"{TRAINING}.add_regularization_loss"]:
        yield f"{spared[0]}.regularize_depthwise: weight decay is for depthwise kernels too here"
    whole = config[f"{TRAINING}.fine_tune_checkpoint_type"] not in ("", "classification")
    if config[f"{TRAINING}.fine_tune_checkpoint"] and whole:
        yield (
            f"{TRAINING}.fine_tune_checkpoint: of the API's checkpoints of this network the MobileNet is taken over, "
            "not the pyramid and the head"
        )
