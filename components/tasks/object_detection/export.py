"""Exports a detector: signatures as the Object Detection API's exporter named them, and TensorFlow Lite on request."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from components.export.config import ExporterConfig
from components.export.saved_model import check_shape, write_saved_model
from components.tasks.object_detection.config import DetectionExporterConfig, Kind
from components.tasks.object_detection.facts import DetectorExportFacts, TfliteFacts
from components.tasks.object_detection.images import few_pixels, sample_images
from components.tasks.object_detection.parity import agreement, compare
from data.detection.label_map import LABEL_MAP
from object_detection.postprocessing import detect_prepared
from object_detection.preprocessing import prepare_bytes, prepare_examples, prepare_images
from object_detection.saved_detector import read_detector
from object_detection.tflite_export import MIN_SCORE, TfliteDetector, convert
from pipeline.artifacts import Examples, Model, SavedModel
from pipeline.settings import narrow
from serving.samples import FITTED_FIRST
from serving.signatures import DEFAULT_SIGNATURE
from serving.warmup import write_warmup

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.tasks.object_detection.images import ImageReader
    from object_detection.saved_detector import SavedDetector


TFLITE_FILE = Path("assets.extra", "model.tflite")
AT_ONCE = 8  # images, when the network itself is asked


def export(examples: Examples, model: Model, saved_model: SavedModel, config: ExporterConfig) -> None:
    """Write a SavedModel with three signatures, of which the default one is called `serving_default`.

    `image_bytes` takes `image_bytes` (string [n]: JPEG, PNG, GIF or BMP of any sizes), `image_tensor` takes `inputs`
    (uint8 [n, height, width, 3]), `tf_example` takes `inputs` (string [n]: tf.train.Example with `image/encoded`).
    `inputs` is what the Object Detection API called its input: an old client names the signature and changes nothing
    else. All answer as `object_detection.postprocessing` says. The labels lie in assets/labels.txt and
    assets/label_map.pbtxt, the warm-up requests in assets.extra.
    """
    config = narrow(config, DetectionExporterConfig)
    trained = read_detector(model.path)
    functions = make_signatures(trained, config.default_signature)
    assets = {
        "labels.txt": "".join(f"{label}\n" for label in trained.labels),
        LABEL_MAP: model.file(LABEL_MAP).read_text("utf-8"),
    }
    write_saved_model(None, functions, assets, "detector", saved_model.path)
    if config.warmup_examples:
        images = sample_images(examples, config.warmup_examples)
        write_warmup_requests(images, config.default_signature, saved_model.path)
    saved_model.write_facts(
        DetectorExportFacts(
            task=examples.task,
            signatures=list(functions),
            default_signature=config.default_signature,
            labels=trained.labels,
            input_size=trained.config.size,
            network=model.facts.network,
            tflite=write_tflite(trained, examples, config, saved_model.path),
        )
    )


def make_signatures(trained: SavedDetector, default: Kind) -> dict[str, Any]:
    """Return the functions behind the signatures, by name, the default one first.

    Each makes sure of its input's rank first: some of TensorFlow's fused kernels end the whole process on a wrong one
    instead of refusing the request.
    """
    size, answer = trained.config.size, freeze(trained)

    def image_bytes(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(prepare_bytes(check_input(image_bytes, [None], "image_bytes"), size))

    def image_tensor(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(prepare_images(check_input(inputs, [None, None, None, 3], "inputs"), size))

    def tf_example(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(prepare_examples(check_input(inputs, [None], "inputs"), size))

    inputs = (
        (image_bytes, tf.TensorSpec([None], tf.string, name="image_bytes")),
        (image_tensor, tf.TensorSpec([None, None, None, 3], tf.uint8, name="inputs")),
        (tf_example, tf.TensorSpec([None], tf.string, name="inputs")),
    )
    functions = {
        function.__name__: tf.function(function, autograph=False, input_signature=[spec]) for function, spec in inputs
    }
    return {DEFAULT_SIGNATURE: functions.pop(default), **functions}


def freeze(trained: SavedDetector) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the network from prepared images to answers, its weights constants, as the Object Detection API froze it.

    TensorFlow then folds batch normalisation into the convolutions and lays out their weights once, which takes a
    quarter off the time of a request.
    """
    size = trained.config.size
    network = tf.function(partial(detect_prepared, trained), autograph=False)
    function = network.get_concrete_function(tf.TensorSpec([None, size, size, 3], tf.float32))
    names, frozen = sorted(function.structured_outputs), convert_variables_to_constants_v2(function)
    return lambda prepared: dict(zip(names, frozen(prepared), strict=True))


def check_input(tensor: tf.Tensor, shape: list[int | None], name: str) -> tf.Tensor:
    """Return the tensor; in the graph, refuse one of another shape, and one of no images: convolutions fail on it."""
    checked = check_shape(tensor, shape, name)
    with tf.control_dependencies([tf.debugging.assert_greater(tf.shape(checked)[0], 0, f"`{name}` holds no photo")]):
        return tf.identity(checked)


def write_warmup_requests(images: ImageReader, default: Kind, folder: Path) -> None:
    """Write requests of one real image and of all of them; as pixels one by one, since their sizes differ."""
    sizes = dict.fromkeys((1, len(images.encoded)))
    requests: list[tuple[Kind, dict[str, Any]]] = [
        *(("image_bytes", {"image_bytes": images.encoded[:size]}) for size in sizes),
        *(("image_tensor", {"inputs": few_pixels(image)[None]}) for image in images.encoded),
        *(("tf_example", {"inputs": images.records[:size]}) for size in sizes),
    ]
    write_warmup(folder, [(DEFAULT_SIGNATURE if kind == default else kind, arrays) for kind, arrays in requests])


def write_tflite(
    trained: SavedDetector, examples: Examples, config: DetectionExporterConfig, folder: Path
) -> TfliteFacts | None:
    """Convert to TensorFlow Lite, compare with Keras on real images, and return the facts; None if not asked for.

    Raises:
        UserError: the network cannot be converted.
    """
    if config.tflite == "none":
        return None
    images = sample_images(examples, config.tflite_examples)
    with tf.device("CPU"):  # a GPU's convolutions have fewer digits
        prepared = prepare(images, trained)
        fitted = prepare(sample_images(examples, config.tflite_examples, FITTED_FIRST), trained)
        answer = tf.function(partial(detect_prepared, trained), autograph=False, reduce_retracing=True)
        batches = [answer(prepared[start : start + AT_ONCE]) for start in range(0, len(prepared), AT_ONCE)]
    expected = {part: np.concatenate([batch[part].numpy() for batch in batches]) for part in batches[0]}
    content = convert(trained, config.tflite, fitted)
    target = folder / TFLITE_FILE
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    answers = TfliteDetector(content).detect(prepared)
    return TfliteFacts(
        precision=config.tflite,
        bytes=len(content),
        split=images.split,
        examples=len(images.encoded),
        least_score=MIN_SCORE,
        max_difference=round(compare(answers, expected, MIN_SCORE).max_difference, 9),
        **agreement(answers, expected, MIN_SCORE)._asdict(),
    )


def prepare(images: ImageReader, trained: SavedDetector) -> NDArray[np.float32]:
    """Return images as the network takes them, [n, size, size, 3]."""
    prepared = tf.function(prepare_bytes, autograph=False)(tf.constant(images.encoded), trained.config.size)
    pixels: NDArray[np.float32] = prepared.numpy()
    return pixels
