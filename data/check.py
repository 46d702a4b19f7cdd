"""What is in a data set and what is wrong with it, without writing anything: `labline data check PATH`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from data.beam import BeamConfig
from data.image_data import ImageDataConfig
from pipeline.progress import Progress


class DataSummary(BaseModel):
    """What example_gen would make of the data.

    Attributes:
        path: where the data are.
        format: in which format.
        labels: the classes, in the order of their numbers.
        splits: pictures of each class in each split.
        image_sizes: smallest and largest height and width.
        channels: the most that any picture has.
        found: pictures that were looked at.
        used: pictures that example_gen would write.
        findings: what is wrong, in the Anomalies form.
    """

    path: str
    format: str
    labels: list[str]
    splits: dict[str, list[int]]
    image_sizes: tuple[tuple[int, int], tuple[int, int]]
    channels: int
    found: int
    used: int
    findings: list[dict[str, Any]]


def inspect(config: ImageDataConfig, beam: BeamConfig | None = None, progress: Progress | None = None) -> DataSummary:
    """Look at all pictures as example_gen does.

    Raises:
        UserError: no such data, or nothing in them can be used.
    """
    from data.ingest import count_labels, survey
    from data.locate import locate

    progress = progress or Progress()
    path, config = locate(config, progress)
    with tempfile.TemporaryDirectory(prefix="labline-check-") as folder:
        found = survey(path, config, beam or BeamConfig(), Path(folder) / "ingest", progress)
        used = found.facts[found.splits >= 0]
        return DataSummary(
            path=str(path),
            format=found.format,
            labels=found.names,
            splits=count_labels(found),
            image_sizes=(
                (int(used["height"].min()), int(used["width"].min())),
                (int(used["height"].max()), int(used["width"].max())),
            ),
            channels=int(used["channels"].max()),
            found=len(found.facts),
            used=len(used),
            findings=found.findings.report(len(found.facts)),
        )
