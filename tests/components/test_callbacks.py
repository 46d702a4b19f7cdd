"""Promises of the pictures: they are there, they show what they say, and making them changes nothing."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from components.callbacks import write_pictures
from components.callbacks.confusion_matrix import draw_confusion_matrix
from components.callbacks.feature_maps import outputs_of_convolutions
from components.callbacks.filters import draw_filters, kernels
from components.callbacks.prediction_grid import draw_predictions
from components.callbacks.reliability import draw_reliability
from components.callbacks.samples import distort
from components.callbacks.training_curves import draw_training_curves

LABELS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def network():
    """A small network with augmentation, dropout and batch normalisation, once trained on a batch."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((12, 12, 3)), layers.Rescaling(1 / 255), layers.RandomFlip("horizontal"), layers.RandomTranslation(0.2, 0.2),
        layers.Conv2D(8, 3, name="first", activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5),
        layers.Conv2D(4, 3, name="second"), layers.Flatten(), layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(pictures()[:8].astype("float32"), np.arange(8) % 3, verbose=0)
    return model


def pictures():
    return np.random.default_rng(0).integers(0, 256, (12, 12, 12, 3)).astype(np.uint8)


def colours(png):
    """Return how many different colours a picture has; a blank one has 1."""
    return len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0))


def test_every_picture_is_there_as_a_file_and_in_tensorboard(network, tmp_path):
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    write_pictures(network, pictures(), np.arange(12) % 3, LABELS, tmp_path / "pictures", writer, step=7)
    names = {path.stem for path in (tmp_path / "pictures").glob("*.png")}
    convolutions = {f"{kind}_{layer}" for kind in ("filters", "feature_maps") for layer in ("first", "second")}
    assert names == {"samples", "distortions", "probabilities"} | convolutions
    assert all(colours(path.read_bytes()) > 10 for path in (tmp_path / "pictures").glob("*.png"))
    events = next((tmp_path / "logs").glob("events*"))
    found = {
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert found == {(name, 7) for name in names}


def test_pictures_change_neither_weights_nor_random_states(network, tmp_path):
    before = [variable.numpy() for variable in network.variables]
    write_pictures(network, pictures(), np.arange(12) % 3, LABELS, tmp_path, None, step=0)
    after = [variable.numpy() for variable in network.variables]
    assert sum("seed_generator" in variable.path for variable in network.variables) >= 2
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(type(layer).call is layer.call.__func__ for layer in network.layers), (
        "nothing still listens to the layers"
    )


def test_the_same_network_gives_the_same_bytes_whenever_asked(network, tmp_path):
    write_pictures(network, pictures(), np.arange(12) % 3, LABELS, tmp_path / "a", None, step=0)
    network(pictures().astype("float32"), training=True)  # moves the random states on
    write_pictures(network, pictures(), np.arange(12) % 3, LABELS, tmp_path / "b", None, step=0)
    for name in ("distortions.png", "samples.png", "filters_first.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_distortions_are_the_networks_own_and_differ(network):
    distorted = distort(network, pictures()[0])
    assert distorted.shape == (9, 12, 12, 3)
    assert len({picture.tobytes() for picture in distorted}) > 5


def test_a_network_that_distorts_nothing_has_no_picture_of_it(tmp_path):
    import keras

    plain = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    )
    write_pictures(plain, pictures(), np.arange(12) % 3, LABELS, tmp_path, None, step=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["probabilities.png", "samples.png"]


def test_feature_maps_are_what_the_layers_give(network):
    import keras

    maps, _ = outputs_of_convolutions(network, pictures()[:2])
    assert [values.shape for values in maps.values()] == [(2, 10, 10, 8), (2, 8, 8, 4)]
    part = keras.Model(network.inputs, network.get_layer("first").output)
    assert np.allclose(maps["first"], part(pictures()[:2].astype("float32"), training=False))


def test_convolutions_of_nested_networks_are_shown_too(network):
    import keras

    outer = keras.Sequential([keras.Input((12, 12, 3)), network])
    maps, _ = outputs_of_convolutions(outer, pictures()[:1])
    assert list(maps) == list(kernels(outer)) == ["first", "second"]


def test_positive_filters_are_red_and_negative_ones_blue_on_one_scale():
    kernel = np.stack([np.full((3, 3, 1), 0.5), np.full((3, 3, 1), -0.5), np.full((3, 3, 1), 0.25)], axis=-1)
    picture = np.asarray(Image.open(io.BytesIO(draw_filters(kernel, "layer"))).convert("RGB")).reshape(-1, 3)
    seen = {tuple(int(channel) for channel in colour) for colour in np.unique(picture, axis=0)}
    assert {(255, 0, 0), (0, 0, 255)} <= seen
    assert any(red == 255 and 120 <= green <= 135 and green == blue for red, green, blue in seen), (
        "half as strong is half as red"
    )


def test_plots_of_answers_are_not_blank():
    chances = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3]], np.float32)
    bins = [
        {"low": 0.0, "high": 0.5, "count": 0},
        {"low": 0.5, "high": 1.0, "count": 4, "confidence": 0.7, "accuracy": 0.5},
    ]
    epochs = [
        {"epoch": n, "train/loss": 1 / n, "validation/loss": 2 / n, "train/accuracy": 0.5, "validation/accuracy": 0.4}
        for n in (1, 2)
    ]
    drawn = [
        draw_confusion_matrix(np.array([[3, 1, 0], [0, 2, 0], [1, 0, 4]]), LABELS),
        draw_predictions(pictures()[:2], chances, np.array([1, 2]), LABELS),
        draw_reliability(bins, 0.2),
        draw_training_curves(epochs),
    ]
    assert all(colours(png) > 10 for png in drawn)
