"""The sections of an object detection recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.pusher import PusherConfig
from components.schema_gen import SchemaConfig
from components.tasks.object_detection.checks import DetectionValidationConfig
from components.tasks.object_detection.evaluation import DetectionEvaluatorConfig
from components.tasks.object_detection.export import DetectionExporterConfig
from components.tasks.object_detection.serving import DetectionServingCheck
from components.tasks.object_detection.training import DetectionTrainerConfig
from data.beam import BeamConfig
from data.detection.config import DetectionDataConfig
from pipeline.settings import Settings
from serving.config import ServingConfig


class Recipe(Settings):
    """Everything that can be set for a run."""

    task: Literal["object_detection"] = Field("object_detection", description="the kind of problem")
    name: str = Field("object_detection", pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's")
    data: DetectionDataConfig = Field(description="the photos, their boxes and how they are split")
    beam: BeamConfig = Field(BeamConfig(), description="where the data steps run")
    schema_gen: SchemaConfig = Field(SchemaConfig(), description="what examples must look like")
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
    pusher: PusherConfig = Field(PusherConfig(), description="how versions are pushed")
    serving: ServingConfig = Field(ServingConfig(), description="the name under which the model is served")
