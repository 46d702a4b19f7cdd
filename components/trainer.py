"""Fit the recipe's network on the training examples."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from components.networks import OWN_NETWORK
from components.tasks import find_part
from components.training import devices
from components.training.config import TrainerConfig
from components.training.feeding import Feed, FeedRequest, open_feed
from components.training.loop import Loop, Setup
from components.training.tensorboard import TensorBoard
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context, Out, component
from pipeline.errors import UserError
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from data.loader import ReadBatch

TRAINING_TIME = "training_time.json"


@component(requires=["tensorflow", "keras", "numpy"], part="training")
def trainer(
    examples: Examples,
    statistics: Statistics,
    checked: Anomalies,
    model: Out[Model],
    config: TrainerConfig,
    context: Context,
) -> None:
    """Write a trained model, its history and pictures to `model`, and TensorBoard logs to the run's folder."""
    del checked  # training waits for the checks; what they found is theirs to tell
    part = find_part(examples.task, "training")
    config = fit_batch(examples, config, context)
    make_reproducible(config)
    with explained(config), devices.placed(config) as strategy:
        context.progress.say(f"  training `{config.network}` on {devices.describe(strategy, config)}")
        with strategy.scope():
            network, module, options = part.build_network(examples, statistics, config, context)
            warm_start(network, config, context)
        feed, validation = open_feeds(
            examples, part.read_batch(examples, network), part.example_bytes(network), config, strategy, context
        )
        objective = part.make_objective(examples, config)
        setup = Setup(
            network, unfreezer(network, module, options, config), objective, feed, validation, config, strategy, context
        )
        logs = TensorBoard(context.logs, objective.metric)
        loop = Loop(setup, logs)
        loop.run()
        write_model(model, network, loop, examples, config)
        model.properties |= part.finish(network, examples, config)
        part.write_pictures(model, network, loop.state.step, examples, logs, config)
        logs.write_hparams(config, model.properties["metrics"])
        logs.close()
    # beside the logs: in the artifact, equal trainings would differ by their time
    seconds = {"seconds": round(loop.state.seconds, 3)}
    (context.logs / TRAINING_TIME).write_text(json.dumps(seconds) + "\n", "utf-8")


