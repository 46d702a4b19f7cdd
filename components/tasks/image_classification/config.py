"""Settings of image classification: a run's recipe and the sections that it narrows."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Literal

from pydantic import Field, PositiveInt

from components.config import StandardRecipe
from components.evaluation.config import EvaluatorConfig
from components.export.config import ExporterConfig
from components.tasks.image_classification.metric_list import METRICS
from components.training.config import TrainerConfig
from data.images.config import ImageDataConfig
from data.validation.config import ValidationConfig


class ImageValidationConfig(ValidationConfig):
    """Which findings stop the run (errors), and which are only told (warnings)."""

    min_class_examples: int = Field(
        10, ge=0, description="fewer pictures of a class than this, over all splits, are a warning"
    )
    max_class_ratio: float = Field(
        10.0,
        gt=1,
        description="largest class over smallest class of the training split, above which a warning is given",
    )


class ImageEvaluatorConfig(EvaluatorConfig):
    """What is measured, and the bar for a blessing."""

    metric_names: ClassVar[Collection[str]] = tuple(METRICS)

    slices: list[str] = Field(
        ["image/class/text", "image/brightness"],
        description="recorded features by which results are broken down; numbers with many values by quartile",
    )
    thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="limits for the blessing, such as test/accuracy: 0.9. The least value that passes; for test/loss "
        "and test/calibration_error, where less is better, the largest",
    )
    baseline_tolerance: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="accuracy that may be lost against the last blessed model: room for the luck of a training. "
        "It may be lost in every run anew; a limit for test/accuracy in `thresholds` is the floor below which nothing "
        "is blessed",
    )
    baseline_significance: float = Field(
        1.0,
        gt=0,
        le=1,
        description="1 counts every loss beyond the tolerance. With less, such as 0.05, it counts only if McNemar's "
        "exact test gives it less than this chance, which on a small split lets several points be lost unseen",
    )
    calibration_bins: int = Field(15, ge=2, description="equal-width bins of the calibration error")
    wrong_predictions: int = Field(24, ge=0, le=200, description="pictures of wrong predictions kept, the surest first")


Precision = Literal["none", "float32", "float16", "int8"]


class ImageExporterConfig(ExporterConfig):
    """What is exported."""

    tflite: Precision = Field("none", description="also write `assets.extra/model.tflite` with numbers of this kind")
    tflite_examples: int = Field(
        100,
        gt=0,
        description="pictures TensorFlow Lite's answers are checked on; int8 is calibrated on as many training "
        "pictures",
    )


class ImageTrainerConfig(TrainerConfig):
    """What to train, how long, on what pictures."""

    task: ClassVar[str] = "image_classification"
    metric: ClassVar[str] = "accuracy"

    image_size: tuple[PositiveInt, PositiveInt] | None = Field(
        None,
        description="[height, width] the pictures are brought to; null keeps their common size, or takes 128 x 128 "
        "where they have none",
    )
    loss: Literal["cross_entropy", "mean_squared_error"] = Field(
        "cross_entropy", description="what is minimised; the second against one-hot labels"
    )
    class_weights: Literal["none", "balanced"] | dict[str, float] = Field(
        "none", description="weight of each class in the loss; balanced: inverse to its frequency; or label: weight"
    )
    keep_metric: str = Field(
        "accuracy", description="validation metric that says which epoch is best: accuracy or loss"
    )
    pictured_channel: int = Field(0, ge=0, description="input channel whose filters are drawn, of every convolution")


class ImageRecipe(StandardRecipe):
    """Everything that can be set for a run."""

    task: Literal["image_classification"] = Field("image_classification", description="the kind of problem")
    name: str = Field(
        "image_classification", pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's"
    )
    data: ImageDataConfig = Field(description="the raw pictures and how they are split")
    validation: ImageValidationConfig = Field(
        ImageValidationConfig(), description="which findings in the data stop the run"
    )
    trainer: ImageTrainerConfig = Field(ImageTrainerConfig(), description="the network and its training")
    evaluator: ImageEvaluatorConfig = Field(ImageEvaluatorConfig(), description="metrics and the bar for a blessing")
    exporter: ImageExporterConfig = Field(ImageExporterConfig(), description="what is exported beside the SavedModel")
