"""One training from the network to the sealed model: what the trainer does, whatever the task and its Keras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from components.tasks.task import Task
from components.training import devices
from components.training.config import TrainerConfig
from components.training.engine import Session
from components.training.loop import Loop
from components.training.run import TrainingRun
from components.training.tensorboard import TensorBoard
from pipeline.artifacts import Examples, Model, Statistics
from pipeline.component import Context
from pipeline.errors import UserError
from pipeline.facts import ModelFacts

TRAINING_TIME = "training_time.json"


def fit(
    task: Task, examples: Examples, statistics: Statistics, model: Model, config: TrainerConfig, context: Context
) -> None:
    """Write a trained model, its history and images to `model`, and TensorBoard logs to the run's folder."""
    part = task.training
    config = fit_batch(examples, config, context)
    make_reproducible(config, part.SESSION)
    with explain_out_of_memory(config), devices.placed(config, part.SESSION) as strategy:
        context.progress.say(f"  training `{config.network}` on {devices.describe(strategy, config)}")
        with strategy.scope():
            run = part.begin(examples, statistics, config, context)
        check_fine_tuning(run)
        batches, validate = run.open_splits(strategy)
        logs = TensorBoard(context.logs, run.objective.metrics, run.objective.tags)
        loop = Loop(run, batches, validate, strategy, logs)
        loop.run()
        write_model(model, run.write_network(model), loop, examples, config)
        model.properties |= run.facts().model_dump(mode="json", exclude_unset=True)
        run.write_plots(model, loop.state.step, logs)
        logs.write_hparams(config, examples.properties, model.facts.metrics)
        logs.close()
    # beside the logs: in the artifact, equal trainings would differ by their time
    seconds = {"seconds": round(loop.state.seconds, 3)}
    (context.logs / TRAINING_TIME).write_text(json.dumps(seconds) + "\n", "utf-8")


def fit_batch(examples: Examples, config: TrainerConfig, context: Context) -> TrainerConfig:
    """Return the settings with a batch that fits: fewer training examples than one are cut into ten; that is said."""
    number = examples.splits.get("train", 0)
    if not 0 < number < config.batch_size:
        return config
    size = max(1, number // 10)
    context.progress.say(
        f"  {number:,} training examples are fewer than one batch of {config.batch_size:,}: batches of {size} "
        "(trainer.batch_size)"
    )
    return config.model_copy(update={"batch_size": size})


def make_reproducible(config: TrainerConfig, session: Session) -> None:
    """Set every seed, and ask for operations that give the same result each time."""
    session.seed(config)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()


@contextmanager
def explain_out_of_memory(config: TrainerConfig) -> Iterator[None]:
    """Say what to do when memory runs out."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise UserError(
            "Not enough memory for a training step.",
            f"trainer.batch_size: {config.batch_size}",
            f"Set `trainer.batch_size={max(1, config.batch_size // 2)}`, smaller pictures (`trainer.image_size`) or "
            "shorter windows (`data.history`), or a smaller `trainer.cache_megabytes`.",
        ) from error


def check_fine_tuning(run: TrainingRun) -> None:
    """Refuse to fine-tune a network without a frozen body.

    Raises:
        UserError: it is asked for.
    """
    if run.config.fine_tune is not None and not run.file.has_frozen_body:
        raise UserError(
            f"Network `{run.config.network}` has no frozen body to fine-tune.",
            "trainer.fine_tune",
            "Leave `trainer.fine_tune` out, or give the network's file a function `unfreeze(model, config)`.",
        )


def write_model(model: Model, parameters: int, loop: Loop, examples: Examples, config: TrainerConfig) -> None:
    """Write the history of the training, and the facts that every model has."""
    history = loop.history
    model.write_json("history.json", {"epochs": history.epochs, "steps": [list(point) for point in history.points]})
    best = loop.state.best["epoch"] if loop.state.best else history.epochs[-1]["epoch"]
    kept = next(row for row in history.epochs if row["epoch"] == best) if config.keep == "best" else history.epochs[-1]
    model.write_facts(
        ModelFacts(
            task=examples.task,
            network=Path(config.network).name,
            parameters=parameters,
            epochs=len(history.epochs),
            steps=loop.state.step,
            best_epoch=best,
            metrics={name: value for name, value in kept.items() if "/" in name},
            validation_split=config.validation_split,
        )
    )
