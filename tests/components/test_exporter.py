"""The exported SavedModel takes pictures as they are, answers as the network does, and needs no Keras."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2

from components.exporter import exporter
from components.networks import load_model
from components.tasks.image_classification import export as part
from components.tasks.image_classification.config import ImageExporterConfig
from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples, Model, SavedModel, write_manifest
from serving.samples import encoded_image, sample_records
from tests.support.facts import classifier_facts

LABELS = ["cross", "dot", "stripe"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """An untrained network with Dropout, batch norm and augmentation, whose answers depend on every pixel."""
    return make_model(tmp_path_factory.mktemp("model"), (12, 12, 1), "softmax")


def make_model(folder: Path, shape: tuple[int, int, int], activation: str) -> Model:
    keras.utils.set_random_seed(5)
    network = keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.RandomFlip(seed=1),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3, activation=activation, kernel_initializer="random_normal"),
        ]
    )
    model = Model.create(folder)
    network.save(model.file("model.keras"))
    model.write_facts(classifier_facts(LABELS, shape))
    write_manifest(model, 0.0)
    return model


@pytest.fixture(scope="module")
def saved_model(model: Model, tiny_examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    return export(tiny_examples, model, tmp_path_factory.mktemp("export"))


def export(examples: Examples, model: Model, folder: Path, **config: Any) -> SavedModel:
    saved_model = SavedModel.create(folder)
    exporter(examples=examples, model=model, saved_model=saved_model, config=ImageExporterConfig(**config))
    write_manifest(saved_model, 0.0)
    return saved_model


@pytest.fixture(scope="module")
def signatures(saved_model: SavedModel) -> Any:
    return tf.saved_model.load(str(saved_model.path)).signatures


def encode(kind: str, mode: str = "RGB", size: tuple[int, int] = (17, 23)) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind)
    return stream.getvalue()


def test_the_artifact_holds_what_a_server_needs(saved_model: SavedModel) -> None:
    assert saved_model.properties["signatures"] == ["serving_default", "pixels", "examples"]
    assert saved_model.properties["labels"] == LABELS
    assert saved_model.properties["input_shape"] == [12, 12, 1]
    assert saved_model.file("assets", "labels.txt").read_text() == "cross\ndot\nstripe\n"
    assert saved_model.file("assets.extra", "tf_serving_warmup_requests").exists()
    assert sorted(path.name for path in saved_model.path.iterdir()) == [
        "assets",
        "assets.extra",
        "manifest.json",
        "saved_model.pb",
        "variables",
    ]


def test_inputs_and_outputs_have_exactly_the_promised_names_and_types(signatures: Any) -> None:
    inputs = {
        "serving_default": ("image_bytes", "string", [None]),
        "pixels": ("pixels", "float32", [None, 12, 12, 1]),
        "examples": ("examples", "string", [None]),
    }
    for name, (input_name, dtype, shape) in inputs.items():
        [(key, spec)] = signatures[name].structured_input_signature[1].items()
        assert (key, spec.dtype.name, spec.shape.as_list()) == (input_name, dtype, shape)
        outputs = {
            key: (spec.dtype.name, spec.shape.as_list()) for key, spec in signatures[name].structured_outputs.items()
        }
        assert outputs["class_id"][0] == "int64" and outputs["label"][0] == "string"
        assert outputs["probabilities"][0] == "float32" and outputs["probabilities"][1][1] == 3


def test_all_signatures_answer_as_the_network_does(signatures: Any, model: Model, tiny_examples: Examples) -> None:
    _, records = sample_records(tiny_examples, 10)
    encoded = [encoded_image(record) for record in records]
    pixels = np.stack([tf.io.decode_png(image).numpy() for image in encoded]).astype(np.float32)
    expected = keras.saving.load_model(model.file("model.keras")).predict(pixels, verbose=0)
    answers = [
        signatures["serving_default"](image_bytes=tf.constant(encoded)),
        signatures["pixels"](pixels=tf.constant(pixels)),
        signatures["examples"](examples=tf.constant(records)),
    ]
    for answer in answers:
        assert np.abs(answer["probabilities"].numpy() - expected).max() < 1e-6
        assert answer["class_id"].numpy().tolist() == expected.argmax(1).tolist()
        assert answer["label"].numpy().tolist() == [LABELS[number].encode() for number in expected.argmax(1)]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_pictures_of_any_kind_size_and_channels_are_taken(signatures: Any, kind: str, mode: str) -> None:
    if kind == "JPEG" and mode in ("RGBA", "P"):
        pytest.skip("JPEG has neither transparency nor a palette")
    answer = signatures["serving_default"](
        image_bytes=tf.constant([encode(kind, mode), encode(kind, mode, (1, 1)), encode(kind, mode, (12, 12))])
    )
    assert np.allclose(answer["probabilities"].numpy().sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"no picture", encode("PNG")[:60], encode("JPEG")[:80]])
def test_what_is_no_picture_is_an_invalid_argument(signatures: Any, content: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        signatures["serving_default"](image_bytes=tf.constant([content]))


def test_scores_are_turned_into_probabilities_and_colour_is_taken(
    make_examples: Callable[..., Examples], tmp_path: Path
) -> None:
    model = make_model(tmp_path / "model", (8, 10, 3), "sigmoid")
    saved_model = export(make_examples("grey", {"test": 3}), model, tmp_path / "saved_model", warmup_examples=0)
    assert not saved_model.file("assets.extra").exists()
    loaded = tf.saved_model.load(str(saved_model.path)).signatures
    answer = loaded["serving_default"](image_bytes=tf.constant([encode("BMP"), encode("PNG", "L"), encode("GIF")]))
    assert np.allclose(answer["probabilities"].numpy().sum(1), 1, atol=1e-6)


def test_every_signature_is_warmed_up_with_real_pictures(saved_model: SavedModel, tiny_examples: Examples) -> None:
    logs = [
        prediction_log_pb2.PredictionLog.FromString(record)
        for record in read_records(saved_model.file("assets.extra", "tf_serving_warmup_requests"))
    ]
    requests = [log.predict_log.request for log in logs]
    assert {request.model_spec.signature_name for request in requests} == {"serving_default", "pixels", "examples"}
    sent = requests[0].inputs["image_bytes"].string_val[0]
    images = [
        decode_example(record)["image/encoded"][0]
        for shard in tiny_examples.shards("test")
        for record in read_records(shard)
    ]
    assert sent in images


def test_it_loads_and_answers_where_keras_cannot_be_imported(saved_model: SavedModel) -> None:
    code = """
