"""Promises of the pictures: they are there, they show what they say, and making them changes nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from components.plots.confusion_matrix import draw_confusion_matrix
from components.plots.drawing import USUAL_FONT, find_fonts, lend_fonts
from components.plots.feature_maps import outputs_of
from components.plots.filters import convolutions, draw_filters, kernel_of
from components.plots.network_plots import write_images
from components.plots.prediction_grid import draw_predictions
from components.plots.reliability import draw_reliability
from components.plots.samples import distort, usual_distortions
from components.tasks.image_classification.details import CalibrationBin

LABELS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A small network with augmentation, dropout and batch normalisation, once trained on a batch."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((12, 12, 3)), layers.Rescaling(1 / 255),
        layers.RandomFlip("horizontal"), layers.RandomTranslation(0.2, 0.2),
        layers.Conv2D(8, 3, name="first", activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5),
        layers.Conv2D(4, 3, name="second"), layers.Flatten(), layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(images()[:8].astype("float32"), np.arange(8) % 3, verbose=0)
    return model


def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (12, 12, 12, 3)).astype(np.uint8)


def colours(png: bytes) -> int:
    """Return how many different colours a picture has; a blank one has 1."""
    return len(np.unique(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3), axis=0))


def test_every_picture_is_there_as_a_file_and_in_tensorboard(network: keras.Model, tmp_path: Path) -> None:
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    write_images(network, images(), np.arange(12) % 3, LABELS, tmp_path / "pictures", writer, step=7)
    names = {path.stem for path in (tmp_path / "pictures").glob("*.png")}
    layers = {f"{kind}_{layer}" for kind in ("filters", "feature_maps") for layer in ("first", "second")}
    assert names == {"samples", "distortions", "probabilities"} | layers
    assert all(colours(path.read_bytes()) > 10 for path in (tmp_path / "pictures").glob("*.png"))
    events = next((tmp_path / "logs").glob("events*"))
    found = {
        (value.tag, event.step)
        for event in tf.compat.v1.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    assert found == {(name, 7) for name in names}


def test_pictures_change_neither_weights_nor_random_states(network: keras.Model, tmp_path: Path) -> None:
    before = [variable.numpy() for variable in network.variables]
    write_images(network, images(), np.arange(12) % 3, LABELS, tmp_path, None, step=0)
    after = [variable.numpy() for variable in network.variables]
    assert sum("seed_generator" in variable.path for variable in network.variables) >= 2
    assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    assert all(type(layer).call is layer.call.__func__ for layer in network.layers), (
        "nothing still listens to the layers"
    )


def test_the_same_network_gives_the_same_bytes_whenever_asked(network: keras.Model, tmp_path: Path) -> None:
    write_images(network, images(), np.arange(12) % 3, LABELS, tmp_path / "a", None, step=0)
    network(images().astype("float32"), training=True)  # moves the random states on
    write_images(network, images(), np.arange(12) % 3, LABELS, tmp_path / "b", None, step=0)
    for name in ("distortions.png", "samples.png", "filters_first.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_distortions_are_the_networks_own_and_differ(network: keras.Model) -> None:
    distorted = distort(network, images()[0])
    assert distorted is not None
    assert distorted.shape == (9, 12, 12, 3)
    assert len({image.tobytes() for image in distorted}) > 5


def test_a_network_that_distorts_nothing_shows_nine_usual_distortions_the_same_in_every_run(tmp_path: Path) -> None:
    plain = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    )
    for name in ("a", "b"):
        write_images(plain, images(), np.arange(12) % 3, LABELS, tmp_path / name, None, step=0)
    names = sorted(path.name for path in (tmp_path / "a").glob("*.png"))
    assert names == ["distortions.png", "probabilities.png", "samples.png"]
    assert (tmp_path / "a" / names[0]).read_bytes() == (tmp_path / "b" / names[0]).read_bytes()


def test_usual_distortions_do_what_their_names_say() -> None:
    image = np.zeros((20, 30, 3), np.float32)
    image[8:12, 5:10] = 0.5
    changed = usual_distortions(image)
    assert len(changed) == 9
    assert all(values.shape == image.shape and 0 <= values.min() <= values.max() <= 1 for values in changed.values())
    assert np.array_equal(changed["shifted by a tenth"][2:, 3:], image[:-2, :-3])
    assert np.array_equal(changed["mirrored"], image[:, ::-1])
    assert changed["brighter"].sum() > image.sum() > changed["darker"].sum()
    middle = np.zeros((20, 30, 3), np.float32)
    middle[6:14, 9:21] = 1
    changed = usual_distortions(middle)
    assert changed["enlarged by a fifth"].sum() > middle.sum() > changed["shrunk by a fifth"].sum()
    assert changed["more contrast"].std() >= middle.std() > changed["less contrast"].std()
    assert 0 < np.abs(changed["turned by 15°"] - middle).sum() < middle.sum()


def test_feature_maps_are_what_the_layers_give(network: keras.Model) -> None:
    maps, _ = outputs_of(convolutions(network), network, images()[:2])
    assert [values.shape for values in maps.values()] == [(2, 10, 10, 8), (2, 8, 8, 4)]
    part = keras.Model(network.inputs, network.get_layer("first").output)
    assert np.allclose(maps["first"], part(images()[:2].astype("float32"), training=False))


def test_every_kind_of_convolution_is_shown_in_nested_networks_and_under_equal_names_too(tmp_path: Path) -> None:
    layers = keras.layers
    inner = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            layers.Conv2D(4, 1, name="same"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            layers.SeparableConv2D(5, 3, name="separable"),
        ]
    )
    end = [layers.Conv2D(2, 3, name="same"), layers.Flatten(), layers.Dense(3, "softmax")]
    outer = keras.Sequential([keras.Input((12, 12, 3)), inner, *end])
    found = convolutions(outer)
    assert list(found) == ["same", "depthwise", "separable", "same_2"]
    kernels = [kernel_of(layer)[0].shape for layer in found.values()]
    assert kernels == [(1, 1, 3, 4), (3, 3, 1, 4), (3, 3, 1, 4), (3, 3, 5, 2)]
    maps, _ = outputs_of(found, outer, images()[:1])
    assert [values.shape[-1] for values in maps.values()] == [4, 4, 5, 2]
    write_images(outer, images(), np.arange(12) % 3, LABELS, tmp_path, None, step=0)
    names = {path.stem for path in tmp_path.glob("*.png")}
    assert {f"{kind}_{name}" for kind in ("filters", "feature_maps") for name in found} <= names


def test_filters_are_shown_for_the_channel_that_was_chosen(network: keras.Model, tmp_path: Path) -> None:
    for channel in (0, 5, 99):
        write_images(network, images(), np.arange(12) % 3, LABELS, tmp_path / str(channel), None, 0, channel)
    first, fifth, last = (tmp_path / channel / "filters_second.png" for channel in ("0", "5", "99"))
    kernel, _ = kernel_of(network.get_layer("second"))
    assert kernel.shape == (3, 3, 8, 4)
    assert fifth.read_bytes() == draw_filters(kernel, "second", 5) != first.read_bytes()
    assert last.read_bytes() == draw_filters(kernel, "second", 7), "a layer without that channel shows its last one"
    colour = [(tmp_path / channel / "filters_first.png").read_bytes() for channel in ("0", "5")]
    assert colour[0] == colour[1], "a layer that sees colours shows all three"


def test_what_has_no_pictures_is_named_beside_them_and_in_tensorboard(
    network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.plots.filters.LAYERS", 1)
    writer = tf.summary.create_file_writer(str(tmp_path / "logs"))
    write_images(network, images(), np.arange(12) % 3, LABELS, tmp_path / "pictures", writer, step=7)
    layers = json.loads((tmp_path / "pictures" / "layers.json").read_text())
    assert layers == {"drawn": ["first"], "left_out": ["second"]}
    assert not (tmp_path / "pictures" / "feature_maps_second.png").exists()
    events = tf.compat.v1.train.summary_iterator(str(next((tmp_path / "logs").glob("events*"))))
    told = {value.tag: value.tensor for event in events for value in event.summary.value}
    assert b"Left out: second" in tf.make_ndarray(told["left_out"]).item()


def test_positive_filters_are_red_and_negative_ones_blue_on_one_scale() -> None:
    kernel = np.stack([np.full((3, 3, 1), 0.5), np.full((3, 3, 1), -0.5), np.full((3, 3, 1), 0.25)], axis=-1)
    image = np.asarray(Image.open(io.BytesIO(draw_filters(kernel, "layer"))).convert("RGB")).reshape(-1, 3)
    seen = {tuple(int(channel) for channel in colour) for colour in np.unique(image, axis=0)}
    assert {(255, 0, 0), (0, 0, 255)} <= seen
    assert any(red == 255 and 120 <= green <= 135 and green == blue for red, green, blue in seen), (
        "half as strong is half as red"
    )


def test_plots_of_answers_are_not_blank() -> None:
    chances = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3]], np.float32)
    bins: list[CalibrationBin] = [
        {"low": 0.0, "high": 0.5, "count": 0},
        {"low": 0.5, "high": 1.0, "count": 4, "confidence": 0.7, "accuracy": 0.5},
    ]
    drawn = [
        draw_confusion_matrix(np.array([[3, 1, 0], [0, 2, 0], [1, 0, 4]]), LABELS),
        draw_predictions(images()[:2], chances, np.array([1, 2]), LABELS),
        draw_reliability(bins, 0.2),
    ]
    assert all(colours(png) > 10 for png in drawn)


def test_class_names_of_any_script_are_drawn_without_a_flood_of_warnings(recwarn: pytest.WarningsRecorder) -> None:
    assert colours(draw_confusion_matrix(np.array([[3, 1, 0], [0, 4, 0], [1, 0, 2]]), ["猫", "كلب", "ねこ"])) > 1
    assert [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)] == []


def test_letters_that_the_usual_font_lacks_come_from_an_installed_one_that_has_them() -> None:
    figure = Figure()
    usual = figure.text(0, 0, "Katze")
    strange = figure.text(0, 0, "a\u23b4")  # a bracket that STIX has, which matplotlib brings
    lend_fonts(figure)
    assert strange.get_fontfamily()[0] == USUAL_FONT and len(strange.get_fontfamily()) == 2
    assert usual.get_fontfamily() == Figure().text(0, 0, "").get_fontfamily()
    assert find_fonts(frozenset("\U0010fffd")) == ()  # nobody's letter: a font of placeholders is no help
