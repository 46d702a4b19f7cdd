"""One training as its task sets it up: the network, what is minimised, and what the trainer asks for on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from components.networks import NetworkFile
from components.training.config import TrainerConfig
from components.training.input_pipeline import Feed
from components.training.steps import Objective
from components.training.tensorboard import TensorBoard
from components.training.validation import Judge
from pipeline.artifacts import Examples, Model
from pipeline.component import Context
from pipeline.settings import Settings

if TYPE_CHECKING:
    import tensorflow as tf

NetworkT = TypeVar("NetworkT")  # a keras.Model, or what wraps one of tf-keras


@dataclass
class TrainingRun(ABC, Generic[NetworkT]):
    """A training that is about to begin.

    Attributes:
        examples: to learn from.
        config: the recipe's section; a task's own class has its own.
        context: of the run.
        file: where the network stands.
        options: the network's own.
        network: what is trained.
        objective: what is minimised.
    """

    examples: Examples
    config: TrainerConfig
    context: Context
    file: NetworkFile
    options: Settings
    network: NetworkT
    objective: Objective

    @abstractmethod
    def open_splits(self, strategy: tf.distribute.Strategy) -> tuple[Feed, Judge | None]:
        """Return the training split, and what judges by another one; None where nothing does."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return what the model's artifact says of it beside what every model's does."""

    @abstractmethod
    def write_plots(self, model: Model, step: int, logs: TensorBoard) -> None:
        """Draw what was learnt, as files and in TensorBoard."""

    def unfreeze(self) -> None:
        """Make the network's body trainable."""
        self.file.unfreeze(self.network, self.options)
