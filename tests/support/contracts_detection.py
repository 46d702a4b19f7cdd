"""The contract of a format of labelled photos: each in data/formats passes `check_detection_format` on a fixture."""

from __future__ import annotations

import json
from pathlib import Path

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.sample import Problem
from tests.support.contracts_format import check_pixels, fingerprint


def check_detection_format(
    module: formats.DetectionFormat, path: Path, config: DetectionDataConfig | None = None
) -> list[DetectionSample]:
    """Detect, list, read and fingerprint the data at `path`; return the samples.

    Raises:
        AssertionError: the format breaks its contract.
    """
    config = config or DetectionDataConfig(path=str(path))
    before = fingerprint(path)
    assert module.TASK == "object_detection"
    assert formats.detect(path, "object_detection") == str(getattr(module, "__name__", "")).rpartition(".")[2]
    listed = list(module.list_samples(path, config))
    assert listed == list(module.list_samples(path, config)), "two listings must be equal"
    assert all(isinstance(item, DetectionSample | Problem) for item in listed)
    samples = [item for item in listed if isinstance(item, DetectionSample)]
    assert samples, "the fixture must have photos"
    assert len({sample.key for sample in samples}) == len(samples), "keys must differ"
    assert all(box.label and box.place for sample in samples for box in sample.boxes)
    with module.open_reader(path) as read:
        for sample in samples:
            check_pixels(read(tuple(json.loads(json.dumps(sample.locator)))))  # locators travel as JSON
    sources = module.sources(path, config)
    assert sources, "something must be fingerprinted"
    assert all(file.is_file() for file in sources)
    assert sources == module.sources(path, config)
    assert fingerprint(path) == before, "the user's files must not change"
    return samples
