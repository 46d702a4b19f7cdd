"""`labline detect`: what a trained model sees in photos."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.tasks import find_task
from data.detection.label_map import read_label_map
from object_detection import zoo
from object_detection.drawn_images import read_image, refuse_overwriting, save_drawn, show, target_of
from pipeline.progress import Progress
from serving.client.files import end_with_status, read_each

if TYPE_CHECKING:
    from object_detection.detector import Detector
    from object_detection.exported import ExportedDetector


def detect(
    images: list[Path], model: str, labels: Path | None, out: Path | None, min_score: float, as_json: bool
) -> None:
    """Print what is in each image and write a copy with boxes drawn on it; images that cannot be read are told by name.

    Args:
        images: files of any kind.
        model: a trained model's name, a file or folder of weights, a Model artifact's folder, or that of a pushed model
            or of one of its versions.
        labels: a label map, or a list of names; by default the model's own.
        out: where the copy goes: a file for one image, a folder for more; by default `<name>_boxes.jpg` in the working
            folder.
        min_score: objects with less are left out.
        as_json: print one JSON object instead of lines.

    Raises:
        UserError: an image, the weights or the label map cannot be read, or a copy would replace an image.
    """
    find_task("object_detection").prepare_process()
    targets = [target_of(image, out, len(images)) for image in images]
    refuse_overwriting(images, targets)
    places, pixels = read_each(images, read_image)  # before the slow part, so that a wrong path is told at once
    progress = Progress()
    path, own_labels = zoo.locate(model, progress, "name it: `--model FILE`")
    names = read_label_map(label_map) if (label_map := labels or own_labels) else None
    detector = open_detector(path, names)
    progress.say(detector.description)
    answers: dict[str, dict[str, Any]] = {}
    for place, image in zip(places, pixels, strict=True):
        file, target = images[place], targets[place]
        detections = detector.detect([image], min_score)[0]
        save_drawn(image, detections, target)
        answers[str(file)] = {"boxes": str(target), "detections": [asdict(item) for item in detections]}
        if not as_json:
            show(file, target, detections, image.shape[:2], min_score)
    if as_json:
        print(json.dumps(answers))
    if any(item["label"] == str(item["number"]) for answer in answers.values() for item in answer["detections"]):
        progress.say(f"Some classes are shown by their numbers: {how_to_name(path)}")
    end_with_status(images, places)


def open_detector(path: Path, names: dict[int, str] | None) -> Detector | ExportedDetector:
    """Return what finds objects: an exported SavedModel, or a detector or weights that a network is built for."""
    from object_detection.exported import ExportedDetector, find_exported

    if exported := find_exported(path):
        return ExportedDetector(exported, names)
    from object_detection.detector import Detector

    return Detector.read(path, names)


def how_to_name(weights: Path) -> str:
    """Say how classes get their names, with a label map that lies beside the weights where there is one."""
    folder = weights if weights.is_dir() else weights.parent
    beside = sorted(file for kind in ("*label*.txt", "*label*.pbtxt") for file in folder.glob(kind))
    file = beside[0] if beside else "FILE"
    return f"name them with `--labels {file}`, a label map (.pbtxt) or a list with a name a line."
