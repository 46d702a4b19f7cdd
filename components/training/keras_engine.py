"""Keras 3, as the training loop needs it."""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras.src.random.seed_generator import global_seed_generator

from components.networks import OWN_NETWORK
from components.training.config import OptimizerConfig, TrainerConfig
from components.training.optimizers import make_optimizer
from components.training.start import find_start
from pipeline.artifacts import Model
from pipeline.component import Context
from pipeline.errors import UserError


class KerasEngine:
    """Keras 3."""

    def seed(self, config: TrainerConfig) -> None:
        """Set every seed; layer names and the order in which layers draw their seeds start anew."""
        keras.utils.clear_session()
        keras.utils.set_random_seed(config.seed)

    @contextmanager
    def precision(self, mixed: bool, on_gpu: bool) -> Iterator[None]:
        """Compute in float16 on a GPU, in bfloat16 on a CPU."""
        before = keras.config.dtype_policy()
        if mixed:
            keras.config.set_dtype_policy("mixed_float16" if on_gpu else "mixed_bfloat16")
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)

    def make_optimizer(self, config: OptimizerConfig, steps: int, network: keras.Model) -> keras.optimizers.Optimizer:
        """Return the optimiser; in float16 its loss is scaled, so that small gradients are not lost."""
        optimizer = make_optimizer(config, steps)
        return keras.optimizers.LossScaleOptimizer(optimizer) if network.compute_dtype == "float16" else optimizer

    def random_states(self, network: keras.Model) -> list[keras.Variable]:
        """Return the states of a network's seed generators, and of Keras' global one.

        `.weights.h5` and so `keras.callbacks.BackupAndRestore` leave these out: Dropout and augmentation would draw
        other numbers.
        """
        weights = {id(variable) for variable in network.weights}
        own = [variable for variable in network.variables if id(variable) not in weights]
        return [*own, global_seed_generator().state]

    def named_weights(self, network: keras.Model) -> dict[str, Any]:
        """Return the weights' values by their path below the network."""
        return {weight.path.removeprefix(f"{network.name}/"): weight.value for weight in network.weights}

    def trace(self, network: keras.Model) -> Any:
        """Return the graph of the forward pass."""
        forward = tf.function(lambda inputs: network(inputs, training=False))
        shapes = {item.name: tf.TensorSpec(item.shape, item.dtype) for item in network.inputs}
        return forward.get_concrete_function(shapes if takes_dictionary(network) else next(iter(shapes.values()))).graph

    def write_network(self, network: keras.Model, model: Model, config: TrainerConfig) -> int:
        """Write `model.keras`, `summary.txt`, and the user's own network file."""
        path = model.file("model.keras")
        network.save(path, include_optimizer=False)
        make_archive_reproducible(path)
        if config.network.endswith(".py"):
            shutil.copyfile(config.network, model.file(OWN_NETWORK))
        lines: list[str] = []
        network.summary(print_fn=lambda line, **_: lines.append(line), line_length=100)
        model.file("summary.txt").write_text("\n".join(lines) + "\n", "utf-8")
        return int(network.count_params())


def takes_dictionary(network: keras.Model) -> bool:
    """Say whether a network's inputs are given by name; those of a Sequential are not, and it does not tell."""
    return not isinstance(network, keras.Sequential) and isinstance(network.input, dict)


def warm_start(network: keras.Model, config: TrainerConfig, context: Context) -> None:
    """Take over weights of an earlier model where their shapes agree.

    Raises:
        UserError: the file is missing, unreadable, or no weight fits.
    """
    file = find_start(config)
    if file is None:
        return
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
