"""Asks a served classifier about real images, and compares its answers with what the trained network says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from components.networks import load_model
from components.tasks.image_classification.facts import ImageNetworkFacts
from components.tasks.image_classification.images import decode, output_kind, probabilities
from components.tasks.task import Expectation
from data.images.image import encode_png
from pipeline.artifacts import Examples, Model
from serving.client import IMAGES_AT_ONCE
from serving.parity import Parity, check_labels, compare
from serving.samples import encoded_image, sample_records

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from serving.client import Client


MAX_PIXEL_VALUES = 600_000  # sent as JSON numbers, about 2.5 MB


@dataclass(frozen=True)
class ExpectedClasses(Expectation):
    """What the trained network says of some images, worked out as a user of the .keras file would."""

    records: list[bytes]
    encoded: list[bytes]
    pixels: NDArray[np.uint8]
    probabilities: NDArray[np.float32]
    labels: list[str]
    split: str
    deep: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.records)

    def ask(self, client: Client, name: str) -> tuple[dict[str, Parity], str]:
        """Send the images by every signature; return the parity of each, and what is wrong with the labels."""
        few = min(len(self.records), max(1, MAX_PIXEL_VALUES // self.pixels[0].size))
        sent: dict[str, list[Any]] = {
            "serving_default": self.encoded,
            "examples": self.records,
            "pixels": list(self.pixels[:few]),
        }
        if self.deep:
            sent["serving_default (16 bits)"] = self.deep
        differences, problem = {}, ""
        for signature, instances in sent.items():
            answers: list[dict[str, Any]] = []
            for start in range(0, len(instances), IMAGES_AT_ONCE):
                answers += client.predict(
                    name, instances=instances[start : start + IMAGES_AT_ONCE], signature=signature.partition(" ")[0]
                )
            got = [answer["probabilities"] for answer in answers]
            differences[signature] = compare(got, self.probabilities[: len(instances)])
            if not differences[signature].problem:
                class_ids, given = [answer["class_id"] for answer in answers], [answer["label"] for answer in answers]
                problem = problem or check_labels(class_ids, given, got, self.labels)
        return differences, problem


def expect(examples: Examples, model: Model, count: int) -> ExpectedClasses:
    """Ask the trained network itself."""
    split, records = sample_records(examples, count)
    encoded = [encoded_image(record) for record in records]
    network, facts = load_model(model), model.facts_as(ImageNetworkFacts)
    pixels = tf.function(decode)(tf.constant(encoded), facts.input_shape).numpy()
    answers = probabilities(
        network.predict(pixels.astype("float32"), batch_size=32, verbose=0), output_kind(network)
    ).numpy()
    deep = [deepened(image, facts.deep_bits) for image in encoded] if facts.deep_bits else []
    return ExpectedClasses(records, encoded, pixels, answers, facts.labels, split, deep)


def deepened(encoded: bytes, bits: int) -> bytes:
    """Return a PNG of 16 bits a value that must be answered as a stored image is: its values fill so many bits."""
    stored = tf.io.decode_image(encoded, expand_animations=False).numpy().astype("uint16") << (bits - 8)
    return encode_png(stored[..., 0] if stored.shape[2] == 1 else stored)
