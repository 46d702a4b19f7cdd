"""Trains a classifier: the network for the images' size, the loss with its class weights, images of what was learnt."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import keras
import tensorflow as tf

from components.networks import NetworkFile, find_network, network_config
from components.plots.network_plots import write_images as draw
from components.tasks.image_classification import images
from components.tasks.image_classification.config import ImageTrainerConfig
from components.tasks.image_classification.facts import ImageExamplesFacts, ImageNetworkFacts, ImageStatisticsFacts
from components.tasks.image_classification.metric_list import METRICS
from components.training import validation
from components.training.config import TrainerConfig
from components.training.input_pipeline import InputPipeline
from components.training.keras_engine import KerasEngine, warm_start
from components.training.run import NetworkTraining
from components.training.steps import Objective
from components.training.tensorboard import TensorBoard
from components.training.validation import Validator
from data import loader
from pipeline.artifacts import Examples, Model, Statistics
from pipeline.component import Context
from pipeline.errors import UserError, did_you_mean
from pipeline.settings import Settings, narrow

if TYPE_CHECKING:
    from data.loader import ReadBatch


TASK = "image_classification"
ENGINE = SESSION = KerasEngine()
PICTURED = 25  # examples that images of the data and the network are drawn from


def begin(examples: Examples, statistics: Statistics, config: TrainerConfig, context: Context) -> ImageTraining:
    """Build the network and what it minimises."""
    config = narrow(config, ImageTrainerConfig)
    network, file, options = build_network(examples, statistics, config, context)
    return ImageTraining(examples, config, context, file, options, make_objective(examples, config), ENGINE, network)


class ImageTraining(NetworkTraining["keras.Model"]):
    """A training of the task's."""

    metrics = METRICS
    config: ImageTrainerConfig
    objective: Classification

    def open_splits(self, strategy: tf.distribute.Strategy) -> tuple[InputPipeline, Validator | None]:
        return open_splits(self.examples, self.network, self.objective, self.config, strategy, self.context)

    def facts(self) -> ImageNetworkFacts:
        return network_facts(self.network, self.examples, self.config)

    def write_plots(self, model: Model, step: int, logs: TensorBoard) -> None:
        write_images(model, self.network, step, self.examples, logs, self.config)


def build_network(
    examples: Examples, statistics: Statistics, config: ImageTrainerConfig, context: Context
) -> tuple[keras.Model, NetworkFile, Settings]:
    """Return the network with its module and its own options; say which size the images get where the recipe does not.

    Raises:
        UserError: the images are too small for it, it fails to build, or its inputs or outputs do not fit.
    """
    module, options = find_network(config.network, TASK), network_config(config.network, config.options)
    pixels = statistics.facts_as(ImageStatisticsFacts).pixels.constants()
    outputs = len(examples.labels)

    def build(shape: images.Shape) -> keras.Model:
        keras.utils.set_random_seed(config.seed)  # an attempt that failed must not move the seeds of the next
        return module.build(shape, outputs, options, pixels)

    shape = images.input_shape(examples, config.image_size)
    if config.image_size is None and examples.facts_as(ImageExamplesFacts).image_shape is None:
        context.progress.say(f"  pictures of several sizes are brought to {shape[0]} x {shape[1]} (trainer.image_size)")
    try:
        network = build(shape)
    except UserError:
        raise
    except Exception as error:
        larger = smallest_that_builds(build, shape)
        if larger is None or config.image_size is not None:
            raise explain_build(error, module, shape, larger, config) from error
        context.progress.say(
            f"  pictures of {shape[0]} x {shape[1]} are too small for `{config.network}`: enlarged to {larger[0]} x "
            f"{larger[1]} (trainer.image_size)"
        )
        shape, network = larger, build(larger)
    check_network(network, shape, outputs, config)
    warm_start(network, config, context)
    return network, module, options


def smallest_that_builds(build: Callable[[images.Shape], object], shape: images.Shape) -> images.Shape | None:
    """Return the smallest larger shape, of usual sizes, that a network takes; none if it takes none."""
    height, width, channels = shape
    for side in (8, 12, 16, 20, 24, 28, 32, 48, 64, 96, 128, 224):
        if side > min(height, width):
            larger = (max(side, height), max(side, width), channels)
            with suppress(Exception):
                build(larger)
                return larger
    return None


def explain_build(
    error: Exception,
    module: NetworkFile,
    shape: images.Shape,
    larger: images.Shape | None,
    config: ImageTrainerConfig,
) -> UserError:
    """Say why a network did not build: images too small for it, or a fault in its file."""
    if larger is not None:
        size = f"[{larger[0]}, {larger[1]}]"
        return UserError(
            f"Pictures of {shape[0]} x {shape[1]} pixels are too small for network `{config.network}`.",
            "trainer.image_size",
            f"It takes {larger[0]} x {larger[1]}: set `trainer.image_size: {size}`, or choose another network.",
        )
    return UserError(
        f"Network `{config.network}` does not build for input {shape}: {type(error).__name__}: {error}",
        module.path,
    )


