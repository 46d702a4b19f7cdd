"""Optimisers and learning-rate schedules from their settings."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import keras
from keras import ops

from components.training.config import OptimizerConfig

KERAS_EPSILON = 1e-7


def make_optimizer(config: OptimizerConfig, total_steps: int) -> keras.optimizers.Optimizer:
    """Return the optimiser; `total_steps` is the length of the cosine where the settings give none."""
    return optimizer_of(keras.optimizers, config, make_schedule(config, total_steps))


def optimizer_of(library: Any, config: OptimizerConfig, learning_rate: Any, **settings: Any) -> Any:
    """Return an optimiser of either Keras.

    Args:
        library: `keras.optimizers` or `tf_keras.optimizers`.
        learning_rate: a number or the library's schedule.
        settings: further arguments, which all optimisers of the library take.
    """
    settings |= {
        "learning_rate": learning_rate,
        "weight_decay": config.weight_decay,
        "global_clipnorm": config.clip_norm,
        "use_ema": config.average is not None,
        "ema_momentum": config.average or 0.99,
    }
    if config.name == "sgd":
        return library.SGD(momentum=config.momentum, nesterov=config.nesterov, **settings)
    if config.name == "lion":
        return library.Lion(**settings)
    settings["epsilon"] = config.epsilon or KERAS_EPSILON
    if config.name == "rmsprop":
        return library.RMSprop(rho=config.rho, momentum=config.momentum, **settings)
    if config.name == "adamw" and config.weight_decay is None:
        settings["weight_decay"] = 0.004  # Keras' own default for AdamW
    kinds = {"adam": library.Adam, "adamw": library.AdamW, "adagrad": library.Adagrad, "nadam": library.Nadam}
    return kinds[config.name](**settings)


def make_schedule(config: OptimizerConfig, total_steps: int) -> Any:
    """Return the learning rate: a number if it is constant, else a Keras schedule of `learning_rate`'s course."""
    if config.schedule == "constant" and config.warmup_steps == 0:
        return config.learning_rate

    class Schedule(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return course(config, total_steps, ops.cast(step, "float32"), ops)

        def get_config(self) -> dict[str, Any]:
            return {}

    return Schedule()


def learning_rate_at(config: OptimizerConfig, total_steps: int, step: int) -> float:
    """Return the learning rate of a step, counted from 0, for logs and tests."""
    return float(course(config, total_steps, float(step), PlainMath()))


def course(config: OptimizerConfig, total_steps: int, step: Any, ops: Any) -> Any:
    """Compute the learning rate with the operations of Keras or of plain Python.

    inverse_time with `decay_steps: 1` is the `decay` argument of Keras' old optimisers: rate / (1 + decay * step).
    """
    factors: dict[str, Callable[[], Any]] = {
        "constant": lambda: 1.0,
        "cosine": lambda: cosine(config, total_steps, step, ops),
        "exponential": lambda: ops.power(config.decay, step / config.decay_steps),
        "step": lambda: ops.power(config.decay, ops.floor(step / config.decay_steps)),
        "inverse_time": lambda: 1.0 / (1.0 + config.decay * step / config.decay_steps),
        "manual": lambda: 1.0,
    }
    rate = config.learning_rate * factors[config.schedule]()
    for (_, before), (start, after) in pairwise(((0, config.learning_rate), *config.rates)):
        rate = rate + (after - before) * reached(step, start, ops)
    if config.warmup_steps:
        share = ops.minimum(1.0, (step + 1.0) / config.warmup_steps)
        rate = config.warmup_rate + (rate - config.warmup_rate) * share
    return rate


def reached(step: Any, start: int, ops: Any) -> Any:
    """Return 1 from a step on, 0 before; without a comparison, whose names and types differ between the libraries."""
    return ops.minimum(1.0, ops.maximum(0.0, ops.floor(step - start) + 1.0))


def cosine(config: OptimizerConfig, total_steps: int, step: Any, ops: Any) -> Any:
    """Return half a cosine from 1 after the warm-up to `final` at the end (Loshchilov and Hutter 2017, no restarts)."""
    length = max(1, (config.cosine_steps or total_steps) - config.warmup_steps)
    share = ops.minimum(1.0, ops.maximum(0.0, (step - config.warmup_steps) / length))
    return config.final + (1.0 - config.final) * 0.5 * (1.0 + ops.cos(math.pi * share))


class PlainMath:
    """The operations of `course` on Python numbers."""

    cos = staticmethod(math.cos)
    floor = staticmethod(math.floor)
    power = staticmethod(math.pow)
    minimum = staticmethod(min)
    maximum = staticmethod(max)
