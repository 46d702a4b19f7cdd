"""Retries: how often and after which pauses a request is repeated while a server is overloaded."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

RETRY_STATUS = 503  # the server's queue is full: later is better


@dataclass(frozen=True)
class Retries:
    """Pauses that double, each shortened by a random part: clients that were refused together do not return together.

    Attributes:
        count: how often a request is repeated.
        first: seconds before the first repetition, at most.
        most: seconds before any repetition, at most.
    """

    count: int = 4
    first: float = 0.1
    most: float = 5.0

    def pause(self, attempt: int, wanted: float = 0.0) -> float:
        """Return the seconds before repetition number `attempt` + 1, at least those that the server asked for."""
        pause: float = min(self.most, self.first * 2**attempt)
        return max(pause * random.uniform(0.5, 1.0), wanted)


def read_retry_after(value: str | None) -> float:
    """Return the seconds that a Retry-After header asks for, given as a number or a date; 0 if it asks for nothing."""
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0
