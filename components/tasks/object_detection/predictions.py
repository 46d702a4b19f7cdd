"""What a trained detector finds on every image of a split, beside what is there.

Images come and go, so memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.tasks.object_detection.metrics import Bools, Detections, GroundTruth, Integers
from data.detection.records import EDGES
from data.tfrecord import FeatureValue, decode_example, in_batches, read_records
from object_detection.postprocessing import detect_bytes
from object_detection.saved_detector import read_detector
from pipeline.artifacts import Examples, Model
from pipeline.errors import UserError, did_you_mean
from pipeline.progress import Progress

if TYPE_CHECKING:
    from object_detection.saved_detector import SavedDetector


Features = dict[str, list[FeatureValue]]
Answerer = Callable[[Sequence[bytes]], list[Detections]]


@dataclass(frozen=True)
class Predicted:
    """Images in the order of the records: what is on each and what was found, classes numbered as the examples do."""

    truth: list[GroundTruth]
    detections: list[Detections]


def predict(model: Model, examples: Examples, split: str, batch_size: int, progress: Progress) -> Predicted:
    """Answer about every image of a split as the served model does.

    Raises:
        UserError: the model knows a class that the examples lack, or the split has no photos.
    """
    trained = read_detector(model.path)
    size = max(1, min(batch_size, examples.splits.get(split, 0)))
    return answer_split(compile_answers(trained, size, examples.labels), examples, split, size, progress)


def compile_answers(trained: SavedDetector, batch_size: int, labels: Sequence[str]) -> Answerer:
    """Return a function from at most `batch_size` encoded images to detections; it is traced once, so keep it.

    Args:
        labels: names of the classes in the order in which detections shall number them.
    """
    numbers = np.array([0, *numbers_of(trained.labels, labels)])
    answer = tf.function(
        lambda encoded: detect_bytes(trained, encoded),
        input_signature=[tf.TensorSpec([batch_size], tf.string)],
        autograph=False,
    )

    def detect(images: Sequence[bytes]) -> list[Detections]:
        filled = [*images, *[images[-1]] * (batch_size - len(images))]
        found = {name: tensor.numpy() for name, tensor in answer(tf.constant(filled)).items()}
        return [one_image(found, place, numbers) for place in range(len(images))]

    return detect


def numbers_of(known: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Return which number of the labels each class of a network has; an earlier network may have another order."""
    places = {label: number for number, label in enumerate(labels, 1)}
    for label in known:
        if label not in places:
            raise UserError(
                f"The model finds `{label}`, a class that the examples do not have.",
                "evaluator",
                did_you_mean(label, labels),
            )
    return [places[label] for label in known]


def one_image(found: Mapping[str, NDArray[np.generic]], place: int, numbers: Integers) -> Detections:
    """Return the detections of one image of a batch's answer."""
    count = int(found["num_detections"][place])
    return Detections(
        found["detection_boxes"][place, :count].astype(np.float64),
        found["detection_scores"][place, :count].astype(np.float64),
        numbers[found["detection_classes"][place, :count].astype(np.int64)],
    )


def answer_split(
    answer: Answerer, examples: Examples, split: str, batch_size: int, progress: Progress, job: str = "scoring"
) -> Predicted:
    """Ask `answer` about every image of a split."""
    truth: list[GroundTruth] = []
    detections: list[Detections] = []
    with progress.job(f"{job} {split}", total=examples.splits.get(split)) as advance:
        for rows in in_batches(read_split(examples, split), batch_size):
            truth += [read_truth(row) for row in rows]
            detections += answer([encoded_of(row) for row in rows])
            advance(len(rows))
    if not truth:
        raise UserError(f"There are no photos in split `{split}`.", str(examples.path), "Name another split.")
    return Predicted(truth, detections)


def read_split(examples: Examples, split: str) -> Iterator[Features]:
    """Yield the features of every record of a split, in order."""
    return map(decode_example, read_records(*examples.shards(split)))


def read_truth(features: Features) -> GroundTruth:
    """Return what a record says is on its image; marks that records of others lack are taken as 0."""
    classes = np.array(features.get("image/object/class/label", []), np.int64)

    def marks(name: str) -> Bools:
        values = np.array(features.get(f"image/object/{name}", []), bool)
        return values if len(values) == len(classes) else np.zeros(len(classes), bool)

    edges = [np.array(features.get(f"image/object/bbox/{edge}", []), np.float64) for edge in EDGES]
    height, width = (int(features[f"image/{name}"][0]) for name in ("height", "width"))
    filename = next(iter(features.get("image/filename", [])), b"")
    return GroundTruth(
        filename.decode("utf-8", "replace") if isinstance(filename, bytes) else str(filename),
        (height, width),
        np.stack(edges, axis=1).reshape(-1, 4),
        classes,
        marks("difficult"),
        marks("is_crowd"),
    )


def encoded_of(features: Features) -> bytes:
    """Return a record's JPEG or PNG file."""
    content = features["image/encoded"][0]
    assert isinstance(content, bytes)
    return content


def read_images(examples: Examples, split: str, wanted: Sequence[int]) -> dict[int, bytes]:
    """Return the encoded images at some places of a split."""
    chosen = set(wanted)
    return {
        place: encoded_of(features) for place, features in enumerate(read_split(examples, split)) if place in chosen
    }
