"""One training as its task sets it up: the network, what is minimised, and what the trainer asks for on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from components.networks import NetworkFile
from components.training.config import OptimizerConfig, TrainerConfig
from components.training.engine import Engine, Network, NetworkT, Optimizer
from components.training.input_pipeline import InputPipeline
from components.training.steps import Objective
from components.training.tensorboard import TensorBoard
from components.training.validation import Validator
from pipeline.artifacts import Examples, Model
from pipeline.component import Context
from pipeline.facts import Facts
from pipeline.metric import Metric
from pipeline.settings import Settings

if TYPE_CHECKING:
    import tensorflow as tf


class TrainingRun(ABC):
    """A training that is about to begin, as the trainer and its loop see it: they know no Keras.

    Attributes:
        examples: to learn from.
        config: the recipe's section; a task's own class has its own.
        context: of the run.
        file: where the network stands.
        options: the network's own.
        objective: what is minimised.

    Class attributes:
        metrics: what the task is measured by, by name, which says which way is better.
    """

    metrics: ClassVar[Mapping[str, Metric]]

    examples: Examples
    config: TrainerConfig
    context: Context
    file: NetworkFile
    options: Settings
    objective: Objective

    @property
    @abstractmethod
    def trained(self) -> Network:
        """The network."""

    @abstractmethod
    def open_splits(self, strategy: tf.distribute.Strategy) -> tuple[InputPipeline, Validator | None]:
        """Return the training split, and what judges by another one; None where nothing does."""

    @abstractmethod
    def facts(self) -> Facts:
        """Return what the model's artifact says of it beside what every model's does."""

    @abstractmethod
    def write_plots(self, model: Model, step: int, logs: TensorBoard) -> None:
        """Draw what was learnt, as files and in TensorBoard."""

    @abstractmethod
    def make_optimizer(self, config: OptimizerConfig, steps: int) -> Optimizer:
        """Return the optimiser of a phase of so many steps."""

    @abstractmethod
    def random_states(self) -> list[Any]:
        """Return the variables from which random numbers of the next steps are drawn."""

    @abstractmethod
    def named_weights(self) -> dict[str, Any]:
        """Return the weights' values by name."""

    @abstractmethod
    def trace(self) -> Any:
        """Return the graph of the forward pass."""

    @abstractmethod
    def write_network(self, model: Model) -> int:
        """Write the network and its summary to an artifact; return its number of parameters."""

    def unfreeze(self) -> None:
        """Make the network's body trainable."""
        self.file.unfreeze(self.trained, self.options)


@dataclass
class NetworkTraining(TrainingRun, Generic[NetworkT]):
    """A training of a network that is written in one of the two Keras: the base of each task's own.

    Attributes:
        engine: that Keras.
        network: what is trained.
    """

    examples: Examples
    config: TrainerConfig
    context: Context
    file: NetworkFile
    options: Settings
    objective: Objective
    engine: Engine[NetworkT]
    network: NetworkT

    @property
    def trained(self) -> Network:
        return self.network

    def make_optimizer(self, config: OptimizerConfig, steps: int) -> Optimizer:
        return self.engine.make_optimizer(config, steps, self.network)

    def random_states(self) -> list[Any]:
        return self.engine.random_states(self.network)

    def named_weights(self) -> dict[str, Any]:
        return self.engine.named_weights(self.network)

    def trace(self) -> Any:
        return self.engine.trace(self.network)

    def write_network(self, model: Model) -> int:
        return self.engine.write_network(self.network, model, self.config)
