"""Turns labelled images into sharded TFRecords as the Object Detection API has them, a label map, and what is wrong."""

from __future__ import annotations

from pathlib import Path

from components.tasks.object_detection.facts import DetectionExamplesFacts
from data.config import BeamConfig, RawDataConfig
from data.detection.config import DetectionDataConfig
from data.detection.findings import ABOUT_BOXES
from data.detection.ingest import DetectionSurvey, survey, write_shards
from data.findings import Finding
from data.locate import locate
from pipeline.artifacts import Examples
from pipeline.component import Context
from pipeline.settings import narrow

REJECTED = "rejected.json"
LEFT_OUT = ("duplicate_across_splits", "photo_without_annotation")  # no errors, and yet images that are not used


def write_examples(examples: Examples, config: RawDataConfig, beam: BeamConfig, context: Context) -> None:
    """Write `<split>-*.tfrecord`, `label_map.pbtxt` and `rejected.json`.

    Raises:
        UserError: no such data, or nothing in them can be used.
    """
    path, settings = locate(narrow(config, DetectionDataConfig), context.progress)
    found = survey(path, settings, beam, context.scratch / "ingest", context.progress)
    write_shards(found, settings, beam, examples.path, context.progress)
    rejected = found.findings.report(found.files)
    examples.write_json(REJECTED, rejected)
    examples.write_facts(examples_facts(found, settings, rejected))


def examples_facts(
    found: DetectionSurvey, config: DetectionDataConfig, rejected: list[Finding]
) -> DetectionExamplesFacts:
    """Return the facts that the steps after this one need."""
    boxes, images = found.count_boxes(), found.count_images()
    return DetectionExamplesFacts(
        task="object_detection",
        splits={name: number for name, (number, _) in images.items()},
        labels=found.names,
        label_counts=boxes,
        boxes={name: sum(count) for name, count in boxes.items()},
        empty={name: empty for name, (_, empty) in images.items()},
        image_shape=None,
        channels=3,
        rejected=sum(item["count"] for item in rejected if is_about_images_left_out(item)),
        source=f"{Path(config.path).name} ({found.format})",
    )


def is_about_images_left_out(finding: Finding) -> bool:
    """Tell whether a finding counts images that are not among the examples, not boxes that were left out."""
    return finding["name"] in LEFT_OUT or (finding["severity"] == "error" and finding["name"] not in ABOUT_BOXES)
