"""Photos of discs and squares on grey with their boxes, as ingest would have written them, for tests of judging
detectors.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from components.tasks.object_detection import baselines
from components.tasks.object_detection.config import DetectionEvaluatorConfig
from components.tasks.object_detection.metrics import Detections, GroundTruth
from components.tasks.object_detection.scoring import Scored, score
from data.detection.boxes import Box
from data.detection.records import encode_detection
from data.tfrecord import write_record
from pipeline.artifacts import Examples, write_manifest

LABELS = ["disc", "square"]
QUICK = DetectionEvaluatorConfig(resamples=100, batch_size=4, worst_photos=2, shown_photos=2)


def draw_image(random: np.random.Generator, number: int) -> tuple[bytes, tuple[int, int, int], list[Box]]:
    """Return a PNG of some discs and squares on grey, its size and its boxes; every sixth photo is empty."""
    height, width = int(random.integers(80, 140)), int(random.integers(80, 140))
    image = Image.fromarray(random.integers(100, 140, (height, width, 3), dtype=np.uint8))
    pen = ImageDraw.Draw(image)
    boxes = []
    for place in range(0 if number % 6 == 5 else int(random.integers(1, 3))):
        side = int(random.integers(20, 38))
        top, left = (
            int(random.integers(0, height - side)),
            int(random.integers(0, width // 2 - side + 1)) + place * (width // 2),
        )
        label = LABELS[int(random.integers(0, 2))]
        shape = pen.ellipse if label == "disc" else pen.rectangle
        shape((left, top, left + side - 1, top + side - 1), fill=(220, 40, 40) if label == "disc" else (40, 40, 220))
        boxes.append(
            Box(
                label,
                top / height,
                left / width,
                (top + side) / height,
                (left + side) / width,
                "",
                difficult=number == 3,
            )
        )
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue(), (height, width, 3), boxes


def write_examples(
    folder: Path, splits: dict[str, int] | None = None, empty: bool = False, labels: Sequence[str] = LABELS
) -> Examples:
    """Write and seal photos as the ingest does."""
    random = np.random.default_rng(2)
    examples = Examples.create(folder)
    numbers = {label: place for place, label in enumerate(labels, 1)}
    counts: dict[str, list[int]] = {}
    for split, number in (splits or {"train": 12, "test": 13}).items():
        counts[split] = [0] * len(labels)
        with examples.file(f"{split}-00000-of-00001.tfrecord").open("wb") as shard:
            for place in range(number):
                encoded, size, boxes = draw_image(random, place)
                boxes = [] if empty else boxes
                for box in boxes:
                    counts[split][numbers[box.label] - 1] += 1
                write_record(
                    shard,
                    encode_detection(
                        encoded, b"png", f"{split}/{place}.png".encode(), place, size, 0.5, boxes, numbers
                    ),
                )
    examples.properties = {
        "task": "object_detection",
        "splits": splits or {"train": 12, "test": 13},
        "labels": list(labels),
        "label_counts": counts,
        "boxes": {split: sum(row) for split, row in counts.items()},
        "empty": {},
        "image_shape": None,
        "channels": 3,
        "rejected": 0,
        "source": "drawn",
    }
    write_manifest(examples, created=0.0)
    return examples


def scored_of(examples: Examples, moved: float = 0.0) -> tuple[list[GroundTruth], Scored]:
    """Return figures of detections that are the truth, moved aside."""
    there = baselines.read_all_truth(examples, "test")
    found = [Detections(image.boxes + moved, np.linspace(0.9, 0.5, len(image.boxes)), image.classes) for image in there]
    return there, score(there, found, LABELS, QUICK)
