"""Settings of object detection: a run's recipe and the sections that it narrows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from components.config import InfraValidatorConfig, StandardRecipe
from components.evaluation.config import EvaluatorConfig
from components.export.config import ExporterConfig
from components.tasks.object_detection.metric_list import METRICS
from components.training.config import TrainerConfig
from data.detection.config import DetectionDataConfig
from data.validation.config import Limits, ValidationConfig
from object_detection.augmentation_steps import Written, settle_steps
from pipeline.settings import ModuleIn, SourceFile

COARSE = {
    "image/channels": 1.0,
    "image/boxes": 0.5,
}  # few whole numbers: their histograms differ by where the bins fall


class DetectionValidationConfig(ValidationConfig):
    """Which findings stop the run (errors), and which are only told (warnings)."""

    min_class_boxes: int = Field(
        10, ge=0, description="fewer boxes of a class than this, over all splits, are a warning"
    )
    min_judged_boxes: int = Field(
        10, ge=0, description="fewer boxes in the validation or test split than this are a warning"
    )
    max_class_ratio: float = Field(
        20.0,
        gt=1,
        description="boxes of the largest class over those of the smallest one in the training split, above which a "
        "warning is given",
    )
    drift: Limits = Field(
        Limits(features=COARSE), description="limits for the training split against the previous run's"
    )
    skew: Limits = Field(Limits(features=COARSE), description="limits for every other split against the training split")


class DetectionEvaluatorConfig(EvaluatorConfig):
    """What is measured, and the bar for a blessing."""

    metric_names: ClassVar[Collection[str]] = tuple(METRICS)

    batch_size: int = Field(8, gt=0, description="photos a forward pass; lower it if memory runs out")
    thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="limits for the blessing, such as test/mAP: 0.5. The least value that passes",
    )
    baseline_tolerance: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="mAP that may be lost against the last blessed model: room for the luck of a training, which is "
        "about so much on forty photos. It may be lost in every run anew; a limit for test/mAP in `thresholds` is "
        "the floor below which nothing is blessed",
    )
    worst_photos: int = Field(
        8, ge=0, le=100, description="photos with most mistakes that are kept, truth beside prediction"
    )
    shown_photos: int = Field(
        6, ge=0, le=100, description="further photos that are kept so, evenly spaced over the split"
    )


Kind = Literal["image_bytes", "image_tensor", "tf_example"]


Precision = Literal["none", "float32", "float16", "int8"]


class DetectionExporterConfig(ExporterConfig):
    """What is exported."""

    default_signature: Kind = Field(
        "image_bytes",
        description="what `serving_default` takes; `image_tensor` for clients of models that the Object Detection API "
        "exported",
    )
    tflite: Precision = Field("none", description="also write `assets.extra/model.tflite` with numbers of this kind")
    tflite_examples: int = Field(
        100,
        gt=0,
        description="photos TensorFlow Lite's answers are checked on; int8 is calibrated on as many training photos",
    )


class DetectionServingCheck(InfraValidatorConfig):
    """How the served detector is compared with the trained one."""

    # the weights' being constants changes answers by up to 7e-6; 1e-4 is a thirtieth of a pixel of 300
    tolerance: float = Field(
        1e-4, gt=0, description="largest difference of a score, or of a box as a share of the photo, that is let pass"
    )


class DetectionTrainerConfig(TrainerConfig):
    """What to train, how long, on what photos."""

    task: ClassVar[str] = "object_detection"
    metric: ClassVar[str] = "mAP"

    network: Annotated[str, ModuleIn("components/networks")] = Field(
        "ssd_mobilenet_v1", description="a shipped network"
    )
    warm_start: Annotated[str | None, SourceFile()] = Field(
        None,
        description="trained weights to begin with: a checkpoint, frozen graph, TFLite file, a folder with one, or the "
        "name of a trained model such as ssd_mobilenet_v1_coco, which is downloaded once",
    )
    warm_start_parts: Literal["body", "body_and_boxes", "all"] = Field(
        "body_and_boxes",
        description="what is taken over: feature maps; the box predictors too, which know no classes; or everything, "
        "for the same classes",
    )
    warm_start_averages: bool = Field(False, description="take the moving averages of a checkpoint, where it has them")
    batch_norm: Literal["auto", "frozen", "trained"] = Field(
        "auto",
        description="statistics of batch normalisation: those of trained weights kept as they are, or trained; auto: "
        "kept. Where they were folded away, they are measured before they are trained",
    )
    trained: Literal["all", "extras"] = Field(
        "all", description="what learns; extras: only what follows the MobileNet, for a quick first look"
    )
    augmentation: tuple[Written, ...] = Field(
        ("horizontal_flip", "ssd_random_crop"),
        description="changes of the training photos at random, in this order, such as [horizontal_flip, crop, "
        "{brightness: {max_delta: 0.3}}]: horizontal_flip, vertical_flip, rotation90, ssd_random_crop, crop, pad, "
        "brightness, contrast, saturation, hue, grey, pixel_scale",
    )
    classification_weight: float = Field(1.0, ge=0, description="of the classes in the loss")
    localization_weight: float = Field(1.0, ge=0, description="of the boxes in the loss")
    negatives_per_positive: int = Field(
        3,
        gt=0,
        description="SSD-MobileNet v1: background anchors in the loss for each anchor with an object, those with the "
        "largest loss",
    )
    weight_decay: float = Field(
        4e-5, ge=0, description="half of it times the squares of the convolutions' kernels is added to the loss"
    )
    judge_steps: int | None = Field(
        100, gt=0, description="steps between two judgements, at the ends of epochs; null: after each epoch"
    )
    keep_metric: str = Field("mAP", description="validation metric that says which judgement was best: mAP or loss")
    histograms: bool = Field(False, description="histograms of the weights in TensorBoard, each epoch")

    @field_validator("augmentation", mode="before")
    @classmethod
    def check_steps(cls, value: Any) -> Any:
        """Refuse steps and settings of them that there are not; write the others in one way."""
        return settle_steps(value) if isinstance(value, (list, tuple)) else value


class DetectionRecipe(StandardRecipe):
    """Everything that can be set for a run."""

    task: Literal["object_detection"] = Field("object_detection", description="the kind of problem")
    name: str = Field("object_detection", pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's")
    data: DetectionDataConfig = Field(description="the photos, their boxes and how they are split")
    validation: DetectionValidationConfig = Field(
        DetectionValidationConfig(), description="which findings in the data stop the run"
    )
    trainer: DetectionTrainerConfig = Field(DetectionTrainerConfig(), description="the network and its training")
    evaluator: DetectionEvaluatorConfig = Field(
        DetectionEvaluatorConfig(), description="metrics and the bar for a blessing"
    )
    exporter: DetectionExporterConfig = Field(
        DetectionExporterConfig(), description="what is exported beside the SavedModel"
    )
    infra_validator: DetectionServingCheck = Field(
        DetectionServingCheck(), description="the proof that the served model answers as the trained one"
    )
