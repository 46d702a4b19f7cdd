"""Optimisers of tf-keras behind the few methods that the training loop calls, which are those of Keras 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
import tf_keras

from components.training.config import OptimizerConfig
from components.training.optimizers import course, optimizer_of
from pipeline.errors import UserError

NOT_FINITE = "a gradient is not finite"


class LoopOptimizer:
    """A tf-keras optimiser.

    Args:
        config: its settings.
        steps: length of the cosine.
        checked: stop at gradients that are not finite.
    """

    def __init__(self, config: OptimizerConfig, steps: int, checked: bool = False) -> None:
        self.name, self.checked = config.name, checked
        # compiled by XLA a step takes twelve times as long on a CPU
        self.optimizer = optimizer_of(tf_keras.optimizers, config, Schedule(config, steps), jit_compile=False)

    def build(self, variables: Sequence[Any]) -> None:
        """Make the slots.

        Those of RMSProp begin at 1, as TensorFlow 1 had it: with an epsilon of 1 the first steps would else be a third
        longer.
        """
        self.optimizer.build(list(variables))
        if self.name == "rmsprop":
            for slot in self.optimizer._velocities:
                slot.assign(tf.ones_like(slot))

    @property
    def variables(self) -> list[Any]:
        """Return the slots and the number of steps."""
        return list(self.optimizer.variables)

    def scale_loss(self, loss: tf.Tensor) -> tf.Tensor:
        """Return the loss as it is."""
        return loss

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[Any]) -> None:
        """Take a step; in 16 bits a gradient that is not finite ends the training instead.

        Raises:
            tf.errors.InvalidArgumentError: with `NOT_FINITE` in its message.
        """
        if self.checked:
            with tf.control_dependencies([tf.debugging.check_numerics(tf.linalg.global_norm(gradients), NOT_FINITE)]):
                gradients = [tf.identity(gradient) for gradient in gradients]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))

    def finalize_variable_values(self, variables: Sequence[Any]) -> None:
        """Put the moving averages in the place of the variables."""
        self.optimizer.finalize_variable_values(list(variables))


class Schedule(tf_keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate's course, as for all tasks."""

    def __init__(self, config: OptimizerConfig, steps: int) -> None:
        self.config, self.steps = config, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return tf.cast(course(self.config, self.steps, tf.cast(step, tf.float32), Operations), tf.float32)

    def get_config(self) -> dict[str, Any]:
        return {}


class Operations:
    """What `course` computes with."""

    cos = staticmethod(tf.cos)
    floor = staticmethod(tf.floor)
    power = staticmethod(tf.pow)
    minimum = staticmethod(tf.minimum)
    maximum = staticmethod(tf.maximum)


@contextmanager
def explain_not_finite() -> Iterator[None]:
    """Say what to do when a gradient is not finite."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if NOT_FINITE not in str(error):
            raise
        raise UserError(
            "A gradient became infinite or no number: 16 bits are not enough for this training.",
            "trainer.mixed_precision",
            "Set `trainer.mixed_precision=false`.",
        ) from error
