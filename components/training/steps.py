"""Compiled loops: many training or evaluation steps in one call, each giving its loss, its metrics and its size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.training.input_pipeline import InputPipeline

Block = Callable[
    [Any, int, int], NDArray[np.float32]
]  # source, first step, number of steps -> [steps, 2 + metrics]: loss * n, each metric * n, n


class Objective(Protocol):
    """What a task minimises and measures; a class that is derived from this one needs `losses` and `measure` only.

    Attributes:
        metrics: names of what is measured beside the loss, such as `accuracy`.
    """

    metrics: ClassVar[tuple[str, ...]]

    def inputs(self, batch: Any) -> Any:
        """Return what the network is given of a decoded batch."""
        return batch

    @abstractmethod
    def losses(self, targets: Any, outputs: Any) -> tf.Tensor:
        """Return the loss of each example, float32 [n]."""

    def weights(self, targets: Any) -> tf.Tensor | float:
        """Return the weight of each example in the training loss, float32 [n], or one for all."""
        del targets
        return 1.0

    @abstractmethod
    def measure(self, targets: Any, outputs: Any) -> tuple[tf.Tensor, ...]:
        """Return each metric of each example, float32 [n]; the means over the examples are told."""

    def tags(self, values: dict[str, float]) -> dict[str, float]:
        """Return further scalars for TensorBoard by tag, made of loss, metrics and, in training, `learning_rate`."""
        del values
        return {}


def training_block(
    model: Any,
    optimizer: Any,
    objective: Objective,
    batches: InputPipeline,
    strategy: tf.distribute.Strategy,
) -> Block:
    """Return a function that trains the model on a run of consecutive batches; see `engine.Engine.make_optimizer`."""
    variables = model.trainable_variables

    def train_on(batch: Any, targets: Any) -> tf.Tensor:
        number = tf.cast(tf.shape(tf.nest.flatten(targets)[0])[0], tf.float32)
        replicas = tf.distribute.get_replica_context()
        everywhere = (
            replicas.all_reduce(tf.distribute.ReduceOp.SUM, number) if strategy.num_replicas_in_sync > 1 else number
        )
        with tf.GradientTape() as tape:
            outputs = model(objective.inputs(batch), training=True)
            weighted = tf.reduce_sum(objective.losses(targets, outputs) * objective.weights(targets))
            loss = weighted / everywhere + penalties(model) * (number / everywhere)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables)
        optimizer.apply(gradients, variables)
        measured = [tf.reduce_sum(values) for values in objective.measure(targets, outputs)]
        return tf.stack([loss * everywhere, *measured, number])

    return compiled_loop(train_on, 2 + len(objective.metrics), batches, strategy)


def evaluation_block(
    model: Any, objective: Objective, batches: InputPipeline, strategy: tf.distribute.Strategy
) -> Block:
    """Return a function that judges the model on a run of consecutive batches; every example weighs the same."""

    def validate(batch: Any, targets: Any) -> tf.Tensor:
        number = tf.cast(tf.shape(tf.nest.flatten(targets)[0])[0], tf.float32)
        outputs = model(objective.inputs(batch), training=False)
        loss = tf.reduce_sum(objective.losses(targets, outputs)) + penalties(model) * number
        return tf.stack([loss, *(tf.reduce_sum(values) for values in objective.measure(targets, outputs)), number])

    return compiled_loop(validate, 2 + len(objective.metrics), batches, strategy)


def compiled_loop(
    step: Callable[..., tf.Tensor], columns: int, batches: InputPipeline, strategy: tf.distribute.Strategy
) -> Block:
    """Return a function that runs `step` on consecutive batches inside one graph: no Python between two steps.

    Args:
        columns: numbers that a step gives.
    """

    def one(source: Any, number: tf.Tensor, size: int | None) -> tf.Tensor:
        batch = batches.take(source, number, size)
        if strategy.num_replicas_in_sync == 1:
            return step(*batch)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(step, args=batch), axis=None)

    def loop(source: Any, first: tf.Tensor, count: tf.Tensor, size: int | None) -> tf.Tensor:
        def body(done: tf.Tensor, results: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            return done + 1, results.write(done, one(source, first + done, size))

        results = tf.TensorArray(tf.float32, size=count, element_shape=[columns])
        return tf.while_loop(lambda done, results: done < count, body, (tf.constant(0), results))[1].stack()

    compiled = tf.function(tf.autograph.experimental.do_not_convert(loop), reduce_retracing=True)

    def run(source: Any, first: int, count: int) -> NDArray[np.float32]:
        runs = [
            compiled(source, tf.constant(start), tf.constant(number), size).numpy()
            for start, number, size in batches.sizes(first, count)
        ]
        return runs[0] if len(runs) == 1 else np.concatenate(runs)

    return run


def penalties(model: Any) -> tf.Tensor:
    """Return the sum of the losses that layers add, such as weight decay by regularisers."""
    return tf.add_n([tf.cast(loss, tf.float32) for loss in model.losses]) if model.losses else tf.constant(0.0)
