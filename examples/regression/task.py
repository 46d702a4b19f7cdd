"""Regression: a number from numbers, learnt from a CSV whose last column is the one to be foretold."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from components.config import StandardRecipe
from components.tasks.small_task import AllParts, SmallTask
from components.training.config import TrainerConfig
from data.config import RawDataConfig
from pipeline.component import SourceTree
from pipeline.metric import LOSS, Metric, by_name
from pipeline.progress import Progress

NAME: Literal["examples.regression"] = "examples.regression"
MSE = Metric("mse", higher_is_better=False, title="mean squared error")


class PointsConfig(RawDataConfig):
    task: ClassVar[str] = NAME
    format: str = Field("csv", description="numbers without a header")


class LineTrainerConfig(TrainerConfig):
    task: ClassVar[str] = NAME
    metric: ClassVar[str] = MSE.name
    network: str = Field(str(Path(__file__).with_name("network.py")), description="the network's file")


class Recipe(StandardRecipe):
    task: Literal["examples.regression"] = Field(NAME, description="the kind of problem")
    data: PointsConfig = Field(description="the numbers")
    trainer: LineTrainerConfig = Field(LineTrainerConfig(), description="the network and its training")


class Regression(SmallTask):
    name = NAME
    recipe = Recipe
    metrics = by_name(MSE, LOSS)
    primary_metric = MSE
    served_output = "y"

    @property
    def parts(self) -> AllParts:
        from examples.regression import parts

        return parts

    def sources(self, config: RawDataConfig, progress: Progress) -> list[SourceTree]:
        return [SourceTree(Path(config.path).parent, [Path(config.path)])]


TASK = Regression()
