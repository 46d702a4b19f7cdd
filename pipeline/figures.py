"""Numbers as people read them: thousands apart, no exponents, and as many digits as tell neighbours apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

DIGITS = 4  # that a number shows at least, unless it has fewer
MOST_DIGITS = 7  # that numbers of 32 bits, which models answer, know at all
LARGEST, SMALLEST = 1e15, 1e-6  # beyond these an exponent is easier to read


def write_figure(value: float, digits: int = DIGITS) -> str:
    """Write a single number: 12,346; 103.5; 0.000123.

    Args:
        digits: significant ones that are shown; those before the decimal point are always.
    """
    if not math.isfinite(value) or outside(abs(value)):
        return f"{value:.{min(digits, DIGITS)}g}"
    text = write(value, decimals_for(abs(value), digits))
    return text.rstrip("0").rstrip(".") if "." in text else text


def write_metric(value: float) -> str:
    """Write what a model is measured by: with four decimals, where those show neither nothing of it nor too much."""
    return f"{value:.4f}" if value == 0 or 0.001 <= abs(value) < 1000 else write_figure(value, 6)


def write_figures(values: Sequence[float]) -> list[str]:
    """Write the numbers of a column with the same decimals, enough of them that neighbours differ."""
    return [text for (text,) in write_table([[value] for value in values])]


def write_table(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    """Write rows of figures of one kind, such as a forecast and its bounds: neighbours in row and column differ."""
    finite = [abs(value) for row in rows for value in row if math.isfinite(value)]
    most = max(finite, default=0.0)
    if most and outside(most):
        return [[f"{value:.{DIGITS}g}" for value in row] for row in rows]
    decimals = 0
    if not all(value.is_integer() for value in map(float, finite)):
        decimals, last = decimals_for(most, DIGITS), decimals_for(most, MOST_DIGITS)
        pairs = [pair for pair in neighbours(rows) if pair[0] != pair[1]]
        while decimals < last and any(write(one, decimals) == write(two, decimals) for one, two in pairs):
            decimals += 1
        while decimals and all(round(value, decimals - 1) == value for value in finite):
            decimals -= 1  # nothing but zeros
    return [[write(value, decimals) for value in row] for row in rows]


def neighbours(rows: Sequence[Sequence[float]]) -> Iterator[tuple[float, float]]:
    """Yield what stands side by side, and one below the other."""
    for row in rows:
        yield from itertools.pairwise(row)
    for above, below in itertools.pairwise(rows):
        yield from zip(above, below, strict=True)


def decimals_for(size: float, digits: int) -> int:
    """Return the decimals with which a size shows so many significant digits."""
    return max(0, digits - 1 - math.floor(math.log10(size))) if size else 0


def outside(size: float) -> bool:
    return size != 0 and not SMALLEST <= size < LARGEST


def write(value: float, decimals: int) -> str:
    """Write a number with decimals; one that these would show as nothing keeps three digits of its own."""
    if not math.isfinite(value) or abs(value) >= LARGEST:
        return f"{value:.{DIGITS}g}"
    text = f"{value:,.{decimals}f}"
    if value and not text.strip("-0.,"):
        return f"{value:.3g}" if outside(abs(value)) else f"{value:.{decimals_for(abs(value), 3)}f}"
    return text.removeprefix("-") if value == 0 else text
