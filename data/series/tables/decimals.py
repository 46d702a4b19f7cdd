"""Which decimal mark the numbers of a table have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from data.series.tables.cells import Table
from data.series.tables.formats import read_cells
from data.series.tables.numbers import POINT_OR_THOUSANDS, count_marks, split_unit
from data.series.tables.text import read_blocks
from pipeline.errors import UserError


def find_decimal(
    tables: tuple[Table, ...],
    headers: tuple[int, ...],
    columns: list[Sequence[str]],
    numbers: tuple[int, ...],
    names: list[str],
    units: Mapping[int, str],
) -> tuple[str, bool]:
    """Return the decimal mark, and whether the numbers show it.

    Where the first rows leave it open, the whole file is asked.

    Raises:
        UserError: only numbers such as 1,234 are there, which could be a fraction or thousands.
    """
    marks = count_marks([cell for column in numbers for cell in columns[column]], tables[0].delimiter)
    if marks.point or marks.comma:
        return ("." if marks.point >= marks.comma else ","), True
    thousands = [column for column in numbers if may_have_thousands(columns[column])]
    if not marks.unclear and tables[0].delimiter == "," and not thousands:
        return ".", False
    if not marks.unclear and not thousands and all(without_marks(table) for table in tables):
        return ".", True
    first, delimiter = "", "" if thousands else tables[0].delimiter
    asked = thousands or numbers
    for table, header in zip(tables, headers, strict=True):
        for block in read_cells(table, numbers, (), (), lambda line, detail: None, header):
            for column in numbers:
                cells = (
                    [split_unit(cell)[0] for cell in block.texts(column)] if column in units else block.texts(column)
                )
                written = "\n".join(cells)
                if "." not in written and "," not in written:
                    continue
                marks = count_marks(cells, delimiter)
                if marks.point or marks.comma:
                    return ("." if marks.point >= marks.comma else ","), True
                for line, cell in zip(block.lines, cells, strict=True) if not first and column in asked else ():
                    if count_marks([cell], delimiter).unclear and not first:
                        first = f"{table.path}, line {line}: `{cell}` in column `{names[column]}`"
    if not first:
        return ".", True
    raise UserError(
        "It cannot be told whether the numbers have decimal commas or thousands separators: all look like 1,234 or "
        "1.234.",
        first,
        "Set `data.decimal` to the decimal mark: `data.decimal=,` or `data.decimal=.`",
    )


def may_have_thousands(cells: Sequence[str]) -> bool:
    """Tell whether the points of numbers may part thousands: 950 beside 1.001, and no other digits behind a point.

    Three decimal places would stand behind 950 too.
    """
    marked = [cell for cell in cells if "." in cell]
    small = any(cell.isdigit() and len(cell) <= 3 and cell != "0" for cell in cells)
    return bool(marked) and small and all(map(POINT_OR_THOUSANDS.fullmatch, marked))


def without_marks(table: Table) -> bool:
    """Tell whether a text has neither points nor commas anywhere, which needs no cells."""
    blocks = read_blocks(table.path, table.member) if table.kind == "text" else ()
    return table.kind == "text" and all(b"." not in block and b"," not in block for _, block in blocks)
