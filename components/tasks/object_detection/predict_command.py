"""Asks a served detector about images, for `labline predict` and the demo, and tells and draws what it found."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.tasks.task import PredictOptions
from data.tfrecord import decode_example
from object_detection.drawn_images import read_image, refuse_overwriting, save_drawn, show, target_of
from pipeline.artifacts import Examples
from serving.client.files import end_with_status, read_each
from serving.samples import encoded_image, sample_records

if TYPE_CHECKING:
    from data.detection.detections import Detection
    from serving.client import Client, ModelClient

MIN_SCORE = 0.5
PNG = b"\x89PNG"  # how such a file begins


def predict(client: ModelClient, name: str, files: list[Path], options: PredictOptions) -> None:
    """Print what is in each image, and draw it where `options.out` says so; files that cannot be read are told by name.

    Raises:
        UserError: a file is no image, a copy would replace an image, or the server refused.
    """
    out = options.out
    min_score = MIN_SCORE if options.min_score is None else options.min_score
    targets = [target_of(file, out, len(files)) if out else None for file in files]
    refuse_overwriting(files, [target for target in targets if target])
    places, images = read_each(files, read_image)
    given = client.detect(name, [files[place] for place in places], version=options.version)
    rows = []
    for place, image, answer in zip(places, images, given, strict=True):
        found, target = [item for item in answer if item.score >= min_score], targets[place]
        if target:
            save_drawn(image, found, target)
        rows.append((files[place], target, found, image.shape[:2]))
    if options.as_json:
        print(json.dumps([as_json(*row) for row in rows]))
    else:
        for file, target, found, size in rows:
            show(file, target, found, size, min_score)
    end_with_status(files, places)


def as_json(file: Path, target: Path | None, found: list[Detection], size: tuple[int, ...]) -> dict[str, Any]:
    """Return one image's answer as JSON values; `pixels` are (ymin, xmin, ymax, xmax) in the upright image."""
    scale = (*size, *size)
    rows = [
        {**asdict(item), "pixels": [round(edge * side, 1) for edge, side in zip(item.box, scale, strict=True)]}
        for item in found
    ]
    drawn = str(target) if target else None
    return {"file": str(file), "drawn": drawn, "height": size[0], "width": size[1], "detections": rows}


def demonstrate(client: Client, name: str, examples: Examples, folder: Path) -> None:
    """Ask about one test image, and print the request, the answer and the truth; the image with boxes lies beside it.

    Args:
        folder: where the image is put.
    """
    split, records = sample_records(examples, 1)
    content = encoded_image(records[0])
    suffix = ".png" if content.startswith(PNG) else ".jpg"
    image, drawn = folder / f"asked{suffix}", folder / "asked_boxes.jpg"
    image.write_bytes(content)
    names = [bytes(text).decode() for text in decode_example(records[0])["image/object/class/text"]]  # type: ignore[arg-type]
    print(f"asking about one photo of the {split} split:")
    body = '{"instances": [{"b64": "\'$(base64 -w0 ' + str(image) + ")'\"}]}"
    print(f"  curl -d '{body}' {client.url}/v1/models/{name}:predict")
    found = [item for item in client.detect(name, [image])[0] if item.score >= MIN_SCORE]
    pixels = read_image(image)
    save_drawn(pixels, found, drawn)
    show(image, drawn, found, pixels.shape[:2], MIN_SCORE)
    print(f"  truth: {', '.join(names) or 'nothing'}")
