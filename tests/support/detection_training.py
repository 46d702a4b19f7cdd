"""Small labelled photos and trainings of detectors, for the tests of their training."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from components.networks import network_config, preset
from components.tasks.object_detection.config import DetectionTrainerConfig
from components.trainer import trainer
from data.detection.boxes import Box
from data.detection.records import encode_detection
from data.tfrecord import write_record
from pipeline.artifacts import Anomalies, Examples, Model, Statistics
from pipeline.component import Context
from pipeline.layers import Layer, merge
from pipeline.progress import Progress

LABELS = ["disc", "square"]
SMALL = {
    "network": "ssd_mobilenet_v1_025_160",
    "options": {"size": 64},
    "batch_size": 4,
    "steps": 4,
    "judge_steps": None,
    "steps_per_execution": 2,
}


def image(number: int, crowd: bool = False) -> bytes:
    """Return the record of a photo of 64 x 80 pixels with a bright square on it."""
    random = np.random.default_rng(number)
    top, left, side = int(random.integers(2, 24)), int(random.integers(2, 40)), int(random.integers(16, 32))
    pixels = random.integers(0, 60, (64, 80, 3), np.uint8)
    pixels[top : top + side, left : left + side] = 230
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    label = LABELS[number % 2]
    box = Box(label, top / 64, left / 80, (top + side) / 64, (left + side) / 80, "", crowd=crowd)
    return encode_detection(
        stream.getvalue(),
        b"png",
        f"{number}.png".encode(),
        number,
        (64, 80, 3),
        0.3,
        [box],
        {name: place for place, name in enumerate(LABELS, 1)},
    )


def write_examples(folder: Path, counts: dict[str, int]) -> Examples:
    """Write photos as sealed examples would have them."""
    examples = Examples.create(folder)
    number = 0
    for split, count in counts.items():
        with examples.file(f"{split}-00000-of-00001.tfrecord").open("wb") as file:
            for _ in range(count):
                write_record(file, image(number))
                number += 1
    examples.properties = {"task": "object_detection", "splits": counts, "labels": LABELS}
    return examples


class Listener(Progress):
    """Keeps what is said.

    Args:
        said: to which the lines are added.
    """

    def __init__(self, said: list[str]) -> None:
        super().__init__(quiet=True)
        self.said = said

    def say(self, text: str) -> None:
        self.said.append(text)


def train(examples: Examples, folder: Path, said: list[str] | None = None, **settings: Any) -> Model:
    """Train a small detector."""
    network = str(settings.get("network", SMALL["network"]))
    values = merge(
        [
            Layer(preset(network), lambda key: ""),
            Layer({"trainer": SMALL}, lambda key: ""),
            Layer({"trainer": settings}, lambda key: ""),
        ]
    )["trainer"]
    config = DetectionTrainerConfig.model_validate(values)
    options = network_config(network, config.options).model_dump(mode="json")
    context = Context.standalone(folder)
    if said is not None:
        context.progress = Listener(said)
    model = Model.create(folder / "model")
    trainer(
        examples=examples,
        statistics=Statistics(folder),
        checked=Anomalies(folder),
        model=model,
        config=config.model_copy(update={"options": options}),
        context=context,
    )
    return model
