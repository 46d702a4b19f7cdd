"""The networks are those of the published labs, layer by layer, and each keeps the contract of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from components.networks import PixelStatistics, _distortions, find_network, names, network_config, preset
from components.tasks.image_classification.config import ImageTrainerConfig
from pipeline.errors import UserError
from tests.support import contracts_network

PIXELS = PixelStatistics(0.25, 0.5, (0.25,), (0.5,))
SHAPES = {"distorted_cnn": (26, 28, 3), "small_vgg": (16, 16, 3), "lenet5": (28, 28, 1)}
NAMES = [name for name in names("image_classification") if name != "transfer"]  # which has tests of its own


def build(name: str, shape: tuple[int, int, int], outputs: int = 10, **options: Any) -> Any:
    return find_network(name).build(shape, outputs, network_config(name, options), PIXELS)


def parameters_by_layer(model: Any) -> list[int]:
    return [layer.count_params() for layer in model.layers if layer.count_params()]


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_network_keeps_the_contract(name: str, tmp_path: Path) -> None:
    contracts_network.check_network(name, SHAPES.get(name, (12, 12, 1)), tmp_path)


@pytest.fixture(scope="module")
def body_weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of weights of a body without its head, as users download it."""
    config = network_config("transfer", {"weights": "none", "width": 0.35})
    file = tmp_path_factory.mktemp("transfer") / "body.weights.h5"
    find_network("transfer").make_body((32, 32, 3), config).save_weights(file)
    return str(file)


@pytest.mark.slow
def test_transfer_keeps_the_contract(body_weights: str, tmp_path: Path) -> None:
    contracts_network.check_network("transfer", (32, 32, 1), tmp_path, {"weights": body_weights, "width": 0.35})


@pytest.mark.slow
@pytest.mark.parametrize("body", ["MobileNetV3Small", "MobileNetV3Large"])
def test_transfer_keeps_the_contract_with_other_bodies(body: str, tmp_path: Path) -> None:
    contracts_network.check_network("transfer", (32, 32, 3), tmp_path, {"weights": "none", "body": body})


@pytest.mark.parametrize("name", names("image_classification"))
def test_every_preset_is_a_valid_training(name: str) -> None:
    ImageTrainerConfig.model_validate({"network": name, **preset(name).get("trainer", {})})


def test_cnn_has_the_published_121930_parameters() -> None:
    model = build("cnn", (28, 28, 1))
    assert parameters_by_layer(model) == [320, 18_496, 102_464, 650]
    assert model.count_params() == 121_930


@pytest.mark.parametrize(
    ("name", "shape", "options", "parameters"),
    [
        ("perceptron", (28, 28, 1), {}, [19_625, 260]),
        ("dense", (28, 28, 1), {}, [628_000, 8_010]),
        ("dense", (28, 28, 1), {"layers": [10, 10]}, [7_850, 110, 110]),
        ("dense", (28, 28, 1), {"layers": [1]}, [785, 20]),
        ("lenet5", (28, 28, 1), {}, [156, 2_416, 48_120, 494_004, 850]),
        ("small_vgg", (32, 32, 3), {}, [896, 9_248, 18_496, 36_928, 1_180_160, 5_130]),
        ("distorted_cnn", (32, 32, 3), {}, [4_864, 256, 102_464, 590_080, 32_896, 1_290]),
        ("distorted_cnn", (28, 28, 1), {}, [1_664, 256, 102_464, 590_080, 32_896, 1_290]),
    ],
)
def test_networks_have_the_parameters_of_their_layers(
    name: str, shape: tuple[int, int, int], options: dict[str, Any], parameters: list[int]
) -> None:
    assert parameters_by_layer(build(name, shape, **options)) == parameters


def test_transfer_counts_a_frozen_body_and_a_small_head() -> None:
    # MobileNetV2 without its head has 2,257,984 parameters (keras.io/api/applications)
    model = build("transfer", (32, 32, 3), outputs=5, weights="none")
    assert model.count_params() == 2_257_984 + 1280 * 5 + 5


