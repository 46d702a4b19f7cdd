"""Lines at the end of a table that are no rows: sources, notes, totals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from data.series.tables.cells import Row, Table
from data.series.tables.formats import last_rows
from data.series.tables.headers import COMMENTS, filled, joined, looks_timed
from data.series.tables.numbers import is_number, split_unit
from data.series.tables.series_columns import Told, one_line

MOST = 12  # lines
NAMES_SEEN = 20  # cells that tell whether a column is one of names
WORDS = re.compile(r"[^\W\d_]{4}")
SENTENCE = re.compile(r":|\w+ \w+ \w+|https?")
TOTAL = re.compile(
    r"(grand |sub-?)?(total|sum|summe|gesamt|insgesamt|average|avg|mean|mittelwert|durchschnitt|maximum|minimum|max|"
    r"min|count|anzahl|moyenne|somme|media|totale)\b[ :]*\w{0,12}",
    re.IGNORECASE,
)


def find_footer(
    table: Table, header: int, columns: Sequence[Sequence[str]], missing: frozenset[str]
) -> tuple[int, list[Told]]:
    """Return the last line that is a row, 0 where nothing follows it, and what is told of those that follow.

    Args:
        header: last line of the header.
        columns: the cells of the first rows, by columns.
        missing: folded spellings of a missing value.
    """
    rows = [row for row in last_rows(table, MOST + 1) if row.line > header]
    told: list[Told] = []
    end = 0
    for number in range(len(rows) - 1, 0, -1):
        row = rows[number]
        if not is_footer(row, table.width, columns, missing):
            break
        end = rows[number - 1].line
        told.append(Told("left_out_line", table.name, row.line, f"below the rows: {one_line(joined(row))}"))
    return (0, []) if len(told) > MOST - 1 else (end, told[::-1])


def is_footer(row: Row, width: int, columns: Sequence[Sequence[str]], missing: frozenset[str]) -> bool:
    """Tell whether a line at the end is a comment, a text alone, or a total; a row that was cut off is none."""
    if row.cells[0].startswith(COMMENTS):
        return True
    place, cell = next((place, cell) for place, cell in enumerate(row.cells) if cell)
    lead = next((number for number, cells in enumerate(columns) if any(cells)), 0)
    if width < 2 or place != lead or cell.casefold() in missing or is_number(split_unit(cell)[0]) or looks_timed(cell):
        return False
    others = {known for known in columns[place] if known != cell}
    if list(columns[place]).count(cell) > 1 or any(known.startswith(cell) for known in others):
        return False  # a name that other rows have, or its beginning
    if TOTAL.fullmatch(cell):
        return True
    names = not any(is_number(known) or looks_timed(known) for known in sorted(others)[:NAMES_SEEN])
    if len(row.cells) == width and names and not SENTENCE.search(cell):
        return False  # among names, a name whose other cells are empty
    alone = filled(row) == 1 or (len(row.cells) != width and not any(is_number(other) for other in row.cells[1:]))
    return alone and WORDS.search(cell) is not None
