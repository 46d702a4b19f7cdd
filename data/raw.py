"""What the `data` sections of all recipes have in common."""

from __future__ import annotations

from typing import ClassVar

from pipeline.settings import Settings


class RawDataConfig(Settings):
    """Which raw data.

    Class attributes:
        task: whose data they are.
    """

    task: ClassVar[str]

    path: str
    format: str
