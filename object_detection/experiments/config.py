"""What the experiments are made of, in Model Garden's form; the defaults are the Object Detection API's."""

from __future__ import annotations

import dataclasses
from typing import Any

from official.core import config_definitions, exp_factory
from official.modeling import hyperparams
from official.modeling.optimization import OptimizationConfig

from object_detection.anchors import ORIGINAL, AnchorShapes
from object_detection.fpnlite import FpnliteConfig
from object_detection.ssd import SsdConfig


@dataclasses.dataclass
class Ssd(hyperparams.Config):
    """SSD-MobileNet v1: see `SsdConfig` and `AnchorShapes`."""

    classes: int = 90  # background not counted
    size: int = 300
    width: float = 1.0
    momentum: float = 0.9997
    score_threshold: float = 1e-8
    iou_threshold: float = 0.6
    most: int = 100
    min_scale: float = ORIGINAL.min_scale
    max_scale: float = ORIGINAL.max_scale
    aspect_ratios: list[float] = dataclasses.field(default_factory=lambda: list(ORIGINAL.aspect_ratios))
    interpolated_ratio: float = ORIGINAL.interpolated_ratio
    reduced: bool = ORIGINAL.reduced

    def detector(self) -> SsdConfig:
        """Return what the network is built from."""
        values = {**self.as_dict(), "aspect_ratios": tuple(self.aspect_ratios)}
        shapes = AnchorShapes(**{field.name: values.pop(field.name) for field in dataclasses.fields(AnchorShapes)})
        return SsdConfig(max_detections=values.pop("most"), anchors=shapes, **values)


@dataclasses.dataclass
class Fpnlite(hyperparams.Config):
    """SSD-MobileNet v2 FPNLite: see `FpnliteConfig`."""

    classes: int = 90  # background not counted
    size: int = 320
    width: float = 1.0
    depth: int = 128
    layers: int = 4
    scales: int = 2
    aspect_ratios: list[float] = dataclasses.field(default_factory=lambda: [1.0, 2.0, 0.5])
    anchor_size: float = 4.0
    momentum: float = 0.997
    score_threshold: float = 1e-8
    iou_threshold: float = 0.6
    most: int = 100

    def detector(self) -> FpnliteConfig:
        """Return what the network is built from."""
        values = {**self.as_dict(), "aspect_ratios": tuple(self.aspect_ratios)}
        return FpnliteConfig(max_detections=values.pop("most"), **values)


@dataclasses.dataclass
class Network(hyperparams.OneOfConfig):
    """One of the networks."""

    type: str = "ssd"
    ssd: Ssd = dataclasses.field(default_factory=Ssd)
    fpnlite: Fpnlite = dataclasses.field(default_factory=Fpnlite)


@dataclasses.dataclass
class Records(config_definitions.DataConfig):
    """TFRecords of the Object Detection API, and what is done with their images."""

    augmentation: list[str] = dataclasses.field(default_factory=list)
    most_boxes: int = 100  # of an image, in evaluation
    shuffle_buffer_size: int = 2048
    drop_remainder: bool = True


@dataclasses.dataclass
class Losses(hyperparams.Config):
    """Weights of the parts of the loss."""

    classification_weight: float = 1.0
    localization_weight: float = 1.0
    negatives_per_positive: int = 3  # of SSD's; the focal loss of FPNLite takes all
    weight_decay: float = 4e-5


@dataclasses.dataclass
class DetectorTask(config_definitions.TaskConfig):
    """The task.

    Attributes:
        init_checkpoint: trained weights to begin with: all that `trainer.warm_start` takes.
        init_checkpoint_parts: `body`, `body_and_boxes` or `all`.
        freeze_backbone: keep the MobileNet as it is.
        freeze_norm: keep the statistics of batch normalisation; None: if there is an init_checkpoint.
        label_map: a pbtxt file, whose names exported models answer with; numbers without one.
    """

    model: Network = dataclasses.field(default_factory=Network)
    train_data: Records = dataclasses.field(default_factory=lambda: Records(is_training=True))
    validation_data: Records = dataclasses.field(
        default_factory=lambda: Records(is_training=False, drop_remainder=False)
    )
    losses: Losses = dataclasses.field(default_factory=Losses)
    init_checkpoint: str | None = None
    init_checkpoint_parts: str = "body_and_boxes"
    freeze_backbone: bool = False
    freeze_norm: bool | None = None
    label_map: str = ""


@exp_factory.register_config_factory("ssd_mobilenet_v1")
def ssd_mobilenet_v1() -> config_definitions.ExperimentConfig:
    """Return the Object Detection API's `ssd_mobilenet_v1_coco`."""
    optimization = {
        "optimizer": {"type": "rmsprop", "rmsprop": {"rho": 0.9, "momentum": 0.9, "epsilon": 1.0}},
        "learning_rate": {
            "type": "exponential",
            "exponential": {
                "initial_learning_rate": 0.004,
                "decay_steps": 800720,
                "decay_rate": 0.95,
                "staircase": True,
            },
        },
    }
    return experiment(Network(type="ssd"), 24, 200_000, optimization)


@exp_factory.register_config_factory("ssd_mobilenet_v1_025_160")
def ssd_mobilenet_v1_025_160() -> config_definitions.ExperimentConfig:
    """Return the small network that trains from nothing on a CPU."""
    optimization = {
        "optimizer": {"type": "adam_experimental", "adam_experimental": {"global_clipnorm": 10.0}},
        "learning_rate": {"type": "cosine", "cosine": {"initial_learning_rate": 0.002, "decay_steps": 1200}},
        "warmup": {"type": "linear", "linear": {"warmup_steps": 50, "warmup_learning_rate": 0.0}},
    }
    return experiment(Network(type="ssd", ssd=Ssd(size=160, width=0.25, momentum=0.97)), 8, 1200, optimization)


@exp_factory.register_config_factory("ssd_mobilenet_v2_fpnlite_320")
def ssd_mobilenet_v2_fpnlite_320() -> config_definitions.ExperimentConfig:
    """Return the Object Detection API's `ssd_mobilenet_v2_fpnlite_320x320_coco17_tpu-8`, but for its milder crops."""
    optimization = {
        "optimizer": {"type": "sgd", "sgd": {"momentum": 0.9}},
        "learning_rate": {"type": "cosine", "cosine": {"initial_learning_rate": 0.08, "decay_steps": 50_000}},
        "warmup": {"type": "linear", "linear": {"warmup_steps": 1000, "warmup_learning_rate": 0.026666}},
    }
    return experiment(Network(type="fpnlite"), 128, 50_000, optimization)


def experiment(
    network: Network, batch_size: int, steps: int, optimization: dict[str, Any]
) -> config_definitions.ExperimentConfig:
    """Return an experiment in 32 bits that is validated a hundred times."""
    often = max(1, steps // 100)
    task = DetectorTask(model=network)
    task.train_data.augmentation = ["horizontal_flip", "ssd_random_crop"]
    task.train_data.global_batch_size = task.validation_data.global_batch_size = batch_size
    return config_definitions.ExperimentConfig(
        runtime=config_definitions.RuntimeConfig(mixed_precision_dtype="float32", enable_xla=False),
        task=task,
        trainer=config_definitions.TrainerConfig(
            train_steps=steps,
            steps_per_loop=often,
            summary_interval=often,
            checkpoint_interval=often,
            validation_interval=often,
            validation_steps=-1,
            optimizer_config=OptimizationConfig(optimization),
        ),
        restrictions=["task.train_data.is_training != None", "task.validation_data.is_training != None"],
    )
