"""The contract of a network: whatever is in components/networks must pass `check_network`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.networks import PixelStatistics, find_network, network_config
from components.tasks.image_classification import images
from components.tasks.image_classification.config import ImageTrainerConfig
from components.tasks.image_classification.training import Classification
from components.training import steps
from components.training.input_pipeline import InMemoryPipeline, InputRequest
from components.training.optimizers import make_optimizer
from data.loader import InMemory

OUTPUTS, BATCH = 3, 4


def check_network(
    name: str, input_shape: tuple[int, int, int], folder: Path, options: dict[str, Any] | None = None
) -> Any:
    """Build, train for a step, save, load and export a network; return the built model.

    Args:
        name: a shipped network, or the path of a file.
        input_shape: (height, width, channels).
        folder: where it may write.
        options: the network's own options.

    Raises:
        AssertionError: the network breaks its contract.
    """
    preset = getattr(find_network(name), "PRESET", {})
    config = ImageTrainerConfig.model_validate({**preset.get("trainer", {}), "network": name, "options": options or {}})
    data = random_data(input_shape)
    model = build(config, input_shape)
    assert model.input_shape == (None, *input_shape), f"takes {model.input_shape}"
    assert model.output_shape == (None, OUTPUTS), f"gives {model.output_shape}"
    kind = images.output_kind(model)

    one_step(model, config, data)
    scores = np.asarray(model(data.inputs.astype(np.float32), training=False))
    assert np.isfinite(scores).all()
    shares = np.asarray(images.probabilities(scores, kind))
    np.testing.assert_allclose(shares.sum(axis=-1), 1, rtol=1e-5)

    twin = build(config, input_shape)
    one_step(twin, config, data)
    for weight, same in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(
            weight.numpy(), same.numpy(), err_msg=f"{weight.path}: the same seed must give the same weights"
        )

    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras", compile=False)
    np.testing.assert_array_equal(scores, np.asarray(loaded(data.inputs.astype(np.float32), training=False)))

    export(model, folder / "exported")
    exported = tf.saved_model.load(folder / "exported")  # a name of its own keeps its variables alive
    np.testing.assert_allclose(scores, np.asarray(exported.serve(data.inputs.astype(np.float32))), atol=1e-5)
    return model


def export(model: Any, folder: Path) -> None:
    """Write a SavedModel; `model.export` would leave augmentation on, whose layers take `training=True` by default."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    archive.add_endpoint("serve", lambda pixels: model(pixels, training=False), signature)
    archive.write_out(folder, verbose=False)


def random_data(input_shape: tuple[int, int, int]) -> InMemory:
    """Return random pictures and labels, the same each time."""
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (BATCH, *input_shape)).astype(np.uint8)
    return InMemory(images, random.integers(0, OUTPUTS, BATCH), BATCH)


def build(config: ImageTrainerConfig, input_shape: tuple[int, int, int]) -> Any:
    """Build the network from its seed, as the trainer does."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(config.seed)
    channels = input_shape[2]
    pixels = PixelStatistics(0.4, 0.2, (0.4,) * channels, (0.2,) * channels)
    return find_network(config.network).build(
        input_shape, OUTPUTS, network_config(config.network, config.options), pixels
    )


def one_step(model: Any, config: ImageTrainerConfig, data: InMemory) -> None:
    """Train for one step with the network's own optimiser and loss; some weight must move."""
    optimizer = make_optimizer(config.optimizer, 1)
    optimizer.build(model.trainable_variables)
    feed = InMemoryPipeline(data, 1, InputRequest("train", lambda records: (records, records), BATCH, 1))
    before = [weight.numpy() for weight in model.trainable_variables]
    block = steps.training_block(
        model, optimizer, Classification(config.loss, OUTPUTS), feed, tf.distribute.get_strategy()
    )
    assert np.isfinite(block(feed.source(0, 0), 0, 1)).all()
    moved = [bool((old != weight.numpy()).any()) for old, weight in zip(before, model.trainable_variables, strict=True)]
    assert any(moved), "a training step must change the weights"
