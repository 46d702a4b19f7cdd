"""A small COCO file and what is read of one, for the tests."""

from __future__ import annotations

from pathlib import Path

from data.formats import coco
from tests.support.labelled_files import listed

IMAGES = [{"id": 1, "file_name": "1.jpg", "width": 20, "height": 10}, {"id": 2, "file_name": "2.jpg"}]
BOX = {"id": 7, "image_id": 1, "category_id": 3, "bbox": [2, 1, 6, 8]}
FILES = {"1.jpg": "", "2.jpg": ""}


def coco_file(**changes: object) -> dict[str, object]:
    categories = [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]
    return {"images": IMAGES, "annotations": [BOX], "categories": categories} | changes


def boxes_of(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return label, ymin, xmin, ymax, xmax of the boxes of each photo."""
    return {sample.key: [box[:5] for box in sample.boxes] for sample in listed(coco, root)[0]}
