"""A picture becomes the same pixels everywhere, and a network's outputs become probabilities."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from components.tasks import find_task
from components.tasks.image_classification import images
from pipeline.artifacts import Examples
from pipeline.errors import UserError
from tests.support.facts import image_facts


def encode(pixels: NDArray[np.uint8], image_format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, image_format, **options)
    return stream.getvalue()


def decode(encoded: list[bytes], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.asarray(images.decode(tf.constant(encoded), shape))


@pytest.fixture
def image() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(np.uint8)


def test_a_picture_of_the_right_size_keeps_every_pixel(image: NDArray[np.uint8]) -> None:
    decoded = decode([encode(image), encode(image[::-1])], (7, 9, 3))
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, [image, image[::-1]])


def test_jpeg_bmp_and_gif_are_decoded_too(image: NDArray[np.uint8]) -> None:
    smooth = np.broadcast_to(np.linspace(0, 255, 9).astype(np.uint8)[np.newaxis, :, np.newaxis], (7, 9, 3)).copy()
    found = decode([encode(smooth, "JPEG", quality=95), encode(image, "BMP"), encode(smooth, "GIF")], (7, 9, 3))
    assert np.abs(found[0].astype(int) - smooth).max() < 12
    np.testing.assert_array_equal(found[1], image)
    assert found[2].shape == (7, 9, 3)


def test_grey_is_repeated_for_a_colour_network_and_colour_becomes_luma_for_a_grey_one(image: NDArray[np.uint8]) -> None:
    grey = image[:, :, 0]
    np.testing.assert_array_equal(decode([encode(grey)], (7, 9, 3))[0], np.stack([grey] * 3, axis=-1))
    luma = np.asarray(Image.fromarray(image).convert("L")).astype(int)
    assert np.abs(decode([encode(image)], (7, 9, 1))[0, :, :, 0] - luma).max() < 40


def test_resizing_is_antialiased_and_rounded() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (16, 8))
    shrunk = decode([encode(stripes)], (4, 4, 1))
    assert shrunk.dtype == np.uint8
    assert 100 < shrunk.min() <= shrunk.max() < 155  # without the filter it would be all black or all white
    assert decode([encode(stripes)], (32, 20, 1)).shape == (1, 32, 20, 1)


def test_pictures_of_several_sizes_share_a_batch(image: NDArray[np.uint8]) -> None:
    found = decode([encode(image), encode(image[:3]), encode(image[:, :4])], (5, 6, 3))
    assert found.shape == (3, 5, 6, 3)


def test_an_empty_batch_stays_empty() -> None:
    assert images.decode(tf.zeros([0], tf.string), (5, 6, 3)).shape == (0, 5, 6, 3)


def test_a_picture_is_the_same_alone_and_in_a_batch(image: NDArray[np.uint8]) -> None:
    alone = decode([encode(image)], (16, 5, 3))[0]
    together = decode([encode(image[::-1]), encode(image), encode(image)], (16, 5, 3))
    np.testing.assert_array_equal(alone, together[1])
    np.testing.assert_array_equal(alone, together[2])


@pytest.mark.parametrize(
    ("common", "channels", "asked", "expected"),
    [([28, 28, 1], 1, None, (28, 28, 1)), ([28, 28, 3], 3, (14, 10), (14, 10, 3)), (None, 3, (9, 9), (9, 9, 3))],
)
def test_the_input_shape_is_the_common_one_or_the_one_asked_for(
    tmp_path: Path,
    common: list[int] | None,
    channels: int,
    asked: tuple[int, int] | None,
    expected: tuple[int, int, int],
) -> None:
    examples = Examples(tmp_path)
    examples.write_facts(image_facts(image_shape=common, channels=channels))
    assert images.input_shape(examples, asked) == expected


def test_softmax_outputs_stay_and_sigmoid_scores_are_made_to_sum_to_one() -> None:
    shares = tf.constant([[0.2, 0.8]])
    np.testing.assert_array_equal(images.probabilities(shares, "probabilities"), shares)
    scores = np.asarray(images.probabilities(tf.constant([[0.9, 0.3], [0.0, 0.0]]), "scores"))
    np.testing.assert_allclose(scores, [[0.75, 0.25], [0.0, 0.0]], rtol=1e-6)


@pytest.mark.parametrize(("activation", "kind"), [("softmax", "probabilities"), ("sigmoid", "scores")])
def test_the_last_activation_says_what_outputs_are(activation: str, kind: str) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation=activation)])
    assert images.output_kind(model) == kind


def test_outputs_that_are_no_probabilities_are_refused() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="logits")])
    with pytest.raises(UserError, match="`logits`.*linear") as error:
        images.output_kind(model)
    assert "softmax" in error.value.fix


def test_tasks_are_found_by_name_and_the_nearest_is_suggested() -> None:
    assert find_task("image_classification").name == "image_classification"
    with pytest.raises(UserError) as error:
        find_task("image_clasification")
    assert "Did you mean `image_classification`" in error.value.fix


@pytest.mark.parametrize("common", [[7, 9, 3], None, [8, 8, 3]])
def test_pictures_of_one_size_are_read_as_those_of_several(
    tmp_path: Path, image: NDArray[np.uint8], common: list[int] | None
) -> None:
    feature = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[encode(image)])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[4])),
    }
    record = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
    examples = Examples(tmp_path)
    examples.write_facts(image_facts(image_shape=common))
    pixels, labels = images.reader(examples, (7, 9, 3))(tf.constant([record, record]))
    np.testing.assert_array_equal(pixels, [image, image])
    np.testing.assert_array_equal(labels, [4, 4])


def test_examples_that_do_not_say_what_is_needed_are_refused_and_nothing_is_guessed(tmp_path: Path) -> None:
    examples = Examples(tmp_path, {"task": "image_classification", "splits": {"train": 3}, "labels": ["cat", "dog"]})
    with pytest.raises(UserError, match="`label_counts`, `image_shape`, `channels`") as error:
        images.input_shape(examples, None)
    assert "--fresh" in error.value.fix
