"""Turns raw images into sharded TFRecords and a list of what is wrong with the pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from components.tasks.image_classification.facts import ImageExamplesFacts
from data.config import BeamConfig, RawDataConfig
from data.findings import Finding
from data.images.config import ImageDataConfig
from data.images.ingest import survey, write_shards
from data.images.survey import Survey
from data.locate import locate
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.settings import narrow

REJECTED = "rejected.json"


def write_examples(examples: Examples, config: RawDataConfig, beam: BeamConfig, context: Context) -> None:
    """Write `<split>-*.tfrecord` and `rejected.json`.

    Raises:
        UserError: no such data, or nothing in them can be used.
    """
    path, settings = locate(narrow(config, ImageDataConfig), context.progress)
    found = survey(path, settings, beam, context.scratch / "ingest", context.progress)
    write_shards(found, settings, beam, examples.path, context.progress)
    rejected = found.findings.report(found.files)
    examples.write_json(REJECTED, rejected)
    examples.write_facts(examples_facts(found, settings, rejected))


def examples_facts(found: Survey, config: ImageDataConfig, rejected: list[Finding]) -> ImageExamplesFacts:
    """Return the facts that the steps after this one need."""
    used = found.splits >= 0
    counts = found.count_labels()
    sizes = np.unique(np.stack([found.facts["height"][used], found.facts["width"][used]]), axis=1)
    channels = int(found.facts["channels"][used].max()) if config.channels == "auto" else config.channels
    return ImageExamplesFacts(
        task="image_classification",
        splits={name: sum(count) for name, count in counts.items()},
        labels=found.names,
        label_counts=counts,
        image_shape=(int(sizes[0, 0]), int(sizes[1, 0]), channels) if sizes.shape[1] == 1 else None,
        channels=channels,
        deep_bits=found.bits,
        rejected=sum(
            item["count"]
            for item in rejected
            if item["severity"] == "error" or item["name"] == "duplicate_across_splits"
        ),
        source=f"{Path(config.path).name} ({found.format})",
    )
