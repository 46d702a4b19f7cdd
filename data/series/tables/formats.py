"""Tables of any kind, read in one way: by columns, a block at a time, with the line that each row starts in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from data.series.config import SeriesDataConfig
from data.series.tables import sheets, text
from data.series.tables.cells import Cells, Ragged, Row, Sample, Table
from data.series.tables.files import kind_of, list_members
from data.series.tables.wide import read_long
from pipeline.errors import UserError, did_you_mean


def open_table(path: Path, config: SeriesDataConfig) -> Sample:
    """Return how a file is a table, with its first rows.

    Raises:
        UserError: it is empty, none, or one of several and none is named.
    """
    member = choose_member(path, config.sheet) if path.suffix.lower() == ".zip" else ""
    kind = kind_of(member or path.name)
    if config.sheet is not None and not (member or kind == "sheet" or config.of_model):
        raise UserError(
            "A sheet is named, and this file is no workbook.", str(path), "Remove `data.sheet`, or check `data.path`."
        )
    if kind == "sheet":
        return sheets.read_sample(path, None if member else config.sheet, member)
    if kind == "arrow":
        from data.series.tables import arrow as arrow_tables  # Arrow takes its time to load

        return arrow_tables.read_sample(path, member)
    return text.read_sample(path, config.delimiter, config.encoding, member)


def choose_member(path: Path, wanted: str | None) -> str:
    """Return the name of the table in a zip.

    Raises:
        UserError: there is none, or several.
    """
    names = list_members(path)
    if wanted is not None:
        found = [name for name in names if wanted in (name, PurePosixPath(name).name)]
        if len(found) == 1:
            return found[0]
        raise UserError(
            f"There is no table `{wanted}` in this zip.", str(path), f"{did_you_mean(wanted, names)} Set `data.sheet`."
        )
    if len(names) == 1:
        return names[0]
    if not names:
        raise UserError("There is no table in this zip.", str(path), "Check `data.path`.")
    listed = ", ".join(f"`{name}`" for name in names[:20]) + (f" and {len(names) - 20} more" if names[20:] else "")
    raise UserError(
        f"This zip has several tables: {listed}.",
        str(path),
        f"Name one: `data.sheet={names[0]}`. Tables that are a series each: unpack them into a folder, and give that.",
    )


def read_cells(
    table: Table, texts: Sequence[int], numbers: Sequence[int], missing: Sequence[str], ragged: Ragged, skip: int = 0
) -> Iterator[Cells]:
    """Yield the wanted columns of a table, block by block; lines that are no rows are left out.

    Args:
        texts: numbers of the columns wanted as they stand.
        numbers: numbers of the columns that should be numbers.
        missing: spellings of a missing number.
        ragged: told about each line with too few or too many cells.
        skip: leave out everything up to this line, the header's.

    Raises:
        UserError: the file cannot be read.
    """

    def read(texts: Sequence[int], numbers: Sequence[int]) -> Iterator[Cells]:
        return read_rows(table, texts, numbers, missing, ragged, skip)

    yield from read(texts, numbers) if table.wide is None else read_long(table.wide, read, texts, numbers)


def read_rows(
    table: Table, texts: Sequence[int], numbers: Sequence[int], missing: Sequence[str], ragged: Ragged, skip: int
) -> Iterator[Cells]:
    """Yield columns as they stand in the file."""

    def within(line: int, detail: str) -> None:
        if line not in table.left_out and (not table.end or line <= table.end):
            ragged(line, detail)

    for cells in read_all(table, texts, numbers, missing, within, skip):
        last = int(cells.lines[-1])
        if table.end and last > table.end:
            cells = cells.chosen(cells.lines <= table.end)
        if table.left_out and any(cells.lines[0] <= line <= last for line in table.left_out if len(cells.lines)):
            cells = cells.chosen(~np.isin(cells.lines, list(table.left_out)))
        if len(cells.lines):
            yield cells


def read_all(
    table: Table, texts: Sequence[int], numbers: Sequence[int], missing: Sequence[str], ragged: Ragged, skip: int
) -> Iterator[Cells]:
    """Yield them with all lines below the header."""
    if table.kind == "sheet":
        yield from sheets.read_cells(table, texts, numbers, skip)
    elif table.kind == "arrow":
        from data.series.tables import arrow as arrow_tables  # as above

        yield from arrow_tables.read_cells(table, texts, numbers, skip)
    else:
        yield from text.read_cells(table, texts, numbers, missing, ragged, skip)


def last_rows(table: Table, number: int) -> list[Row]:
    """Return the last rows as they stand, those without any cell left out."""
    if table.kind == "sheet":
        return sheets.last_rows(table, number)
    return text.last_rows(table, number) if table.kind == "text" else []
