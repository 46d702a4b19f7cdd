"""Asks a served detector about real images, and compares its answers with what the trained network says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.tasks.object_detection.facts import DetectorExportFacts
from components.tasks.object_detection.images import few_pixels, sample_images
from components.tasks.object_detection.parity import agreement, compare
from components.tasks.task import Expectation
from object_detection.postprocessing import detect_images, detect_prepared
from object_detection.preprocessing import prepare_bytes
from object_detection.saved_detector import read_detector
from object_detection.tflite_export import MIN_SCORE, TfliteDetector
from pipeline.artifacts import Examples, Model, SavedModel
from serving.client import batches as bearable
from serving.parity import Parity

if TYPE_CHECKING:
    from components.tasks.object_detection.images import ImageReader
    from serving.client import Client


AT_ONCE = 8  # images, when the network itself is asked
MAX_AS_PIXELS = 8  # images sent as JSON numbers
# of detections that files of fewer digits must have in common with the network
TFLITE_SHARE = {"float16": 0.95, "int8": 0.8}


Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ExpectedBoxes(Expectation):
    """What the trained network says of some images, worked out as a user of the checkpoint would.

    Attributes:
        images: encoded and as records.
        pixels: some of them decoded, uint8 [height, width, 3] each.
        prepared: as the network takes them, float32 [n, size, size, 3].
        of_files, of_pixels: the answers about `photos` and about `pixels`, arrays by name.
        labels: in the order of the classes.
    """

    images: ImageReader
    pixels: list[NDArray[np.uint8]]
    prepared: NDArray[np.float32]
    of_files: Arrays
    of_pixels: Arrays
    labels: list[str]
    split: str

    def __len__(self) -> int:
        return len(self.images.encoded)

    def ask(self, client: Client, name: str) -> tuple[dict[str, Parity], str]:
        """Send the images by every signature; return the parity of each, and what is wrong with labels and order."""
        signatures = {key: given["inputs"] for key, given in client.metadata(name).items() if given.get("inputs")}
        differences, problem = {}, ""
        for signature, inputs in signatures.items():
            if next(iter(inputs.values()))["dtype"] == "DT_UINT8":
                batches: list[list[Any]] = [[image] for image in self.pixels]
                wanted = self.of_pixels
            else:
                sent = self.images.encoded if "image_bytes" in inputs else self.images.records
                batches, wanted = list(bearable(sent)), self.of_files
            answers = [row for batch in batches for row in client.predict(name, instances=batch, signature=signature)]
            differences[signature] = compare(columns(answers), wanted)
            problem = problem or check(answers, self.labels, signature)
        return differences, problem

    def ask_files(self, saved_model: SavedModel) -> dict[str, Parity]:
        """Ask what lies beside the SavedModel for other runtimes: TensorFlow Lite, if it was exported.

        A file of fewer digits finds other boxes where the network hesitates, so of it a share of the detections is
        asked for.
        """
        facts = saved_model.facts_as(DetectorExportFacts).tflite
        if facts is None:
            return {}
        answers = TfliteDetector(saved_model.file("assets.extra", "model.tflite").read_bytes()).detect(self.prepared)
        if facts.precision not in TFLITE_SHARE:
            return {"tflite": compare(answers, self.of_files)}
        counts, share = agreement(answers, self.of_files, MIN_SCORE), TFLITE_SHARE[facts.precision]
        found = compare(answers, self.of_files, MIN_SCORE, float("inf"))
        total = counts.detections + counts.extra
        if not found.problem and counts.matched < share * total:
            words = f"only {counts.matched} of {total} detections are found by both; at least {share:.0%} should be"
            found = replace(found, problem=words)
        return {"tflite": found}


def expect(examples: Examples, model: Model, count: int) -> ExpectedBoxes:
    """Ask the trained network itself."""
    images, trained = sample_images(examples, count), read_detector(model.path)
    pixels = [few_pixels(image) for image in images.encoded[:MAX_AS_PIXELS]]
    size = trained.config.size
    network = tf.function(partial(detect_prepared, trained), autograph=False, reduce_retracing=True)
    as_pixels = tf.function(partial(detect_images, trained), autograph=False, reduce_retracing=True)
    # where the server computes: a GPU's convolutions have fewer digits
    with tf.device("CPU"):
        prepared = tf.function(prepare_bytes, autograph=False)(tf.constant(images.encoded), size).numpy()
        of_files = gather(network, [prepared[start : start + AT_ONCE] for start in range(0, len(prepared), AT_ONCE)])
        of_pixels = gather(as_pixels, [image[None] for image in pixels])
    return ExpectedBoxes(images, pixels, prepared, of_files, of_pixels, trained.labels, images.split)


def gather(answer: Callable[[NDArray[Any]], dict[str, tf.Tensor]], batches: Sequence[NDArray[Any]]) -> Arrays:
    """Return the answers about all batches as arrays."""
    given = [answer(batch) for batch in batches]
    return {part: np.concatenate([answers[part].numpy() for answers in given]) for part in given[0]}


def columns(answers: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return answers image by image as lists by name."""
    return {part: [answer[part] for answer in answers] for part in answers[0]}


def check(answers: list[dict[str, Any]], labels: list[str], signature: str) -> str:
    """Say what in the answers does not hold together; empty if all does."""
    for place, answer in enumerate(answers):
        number, where = round(answer["num_detections"]), f"signature `{signature}`, photo {place}"
        scores, given = answer["detection_scores"], answer["detection_labels"]
        classes = [round(item) for item in answer["detection_classes"]]
        if sorted(scores, reverse=True) != scores:
            return f"{where}: the detections are not in the order of their scores"
        if any(scores[number:]) or any(given[number:]):
            return f"{where}: there is something beyond the {number} detections"
        for label, item in zip(given[:number], classes[:number], strict=True):
            if not 1 <= item <= len(labels) or label != labels[item - 1]:
                return f"{where}: label `{label}` was given for class {item}"
    return ""
