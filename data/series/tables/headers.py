"""Which lines of a table are its header, and which above it and below are no rows: titles, comments, units."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from data.series.tables.cells import Row, Sample, Table
from data.series.tables.numbers import is_number, split_unit
from data.series.tables.series_columns import Told, one_line
from data.series.times.form_choice import find_form
from pipeline.errors import UserError

COMMENTS = ("#", "%", "//")
FRACTION = re.compile(r"\d[.,]\d|\dE-")
OTHERS = re.compile(r"[\t;|].*\S")  # a line with them is a header cut by another delimiter
BRACKETED = re.compile(r"[\[(].{0,20}[\])]")  # [°C], (mm)
UNITS = frozenset(
    (
        "°c", "°f", "°k", "c", "f", "k", "degc", "degf", "deg", "%", "‰", "mm", "cm", "m", "km", "m/s", "km/h",
        "kn", "mph", "kwh", "mwh", "gwh", "wh", "kw", "mw", "gw", "w", "va", "kva", "v", "mv", "kv", "a", "ma",
        "hz", "khz", "pa", "hpa", "kpa", "mbar", "bar", "psi", "kg", "g", "mg", "t", "l", "ml", "m²", "m2",
        "m³", "m3", "m3/h", "m³/h", "l/s", "l/min", "s", "ms", "sec", "min", "h", "hr", "hrs", "d", "lux", "lx",
        "ppm", "ppb", "µg/m³", "ug/m3", "µg/m3", "mg/l", "w/m2", "w/m²", "j", "kj", "mj", "eur", "usd", "gbp",
        "€", "$", "£", "€/mwh", "eur/mwh", "€/kwh", "pcs", "units", "stk", "stück", "1/s", "1/h", "utc", "cet",
        "gmt", "date", "time", "yyyy-mm-dd", "dd.mm.yyyy",
    )
)  # fmt: skip


class Head(NamedTuple):
    """What stands above the rows.

    Attributes:
        names: of the columns.
        line: the last line that is no row; 0 without any.
        told: lines that were passed over.
    """

    names: list[str]
    line: int
    told: list[Told]


def read_head(sample: Sample, missing: frozenset[str], header_row: int | None) -> Head:
    """Return the columns' names and the line that the rows begin after.

    Where the first row is one of numbers and times, the names are made.

    Args:
        header_row: the recipe's line of the header; 0: there is none; None: found out.

    Raises:
        UserError: it cannot be told which line the header is, or it has other cells than the rows.
    """
    table, rows = sample.table, sample.rows
    if sample.names is not None:
        return Head(sample.names, 0, [])
    if header_row == 0:
        return Head(make_names(table), 0, [])
    if header_row is not None:
        place = next((place for place, row in enumerate(rows) if row.line == header_row), None)
        if place is None:
            raise UserError(
                f"Line {header_row} is no header: it is empty, or far below the first rows.",
                str(table.path),
                "Correct `data.header_row`; lines are counted from 1.",
            )
        told: list[Told] = []
        return below(rows[place:], 1, missing, table, told)
    typical = Counter(filled(row) for row in rows if len(row.cells) == table.width).most_common(1)[0][0]
    told = []
    full = next((row for row in rows if len(row.cells) == table.width and filled(row) >= typical), rows[0])
    headed = not any(is_number(split_unit(cell)[0]) or looks_timed(cell) for cell in full.cells)
    lead = min((first_filled(row) for row in rows if len(row.cells) == table.width), default=0)
    above = list(takewhile(lambda row: is_above(row, table.width, typical, headed and row is not full, lead), rows))
    kept = rows[len(above) :]
    told += [Told("left_out_line", table.name, row.line, f"above the header: {one_line(joined(row))}") for row in above]
    if not kept:
        return Head(make_names(table), 0, [])
    if is_data(kept[0], missing) or begins_rows(kept, table.width):
        return without_header(above, kept, table, told)
    zone = header_zone(kept, missing, table.width)
    return below(kept, zone, missing, table, told)


def make_names(table: Table) -> list[str]:
    return [f"column_{number}" for number in range(1, table.width + 1)]


def first_filled(row: Row) -> int:
    return next((place for place, cell in enumerate(row.cells) if cell), len(row.cells))


def is_above(row: Row, width: int, typical: int, headed: bool, lead: int = 0) -> bool:
    """Tell whether a row above the header is a comment, or a title: with far fewer cells than the rows have.

    Args:
        headed: whether a line of texts with all cells follows it.
        lead: number of the first column that is not empty.
    """
    first = row.cells[min(lead, len(row.cells) - 1)]
    if first.startswith(COMMENTS):
        return True
    if width < 2 or not first or is_number(first):
        return False
    if not headed and looks_timed(first):
        return False  # a row that was cut off
    if len(row.cells) != width:
        if headed and 1 < len(row.cells) < width:
            return True
        alone = len(row.cells) == 1 and not OTHERS.search(row.cells[0])
        return alone or (len(row.cells) > 1 and filled(row) <= typical / 2)
    if not headed and width == 2:
        return False
    return (typical > 1 and filled(row) == 1) or filled(row) <= typical / 2 - 1


def without_header(above: list[Row], kept: list[Row], table: Table, told: list[Told]) -> Head:
    """Return made names, or those in the last comment, where it has as many as there are columns.

    Raises:
        UserError: what stands right above the rows may be a header with too few cells.
    """
    last = above[-1] if above else None
    if last is not None and last.cells[0].startswith(COMMENTS):
        cells = [last.cells[0].lstrip("#%/ ").strip(), *last.cells[1:]]
        if len([cell for cell in cells if cell]) == table.width and not any(is_number(cell) for cell in cells):
            return Head(cells, kept[0].line - 1, told[:-1])
    elif last is not None and len(last.cells) > 1:
        raise unlike(last, table)
    return Head(make_names(table), kept[0].line - 1, told)


def is_data(row: Row, missing: frozenset[str]) -> bool:
    """Tell whether a first row is one of numbers and times, and so no header."""
    numbers = [is_number(split_unit(cell)[0]) for cell in row.cells]
    return any(numbers) and all(
        number or cell.casefold() in missing or find_form([cell], numbers=False)
        for number, cell in zip(numbers, row.cells, strict=True)
    )


def begins_rows(rows: list[Row], width: int) -> bool:
    """Tell whether a first row has a time above a time, or a fraction above a number, as no header has."""
    if len(rows) < 2 or not len(rows[0].cells) == len(rows[1].cells) == width:
        return False
    for one, two in zip(rows[0].cells, rows[1].cells, strict=True):
        if looks_timed(one) and looks_timed(two) and not is_number(two):  # 1.3125 could be January 3125
            return True
        if is_number(one) and is_number(two) and FRACTION.search(one):
            return True
    return False


def header_zone(rows: list[Row], missing: frozenset[str], width: int) -> int:
    """Return how many rows from the first on may be the header: those without any number, time or missing value."""
    for number, row in enumerate(rows[1:6], 1):
        texts = [cell for cell in row.cells if cell]
        if any(is_number(split_unit(cell)[0]) or cell.casefold() in missing or looks_timed(cell) for cell in texts):
            return number
        if len(row.cells) != width or (filled(row) < width and not is_units(row)):
            return number
    return 1


def looks_timed(cell: str) -> bool:
    return find_form([cell], numbers=False) is not None


def below(rows: list[Row], zone: int, missing: frozenset[str], table: Table, told: list[Told]) -> Head:
    """Return the head whose first line is the first of some rows.

    Args:
        zone: how many of the rows may be the header.

    Raises:
        UserError: several lines could be the header, or it has other cells than the rows.
    """
    first, line = rows[0], rows[0].line
    cells = fit(first, rows[1:], table)
    if len(rows) > 1 and is_units(rows[1]) and len(rows[1].cells) == table.width:
        told.append(Told("left_out_line", table.name, rows[1].line, f"units: {one_line(joined(rows[1]))}"))
        line = rows[1].line
    elif zone == 2 and (filled(first) < table.width or len(set(cells)) < len(cells)) and filled(rows[1]) == table.width:
        told.append(Told("left_out_line", table.name, rows[1].line, "a second line of the header, joined to the first"))
        return Head(join_lines(cells, rows[1].cells), rows[1].line, told)
    elif zone > 1 and table.width > 1:
        lines = f"{first.line} to {rows[zone - 1].line}"
        raise UserError(
            f"It cannot be told which of the lines {lines} is the header: none has a number or a time in it.",
            f"{table.path}, line {first.line}",
            f"Name it: `data.header_row={rows[zone - 1].line}`, if it is the last of them.",
        )
    return Head([cell or f"column_{number}" for number, cell in enumerate(cells, 1)], line, told)


def fit(first: Row, rows: Sequence[Row], table: Table) -> list[str]:
    """Return the header's cells, as many as the rows have, where all that differs is an empty last one.

    Raises:
        UserError: it has other cells.
    """
    cells = list(first.cells)
    if len(cells) == table.width + 1 and not cells[-1]:
        return cells[:-1]
    if len(cells) == table.width - 1 and all(not row.cells[-1] for row in rows if len(row.cells) == table.width):
        return [*cells, ""]
    if len(cells) != table.width:
        raise unlike(first, table)
    return cells


def unlike(row: Row, table: Table) -> UserError:
    quotes = "Numbers with decimal commas need quotes, or a semicolon between the cells. "
    commas = table.delimiter == "," and len(row.cells) < table.width
    return UserError(
        f"The first line has {len(row.cells)} cells, most others have {table.width}.",
        f"{table.path}, line {row.line}",
        f"{quotes if commas else ''}Where it is the header, give each column a name there; where it stands above the "
        "header, name the header's line with `data.header_row`; see also `data.delimiter`.",
    )


def is_units(row: Row) -> bool:
    """Tell whether a row has units in its cells and nothing else."""
    texts = [cell for cell in row.cells if cell]
    return bool(texts) and all(
        (BRACKETED.fullmatch(cell) and not is_number(cell)) or cell.casefold() in UNITS for cell in texts
    )


def join_lines(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Join the names of two lines; a cell of the first one reaches over the empty ones that follow it."""
    names, group = [], ""
    for one, two in zip(first, second, strict=True):
        group = one or group
        names.append(f"{group} {two}".strip() if group != two else two)
    return names


def filled(row: Row) -> int:
    return sum(bool(cell) for cell in row.cells)


def joined(row: Row) -> str:
    return " ".join(cell for cell in row.cells if cell)