import sys
sys.modules["keras.src"] = sys.modules["tf_keras"] = None
import tensorflow as tf
try:
    import keras
except ImportError:
    pass
else:
    sys.exit("keras could be imported")
signature = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
print(signature(image_bytes=tf.constant([open(sys.argv[2], "rb").read()]))["label"].numpy()[0].decode())
"""
    image = saved_model.path.parent / "picture.png"
    image.write_bytes(encode("PNG"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(saved_model.path), str(image)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in LABELS


def test_the_same_model_gives_the_same_answers_warm_up_and_assets(
    saved_model: SavedModel, signatures: Any, model: Model, tiny_examples: Examples, tmp_path: Path
) -> None:
    again = export(tiny_examples, model, tmp_path / "again")
    for name in ("assets/labels.txt", "assets.extra/tf_serving_warmup_requests"):
        assert again.file(name).read_bytes() == saved_model.file(name).read_bytes()
    assert again.properties == saved_model.properties
    image = tf.constant([encode("PNG")])
    second = tf.saved_model.load(str(again.path)).signatures["serving_default"](image_bytes=image)
    assert (
        second["probabilities"].numpy() == signatures["serving_default"](image_bytes=image)["probabilities"].numpy()
    ).all()


@pytest.mark.parametrize(("precision", "most"), [("float32", 1e-5), ("float16", 1e-2), ("int8", 0.2)])
def test_tflite_on_request_is_checked_against_keras(
    model: Model, tiny_examples: Examples, tmp_path: Path, precision: str, most: float
) -> None:
    saved_model = export(
        tiny_examples, model, tmp_path / precision, tflite=precision, tflite_examples=20, warmup_examples=1
    )
    facts = saved_model.properties["tflite"]
    assert facts["max_difference"] < most
    assert facts["examples"] == 20 and facts["split"] == "test"
    assert saved_model.file("assets.extra", "model.tflite").stat().st_size == facts["bytes"]


def test_int8_is_calibrated_on_training_pictures_and_checked_on_others(
    model: Model, make_examples: Callable[..., Examples], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dark = make_examples("dark", {"train": 20, "test": 20}, brightness={"train": 0.1})
    network, seen = load_model(model), {}

    def convert(*given: Any) -> bytes:
        seen["calibration"] = given[3]
        return b""

    def run_tflite(_: bytes, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        seen["check"] = pixels
        answers: NDArray[np.float32] = network.predict(pixels, verbose=0)
        return answers

    monkeypatch.setattr(part, "convert", convert)
    monkeypatch.setattr(part, "run_tflite", run_tflite)
    part.write_tflite(network, dark, (12, 12, 1), ImageExporterConfig(tflite="int8"), tmp_path)
    assert seen["calibration"].max() < 30 < seen["check"].max()
