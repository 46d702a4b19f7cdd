"""What a user wants to be monitored, read from the command line."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data.validation.config import Limits
from pipeline.errors import UsageError


@dataclass(frozen=True)
class MonitorOptions:
    """What is to be monitored, and how strictly.

    Attributes:
        version: 0 for the newest that was asked.
        logs: files and folders; the workspace's own by default.
        spans: into how many parts the requests are cut to see drift.
        since: unix seconds; earlier requests are not looked at.
        max_requests: looked at, evenly spread over all.
    """

    name: str
    version: int = 0
    logs: tuple[Path, ...] = ()
    spans: int = 4
    since: float = 0.0
    max_requests: int = 10_000
    limits: Limits = field(default_factory=Limits)
    out: Path | None = None


def make_limits(categorical: float, numeric: float, features: Sequence[str]) -> Limits:
    """Return the limits; those of single features are given as FEATURE=LIMIT.

    Raises:
        UsageError: one of them is not.
    """
    single: dict[str, float] = {}
    for text in features:
        name, _, value = text.rpartition("=")
        try:
            single[name] = float(value)
        except ValueError:
            single[name] = -1.0
        if not name or not 0 <= single[name] <= 1:
            raise UsageError(
                f"`{text}` is no limit.", "--limit", "Write FEATURE=LIMIT, such as image/brightness=0.3; 0 to 1."
            )
    return Limits(categorical=categorical, numeric=numeric, features=single)


def read_time(text: str) -> float:
    """Return a time in ISO 8601 as unix seconds, UTC unless it says otherwise; 0 for an empty text.

    Raises:
        UsageError: it is none.
    """
    if not text:
        return 0.0
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text}` is no time.", "--since", "Write 2025-03-31 or 2025-03-31T14:00 (UTC).") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()
