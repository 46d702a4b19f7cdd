"""Cells to numbers: decimal points or commas, thousands separators, and the spellings of a missing value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MISSING = (
    "", "NA", "N/A", "NaN", "null", "None", "-", "?", ".", "..", "...", ":", "--", "---", "–", "—", "n.a.", "n. a.",
    "k.A.", "k. A.", "<NA>", "NaT", "nil", "(null)", "(blank)", "(empty)", "\\N", "#N/A", "#NA", "#N/A N/A", "#DIV/0!",
    "#NUM!", "#VALUE!", "#REF!", "#NAME?", "#NULL!", "#NV", "#N/D", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND",
)  # fmt: skip
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
SPACES = re.compile(r"(?<=\d)[ '’‘ʼ](?=\d{3}(?!\d))")  # 1 234 567 and 1'234'567
# other letters for the same: minus signs, full-width digits and marks, blanks that do not break; what has no width goes
LETTERS = str.maketrans(
    "−‐‑‒–﹣－\u00a0\u202f\u2009\u2007\u2008\u3000０１２３４５６７８９．，＋（）％",
    "-------      0123456789.,+()%",
    "\u200b\u200e\u200f\u2060\ufeff",
)
BRACKETED = re.compile(r"([$€£¥]?)\s*\(\s*([^()+-]*\d[^()+-]*)\)\s*([$€£¥%]?)")  # (12.50) as bookkeepers write -12.50
# which mark is the decimal one: a group that thousands cannot have, both marks, where the last one counts, an exponent,
# or lakhs, 1,23,456
LAKHS = r"\d{1,2}(,\d{2})+,\d{3}(\.\d*)?"
POINT_SHOWN = re.compile(
    r"(?=.*\d)[+-]?(\d*\.(\d{0,2}|\d{4,})|0\d*\.\d+|\d{4,}\.\d+|\d{1,3}(,\d{3})+\.\d*|\d{1,3}(,\d{3}){2,}|"
    rf"{LAKHS}|\d+\.\d*(?=[eE]))([eE][+-]?\d+)?"
)
COMMA_SHOWN = re.compile(
    r"(?=.*\d)[+-]?(\d*,(\d{0,2}|\d{4,})|0\d*,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,}|\d+,\d*(?=[eE]))"
    r"([eE][+-]?\d+)?"
)
POINT_OR_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
COMMA_OR_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
GROUPS = {
    ".": re.compile(rf"[+-]?(\d{{1,3}}(,\d{{3}})+(\.\d*)?|{LAKHS})"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"),
}
BOUND = re.compile(r"\s*([<>≤≥~≈]=?)\s*(?=[\d.,+-])")  # <0.5, ~12: what is known of a value, but not it

UNIT = re.compile(
    r"(?P<minus>[+-]?)\s*(?P<before>[$€£¥])?\s*(?P<number>[^$€£¥%]+?)\s*(?P<after>[$€£¥%])?"
)  # $1,234.50, 12 %
UNITS = frozenset("$€£¥%")

YES_OR_NO = {
    **dict.fromkeys(("true", "yes", "y", "t", "on", "ja", "wahr", "oui", "vrai", "si", "sí", "sì", "sim"), "1"),
    **dict.fromkeys(("false", "no", "n", "f", "off", "nein", "falsch", "non", "faux", "não", "nao"), "0"),
}
COMMA_FOR_POINT = str.maketrans(",.", ".,")
LARGEST = 3.4e38  # what the records can hold
DIGITS = frozenset("0123456789.,$€£¥")  # what a number with a minus behind it begins with
MOSTLY = 0.8  # share of the cells that makes a column one of numbers

Bad = Callable[[int, str, str], None]  # told the row, the kind of problem and the cell


def all_missing(more: Sequence[str]) -> frozenset[str]:
    """Return the spellings of a missing value, folded."""
    return frozenset(item.strip().casefold() for item in (*MISSING, *more))


def spellings(more: Sequence[str]) -> list[str]:
    """Return spellings of a missing value as they are looked for in regular blocks."""
    return sorted({form for item in more for form in (item, item.lower(), item.upper())})


class Marks(NamedTuple):
    """How many cells show which decimal mark; an unclear one, such as 1,234, could be a fraction or thousands."""

    point: int = 0
    comma: int = 0
    unclear: int = 0


def count_marks(cells: Sequence[str], delimiter: str) -> Marks:
    """Count the decimal marks that cells show.

    Args:
        delimiter: what separates the cells of the table; 1.234 is unclear unless it is a comma, for where points are
            decimal, commas separate.
    """
    point = comma = unclear = 0
    for cell in cells:
        if "," in cell or "." in cell or not cell.isascii():
            cell = SPACES.sub("", unify(cell))
            point += POINT_SHOWN.fullmatch(cell) is not None
            comma += COMMA_SHOWN.fullmatch(cell) is not None
            if COMMA_OR_THOUSANDS.fullmatch(cell):
                unclear += 1
            elif POINT_OR_THOUSANDS.fullmatch(cell):
                unclear += delimiter != ","
    return Marks(point, comma, unclear)


def unify(cell: str) -> str:
    """Write a number in plain letters and with its minus in front, where it stood behind or brackets stood for it."""
    if not cell.isascii():
        cell = cell.translate(LETTERS)
    cell = cell.strip()
    if cell.endswith(")") and (parts := BRACKETED.fullmatch(cell)):
        return f"-{parts[1]}{parts[2].strip()}{parts[3]}"
    if cell.endswith("-") and cell[0] in DIGITS:
        return f"-{cell[:-1].rstrip()}"
    return cell


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number in any of the ways to write one, or a bound of one."""
    cell = SPACES.sub("", BOUND.sub("", unify(cell)))
    return any(pattern.fullmatch(cell) for pattern in (PLAIN, INFINITE, POINT_SHOWN, COMMA_SHOWN, COMMA_OR_THOUSANDS))


