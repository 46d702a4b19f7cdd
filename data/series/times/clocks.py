"""What clocks of a zone show as unix seconds and back, over both of their changes."""

from __future__ import annotations

import numpy as np
import pandas
from numpy.typing import NDArray

HOUR = 3600
BILLION = 1_000_000_000


def to_wall(seconds: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return what clocks show at unix times, as seconds from 1970-01-01 0:00 of theirs on."""
    moments = pandas.DatetimeIndex(seconds.astype("datetime64[s]"), tz="UTC")
    wall: NDArray[np.int64] = moments.tz_convert(zone).tz_localize(None).asi8 // BILLION
    return wall


def to_unix(wall: NDArray[np.int64], zone: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the unix times of what clocks show, in their order, and which of these they never show.

    An hour that comes twice is told by the order: clocks that fall behind or stand still are in its second pass.
    """
    if not len(wall):
        return wall, np.zeros(0, bool)
    backwards = np.mean(np.diff(wall) > 0) < 0.5 if len(wall) > 1 else False
    ordered = wall[::-1] if backwards else wall
    clocks = pandas.DatetimeIndex(ordered.astype("datetime64[s]"))
    passes = [
        clocks.tz_localize(zone, ambiguous=np.full(len(ordered), first), nonexistent="NaT") for first in (True, False)
    ]
    early, late = (np.asarray(item.asi8) // BILLION for item in passes)
    never = np.asarray(passes[0].isna())
    second = second_pass(ordered, early != late)
    seconds = np.where(second, late, early)
    return (seconds[::-1], never[::-1]) if backwards else (seconds, never)


def second_pass(wall: NDArray[np.int64], twice: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which rows are in the second pass of an hour that comes twice: from where on clocks do not go on."""
    second = np.zeros(len(wall), bool)
    rows = np.flatnonzero(twice)
    if not len(rows):
        return second
    stretches = np.split(rows, np.flatnonzero((np.diff(rows) > 1) | (np.diff(wall[rows]) > HOUR)) + 1)
    for stretch in stretches:
        falls = np.flatnonzero(np.diff(wall[stretch]) <= 0)
        if len(falls) == 1:
            second[stretch[falls[0] + 1 :]] = True
        elif len(falls) > 1:  # sorted by what clocks show: the first of two equal ones comes first
            second[stretch[1:][np.diff(wall[stretch]) == 0]] = True
    return second
