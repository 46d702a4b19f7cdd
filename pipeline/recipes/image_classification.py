"""The sections of an image classification recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.infra_validator import InfraValidatorConfig
from components.pusher import PusherConfig
from components.schema_gen import SchemaConfig
from components.tasks.image_classification.checks import ImageValidationConfig
from components.tasks.image_classification.evaluation import ImageEvaluatorConfig
from components.tasks.image_classification.export import ImageExporterConfig
from components.tasks.image_classification.training import ImageTrainerConfig
from data.beam import BeamConfig
from data.images.config import ImageDataConfig
from pipeline.settings import Settings
from serving.config import ServingConfig


class Recipe(Settings):
    """Everything that can be set for a run."""

    task: Literal["image_classification"] = Field("image_classification", description="the kind of problem")
    name: str = Field(
        "image_classification", pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's"
    )
    data: ImageDataConfig = Field(description="the raw pictures and how they are split")
    beam: BeamConfig = Field(BeamConfig(), description="where the data steps run")
    schema_gen: SchemaConfig = Field(SchemaConfig(), description="what examples must look like")
    validation: ImageValidationConfig = Field(
        ImageValidationConfig(), description="which findings in the data stop the run"
    )
    trainer: ImageTrainerConfig = Field(ImageTrainerConfig(), description="the network and its training")
    evaluator: ImageEvaluatorConfig = Field(ImageEvaluatorConfig(), description="metrics and the bar for a blessing")
    exporter: ImageExporterConfig = Field(ImageExporterConfig(), description="what is exported beside the SavedModel")
    infra_validator: InfraValidatorConfig = Field(
        InfraValidatorConfig(), description="the proof that the served model answers as the trained one"
    )
    pusher: PusherConfig = Field(PusherConfig(), description="how versions are pushed")
    serving: ServingConfig = Field(ServingConfig(), description="the name under which the model is served")
