"""Trains a forecaster: the network for the windows, a loss in units of each series' scale, calibrated bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import tensorflow as tf

from components.networks import NetworkFile, WindowShape, find_network, network_config
from components.plots import series_plots
from components.tasks.forecasting import calibration, windows
from components.tasks.forecasting.config import ForecastTrainerConfig
from components.tasks.forecasting.facts import ForecastExamplesFacts, ForecastNetworkFacts, ForecastStatisticsFacts
from components.tasks.forecasting.metric_list import METRICS
from components.training import validation
from components.training.config import TrainerConfig
from components.training.input_pipeline import InputPipeline
from components.training.keras_engine import KerasEngine, takes_dictionary, warm_start
from components.training.run import NetworkTraining
from components.training.steps import Objective
from components.training.tensorboard import TensorBoard
from components.training.validation import Validator
from data import loader
from pipeline.artifacts import Examples, Model, Statistics
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.settings import Settings, narrow

if TYPE_CHECKING:
    from data.loader import ReadBatch


TASK = "forecasting"
ENGINE = SESSION = KerasEngine()


def begin(examples: Examples, statistics: Statistics, config: TrainerConfig, context: Context) -> ForecastTraining:
    """Build the network and what it minimises."""
    config = narrow(config, ForecastTrainerConfig)
    network, file, options = build_network(examples, statistics, config, context)
    return ForecastTraining(examples, config, context, file, options, make_objective(examples, config), ENGINE, network)


class ForecastTraining(NetworkTraining["keras.Model"]):
    """A training of the task's."""

    metrics = METRICS
    config: ForecastTrainerConfig
    objective: Forecasting

    def open_splits(self, strategy: tf.distribute.Strategy) -> tuple[InputPipeline, Validator | None]:
        return open_splits(self.examples, self.network, self.objective, self.config, strategy, self.context)

    def facts(self) -> ForecastNetworkFacts:
        return network_facts(self.network, self.examples, self.config)

    def write_plots(self, model: Model, step: int, logs: TensorBoard) -> None:
        write_images(model, self.network, step, self.examples, logs, self.config)


def build_network(
    examples: Examples, statistics: Statistics, config: ForecastTrainerConfig, context: Context
) -> tuple[keras.Model, NetworkFile, Settings]:
    """Return the network with its module and its own options.

    Raises:
        UserError: it fails to build, or its inputs or outputs do not fit.
    """
    module, options = find_network(config.network, TASK), network_config(config.network, config.options)
    shape = windows.window_shape(examples)
    constants = statistics.facts_as(ForecastStatisticsFacts).scaling.constants()
    keras.utils.set_random_seed(config.seed)
    try:
        network = module.build(shape, options, constants)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"Network `{config.network}` does not build for windows of {shape.history} + {shape.horizon} rows: "
            f"{type(error).__name__}: {error}",
            module.path,
        ) from error
    check_network(network, shape, config)
    warm_start(network, config, context)
    return network, module, options


def check_network(network: Any, shape: WindowShape, config: ForecastTrainerConfig) -> None:
    """Refuse a network that does not take the windows or does not give forecasts for them."""
    fix = (
        "`build(window, config, statistics)` returns a keras.Model of a dictionary with `history` to "
        "[n, horizon, values] or [n, horizon, values, 3]."
    )
    where = f"trainer.network: {config.network}"
    if not isinstance(network, keras.Model):
        raise UserError(f"`build` returned {type(network).__name__}, not a Keras model.", where, fix)
    sizes = {
        "history": (None, shape.history, shape.values),
        "time": (None,),
        "covariates": (None, shape.history + shape.horizon, shape.covariates),
    }
    for tensor in network.inputs:
        if tensor.name not in sizes or tuple(tensor.shape) != sizes[tensor.name]:
            raise UserError(
                f"The network's input `{tensor.name}` has shape {tuple(tensor.shape)}; there are {sizes}.", where, fix
            )
    if not takes_dictionary(network) or "history" not in network.input:
        raise UserError("The network's inputs are no dictionary with `history`.", where, fix)
    wanted = (shape.horizon, shape.values)
    given = tuple(network.output.shape)
    if given[1:] not in (wanted, (*wanted, 3)) and not (len(given) == 5 and given[2:] == (*wanted, 3)):
        raise UserError(f"The network gives {given}, but {(None, *wanted)} is needed.", where, fix)


