"""Exports a classifier: signatures that take an image's bytes, pixels or record, and TensorFlow Lite on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.export.config import ExporterConfig
from components.export.saved_model import check_shape, write_saved_model
from components.networks import load_model
from components.tasks.image_classification.config import ImageExporterConfig, Precision
from components.tasks.image_classification.facts import ImageExportFacts, ImageModelFacts, TfliteFacts
from components.tasks.image_classification.images import decode, output_kind, probabilities
from pipeline.artifacts import Examples, Model, SavedModel
from pipeline.errors import UserError
from pipeline.settings import narrow
from serving.samples import FITTED_FIRST, UNSEEN_FIRST, encoded_image, sample_records
from serving.warmup import write_warmup

if TYPE_CHECKING:
    import keras

    from components.tasks.image_classification.images import Shape


SIGNATURES = ("serving_default", "pixels", "examples")


def export(examples: Examples, model: Model, saved_model: SavedModel, config: ExporterConfig) -> None:
    """Write a SavedModel with the signatures `serving_default`, `pixels` and `examples`.

    `serving_default` takes `image_bytes` (string [n]: JPEG, PNG, GIF or BMP of any size; PNG of 16 bits a value are
    made 8 by the rule that the training images were), `pixels` takes `pixels`
    (float [n, H, W, C] in 0..255) and `examples` takes `examples` (string [n]: tf.train.Example with `image/encoded`).
    All answer `probabilities` (float [n, k]), `class_id` (int64 [n]) and `label` (string [n]). The labels lie in
    assets/labels.txt, the warm-up requests in assets.extra.
    """
    config = narrow(config, ImageExporterConfig)
    network = load_model(model)
    facts = model.facts_as(ImageModelFacts)
    labels, shape = facts.labels, facts.input_shape
    assets = {"labels.txt": "".join(f"{label}\n" for label in labels)}
    write_saved_model(
        network, make_signatures(network, labels, shape, facts.deep_bits), assets, "classifier", saved_model.path
    )
    write_warmup_requests(examples, shape, config.warmup_examples, saved_model.path)
    saved_model.write_facts(
        ImageExportFacts(
            task=examples.task,
            signatures=list(SIGNATURES),
            labels=labels,
            input_shape=shape,
            network=facts.network,
            deep_bits=facts.deep_bits,
            tflite=write_tflite(network, examples, shape, config, saved_model.path),
        )
    )


def make_signatures(
    network: keras.Model, labels: list[str], shape: Shape, deep_bits: int | None = None
) -> dict[str, Any]:
    """Return the functions behind the signatures, by name.

    Each makes sure of its input's rank first: some of TensorFlow's fused kernels end the whole process on a wrong one
    instead of refusing the request.
    """
    kind = output_kind(network)

    def classify(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = probabilities(network(tf.cast(pixels, tf.float32), training=False), kind)
        class_id = tf.argmax(scores, axis=-1, output_type=tf.int64)
        return {"probabilities": scores, "class_id": class_id, "label": tf.gather(tf.constant(labels), class_id)}

    def from_bytes(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return classify(decode(check_shape(image_bytes, [None], "image_bytes"), shape, deep_bits=deep_bits))

    def from_pixels(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return classify(check_shape(pixels, [None, *shape], "pixels"))

    def from_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        records = check_shape(examples, [None], "examples")
        parsed = tf.io.parse_example(records, {"image/encoded": tf.io.FixedLenFeature([], tf.string)})
        return classify(decode(parsed["image/encoded"], shape, deep_bits=deep_bits))

    inputs = (
        (from_bytes, tf.TensorSpec([None], tf.string, name="image_bytes")),
        (from_pixels, tf.TensorSpec([None, *shape], tf.float32, name="pixels")),
        (from_examples, tf.TensorSpec([None], tf.string, name="examples")),
    )
    functions = [tf.function(function, input_signature=[spec]) for function, spec in inputs]
    return dict(zip(SIGNATURES, functions, strict=True))


def write_warmup_requests(examples: Examples, shape: Shape, count: int, folder: Path) -> None:
    """Write one request of `count` real images for every signature, and one of a single image."""
    if not count:
        return
    _, records = sample_records(examples, count)
    encoded = [encoded_image(record) for record in records]
    pixels = tf.function(decode)(tf.constant(encoded), shape).numpy().astype(np.float32)
    requests: list[tuple[str, dict[str, Any]]] = []
    for size in dict.fromkeys((1, len(records))):
        requests.append(("serving_default", {"image_bytes": encoded[:size]}))
        requests.append(("pixels", {"pixels": pixels[:size]}))
        requests.append(("examples", {"examples": records[:size]}))
    write_warmup(folder, requests)


def write_tflite(
    network: keras.Model, examples: Examples, shape: Shape, config: ImageExporterConfig, folder: Path
) -> TfliteFacts | None:
    """Convert to TensorFlow Lite, compare with Keras on real images, and return the facts; None if not asked for.

    Raises:
        UserError: the network cannot be converted.
    """
    if config.tflite == "none":
        return None

    def sample(order: tuple[str, ...]) -> tuple[str, NDArray[np.float32]]:
        split, records = sample_records(examples, config.tflite_examples, order)
        encoded = tf.constant([encoded_image(record) for record in records])
        return split, tf.function(decode)(encoded, shape).numpy().astype("float32")

    split, pixels = sample(UNSEEN_FIRST)
    content = convert(network, shape, config.tflite, sample(FITTED_FIRST)[1])
    target = folder / "assets.extra" / "model.tflite"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    expected = probabilities(network.predict(pixels, verbose=0), output_kind(network)).numpy()
    answers = run_tflite(content, pixels)
    return TfliteFacts(
        precision=config.tflite,
        bytes=len(content),
        split=split,
        examples=len(pixels),
        max_difference=round(float(abs(answers - expected).max()), 9),
        same_class=round(float((answers.argmax(1) == expected.argmax(1)).mean()), 6),
    )


def convert(network: keras.Model, shape: Shape, precision: Precision, pixels: NDArray[np.float32]) -> bytes:
    """Return the TensorFlow Lite file; its input is `pixels`, float in 0..255, and its output the probabilities.

    Args:
        pixels: images as the network takes them: int8 is calibrated on them.
    """
    kind = output_kind(network)
    module = tf.Module(name="lite")
    module.state = [variable.value for variable in network.variables]

    def lite(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": probabilities(network(pixels, training=False), kind)}

    # one image at a time: a free batch size keeps some layers from being converted
    traced = tf.function(lite).get_concrete_function(tf.TensorSpec([1, *shape], tf.float32, name="pixels"))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], module)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: ([image[None]] for image in pixels)
    try:
        content: bytes = converter.convert()
    except Exception as error:
        raise UserError(
            f"TensorFlow Lite cannot convert the network `{network.name}`: {str(error).splitlines()[0]}",
            "exporter.tflite",
            "Use `none`, or replace the layer it names.",
        ) from error
    return content


def run_tflite(content: bytes, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return TensorFlow Lite's probabilities, [n, k]."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for image in pixels:
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(target)[0])
    return np.stack(answers)