def fit_batch(examples: Examples, config: TrainerConfig, context: Context) -> TrainerConfig:
    """Return the settings with a batch that fits: fewer training examples than one batch are cut into ten, and that is said."""
    number = examples.splits.get("train", 0)
    if not 0 < number < config.batch_size:
        return config
    size = max(1, number // 10)
    context.progress.say(
        f"  {number:,} training examples are fewer than one batch of {config.batch_size:,}: batches of {size} (trainer.batch_size)"
    )
    return config.model_copy(update={"batch_size": size})


def make_reproducible(config: TrainerConfig) -> None:
    """Set every seed; layer names and the order in which layers draw their seeds start anew."""
    import keras
    import tensorflow as tf

    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()


@contextmanager
def explained(config: TrainerConfig) -> Iterator[None]:
    """Say what to do when memory runs out."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise UserError(
            "Not enough memory for a training step.",
            f"trainer.batch_size: {config.batch_size}",
            f"Set `trainer.batch_size={max(1, config.batch_size // 2)}`, smaller pictures (`trainer.image_size`) or shorter windows "
            "(`data.history`), or a smaller `trainer.cache_megabytes`.",
        ) from error


def open_feeds(
    examples: Examples,
    read_batch: ReadBatch,
    size: int,
    config: TrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[Feed, Feed | None]:
    """Return the training split and the one to judge by, sharing the memory they may hold.

    Args:
        read_batch: decodes serialized records.
        size: bytes of one decoded example.

    Raises:
        UserError: a split is missing or empty.
    """
    budget = config.cache_megabytes * 1_000_000
    training = FeedRequest(
        "train", read_batch, config.batch_size, size, config.shuffle, config.seed, config.shuffle_buffer
    )
    feed, held = open_feed(examples, training, budget, strategy, context.progress)
    if config.validation_split == "none":
        return feed, None
    if not examples.splits.get(config.validation_split):
        raise UserError(
            f"There are no examples in split `{config.validation_split}` to judge the training by.",
            "trainer.validation_split",
            "Hold some out with `data.validation_fraction` (pictures) or `data.split.validation` (series), or set "
            "`trainer.validation_split=none`.",
        )
    if config.validation_split == "test":
        context.progress.say(
            "  judged by the test split after each epoch, as published: its figures are not those of unseen data"
        )
    judged = FeedRequest(config.validation_split, read_batch, max(config.batch_size, judging_batch(size)), size)
    return feed, open_feed(examples, judged, budget - held, strategy, context.progress)[0]


def judging_batch(example_bytes: int) -> int:
    """Return a batch size for evaluation: 256 small pictures, fewer large ones."""
    return max(16, min(256, 4_000_000 // example_bytes))


def unfreezer(network: keras.Model, module: ModuleType, options: Settings, config: TrainerConfig) -> Callable[[], None]:
    """Return what makes the network's body trainable.

    Raises:
        UserError: fine-tuning is asked for and the network has no frozen body.
    """
    if config.fine_tune is not None and not hasattr(module, "unfreeze"):
        raise UserError(
            f"Network `{config.network}` has no frozen body to fine-tune.",
            "trainer.fine_tune",
            "Leave `trainer.fine_tune` out, or give the network's file a function `unfreeze(model, config)`.",
        )
    return lambda: module.unfreeze(network, options)


def warm_start(network: keras.Model, config: TrainerConfig, context: Context) -> None:
    """Take over weights of an earlier model where their shapes agree.

    Raises:
        UserError: the file is missing, unreadable, or no weight fits.
    """
    if config.warm_start is None:
        return
    path = Path(config.warm_start)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise UserError(
            "There are no weights to start from.",
            str(file),
            "Give a Model artifact's folder or a .keras or .weights.h5 file.",
        )
    before = [weight.numpy() for weight in network.weights]
    try:
        network.load_weights(file, skip_mismatch=True)
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise UserError(f"The weights cannot be read: {error}", str(file)) from error
    changed = sum(bool((old != weight.numpy()).any()) for old, weight in zip(before, network.weights, strict=True))
    if changed == 0:
        raise UserError(
            "None of the weights fits this network.", str(file), "Warm-start from a model of the same network."
        )
    context.progress.say(f"  warm start: {changed} of {len(before)} weights taken from {file}")


def write_model(model: Model, network: keras.Model, loop: Loop, examples: Examples, config: TrainerConfig) -> None:
    """Write the network, its history and summary, and set the artifact's properties."""
    path = model.file("model.keras")
    network.save(path, include_optimizer=False)
    make_archive_reproducible(path)
    if config.network.endswith(".py"):
        shutil.copyfile(config.network, model.file(OWN_NETWORK))
    lines: list[str] = []
    network.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
    model.file("summary.txt").write_text("\n".join(lines) + "\n", "utf-8")
    history = loop.history
    model.write_json("history.json", {"epochs": history.epochs, "steps": [list(point) for point in history.points]})
    best = loop.state.best["epoch"] if loop.state.best else history.epochs[-1]["epoch"]
    kept = next(row for row in history.epochs if row["epoch"] == best) if config.keep == "best" else history.epochs[-1]
    model.properties = {
        "task": examples.task,
        "network": Path(config.network).name,
        "parameters": network.count_params(),
        "epochs": len(history.epochs),
        "steps": loop.state.step,
        "best_epoch": best,
        "metrics": {name: value for name, value in kept.items() if "/" in name},
        "validation_split": config.validation_split,
    }


def make_archive_reproducible(path: Path) -> None:
    """Rewrite a .keras file without dates and memory addresses, so that the same training gives the same bytes."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, archive.read(name)) for name in sorted(archive.namelist())]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in entries:
            if name == "metadata.json":
                data = json.dumps({**json.loads(data), "date_saved": "1980-01-01@00:00:00"}, sort_keys=True).encode()
            elif name == "config.json":
                data = number_shared_objects(data)
            archive.writestr(zipfile.ZipInfo(name), data)
    path.write_bytes(content.getvalue())


def number_shared_objects(config: bytes) -> bytes:
    """Replace Keras' `shared_object_id`, a memory address, by a number in the order of appearance."""
    seen: dict[bytes, int] = {}
    return re.sub(
        rb'("shared_object_id": )(\d+)',
        lambda found: found[1] + str(seen.setdefault(found[2], len(seen))).encode(),
        config,
    )
