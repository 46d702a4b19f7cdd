"""Boxes around what other programs draw: outlines, masks in runs, circles, and boxes that are turned.

Edges are ymin, xmin, ymax, xmax in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

Edges = tuple[float, float, float, float]
CORNERS = 3  # the fewest points that have an inside


def number(value: object) -> float:
    """Return a number that may be written as text.

    Raises:
        ValueError: it is none, or not finite.
    """
    found = math.nan
    if type(value) is float:
        found = value
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and "_" not in str(value):
        with suppress(ValueError, OverflowError):
            found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"`{str(value)[:40]}` is no number")
    return found


def around(points: Iterable[tuple[float, float]]) -> Edges:
    """Return the box around points (x, y)."""
    xs, ys = zip(*points, strict=True)
    return min(ys), min(xs), max(ys), max(xs)


def points_of(values: Sequence[Any]) -> list[tuple[float, float]]:
    """Return the points of x, y, x, y, ...

    Raises:
        ValueError: these are no numbers, or no pairs.
    """
    if len(values) % 2 or len(values) < 2 * CORNERS:
        raise ValueError(f"an outline has {len(values)} numbers; three points or more are needed")
    numbers = [number(value) for value in values]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def around_segmentation(found: Any) -> tuple[Edges, tuple[int, int] | None]:
    """Return the box around COCO's `segmentation`, and the (height, width) of a mask that states it.

    Raises:
        ValueError: there is no outline, or it cannot be read.
    """
    if isinstance(found, dict):
        size = found.get("size")
        if not (isinstance(size, list) and len(size) == 2 and all(number(side) >= 1 for side in size)):
            raise ValueError("its mask states no size")
        height, width = (int(number(side)) for side in size)
        counts = found.get("counts")
        return around_runs(decode_runs(counts) if isinstance(counts, str) else counts, height, width), (height, width)
    if not isinstance(found, list) or not found:
        raise ValueError("it has no outline either")
    parts = found if all(isinstance(part, list) for part in found) else [found]
    return around(point for part in parts for point in points_of(part)), None


def around_runs(counts: Any, height: int, width: int) -> Edges:
    """Return the box around a mask of which the lengths of its runs are given.

    The runs go down the columns; the first one is background.

    Raises:
        ValueError: these are no lengths, or they do not fill the mask.
    """
    try:
        lengths: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("the runs of its mask are no whole numbers") from None
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != height * width:
        raise ValueError(f"the runs of its mask do not fill {width} x {height} pixels")
    ends = np.cumsum(lengths)
    begins, last = (ends - lengths)[1::2][lengths[1::2] > 0], ends[1::2][lengths[1::2] > 0] - 1
    if not len(last):
        raise ValueError("its mask is empty")
    left, right = begins // height, last // height
    within = left == right
    ymin = int(np.where(within, begins % height, 0).min())
    ymax = int(np.where(within, last % height, height - 1).max()) + 1
    return float(ymin), float(left.min()), float(ymax), float(right.max() + 1)


def decode_runs(text: str) -> list[int]:
    """Return the lengths of runs that COCO packs into letters.

    Each letter holds five bits of a number, the lowest first, and a sixth that says whether more follow; from the
    fourth number on, what is written is the difference to the one before the last.

    Raises:
        ValueError: the text is cut off or has other letters.
    """
    found: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("the packed runs of its mask cannot be read")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            found.append(value + (found[-2] if len(found) > 2 else 0))
            value = shift = 0
    if shift:
        raise ValueError("the packed runs of its mask are cut off")
    return found


def around_turned(edges: Edges, degrees: float) -> Edges:
    """Return the box around a box that is turned about its middle."""
    ymin, xmin, ymax, xmax = edges
    if not degrees % 180:
        return edges
    turn = math.radians(degrees)
    cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
    width, height = abs(xmax - xmin), abs(ymax - ymin)
    wide, high = (width * cos + height * sin) / 2, (width * sin + height * cos) / 2
    x, y = (xmin + xmax) / 2, (ymin + ymax) / 2
    return y - high, x - wide, y + high, x + wide


def around_ellipse(x: float, y: float, wide: float, high: float, degrees: float = 0.0) -> Edges:
    """Return the box around an ellipse, of which the middle and half its width and height are given."""
    turn = math.radians(degrees)
    dx = math.hypot(wide * math.cos(turn), high * math.sin(turn))
    dy = math.hypot(wide * math.sin(turn), high * math.cos(turn))
    return y - dy, x - dx, y + dy, x + dx
