"""Sheets of workbooks (Excel, LibreOffice) as tables: dates and numbers as they are stored, not as they are shown."""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import python_calamine
from numpy.typing import NDArray

from data.series.tables.cells import Cells, Column, Row, Sample, Table
from data.series.tables.opening import open_binary
from data.series.tables.sheet_extent import check_extent
from pipeline.errors import UserError, did_you_mean

SAMPLE_ROWS = 1000
BLOCK = 1 << 16  # rows
MILLISECOND = 1000  # microseconds: what a stored day's fraction may be off

Value = int | float | str | bool | time | date | datetime | timedelta


def read_sample(path: Path, sheet: str | None, member: str = "") -> Sample:
    """Return how a workbook's sheet is a table, with its first rows.

    Args:
        sheet: its name, or its number from 1; None for the only one that is not empty.
        member: name within the zip that the file is.

    Raises:
        UserError: it is no workbook, or has no such sheet, or several and none is named.
    """
    names = sheet_names(path, member)
    table = Table(path, "", 0, kind="sheet", member=member, sheet=choose_sheet(path, member, names, sheet))
    rows = load_table(table)
    if not rows:
        raise UserError(f"The sheet `{table.sheet}` is empty.", str(path), "Name another one with `data.sheet`.")
    width = len(rows[0])
    first = [Row(line, [spell(value) for value in row]) for line, row in enumerate(rows[: 2 * SAMPLE_ROWS], 1)]
    found = Table(path, "", width, kind="sheet", member=member, sheet=table.sheet)
    return Sample(found, [row for row in first if any(row.cells)][:SAMPLE_ROWS])


def read_cells(table: Table, texts: Sequence[int], numbers: Sequence[int], skip: int) -> Iterator[Cells]:
    """Yield columns of a sheet, block by block; rows without any cell are left out."""
    rows = load_table(table)
    kept = [line for line, row in enumerate(rows, 1) if line > skip and any(value != "" for value in row)]
    for start in range(0, len(kept), BLOCK):
        lines = kept[start : start + BLOCK]
        columns: dict[int, Column] = {}
        for column in numbers:
            columns[column] = as_numbers([rows[line - 1][column] for line in lines])
        for column in texts:
            columns[column] = [spell(rows[line - 1][column]) for line in lines]
        yield Cells(np.array(lines, np.int64), columns)


def last_rows(table: Table, number: int) -> list[Row]:
    """Return the last rows that have any cell."""
    rows = load_table(table)
    kept = [Row(line, [spell(value) for value in row]) for line, row in enumerate(rows, 1) if any(v != "" for v in row)]
    return kept[-number:]


def sheet_names(path: Path, member: str) -> list[str]:
    """Return the names of the sheets that are not hidden."""
    with open_workbook(path, member) as book:
        shown = python_calamine.SheetVisibleEnum.Visible
        kind = python_calamine.SheetTypeEnum.WorkSheet
        return [item.name for item in book.sheets_metadata if item.visible == shown and item.typ == kind]


def choose_sheet(path: Path, member: str, names: list[str], wanted: str | None) -> str:
    """Return the name of the sheet that the recipe means.

    Raises:
        UserError: there is none such, or several.
    """
    if wanted is not None:
        if wanted in names:
            return wanted
        if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            return names[int(wanted) - 1]
        raise UserError(f"There is no sheet `{wanted}`.", str(path), f"{did_you_mean(wanted, names)} Set `data.sheet`.")
    filled = [name for name in names if load_table(Table(path, "", 0, kind="sheet", member=member, sheet=name))]
    if len(filled) == 1:
        return filled[0]
    if not filled:
        raise UserError("This workbook is empty.", str(path), "Check `data.path`.")
    listed = ", ".join(f"`{name}`" for name in filled)
    raise UserError(f"This workbook has several sheets: {listed}.", str(path), f"Name one: `data.sheet={filled[0]}`.")


def load_table(table: Table) -> list[list[Value]]:
    """Return the rows of a sheet; see `load`."""
    status = table.path.stat()
    return load(table.path, table.member, table.sheet, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1)
def load(path: Path, member: str, sheet: str, changed: int, size: int) -> list[list[Value]]:
    """Return the rows of a sheet from its first on, equally long; none if it has no cell.

    Dates of a column with times of day all have one.
    """
    with open_workbook(path, member, whole=True) as book:
        try:
            rows: list[list[Value]] = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        except python_calamine.CalamineError as error:
            raise unreadable(path, error) from None
    while rows and all(value == "" for value in rows[-1]):
        rows.pop()
    if not rows:
        return []
    last = max(column for row in rows for column, value in enumerate(row) if value != "")
    rows = [row[: last + 1] for row in rows]
    for column in range(last + 1):
        moments = [row[column] for row in rows if isinstance(row[column], date)]
        timed = any(isinstance(value, datetime) and round_second(value).time() != time() for value in moments)
        for row in rows if moments else ():
            value = row[column]
            if isinstance(value, datetime):
                row[column] = round_second(value) if timed else value.date()
            elif isinstance(value, date) and timed:
                row[column] = datetime(value.year, value.month, value.day)
    return rows


def round_second(value: datetime) -> datetime:
    """Return a time on its second where the stored fraction of a day missed it by little."""
    off = value.microsecond
    if off <= MILLISECOND:
        return value.replace(microsecond=0)
    return value + timedelta(microseconds=1_000_000 - off) if off >= 1_000_000 - MILLISECOND else value


def open_workbook(path: Path, member: str, whole: bool = False) -> python_calamine.CalamineWorkbook:
    """Open a workbook.

    Args:
        path: the file, or the zip that it is in.
        member: its name in the zip; empty for a file.
        whole: its sheets will be read.

    Raises:
        UserError: it is none, has a password, or reaches beyond all memory.
    """
    with open_binary(path, member) as file:
        content = io.BytesIO(file.read())
    check_extent(content, path, whole)
    try:
        return python_calamine.CalamineWorkbook.from_filelike(content)
    except python_calamine.PasswordError:
        raise UserError("This workbook has a password.", str(path), "Save it without one, or as CSV.") from None
    except (python_calamine.CalamineError, OSError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> UserError:
    """Return the error that a workbook is damaged."""
    return UserError(
        f"This is no workbook that can be read: {error}.", str(path), "Save it anew as xlsx, or as CSV UTF-8."
    )


def as_numbers(values: list[Value]) -> Column:
    """Return float64 where all cells are numbers or empty, else texts."""
    if all(type(value) in (float, int) or value == "" for value in values):
        found: NDArray[np.float64] = np.array([np.nan if value == "" else value for value in values], np.float64)
        return found
    return [spell(value) for value in values]


def spell(value: Value) -> str:
    """Write a cell so that it is read as the same again, whatever the decimal mark of the texts among the numbers is.

    A fraction has an exponent in the place of a mark: 15E-1 is 1.5.
    """
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return spell_number(float(value))
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return str(value)


def spell_number(value: float) -> str:
    """Write a number exactly, without a decimal mark."""
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    if not (whole.lstrip("-") + fraction).isdecimal():
        return repr(value)
    return f"{whole}{fraction}E{int(exponent or 0) - len(fraction)}"