def open_splits(
    examples: Examples,
    network: keras.Model,
    objective: Forecasting,
    config: ForecastTrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[InputPipeline, Validator | None]:
    """Return the training split, and what judges by another one."""
    reader, size = read_batch(examples, network), example_bytes(network)
    return validation.open_splits(examples, reader, size, network, objective, config, strategy, context)


def read_batch(examples: Examples, network: keras.Model) -> ReadBatch:
    """Return what decodes serialized records for the network."""
    return windows.reader(examples, windows.input_names(network))


def example_bytes(network: keras.Model) -> int:
    """Return the size of one decoded window."""
    sizes = [4 * count_values(tensor.shape) for tensor in (*network.inputs, network.output)]
    return sum(sizes)


def count_values(shape: tuple[int | None, ...]) -> int:
    """Return the values of one example."""
    total = 1
    for size in shape[1:]:
        total *= size or 1
    return total


def make_objective(examples: Examples, config: ForecastTrainerConfig) -> Forecasting:
    """Return what is minimised."""
    del examples
    return Forecasting(config.loss, config.interval)


@dataclass(frozen=True)
class Forecasting(Objective):
    """The objective: the loss of the forecasts in units of the series' scale, and their error in its own units.

    Attributes:
        loss: `huber` (quadratic up to 1, then linear), `mean_squared_error` or `mean_absolute_error`.
        interval: share of values between the bounds; the bounds minimise the quantile loss of their tails (Koenker and
            Bassett 1978).
    """

    loss: str
    interval: float

    metrics: ClassVar[tuple[str, ...]] = ("mae",)

    def losses(self, targets: dict[str, tf.Tensor], outputs: tf.Tensor) -> tf.Tensor:
        """Return the loss of each window, float32 [n]; members of an ensemble are judged one by one."""
        outputs = tf.cast(outputs, tf.float32)
        values, scale = targets["values"], targets["scale"][:, tf.newaxis]
        if outputs.shape.rank == 5:
            values, scale = values[:, tf.newaxis], scale[:, tf.newaxis]
        bounds = outputs.shape.rank > 3
        point = outputs[..., 0] if bounds else outputs
        total = self.point_loss((values - point) / scale)
        if bounds:
            tail = (1 - self.interval) / 2
            total += pinball((values - outputs[..., 1]) / scale, tail) + pinball(
                (values - outputs[..., 2]) / scale, 1 - tail
            )
        return tf.reduce_mean(total, axis=list(range(1, total.shape.rank)))

    def point_loss(self, error: tf.Tensor) -> tf.Tensor:
        """Return the loss of each error."""
        if self.loss == "mean_squared_error":
            return tf.square(error)
        size = tf.abs(error)
        return size if self.loss == "mean_absolute_error" else tf.where(size < 1, 0.5 * tf.square(error), size - 0.5)

    def measure(self, targets: dict[str, tf.Tensor], outputs: tf.Tensor) -> tuple[tf.Tensor]:
        """Return the mean absolute error of each window, float32 [n], in the series' own units."""
        made = windows.forecasts(outputs, targets["values"], None)["forecast"]
        return (tf.reduce_mean(tf.abs(targets["values"] - made), axis=[1, 2]),)


def pinball(error: tf.Tensor, share: float) -> tf.Tensor:
    """Return the quantile loss of errors (truth minus bound): `share` above it costs, `1 - share` below."""
    return tf.maximum(share * error, (share - 1) * error)


def network_facts(network: keras.Model, examples: Examples, config: ForecastTrainerConfig) -> ForecastNetworkFacts:
    """Return what the model's artifact says of it beside what every model's does, the calibrated bounds among it."""
    return ForecastNetworkFacts(
        **examples.facts_as(ForecastExamplesFacts).window_facts(),
        loss=config.loss,
        intervals=calibration.calibrate(network, examples, calibration_split(examples, config), config.interval),
    )


def calibration_split(examples: Examples, config: ForecastTrainerConfig) -> str:
    """Return the split that the bounds are calibrated on: never the test split, which is to say whether they hold."""
    judged = config.validation_split != "none" and examples.splits.get("validation", 0) > 0
    return "validation" if judged else "train"


def write_images(
    model: Model, network: keras.Model, step: int, examples: Examples, logs: TensorBoard, config: ForecastTrainerConfig
) -> None:
    """Draw windows with forecasts, and gates and states of each LSTM over a window, as files and for TensorBoard."""
    del config
    batch = next(loader.read(examples, "train", read_batch(examples, network), series_plots.WINDOWS))
    columns = examples.facts_as(ForecastExamplesFacts).values
    series_plots.write_images(network, *batch, columns, model.file("pictures"), logs.train, step)
