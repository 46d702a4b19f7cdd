"""Asks a served classifier about images, for `labline predict` and the demo, and puts its answers into words."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from components.tasks.task import PredictOptions
from data.tfrecord import decode_example
from pipeline.artifacts import Examples
from serving.client.files import end_with_status, read_each
from serving.client.images import batches, prepare
from serving.labels import read_labels
from serving.samples import encoded_image, sample_records

if TYPE_CHECKING:
    from serving.client import Client, ModelClient, Prediction


UNSURE = 0.6  # below this the answer may be about something that is none of the classes


def predict(client: ModelClient, name: str, files: list[Path], options: PredictOptions) -> None:
    """Print the likeliest classes of each image; files that cannot be read are told by name.

    The workspace's labels name the other classes, where it is known.

    Raises:
        UserError: a file is no image, or the server refused.
    """
    places, encoded = read_each(files, prepare)
    answers = [answer for batch in batches(encoded) for answer in client.classify(name, batch, options.version)]
    readable = [files[place] for place in places]
    labels = read_labels(options.workspace, name, options.version) if options.workspace else []
    if any(labels[answer.class_id : answer.class_id + 1] != [answer.label] for answer in answers):
        labels = []  # the workspace has another model under this version: numbers are better than wrong names
    if options.as_json:
        print(
            json.dumps([{"file": str(file), **asdict(answer)} for file, answer in zip(readable, answers, strict=True)])
        )
    else:
        show(readable, answers, labels, options.top)
    end_with_status(files, places)


def show(files: list[Path], answers: list[Prediction], labels: list[str], top: int) -> None:
    """Print the likeliest classes of each image, those below the best by number where their names are not known."""
    for file, answer in zip(files, answers, strict=True):
        best = sorted(range(len(answer.probabilities)), key=lambda index: -answer.probabilities[index])[:top]
        known = len(labels) == len(answer.probabilities)
        named = labels if known else [str(number) for number in range(len(answer.probabilities))]
        shown = ", ".join(f"{named[index]} {answer.probabilities[index]:.3f}" for index in best)
        print(f"{file}: {answer.label}   ({shown})")
    if min(answer.probability for answer in answers) < UNSURE:
        print(
            "An answer below .6 may be about a picture of none of these classes: the model can only choose among them.",
            file=sys.stderr,
        )


def demonstrate(client: Client, name: str, examples: Examples, folder: Path) -> None:
    """Ask about one test image, and print the request, the answer and the truth.

    Args:
        folder: where the image is put.
    """
    split, records = sample_records(examples, 1)
    truth = bytes(decode_example(records[0])["image/class/text"][0]).decode()  # type: ignore[arg-type]
    image = folder / "asked.png"
    image.write_bytes(encoded_image(records[0]))
    print(f"asking about one picture of the {split} split:")
    body = '{"instances": [{"b64": "\'$(base64 -w0 ' + str(image) + ")'\"}]}"
    print(f"  curl -d '{body}' {client.url}/v1/models/{name}:predict")
    answer = client.predict_images(name, [image])[0]
    print(f"  answer: {answer.label} (probability {answer.probability:.3f}); truth: {truth}")
