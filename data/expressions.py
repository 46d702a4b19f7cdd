"""Regular expressions that users write in settings."""

from __future__ import annotations

import re


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
