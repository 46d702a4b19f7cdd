"""What is in labelled images and what is wrong with them, without writing anything: `labline data check PATH`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.config import BeamConfig
from data.detection.config import DetectionDataConfig
from data.detection.ingest import survey
from data.images.check import smallest_and_largest
from data.locate import locate
from pipeline.progress import Progress


def inspect(config: DetectionDataConfig, progress: Progress, beam: BeamConfig | None = None) -> dict[str, Any]:
    """Look at all images as example_gen does.

    Returns:
        `path`, `format`, `classes` (name -> boxes), `splits` (name -> images), `boxes` (split -> boxes), `height` and
        `width` (pixels of the images), `boxes a photo`, `box height` and `box width` (pixels; {smallest, median,
        largest}), `background` (images without boxes), `found` and `used` (images that were found, and what example_gen
        would write of them), `label_counts` (split -> boxes of each class), `findings` (what is wrong, in the Anomalies
        form).

    Raises:
        UserError: no such data, or nothing in them can be used.
    """
    path, config = locate(config, progress)
    with tempfile.TemporaryDirectory(prefix="labline-check-") as folder:
        found = survey(path, config, beam or BeamConfig(), Path(folder) / "ingest", progress)
    used = found.splits >= 0
    boxes = found.boxes[used[found.boxes["row"]]]
    facts = found.facts[used]
    images, counts = found.count_images(), found.count_boxes()
    an_image = np.bincount(boxes["row"], minlength=len(used))[used]
    high = boxes["height"] * found.facts["height"][boxes["row"]]
    wide = boxes["width"] * found.facts["width"][boxes["row"]]
    return {
        "path": str(path),
        "format": found.format,
        "classes": dict(zip(found.names, map(sum, zip(*counts.values(), strict=True)), strict=True)),
        "splits": {name: number for name, (number, _) in images.items()},
        "boxes": {name: sum(numbers) for name, numbers in counts.items()},
        "height": smallest_and_largest(facts["height"]),
        "width": smallest_and_largest(facts["width"]),
        "boxes a photo": spread(an_image),
        "box height": spread(high),
        "box width": spread(wide),
        "background": sum(empty for _, empty in images.values()),
        "found": found.files,
        "used": int(used.sum()),
        "label_counts": counts,
        "findings": found.findings.report(found.files),
    }


def spread(values: NDArray[np.int64] | NDArray[np.float32]) -> dict[str, int]:
    """Return the smallest, the middle and the largest of some numbers, rounded."""
    return {
        "smallest": round(float(values.min())),
        "median": round(float(np.median(values))),
        "largest": round(float(values.max())),
    }