def test_perceptron_begins_with_small_uniform_weights_and_standardises_its_input() -> None:
    model = build("perceptron", (28, 28, 1))
    for layer in model.layers[-2:]:
        kernel, bias = layer.get_weights()
        assert -0.1 <= kernel.min() < -0.09
        assert 0.09 < kernel.max() <= 0.1
        assert not bias.any()
    scaling = model.layers[0]
    np.testing.assert_allclose(np.asarray(scaling(np.full((1, 1), 0.75 * 255, np.float32))), 1.0, rtol=1e-5)


@pytest.mark.parametrize(("n", "hidden"), [(1, 2), (5, 2), (6, 3), (10, 3), (11, 4), (15, 4), (16, 5), (20, 5)])
def test_perceptron_variants_have_two_to_five_hidden_layers(n: int, hidden: int) -> None:
    model = build("perceptron_variant", (28, 28, 1), n=n)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Dense") == hidden + 1
    assert kinds.count("BatchNormalization") == hidden


def test_odd_variants_normalise_before_tanh_and_even_ones_after_sigmoid() -> None:
    odd, even = build("perceptron_variant", (28, 28, 1), n=3), build("perceptron_variant", (28, 28, 1), n=4)
    assert [type(layer).__name__ for layer in odd.layers[2:5]] == ["Dense", "BatchNormalization", "Activation"]
    assert odd.layers[4].activation.__name__ == "tanh"
    assert type(odd.layers[2].kernel_initializer).__name__ == "GlorotUniform"
    assert [type(layer).__name__ for layer in even.layers[2:4]] == ["Dense", "BatchNormalization"]
    assert even.layers[2].activation.__name__ == "sigmoid"
    assert type(even.layers[2].kernel_initializer).__name__ == "HeUniform"


def test_distorted_cnn_cuts_each_picture_at_its_own_place_and_the_middle_at_test_time() -> None:
    rows, columns = np.mgrid[0:32, 0:28]
    images = np.repeat((rows * 100 + columns)[np.newaxis, :, :, np.newaxis], 50, axis=0).astype(np.float32)
    window = _distortions.RandomWindow(24, 24, seed=1)
    cut = np.asarray(window(images, training=True))
    corners = cut[:, 0, 0, 0].astype(int)
    np.testing.assert_array_equal(cut[:, -1, -1, 0], corners + 23 * 100 + 23)
    assert set(corners // 100) == set(range(9))
    assert set(corners % 100) == set(range(5))
    np.testing.assert_array_equal(np.asarray(window(images, training=False)), images[:, 4:28, 2:26])


def test_distorted_colours_keep_to_their_ranges_and_leave_test_pictures_alone() -> None:
    random = np.random.default_rng(0)
    images = random.uniform(0.3, 0.6, (200, 4, 4, 3)).astype(np.float32)
    colour = _distortions.RandomColour(0.05, (0.3, 1.0), 0.2, (0.0, 2.0), seed=1)
    np.testing.assert_array_equal(np.asarray(colour(images, training=False)), images)
    distorted = np.asarray(colour(images, training=True))
    assert distorted.min() >= 0
    assert distorted.max() <= 1
    only_contrast = _distortions.RandomColour(0.0, (0.3, 1.0), 0.0, (1.0, 1.0), seed=1)
    factors = np.asarray(only_contrast(images, training=True)).std(axis=(1, 2)) / images.std(axis=(1, 2))
    assert factors.min() == pytest.approx(0.3, abs=0.02)
    assert factors.max() == pytest.approx(1.0, abs=0.02)
    only_brightness = _distortions.RandomColour(0.0, (1.0, 1.0), 0.2, (1.0, 1.0), seed=1)
    shifts = (np.asarray(only_brightness(images, training=True)) - images).mean(axis=(1, 2, 3))
    assert shifts.min() == pytest.approx(-0.2, abs=0.01)
    assert shifts.max() == pytest.approx(0.2, abs=0.01)


def test_a_grey_picture_has_neither_hue_nor_saturation() -> None:
    colour = _distortions.RandomColour(0.05, (1.0, 1.0), 0.0, (0.0, 2.0), seed=1)
    grey = np.random.default_rng(0).uniform(0, 1, (5, 4, 4, 1)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(colour(grey, training=True)), grey, atol=1e-6)


def test_fine_tuning_frees_the_body_but_not_its_pretrained_batch_statistics(body_weights: str) -> None:
    options = {"weights": body_weights, "width": 0.35}
    model = build("transfer", (32, 32, 3), outputs=5, **options)
    assert len(model.trainable_variables) == 2  # kernel and bias of the head
    find_network("transfer").unfreeze(model, network_config("transfer", options))
    trained = [variable.path for variable in model.trainable_variables]
    assert len(trained) > 50
    assert not any("gamma" in path or "beta" in path for path in trained)


def test_weights_that_do_not_exist_or_do_not_fit_are_explained(body_weights: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        build("transfer", (32, 32, 3), weights=str(tmp_path / "none.h5"))
    with pytest.raises(UserError, match="do not fit"):
        build("transfer", (32, 32, 3), weights=body_weights, width=0.5)


def test_a_convolution_agrees_with_the_first_worked_example() -> None:
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, :, 3:5] = 1
    kernel = np.zeros((3, 3, 1, 1), np.float32)
    kernel[:, 1] = 1
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, activation="relu"), keras.layers.GlobalMaxPooling2D()]
    )
    model.layers[0].set_weights([kernel, np.zeros(1)])
    assert model.layers[0].count_params() == 10
    assert float(np.asarray(model(image))[0, 0]) == 3.0


