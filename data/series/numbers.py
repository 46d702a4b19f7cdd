"""Cells to numbers: decimal points or commas, thousands separators, and the spellings of a missing value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MISSING = ("", "NA", "N/A", "NaN", "null", "None", "-", "?")
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
SPACES = re.compile(r"(?<=\d)[ '’\u00a0\u202f](?=\d{3}(?!\d))")  # 1 234 567 and 1'234'567
# which mark is the decimal one: a group that thousands cannot have, or both marks, where the last one counts
POINT_SHOWN = re.compile(
    r"[+-]?(\d*\.(\d{0,2}|\d{4,})|0\d*\.\d+|\d{4,}\.\d+|\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,})([eE][+-]?\d+)?"
)
COMMA_SHOWN = re.compile(
    r"[+-]?(\d*,(\d{0,2}|\d{4,})|0\d*,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,})([eE][+-]?\d+)?"
)
POINT_OR_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
COMMA_OR_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
GROUPS = {
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?([eE][+-]?\d+)?"),
}

UNIT = re.compile(
    r"(?P<minus>[+-]?)\s*(?P<before>[$€£¥])?\s*(?P<number>[^$€£¥%]+?)\s*(?P<after>[$€£¥%])?"
)  # $1,234.50, 12 %
UNITS = frozenset("$€£¥%")

COMMA_FOR_POINT = str.maketrans(",.", ".,")
LARGEST = 3.4e38  # what the records can hold
MOSTLY = 0.8  # share of the cells that makes a column one of numbers

Bad = Callable[[int, str, str], None]  # told the row, the kind of problem and the cell


def all_missing(more: Sequence[str]) -> frozenset[str]:
    """Return the spellings of a missing value, folded."""
    return frozenset(item.strip().casefold() for item in (*MISSING, *more))


def spellings(more: Sequence[str]) -> list[str]:
    """Return the spellings of a missing value as they are looked for in regular blocks."""
    return sorted({form for item in (*MISSING, *more) for form in (item, item.lower(), item.upper())})


class Marks(NamedTuple):
    """How many cells show which decimal mark; an unclear one, such as 1,234, could be a fraction or thousands."""

    point: int = 0
    comma: int = 0
    unclear: int = 0


def count_marks(cells: Sequence[str], delimiter: str) -> Marks:
    """Count the decimal marks that cells show.

    Args:
        delimiter: what separates the cells of the table; 1.234 is unclear only where it is a semicolon, as where commas
            are decimal.
    """
    point = comma = unclear = 0
    for cell in cells:
        if "," in cell or "." in cell:
            cell = SPACES.sub("", cell.strip())
            point += POINT_SHOWN.fullmatch(cell) is not None
            comma += COMMA_SHOWN.fullmatch(cell) is not None
            if COMMA_OR_THOUSANDS.fullmatch(cell):
                unclear += 1
            elif POINT_OR_THOUSANDS.fullmatch(cell):
                unclear += delimiter == ";"
    return Marks(point, comma, unclear)


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number in any of the ways to write one."""
    cell = SPACES.sub("", cell)
    return any(pattern.fullmatch(cell) for pattern in (PLAIN, INFINITE, POINT_SHOWN, COMMA_SHOWN, COMMA_OR_THOUSANDS))


def numeric(cells: Sequence[str], missing: frozenset[str], share: float = MOSTLY) -> bool:
    """Tell whether most cells that are not missing are numbers."""
    seen = [is_number(cell) for cell in cells if cell.casefold() not in missing]
    return bool(seen) and sum(seen) >= share * len(seen)


def split_unit(cell: str) -> tuple[str, str]:
    """Return a cell's number without the one sign of currency or per cent that it has, and that sign.

    An empty one where there is none.
    """
    if UNITS.isdisjoint(cell) or not (parts := UNIT.fullmatch(cell.strip())):
        return cell, ""
    signs = [sign for sign in (parts["before"], parts["after"]) if sign]
    number = parts["minus"] + parts["number"]
    return (number, signs[0]) if len(signs) == 1 and is_number(number) else (cell, "")


def find_unit(cells: Sequence[str], missing: frozenset[str], share: float) -> str:
    """Return the sign of currency or per cent that at least such a share of the cells has; empty if none is."""
    found = Counter(split_unit(cell)[1] for cell in cells if cell.strip().casefold() not in missing)
    unit, count = max(found.items(), key=lambda item: item[1], default=("", 0))
    return unit if count >= share * found.total() else ""


def without_unit(cells: Sequence[str], unit: str, missing: frozenset[str]) -> list[str]:
    """Return the cells of a column without its sign.

    One that lacks it is made no number, since it may be in another unit.
    """

    def bare(cell: str) -> str:
        number, found = split_unit(cell)
        return number if found == unit or cell.strip().casefold() in missing else f"{cell} (without {unit})"

    return [bare(cell) for cell in cells]


def to_numbers(
    cells: Sequence[str] | NDArray[np.float64], decimal: str, missing: frozenset[str], bad: Bad
) -> NDArray[np.float64]:
    """Return float64 [n]: NaN where a value is missing, infinity where it is wrong, which `bad` is told.

    Args:
        cells: texts, or float64 where they were read as plain numbers.
        decimal: `.` or `,`.
        missing: folded spellings of a missing value.
    """
    if not isinstance(cells, np.ndarray):
        numbers = np.array([to_number(cell, decimal, missing) for cell in cells], np.float64)
    else:
        numbers = cells
    for row in np.flatnonzero(np.abs(numbers) > LARGEST).tolist():
        cell = cells[row] if not isinstance(cells, np.ndarray) else str(cells[row])
        infinite = isinstance(cells, np.ndarray) or may_be_number(cell, decimal)
        bad(row, "infinite_value" if infinite else "not_a_number", cell)
    return numbers


def to_number(cell: str, decimal: str, missing: frozenset[str]) -> float:
    """Return a cell's number, NaN where it is missing, infinity where it is no finite number."""
    if PLAIN.fullmatch(cell) and (decimal == "." or "." not in cell):
        return float(cell)
    cell = cell.strip()
    if cell.casefold() in missing:
        return float("nan")
    cell = with_point(cell, decimal)
    return float(cell) if PLAIN.fullmatch(cell) else float("inf")


def may_be_number(cell: str, decimal: str) -> bool:
    """Tell an infinite number from a text."""
    cell = with_point(cell.strip(), decimal)
    return bool(INFINITE.fullmatch(cell) or PLAIN.fullmatch(cell))


def with_point(cell: str, decimal: str) -> str:
    """Write a cell's number without thousands separators and with a decimal point; what is no number stays none."""
    cell = SPACES.sub("", cell)
    if GROUPS[decimal].fullmatch(cell):
        cell = cell.replace("," if decimal == "." else ".", "")
    return cell.translate(COMMA_FOR_POINT) if decimal == "," else cell
