"""What is in a data set and what is wrong with it, without writing anything: `labline data check PATH`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.config import BeamConfig
from data.images.config import ImageDataConfig
from data.images.ingest import survey
from data.locate import locate
from pipeline.progress import Progress


def inspect(config: ImageDataConfig, progress: Progress, beam: BeamConfig | None = None) -> dict[str, Any]:
    """Look at all images as example_gen does.

    Returns:
        `path`, `format`, `classes` (name -> images), `splits` (name -> images), `height` and `width` ({smallest,
        largest}), `channels`, `found` and `used` (files that were found, and what example_gen would write of them),
        `label_counts` (split -> images of each class), `findings` (what is wrong, in the Anomalies form).

    Raises:
        UserError: no such data, or nothing in them can be used.
    """
    path, config = locate(config, progress)
    with tempfile.TemporaryDirectory(prefix="labline-check-") as folder:
        found = survey(path, config, beam or BeamConfig(), Path(folder) / "ingest", progress)
        used = found.facts[found.splits >= 0]
        counts = found.count_labels()
        return {
            "path": str(path),
            "format": found.format,
            "classes": dict(zip(found.names, map(sum, zip(*counts.values(), strict=True)), strict=True)),
            "splits": {name: sum(count) for name, count in counts.items()},
            "height": smallest_and_largest(used["height"]),
            "width": smallest_and_largest(used["width"]),
            "channels": int(used["channels"].max()),
            "found": found.files,
            "used": len(used),
            "label_counts": counts,
            "findings": found.findings.report(found.files),
        }


def smallest_and_largest(values: NDArray[np.int32]) -> dict[str, int]:
    return {"smallest": int(values.min()), "largest": int(values.max())}
