"""Looks at raw pictures without writing anything, for `labline data check`."""

from __future__ import annotations

from typing import Any

from data.pictures.config import ImageDataConfig
from pipeline.progress import Progress


def inspect(config: ImageDataConfig, progress: Progress) -> dict[str, Any]:
    """Return what the pictures are like, and the findings; see `data.check.inspect`."""
    from data.pictures.check import inspect

    return inspect(config, progress)
