"""What a training needs of its Keras: seeds, precision, optimisers, and how a network is told, drawn and written.

Image classification and forecasting use Keras 3 (`keras_engine.py`); object detection uses tf-keras, in
`components/tasks/object_detection/engine.py`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import tensorflow as tf
    from numpy.typing import NDArray

    from components.training.config import OptimizerConfig, TrainerConfig
    from pipeline.artifacts import Model


class Variable(Protocol):
    """A weight, or a state of an optimiser or of a random number generator."""

    def numpy(self) -> NDArray[Any]: ...

    def assign(self, value: NDArray[Any]) -> object: ...


class Network(Protocol):
    """What the training loop needs of a network, in whichever Keras it is written."""

    @property
    def name(self) -> str: ...

    @property
    def weights(self) -> list[Any]: ...

    @property
    def trainable_variables(self) -> list[Any]: ...

    @property
    def losses(self) -> list[tf.Tensor]:
        """What layers add to the loss, such as weight decay."""

    def __call__(self, inputs: Any, training: bool) -> Any: ...


NetworkT = TypeVar("NetworkT", bound=Network)
NetworkT_contra = TypeVar("NetworkT_contra", bound=Network, contravariant=True)


class Optimizer(Protocol):
    """What the training loop needs of an optimiser."""

    @property
    def variables(self) -> list[Any]: ...

    def build(self, variables: list[Any]) -> None: ...

    def scale_loss(self, loss: tf.Tensor) -> tf.Tensor: ...

    def apply(self, gradients: list[tf.Tensor], variables: list[Any]) -> None: ...

    def finalize_variable_values(self, variables: list[Any]) -> None:
        """Put the moving averages in the place of the weights."""


class Session(Protocol):
    """The state of a Keras that all networks of a process share."""

    def seed(self, config: TrainerConfig) -> None:
        """Set every seed."""

    def precision(self, mixed: bool, on_gpu: bool) -> AbstractContextManager[None]:
        """Return a context manager in which networks compute in 16 bits if asked for."""


class Engine(Session, Protocol[NetworkT_contra]):
    """The Keras that a task's networks are written in."""

    def make_optimizer(self, config: OptimizerConfig, steps: int, network: NetworkT_contra) -> Optimizer:
        """Return an optimiser for so many steps."""

    def random_states(self, network: NetworkT_contra) -> list[Any]:
        """Return the variables from which random numbers of the next steps are drawn."""

    def named_weights(self, network: NetworkT_contra) -> dict[str, Any]:
        """Return the weights' values by name."""

    def trace(self, network: NetworkT_contra) -> Any:
        """Return the graph of the forward pass."""

    def write_network(self, network: NetworkT_contra, model: Model, config: TrainerConfig) -> int:
        """Write the network and its summary to an artifact; return its number of parameters."""