def check_network(network: object, shape: images.Shape, outputs: int, config: ImageTrainerConfig) -> None:
    """Refuse a network that does not take the images or does not give one score per class."""
    fix = "`build(input_shape, outputs, config, pixels)` returns a keras.Model from [n, *input_shape] to [n, outputs]."
    if not isinstance(network, keras.Model):
        raise UserError(f"`build` returned {type(network).__name__}, not a Keras model.", config.network, fix)
    for name, found, wanted in (
        ("takes", network.input_shape, (None, *shape)),
        ("gives", network.output_shape, (None, outputs)),
    ):
        if found != wanted:
            raise UserError(
                f"The network {name} {found}, but {wanted} is needed.", f"trainer.network: {config.network}", fix
            )
    kind = images.output_kind(network)
    if config.loss == "cross_entropy" and kind == "scores":
        raise UserError(
            "Cross-entropy needs outputs that sum to 1, and this network ends in sigmoid.",
            "trainer.loss",
            "End the network in softmax, or set `trainer.loss=mean_squared_error`.",
        )


def open_splits(
    examples: Examples,
    network: keras.Model,
    objective: Classification,
    config: ImageTrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[InputPipeline, Validator | None]:
    """Return the training split, and what judges by another one."""
    reader, size = read_batch(examples, network), example_bytes(network)
    return validation.open_splits(examples, reader, size, network, objective, config, strategy, context)


def read_batch(examples: Examples, network: keras.Model) -> ReadBatch:
    """Return what decodes serialized records for the network."""
    return images.reader(examples, network.input_shape[1:])


def example_bytes(network: keras.Model) -> int:
    """Return the size of one decoded image."""
    return math.prod(network.input_shape[1:])


def make_objective(examples: Examples, config: ImageTrainerConfig) -> Classification:
    """Return the loss with its class weights.

    Raises:
        UserError: a weight is given for a class that does not exist.
    """
    facts = examples.facts_as(ImageExamplesFacts)
    labels, counts = facts.labels, facts.label_counts["train"]
    if config.class_weights == "none":
        return Classification(config.loss, len(labels))
    if config.class_weights == "balanced":
        present = sum(count > 0 for count in counts)
        weights = [sum(counts) / (present * count) if count else 0.0 for count in counts]
        return Classification(config.loss, len(labels), tuple(weights))
    given = dict(config.class_weights)
    if unknown := sorted(given.keys() - set(labels)):
        raise UserError(f"There is no class `{unknown[0]}`.", "trainer.class_weights", did_you_mean(unknown[0], labels))
    return Classification(config.loss, len(labels), tuple(given.get(label, 1.0) for label in labels))


@dataclass(frozen=True)
class Classification(Objective):
    """The objective: the loss of the class scores, and which of them are right.

    Attributes:
        loss: `cross_entropy` or `mean_squared_error`.
        outputs: number of classes.
        class_weights: weight of each class in the training loss; none weighs all alike.
    """

    loss: str
    outputs: int
    class_weights: tuple[float, ...] | None = None

    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)

    def inputs(self, pixels: tf.Tensor) -> tf.Tensor:
        """Return what the network is given, float32 [n, H, W, C]."""
        return tf.cast(pixels, tf.float32)

    def losses(self, targets: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        """Return the loss of each example, float32 [n]."""
        scores = tf.cast(scores, tf.float32)
        if self.loss == "cross_entropy":
            return keras.losses.sparse_categorical_crossentropy(targets, scores)
        return tf.reduce_mean(tf.square(scores - tf.one_hot(targets, self.outputs)), axis=-1)

    def weights(self, targets: tf.Tensor) -> tf.Tensor | float:
        """Return the weight of each example, float32 [n]."""
        return 1.0 if self.class_weights is None else tf.gather(tf.constant(self.class_weights, tf.float32), targets)

    def measure(self, targets: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor]:
        """Return 1 for each example that has its highest score at the right class, else 0, float32 [n]."""
        return (tf.cast(tf.equal(tf.argmax(scores, axis=-1, output_type=targets.dtype), targets), tf.float32),)


def network_facts(network: keras.Model, examples: Examples, config: ImageTrainerConfig) -> ImageNetworkFacts:
    """Return what the model's artifact says of it beside what every model's does."""
    return ImageNetworkFacts(
        labels=examples.labels,
        input_shape=network.input_shape[1:],
        output=images.output_kind(network),
        loss=config.loss,
        deep_bits=examples.facts_as(ImageExamplesFacts).deep_bits,
    )


def write_images(
    model: Model, network: keras.Model, step: int, examples: Examples, logs: TensorBoard, config: ImageTrainerConfig
) -> None:
    """Draw data samples, distortions, filters and feature maps, as files and in TensorBoard."""
    shape = network.input_shape[1:]
    records = loader.read(examples, "train", lambda batch: images.read_batch(batch, shape), PICTURED)
    pixels, labels = next(iter(records))
    folder = model.file("pictures")
    draw(network, pixels, labels, examples.labels, folder, logs.train, step, config.pictured_channel)
