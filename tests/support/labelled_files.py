"""Small labelled data written file by file, and what a format lists of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from data import formats
from data.detection.boxes import DetectionSample
from data.detection.config import DetectionDataConfig
from data.sample import Problem


def write(root: Path, files: Mapping[str, object]) -> Path:
    """Write files below a folder; what is no text becomes json."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return root


def listed(module: formats.DetectionFormat, root: Path) -> tuple[list[DetectionSample], list[tuple[str, str]]]:
    """Return the photos, and kind and place of the problems."""
    items = list(module.list_samples(root, DetectionDataConfig(path=str(root))))
    problems = [(item.name, item.file) for item in items if isinstance(item, Problem)]
    return [item for item in items if isinstance(item, DetectionSample)], problems
