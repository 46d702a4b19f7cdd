"""The sections of a forecasting recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from components.infra_validator import InfraValidatorConfig
from components.pusher import PusherConfig
from components.schema_gen import SchemaConfig
from components.tasks.forecasting.checks import ForecastValidationConfig
from components.tasks.forecasting.evaluation import ForecastEvaluatorConfig
from components.tasks.forecasting.export import ForecastExporterConfig
from components.tasks.forecasting.training import ForecastTrainerConfig
from data.beam import BeamConfig
from data.series.config import SeriesDataConfig
from pipeline.settings import Settings
from serving.config import ServingConfig


class Recipe(Settings):
    """Everything that can be set for a run."""

    task: Literal["forecasting"] = Field("forecasting", description="the kind of problem")
    name: str = Field("forecasting", pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's")
    data: SeriesDataConfig = Field(description="the raw series, how it is read, cut into windows and split by time")
    beam: BeamConfig = Field(BeamConfig(), description="where the data steps run")
    schema_gen: SchemaConfig = Field(SchemaConfig(), description="what examples must look like")
    validation: ForecastValidationConfig = Field(
        ForecastValidationConfig(), description="which findings in the data stop the run"
    )
    trainer: ForecastTrainerConfig = Field(ForecastTrainerConfig(), description="the network and its training")
    evaluator: ForecastEvaluatorConfig = Field(
        ForecastEvaluatorConfig(), description="metrics, naive baselines and the bar for a blessing"
    )
    exporter: ForecastExporterConfig = Field(ForecastExporterConfig(), description="what is exported")
    infra_validator: InfraValidatorConfig = Field(
        InfraValidatorConfig(), description="the proof that the served model answers as the trained one"
    )
    pusher: PusherConfig = Field(PusherConfig(), description="how versions are pushed")
    serving: ServingConfig = Field(ServingConfig(), description="the name under which the model is served")
