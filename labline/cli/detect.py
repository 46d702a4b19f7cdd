"""`labline detect`: what a trained model sees in photos."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.tasks import find_task
from pipeline.errors import UsageError, explain_os_error
from pipeline.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from object_detection.detector import Detection


def detect(images: list[Path], model: str, labels: Path | None, out: Path | None, least: float, as_json: bool) -> None:
    """Print what is in each photo and write a copy with boxes drawn on it; photos that cannot be read are told by name.

    Args:
        photos: picture files of any kind.
        model: a trained model's name, a file or folder of weights, a Model artifact's folder, or that of a pushed model or of one
            of its versions.
        labels: a label map, or a list of names; by default the model's own.
        out: where the copy goes: a file for one photo, a folder for more; by default `<name>_boxes.jpg` in the working folder.
        least: score below which an object is left out.
        as_json: print one JSON object instead of lines.

    Raises:
        UserError: a photo, the weights or the label map cannot be read, or a copy would replace a photo.
    """
    from data.detection.label_map import read_label_map
    from object_detection import zoo
    from object_detection.detector import Detector
    from object_detection.exported import ExportedDetector, find_exported
    from serving.client.files import end_with_status, read_each

    find_task("object_detection").prepare_process()
    targets = [target_of(image, out, len(images)) for image in images]
    refuse_overwriting(images, targets)
    places, pixels = read_each(images, read_image)  # before the slow part, so that a wrong path is told at once
    progress = Progress()
    path, own_labels = zoo.locate(model, progress, "name it: `--model FILE`")
    names = read_label_map(label_map) if (label_map := labels or own_labels) else None
    exported = find_exported(path)
    detector = ExportedDetector(exported, names) if exported else Detector.read(path, names)
    progress.say(detector.told)
    answers: dict[str, dict[str, Any]] = {}
    for place, image in zip(places, pixels, strict=True):
        file, target = images[place], targets[place]
        found = detector.detect([image], least)[0]
        save_drawn(image, found, target)
        answers[str(file)] = {"boxes": str(target), "detections": [asdict(item) for item in found]}
        if not as_json:
            show(file, target, found, image.shape[:2], least)
    if as_json:
        print(json.dumps(answers))
    if any(item["label"] == str(item["number"]) for answer in answers.values() for item in answer["detections"]):
        progress.say(f"Some classes are shown by their numbers: {how_to_name(path)}")
    end_with_status(images, places)


def how_to_name(weights: Path) -> str:
    """Say how classes get their names, with a label map that lies beside the weights where there is one."""
    folder = weights if weights.is_dir() else weights.parent
    beside = sorted(file for kind in ("*label*.txt", "*label*.pbtxt") for file in folder.glob(kind))
    return f"name them with `--labels {beside[0] if beside else 'FILE'}`, a label map (.pbtxt) or a list with a name a line."


def save_drawn(image: np.ndarray, found: list[Detection], target: Path) -> None:
    """Write a copy of a photo with boxes on it.

    Args:
        photo: uint8 [height, width, 3].

    Raises:
        UserError: it cannot be written there.
    """
    from PIL import Image

    from object_detection.images import draw_boxes

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draw_boxes(Image.fromarray(image), found).save(target)
    except OSError as error:
        raise explain_os_error(error, target) from error


def show(image: Path, target: Path | None, found: list[Detection], size: tuple[int, ...], least: float) -> None:
    """Print one photo's detections, boxes in pixels, and where they are drawn."""
    height, width = size
    drawn = f", drawn in {target}" if target else ""
    print(f"{image}: {len(found)} found{drawn}" if found else f"{image}: nothing with a score of {least:g} or more")
    for item in found:
        ymin, xmin, ymax, xmax = item.box
        corners = f"x {xmin * width:.0f}-{xmax * width:.0f}, y {ymin * height:.0f}-{ymax * height:.0f}"
        print(f"  {item.label:16} {item.score:.3f}  {corners}")


def read_image(path: Path) -> np.ndarray:
    """Return a photo's pixels, uint8 [height, width, 3], upright.

    Raises:
        UserError: it cannot be read.
    """
    import numpy as np

    from data.images.image import examine, load, to_grey_or_colour
    from serving.client.images import MOST_PIXELS, naming_what_is_wrong, read_bytes

    data = read_bytes(path)
    with naming_what_is_wrong(str(path)):
        image = examine(data, MOST_PIXELS)
        pixels = image.decoded if image.decoded is not None else to_grey_or_colour(load(data, image.kind))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def target_of(image: Path, out: Path | None, number: int) -> Path:
    """Return where a photo's copy with boxes goes."""
    name = f"{image.stem}_boxes.jpg"
    if out is None:
        return Path(name)
    if number > 1 or out.is_dir() or not out.suffix:
        return out / name
    if out.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UsageError(
            f"Pictures are written as JPEG or PNG, not `{out.suffix}`.", "--out", "Name it `.jpg` or `.png`."
        )
    return out


def refuse_overwriting(images: list[Path], targets: list[Path]) -> None:
    """Stop before a copy replaces a photo, or another copy."""
    originals = {image.resolve() for image in images}
    for number, target in enumerate(targets):
        if target.resolve() in originals:
            raise UsageError("The copy would replace the photo.", str(target), "Name another file with --out.")
        if target.resolve() in {other.resolve() for other in targets[:number]}:
            raise UsageError(
                "Two photos of one name would be drawn into one file.", str(target), "Ask for them one by one."
            )
