"""Settings that all tasks share: the sections of steps without settings of a task's own, and the recipe that they make.

A task narrows the sections that it adds to, in `components/tasks/<task>/config.py`. A new step's section is one line
here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from components.evaluation.config import EvaluatorConfig
from components.export.config import ExporterConfig
from components.training.config import TrainerConfig
from data.config import BeamConfig, RawDataConfig
from data.validation.config import ValidationConfig
from pipeline.settings import NotFingerprinted, Settings, SourceFile
from serving.config import Engine, ServingConfig


class SchemaConfig(Settings):
    """Where the schema comes from."""

    file: Annotated[Path | None, SourceFile()] = Field(
        None,
        description="your own schema.pbtxt, for instance a copy of an earlier run's that you tightened; none infers it "
        "from the training split",
    )


class InfraValidatorConfig(Settings):
    """How the served model is compared with the trained one."""

    tolerance: float = Field(
        1e-5,
        gt=0,
        description="largest difference that is let pass: of probabilities, or of forecasts in units of the series' "
        "scale",
    )
    examples: int = Field(64, gt=0, description="test examples that are sent")
    engine: Engine = Field(
        "auto", description="server: `tensorflow-serving`, `docker`, `embedded`; `auto`: the first of these there is"
    )
    timeout: Annotated[float, NotFingerprinted()] = Field(
        180.0, gt=0, description="seconds the server has to become ready"
    )


class PusherConfig(Settings):
    """How a model is pushed."""

    timeout: Annotated[float, NotFingerprinted()] = Field(
        120.0, gt=0, description="seconds a running server has to make the new version available"
    )


class StandardRecipe(Settings):
    """Everything that can be set for a run of the standard pipeline."""

    task: str = Field(description="the kind of problem")
    name: str = Field(pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's")
    data: RawDataConfig = Field(description="the raw data and how they are split")
    beam: BeamConfig = Field(BeamConfig(), description="where the data steps run")
    schema_gen: SchemaConfig = Field(SchemaConfig(), description="what examples must look like")
    validation: ValidationConfig = Field(ValidationConfig(), description="which findings in the data stop the run")
    trainer: TrainerConfig = Field(description="the network and its training")
    evaluator: EvaluatorConfig = Field(EvaluatorConfig(), description="metrics and the bar for a blessing")
    exporter: ExporterConfig = Field(ExporterConfig(), description="what is exported beside the SavedModel")
    infra_validator: InfraValidatorConfig = Field(
        InfraValidatorConfig(), description="the proof that the served model answers as the trained one"
    )
    pusher: PusherConfig = Field(PusherConfig(), description="how versions are pushed")
    serving: ServingConfig = Field(ServingConfig(), description="the name under which the model is served")
