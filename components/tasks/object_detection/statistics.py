"""What TFDV is not shown of labelled images, and training images with their boxes to look at."""

from __future__ import annotations

from typing import Any

from components.tasks.object_detection.facts import DetectionExamplesFacts, DetectionStatisticsFacts
from components.tasks.object_detection.labelled import Labelled, draw, read_labelled
from components.tasks.task import Sums
from components.validation.thumbnails import side_by_side
from pipeline.artifacts import Examples, Statistics

# the image, its name and what follows from them: nothing to count there
PAYLOAD = ("image/encoded", "image/filename", "image/source_id", "image/key/sha256")
SUMS = None
SAMPLES_A_CLASS, SAMPLE_CLASSES, SAMPLE_SIDE = 6, 20, 160
ENOUGH = 5_000  # images to look through for samples of rare classes


def facts(examples: Examples, splits: list[str], sums: Sums) -> DetectionStatisticsFacts:
    """Return what the statistics say of themselves."""
    del sums
    return DetectionStatisticsFacts(task=examples.task, splits=splits, labels=examples.labels)


def page(examples: Examples) -> dict[str, Any]:
    """Return what `statistics.json` tells beside the features."""
    told = {"labels", "label_counts", "boxes", "empty"}
    return examples.facts_as(DetectionExamplesFacts).model_dump(mode="json", include=told)


def write_samples(examples: Examples, statistics: Statistics) -> None:
    """Write a strip of the first training images of each of the first classes, `samples/<place of the class>.png`."""
    wanted = min(SAMPLE_CLASSES, len(examples.labels))
    found: list[list[Labelled]] = [[] for _ in range(wanted)]
    for number, image in enumerate(read_labelled(examples, "train")):
        for label in sorted(set(image.labels)):
            if label <= wanted and len(found[label - 1]) < SAMPLES_A_CLASS:
                found[label - 1].append(image)
        if number >= ENOUGH or all(len(images) == SAMPLES_A_CLASS for images in found):
            break
    statistics.file("samples").mkdir()
    for place, images in enumerate(found):
        if images:
            strip = side_by_side([draw(image, SAMPLE_SIDE) for image in images])
            strip.save(statistics.file("samples", f"{place}.png"), "PNG")
