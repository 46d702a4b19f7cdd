"""Settings of forecasting: a run's recipe and the sections that it narrows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from components.config import StandardRecipe
from components.evaluation.config import EvaluatorConfig
from components.export.config import ExporterConfig
from components.tasks.forecasting.metric_list import METRICS
from components.training.config import TrainerConfig
from data.series.config import SeriesDataConfig
from data.validation.config import Limits, ValidationConfig
from pipeline.settings import ModuleIn


class ForecastValidationConfig(ValidationConfig):
    """Which findings stop the run (errors), and which are only told (warnings)."""

    min_judged_examples: int = Field(
        10, ge=0, description="fewer windows than this in the validation or test part are a warning"
    )
    skew: Limits = Field(
        Limits(numeric=1.0),
        description="limits for every other split against the training split; numbers are free by default, since "
        "series move on in time",
    )


class ForecastEvaluatorConfig(EvaluatorConfig):
    """What is measured, and the bar for a blessing."""

    metric_names: ClassVar[Collection[str]] = tuple(METRICS)

    batch_size: int = Field(512, gt=0, description="windows a forward pass; lower it if memory runs out")
    thresholds: dict[str, float] = Field(
        default_factory=dict,
        description="limits for the blessing, such as test/rmse: 6. The largest value that passes; for test/coverage "
        "the least",
    )
    baseline_tolerance: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="share by which the RMSE may exceed that of the last blessed model: room for the luck of a "
        "training. It may be lost in every run anew; a limit for test/rmse in `thresholds` is the ceiling above which "
        "nothing is blessed",
    )
    significance: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="if set, such as 0.05, the Diebold-Mariano test against the best baseline must give less than this "
        "chance of luck; the test is reported either way",
    )
    fitted_series: int = Field(
        20,
        ge=1,
        description="Holt-Winters and SARIMA are fitted to so many series and columns at most; of more, a sample drawn "
        "by `seed`",
    )


class ForecastExporterConfig(ExporterConfig):
    """What is exported."""


class ForecastTrainerConfig(TrainerConfig):
    """What to train, how long, on what windows."""

    task: ClassVar[str] = "forecasting"
    metric: ClassVar[str] = "mae"

    network: Annotated[str, ModuleIn("components/networks")] = Field(
        "seasonal_lstm", description="a shipped network, or the path of your own .py file"
    )
    loss: Literal["huber", "mean_squared_error", "mean_absolute_error"] = Field(
        "huber",
        description="what is minimised, of errors divided by the series' mean absolute seasonal change; bounds add "
        "their quantile loss",
    )
    interval: float = Field(
        0.8, gt=0, lt=1, description="share of the values that are to lie between the lower and the upper bound"
    )


class ForecastRecipe(StandardRecipe):
    """Everything that can be set for a run."""

    task: Literal["forecasting"] = Field("forecasting", description="the kind of problem")
    name: str = Field("forecasting", pattern=r"^[\w.-]+$", description="the recipe's name; by default its file's")
    data: SeriesDataConfig = Field(description="the raw series, how it is read, cut into windows and split by time")
    validation: ForecastValidationConfig = Field(
        ForecastValidationConfig(), description="which findings in the data stop the run"
    )
    trainer: ForecastTrainerConfig = Field(ForecastTrainerConfig(), description="the network and its training")
    evaluator: ForecastEvaluatorConfig = Field(
        ForecastEvaluatorConfig(), description="metrics, naive baselines and the bar for a blessing"
    )
    exporter: ForecastExporterConfig = Field(ForecastExporterConfig(), description="what is exported")
