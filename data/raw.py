"""What the `data` sections of all recipes have in common."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import model_validator

from pipeline.settings import Settings


class RawDataConfig(Settings):
    """Which raw data.

    Class attributes:
        task: whose data they are.
    """

    task: ClassVar[str]

    path: str
    format: str


class SplitShares(Settings):
    """Shares of the splits."""

    train: float
    validation: float
    test: float

    @model_validator(mode="after")
    def sums_to_one(self) -> SplitShares:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, validation and test must sum to 1, not {total:g}")
        return self


def valid_expression(value: str | None) -> str | None:
    """Return a regular expression as it is; the validator of settings that are one.

    Raises:
        ValueError: it is none.
    """
    if value is not None:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
    return value
