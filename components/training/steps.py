"""Compiled loops: many training or evaluation steps in one call, each giving its loss, its hits and its size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.training.feeding import Feed

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

Block = Callable[[Any, int, int], "np.ndarray"]  # source, first step, number of steps -> [steps, 3]: loss * n, hits, n


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        loss: `cross_entropy` or `mean_squared_error`.
        outputs: number of classes.
        class_weights: weight of each class in the training loss; none weighs all alike.
    """

    loss: str
    outputs: int
    class_weights: tuple[float, ...] | None = None

    def losses(self, targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        """Return the loss of each example, float32 [n]."""
        import keras
        import tensorflow as tf

        scores = tf.cast(scores, tf.float32)
        if self.loss == "cross_entropy":
            return keras.losses.sparse_categorical_crossentropy(targets, scores)
        return tf.reduce_mean(tf.square(scores - tf.one_hot(targets, self.outputs)), axis=-1)

    def weights(self, targets: tf.Tensor) -> tf.Tensor | float:
        """Return the weight of each example, float32 [n]."""
        import tensorflow as tf

        return 1.0 if self.class_weights is None else tf.gather(tf.constant(self.class_weights, tf.float32), targets)


def training_block(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    objective: Objective,
    feed: Feed,
    strategy: tf.distribute.Strategy,
) -> Block:
    """Return a function that trains the model on a run of consecutive batches."""
    import tensorflow as tf

    variables = model.trainable_variables

    def train_on(pixels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        number = tf.cast(tf.shape(targets)[0], tf.float32)
        replicas = tf.distribute.get_replica_context()
        everywhere = (
            replicas.all_reduce(tf.distribute.ReduceOp.SUM, number) if strategy.num_replicas_in_sync > 1 else number
        )
        with tf.GradientTape() as tape:
            scores = model(tf.cast(pixels, tf.float32), training=True)
            weighted = tf.reduce_sum(objective.losses(targets, scores) * objective.weights(targets))
            loss = weighted / everywhere + penalties(model) * (number / everywhere)
            scaled = optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables)
        optimizer.apply(gradients, variables)
        return tf.stack([loss * everywhere, count_hits(targets, scores), number])

    return compiled_loop(train_on, feed, strategy)


def evaluation_block(model: keras.Model, objective: Objective, feed: Feed, strategy: tf.distribute.Strategy) -> Block:
    """Return a function that judges the model on a run of consecutive batches; every example weighs the same."""
    import tensorflow as tf

    def judge(pixels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        number = tf.cast(tf.shape(targets)[0], tf.float32)
        scores = model(tf.cast(pixels, tf.float32), training=False)
        loss = tf.reduce_sum(objective.losses(targets, scores)) + penalties(model) * number
        return tf.stack([loss, count_hits(targets, scores), number])

    return compiled_loop(judge, feed, strategy)


def compiled_loop(step: Callable[..., tf.Tensor], feed: Feed, strategy: tf.distribute.Strategy) -> Block:
    """Return a function that runs `step` on consecutive batches inside one graph: no Python between two steps."""
    import tensorflow as tf

    def one(source: Any, number: tf.Tensor) -> tf.Tensor:
        batch = feed.take(source, number)
        if strategy.num_replicas_in_sync == 1:
            return step(*batch)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(step, args=batch), axis=None)

    @tf.autograph.experimental.do_not_convert
    def loop(source: Any, first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        def body(done: tf.Tensor, results: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
            return done + 1, results.write(done, one(source, first + done))

        results = tf.TensorArray(tf.float32, size=count, element_shape=[3])
        return tf.while_loop(lambda done, results: done < count, body, (tf.constant(0), results))[1].stack()

    compiled = tf.function(loop, reduce_retracing=True)
    return lambda source, first, count: compiled(source, tf.constant(first), tf.constant(count)).numpy()


def penalties(model: keras.Model) -> tf.Tensor:
    """Return the sum of the losses that layers add, such as weight decay by regularisers."""
    import tensorflow as tf

    return tf.add_n([tf.cast(loss, tf.float32) for loss in model.losses]) if model.losses else tf.constant(0.0)


def count_hits(targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Return how many examples have their highest score at the right class."""
    import tensorflow as tf

    hits = tf.equal(tf.argmax(scores, axis=-1, output_type=targets.dtype), targets)
    return tf.reduce_sum(tf.cast(hits, tf.float32))
