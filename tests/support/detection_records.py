"""What ingest wrote of labelled photos, by their names."""

from __future__ import annotations

from typing import Any

from PIL import Image

from data.tfrecord import decode_example, read_records
from pipeline.artifacts import Examples


def records(examples: Examples) -> dict[str, dict[str, list[Any]]]:
    """Return the features of all photos by their names, with their split."""
    found: dict[str, dict[str, list[Any]]] = {}
    for split in examples.splits:
        for shard in examples.shards(split):
            for record in read_records(shard):
                features: dict[str, Any] = decode_example(record)
                found[features["image/filename"][0].decode()] = {**features, "split": [split]}
    return found


def edges(features: dict[str, list[Any]], box: int = 0) -> tuple[float, ...]:
    return tuple(features[f"image/object/bbox/{edge}"][box] for edge in ("ymin", "xmin", "ymax", "xmax"))


def findings(examples: Examples) -> dict[str, list[tuple[str, str]]]:
    """Return file and detail of what was found, by kind."""
    return {
        finding["name"]: [(row["file"], row["detail"]) for row in finding["examples"]]
        for finding in examples.read_json("rejected.json")
    }


def image_upright(image: Image.Image) -> Image.Image:
    from PIL import ImageOps

    return ImageOps.exif_transpose(image) or image
