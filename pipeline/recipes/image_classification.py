"""The sections of an image classification recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.evaluator import EvaluatorConfig
from components.example_gen import ImageDataConfig
from components.example_validator import ValidationConfig
from components.exporter import ExporterConfig
from components.infra_validator import InfraValidatorConfig
from components.pusher import PusherConfig
from components.schema_gen import SchemaConfig
from components.trainer import TrainerConfig
from data.beam import BeamConfig
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
    validation: ValidationConfig = Field(ValidationConfig(), description="which findings in the data stop the run")
    trainer: TrainerConfig = Field(TrainerConfig(), description="the network and its training")
    evaluator: EvaluatorConfig = Field(EvaluatorConfig(), description="metrics and the bar for a blessing")
    exporter: ExporterConfig = Field(ExporterConfig(), description="what is exported beside the SavedModel")
    infra_validator: InfraValidatorConfig = Field(
        InfraValidatorConfig(), description="the proof that the served model answers as the trained one"
    )
    pusher: PusherConfig = Field(PusherConfig(), description="how versions are pushed")
    serving: ServingConfig = Field(ServingConfig(), description="the name under which the model is served")