def test_a_convolution_and_a_pooling_agree_with_the_second_worked_example() -> None:
    image = np.array(
        [[1, 2, -4, 0, 7], [-3, 5, 0, 4, -2], [1, 4, -6, 8, 5], [3, 7, -1, 0, 2], [6, 1, 2, -2, 1]], np.float32
    )
    kernel = np.array([[-1, 0, -1], [0, 2, 0], [-1, 0, -1]], np.float32)
    layer = keras.layers.Conv2D(1, 3, use_bias=False)
    layer.build((None, 5, 5, 1))
    layer.set_weights([kernel[:, :, np.newaxis, np.newaxis]])
    result = np.asarray(layer(image[np.newaxis, :, :, np.newaxis]))[0, :, :, 0]
    np.testing.assert_array_equal(result, [[18, -14, 6], [9, -28, 17], [11, -13, -2]])

    values = np.array([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]], np.float32)
    pooled = np.asarray(keras.layers.MaxPooling2D(2)(values[np.newaxis, :, :, np.newaxis]))[0, :, :, 0]
    np.testing.assert_array_equal(pooled, [[20, 30], [112, 37]])


def test_an_unknown_network_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match="lenet5") as error:
        find_network("lenet")
    assert "Did you mean `lenet5`" in error.value.fix


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="filter_count"):
        network_config("cnn", {"filter_count": 3})


def test_a_window_larger_than_the_pictures_is_explained() -> None:
    with pytest.raises(UserError, match="smaller than the window of 24") as error:
        build("distorted_cnn", (20, 28, 1))
    assert "trainer.options.crop=15" in error.value.fix


def test_your_own_network_is_one_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import keras\n"
        "from pipeline.settings import Settings\n"
        "class Config(Settings):\n"
        "    units: int = 5\n"
        "def build(input_shape, outputs, config, pixels):\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),\n"
        "                             keras.layers.Dense(config.units),\n"
        "                             keras.layers.Dense(outputs, activation='softmax')])\n"
    )
    model = contracts_network.check_network(str(file), (6, 6, 1), tmp_path, {"units": 4})
    assert model.count_params() == 36 * 4 + 4 + 4 * 3 + 3


@pytest.mark.parametrize(
    ("text", "message"), [("Config = 1", "has no `build`"), ("1 / 0", "ZeroDivisionError"), (None, "does not exist")]
)
def test_a_broken_network_file_says_what_is_wrong(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "broken.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message):
        find_network(str(file))