def numeric(cells: Sequence[str], missing: frozenset[str], share: float = MOSTLY) -> bool:
    """Tell whether most cells that are not missing are numbers."""
    seen = [is_number(cell) for cell in cells if cell.casefold() not in missing]
    return bool(seen) and sum(seen) >= share * len(seen)


def split_unit(cell: str) -> tuple[str, str]:
    """Return a cell's number without the one sign of currency or per cent that it has, and that sign.

    An empty one where there is none.
    """
    if UNITS.isdisjoint(cell) and cell.isascii():
        return cell, ""
    if UNITS.isdisjoint(plain := unify(cell)) or not (parts := UNIT.fullmatch(plain)):
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


def answers(cells: Sequence[str], missing: frozenset[str]) -> bool:
    """Tell whether all cells that are not missing say yes or no."""
    seen = [cell for cell in cells if cell.strip().casefold() not in missing]
    return bool(seen) and all(cell.strip().casefold() in YES_OR_NO for cell in seen)


def as_answers(cells: Sequence[str]) -> list[str]:
    """Write 1 for yes and 0 for no; other cells stay as they are."""
    return [YES_OR_NO.get(cell.strip().casefold(), cell) for cell in cells]


def to_numbers(
    cells: Sequence[str] | NDArray[np.float64],
    decimal: str,
    missing: frozenset[str],
    bad: Bad,
    given: Given,
    ask: bool = False,
) -> NDArray[np.float64]:
    """Return float64 [n]: NaN where a value is missing, infinity where it is wrong, which `bad` is told.

    Args:
        cells: texts, or float64 where they were read as plain numbers.
        decimal: `.` or `,`.
        missing: folded spellings of a missing value.
        given: the recipe's own spellings of a missing value.
        ask: whether a number such as 1,234 is wrong, because nothing has shown the decimal mark.
    """
    if not isinstance(cells, np.ndarray):
        given.look(cells)
        numbers = np.array([to_number(cell, decimal, missing) for cell in cells], np.float64)
        for row in range(len(cells)) if ask else ():
            if COMMA_OR_THOUSANDS.fullmatch(unify(cells[row])):
                bad(row, "unclear_number", cells[row])
                numbers[row] = np.inf
    else:
        numbers = cells
    given.take_out(numbers)
    for row in np.flatnonzero(np.abs(numbers) > LARGEST).tolist():
        cell = cells[row] if not isinstance(cells, np.ndarray) else f"{cells[row]:.6g}"
        if not (ask and COMMA_OR_THOUSANDS.fullmatch(unify(cell))):
            bad(row, kind_of(cell, decimal), cell)
    return numbers


class Given:
    """The recipe's own spellings of a missing value, looked for until each was seen.

    Attributes:
        spellings: those that regular blocks are read with; words of the recipe come to them when they were seen.
        numbers: those that are numbers.
        unseen: those that did not occur so far.
    """

    def __init__(self, more: Sequence[str], decimal: str) -> None:
        self.spellings = spellings(MISSING)
        self.unseen = [item for item in more if item.strip().casefold() not in all_missing(())]
        found = {item: to_number(item, decimal, frozenset()) for item in self.unseen}
        self.numbers = {item: number for item, number in found.items() if np.isfinite(number)}

    def look(self, cells: Sequence[str]) -> None:
        """Note which spellings stand in a column."""
        if self.unseen:
            written = {cell.strip().casefold() for cell in cells}
            for item in [item for item in self.unseen if item.strip().casefold() in written]:
                self.unseen.remove(item)
                self.spellings += [] if item in self.numbers else spellings([item.strip()])

    def take_out(self, numbers: NDArray[np.float64]) -> None:
        """Put NaN in the place of the numbers that stand for a missing value, however they are written."""
        for item, number in self.numbers.items():
            if (rows := numbers == number).any():
                numbers[rows] = np.nan
                if item in self.unseen:
                    self.unseen.remove(item)


def to_number(cell: str, decimal: str, missing: frozenset[str]) -> float:
    """Return a cell's number, NaN where it is missing, infinity where it is no finite number."""
    if PLAIN.fullmatch(cell) and (decimal == "." or "." not in cell):
        return float(cell)
    if cell.strip().casefold() in missing:
        return float("nan")
    cell = with_point(unify(cell), decimal)
    return float(cell) if PLAIN.fullmatch(cell) else float("inf")


def kind_of(cell: str, decimal: str) -> str:
    """Return the kind of finding that a cell is which is no number of 32 bits."""
    plain = with_point(unify(cell), decimal)
    if PLAIN.fullmatch(plain):
        return "infinite_value" if np.isinf(float(plain)) else "too_large_value"
    if INFINITE.fullmatch(plain):
        return "infinite_value"
    bound = BOUND.match(plain)
    return "censored_value" if bound and PLAIN.fullmatch(with_point(plain[bound.end() :], decimal)) else "not_a_number"


def with_point(cell: str, decimal: str) -> str:
    """Write a cell's number without thousands separators and with a decimal point; what is no number stays none."""
    cell = SPACES.sub("", cell)
    if GROUPS[decimal].fullmatch(cell):
        cell = cell.replace("," if decimal == "." else ".", "")
    return cell.translate(COMMA_FOR_POINT) if decimal == "," else cell
