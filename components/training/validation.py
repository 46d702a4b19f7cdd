"""The splits of a training: the one it learns from, and what validates it by another one after an epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from components.training import steps
from components.training.config import TrainerConfig
from components.training.history import means
from components.training.input_pipeline import InputPipeline, InputRequest, open_pipeline
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    from data.loader import ReadBatch


Validator = Callable[[], dict[str, float]]  # gives loss and metrics of a split, by name


def open_splits(
    examples: Examples,
    read_batch: ReadBatch,
    size: int,
    network: Any,
    objective: steps.Objective,
    config: TrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[InputPipeline, Validator | None]:
    """Return the training split and what judges by another one, sharing the memory they may hold.

    Args:
        read_batch: decodes serialized records.
        size: bytes of one decoded example.

    Raises:
        UserError: a split is missing or empty.
    """
    budget = config.cache_megabytes * 1_000_000
    training = InputRequest(
        "train", read_batch, config.batch_size, size, config.shuffle, config.seed, config.shuffle_buffer
    )
    batches, held = open_pipeline(examples, training, budget, strategy, context.progress)
    if not validation_split_of(examples, config, context):
        return batches, None
    judged = InputRequest(config.validation_split, read_batch, max(config.batch_size, validation_batch(size)), size)
    opened = open_pipeline(examples, judged, budget - held, strategy, context.progress)[0]
    return batches, make_validator(network, objective, opened, strategy)


def validation_split_of(examples: Examples, config: TrainerConfig, context: Context) -> str:
    """Return the split to judge by; empty if there is to be none.

    Raises:
        UserError: it is missing or empty.
    """
    if config.validation_split == "none":
        return ""
    if not examples.splits.get(config.validation_split):
        raise UserError(
            f"There are no examples in split `{config.validation_split}` to judge the training by.",
            "trainer.validation_split",
            "Hold some out with `data.split.validation`, or with `data.validation_fraction` where pictures come with "
            "splits; or set `trainer.validation_split=none`.",
        )
    if config.validation_split == "test":
        context.progress.say(
            "  judged by the test split after each epoch, as published: its figures are not those of unseen data"
        )
    return config.validation_split


def validation_batch(example_bytes: int) -> int:
    """Return a batch size for evaluation: 256 small images, fewer large ones."""
    return max(16, min(256, 4_000_000 // example_bytes))


def make_validator(
    network: Any, objective: steps.Objective, batches: InputPipeline, strategy: tf.distribute.Strategy
) -> Validator:
    """Return what gives a feed's loss and metrics."""
    block = steps.evaluation_block(network, objective, batches, strategy)

    def validate() -> dict[str, float]:
        results = block(batches.source(0, 0), 0, batches.steps)
        totals = np.sum(results.astype(np.float64), axis=0).tolist()
        return dict(zip(("loss", *objective.metrics), means(totals), strict=True))

    return validate
