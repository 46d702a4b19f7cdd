"""Fit the recipe's network on the training examples."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from components.networks import OWN_NETWORK, PixelStatistics, find_network, network_config
from components.tasks import image_classification
from components.training import devices
from components.training.config import TrainerConfig
from components.training.feeding import Feed, FeedRequest, open_feed
from components.training.loop import Loop, Setup
from components.training.steps import Objective
from components.training.tensorboard import TensorBoard
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context, Out, component
from pipeline.errors import UserError, did_you_mean
from pipeline.settings import Settings

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

TRAINING_TIME = "training_time.json"
PICTURED = 25  # examples that pictures of the data and the network are drawn from


@component(requires=["tensorflow", "keras", "numpy"])
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
    config = fit_batch(examples, config, context)
    make_reproducible(config)
    with explained(config), devices.placed(config) as strategy:
        context.progress.say(f"  training `{config.network}` on {devices.describe(strategy, config)}")
        with strategy.scope():
            network, module, options = build_network(examples, statistics, config, context)
            warm_start(network, config, context)
        shape = network.input_shape[1:]
        feed, validation = open_feeds(examples, shape, config, strategy, context)
        objective = make_objective(examples, config)
        setup = Setup(
            network, unfreezer(network, module, options, config), objective, feed, validation, config, strategy, context
        )
        logs = TensorBoard(context.logs)
        loop = Loop(setup, logs)
        loop.run()
        write_model(model, network, loop, examples, config)
        write_pictures(model, network, loop, examples, shape, logs, config.pictured_channel)
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
            f"Set `trainer.batch_size={max(1, config.batch_size // 2)}`, a smaller `trainer.image_size`, or a smaller `trainer.cache_megabytes`.",
        ) from error


def open_feeds(
    examples: Examples,
    shape: image_classification.Shape,
    config: TrainerConfig,
    strategy: tf.distribute.Strategy,
    context: Context,
) -> tuple[Feed, Feed | None]:
    """Return the training split and the one to judge by, sharing the memory they may hold.

    Raises:
        UserError: a split is missing or empty.
    """
    budget, size = config.cache_megabytes * 1_000_000, shape[0] * shape[1] * shape[2]
    read_batch = image_classification.reader(examples, shape)
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
            "Hold some out with `data.validation_fraction`, or set `trainer.validation_split=none`.",
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


def build_network(
    examples: Examples, statistics: Statistics, config: TrainerConfig, context: Context
) -> tuple[keras.Model, ModuleType, Settings]:
    """Return the network with its module and its own options; say which size the pictures get where the recipe does not.

    Raises:
        UserError: the pictures are too small for it, it fails to build, or its inputs or outputs do not fit.
    """
    import keras

    module, options = find_network(config.network), network_config(config.network, config.options)
    pixels = PixelStatistics.from_properties(statistics.properties["pixels"])
    outputs = len(examples.labels)

    def build(shape: image_classification.Shape) -> keras.Model:
        keras.utils.set_random_seed(config.seed)  # an attempt that failed must not move the seeds of the next
        return module.build(shape, outputs, options, pixels)

    shape = image_classification.input_shape(examples, config.image_size)
    if config.image_size is None and examples.properties["image_shape"] is None:
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
            f"  pictures of {shape[0]} x {shape[1]} are too small for `{config.network}`: enlarged to {larger[0]} x {larger[1]} (trainer.image_size)"
        )
        shape, network = larger, build(larger)
    check_network(network, shape, outputs, config)
    return network, module, options


def smallest_that_builds(
    build: Callable[[image_classification.Shape], Any], shape: image_classification.Shape
) -> image_classification.Shape | None:
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
    module: ModuleType,
    shape: image_classification.Shape,
    larger: image_classification.Shape | None,
    config: TrainerConfig,
) -> UserError:
    """Say why a network did not build: pictures too small for it, or a fault in its file."""
    if larger is not None:
        size = f"[{larger[0]}, {larger[1]}]"
        return UserError(
            f"Pictures of {shape[0]} x {shape[1]} pixels are too small for network `{config.network}`.",
            "trainer.image_size",
            f"It takes {larger[0]} x {larger[1]}: set `trainer.image_size: {size}`, or choose another network.",
        )
    return UserError(
        f"Network `{config.network}` does not build for input {shape}: {type(error).__name__}: {error}",
        str(getattr(module, "__file__", config.network)),
    )


def check_network(network: Any, shape: image_classification.Shape, outputs: int, config: TrainerConfig) -> None:
    """Refuse a network that does not take the pictures or does not give one score per class."""
    import keras

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
    kind = image_classification.output_kind(network)
    if config.loss == "cross_entropy" and kind == "scores":
        raise UserError(
            "Cross-entropy needs outputs that sum to 1, and this network ends in sigmoid.",
            "trainer.loss",
            "End the network in softmax, or set `trainer.loss=mean_squared_error`.",
        )


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


def make_objective(examples: Examples, config: TrainerConfig) -> Objective:
    """Return the loss with its class weights.

    Raises:
        UserError: a weight is given for a class that does not exist.
    """
    labels, counts = examples.labels, examples.properties["label_counts"]["train"]
    if config.class_weights == "none":
        return Objective(config.loss, len(labels))
    if config.class_weights == "balanced":
        present = sum(count > 0 for count in counts)
        weights = [sum(counts) / (present * count) if count else 0.0 for count in counts]
        return Objective(config.loss, len(labels), tuple(weights))
    given = dict(config.class_weights)
    if unknown := sorted(given.keys() - set(labels)):
        raise UserError(f"There is no class `{unknown[0]}`.", "trainer.class_weights", did_you_mean(unknown[0], labels))
    return Objective(config.loss, len(labels), tuple(given.get(label, 1.0) for label in labels))


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
        "labels": examples.labels,
        "input_shape": list(network.input_shape[1:]),
        "parameters": network.count_params(),
        "epochs": len(history.epochs),
        "steps": loop.state.step,
        "best_epoch": best,
        "metrics": {name: value for name, value in kept.items() if "/" in name},
        "output": image_classification.output_kind(network),
        "loss": config.loss,
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


def write_pictures(
    model: Model,
    network: keras.Model,
    loop: Loop,
    examples: Examples,
    shape: image_classification.Shape,
    logs: TensorBoard,
    channel: int,
) -> None:
    """Draw data samples, distortions, filters and feature maps, as files and in TensorBoard."""
    from components import callbacks
    from data import loader

    records = loader.read(examples, "train", lambda batch: image_classification.read_batch(batch, shape), PICTURED)
    pixels, labels = next(iter(records))
    callbacks.write_pictures(
        network, pixels, labels, examples.labels, model.file("pictures"), logs.train, loop.state.step, channel
    )
