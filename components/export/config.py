"""Settings of exporting that all tasks share; each task adds its own."""

from __future__ import annotations

from pydantic import Field

from pipeline.settings import Settings


class ExporterConfig(Settings):
    """What is exported."""

    warmup_examples: int = Field(
        4, ge=0, le=300, description="examples a server answers, by every signature, before it is available"
    )
