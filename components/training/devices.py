"""Where training runs: CPU, GPU or a copy on every local device, and in which precision."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from components.training.config import TrainerConfig
from components.training.engine import Session
from pipeline.errors import UserError


@contextmanager
def placed(config: TrainerConfig, session: Session) -> Iterator[tf.distribute.Strategy]:
    """Run the block on the devices and in the precision that the settings ask for; yields the strategy.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    strategy = make_strategy(config)
    on_gpu = config.device != "cpu" and bool(tf.config.list_logical_devices("GPU"))
    with session.precision(config.mixed_precision, on_gpu):
        if strategy.num_replicas_in_sync > 1 or on_gpu:
            yield strategy
        else:
            with tf.device("/CPU:0"):
                yield strategy


def make_strategy(config: TrainerConfig) -> tf.distribute.Strategy:
    """Return the default strategy, or a mirrored one over the local devices."""
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")] if config.device != "cpu" else []
    cpus = [device.name for device in tf.config.list_logical_devices("CPU")]
    if config.device == "gpu" and not gpus:
        raise UserError(
            "TensorFlow sees no GPU on this machine.",
            "trainer.device: gpu",
            "Run `labline doctor` to see which driver or library is missing, or set `trainer.device=auto`.",
        )
    devices = gpus or cpus
    if config.distribute == "mirrored" or (config.distribute == "auto" and len(gpus) > 1):
        return mirrored(tuple(devices))
    return tf.distribute.get_strategy()


@functools.cache
def mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """Return the one mirrored strategy of these devices; a second would take up the keys of its collectives."""
    return tf.distribute.MirroredStrategy(list(devices))


def describe(strategy: tf.distribute.Strategy, config: TrainerConfig) -> str:
    """Name the devices for the user."""
    copies = strategy.num_replicas_in_sync
    gpus = tf.config.list_logical_devices("GPU") if config.device != "cpu" else []
    kind = "GPU" if gpus else "CPU"
    precision = ", 16-bit arithmetic" if config.mixed_precision else ""
    return (f"{copies} {kind}s" if copies > 1 else f"one {kind}") + precision
