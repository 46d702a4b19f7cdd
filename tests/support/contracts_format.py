"""The contract of a data format: whatever is in data/formats must pass `check_format` on a fixture of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from data.formats import ImageFormat
from data.images.config import ImageDataConfig
from data.sample import Content, ImageSample, Problem


def check_format(module: ImageFormat, path: Path, config: ImageDataConfig | None = None) -> list[ImageSample]:
    """Detect, list, read and fingerprint the data at `path`; return the samples.

    Raises:
        AssertionError: the format breaks its contract.
    """
    config = config or ImageDataConfig(path=str(path))
    before = fingerprint(path)
    assert module.TASK == "image_classification"
    assert module.detect(path), "detect() must know its own fixture"
    listed = list(module.list_samples(path, config))
    assert listed == list(module.list_samples(path, config)), "two listings must be equal"
    assert all(isinstance(item, ImageSample | Problem) for item in listed)
    samples = [item for item in listed if isinstance(item, ImageSample)]
    assert samples, "the fixture must have pictures"
    assert len({sample.key for sample in samples}) == len(samples), "keys must differ"
    with module.open_reader(path) as read:
        for sample in samples:
            check_pixels(read(tuple(json.loads(json.dumps(sample.locator)))))  # locators travel as JSON
    sources = module.sources(path, config)
    assert sources, "something must be fingerprinted"
    assert all(file.is_file() for file in sources)
    assert sources == module.sources(path, config)
    assert fingerprint(path) == before, "the user's files must not change"
    return samples


def check_pixels(data: Content) -> None:
    """A reader gives a file's bytes, or uint8 pixels [height, width] or [height, width, 3]."""
    if not isinstance(data, bytes):
        assert isinstance(data, np.ndarray)
        assert data.dtype == np.uint8
        assert data.ndim == 2 or (data.ndim == 3 and data.shape[2] == 3)


def fingerprint(path: Path) -> dict[str, bytes]:
    """Return the content of a file or of every file below a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file): file.read_bytes() for file in files}
