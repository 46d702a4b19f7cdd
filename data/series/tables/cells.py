"""What reading a table gives: its rows as they stand, and columns of some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Kind = Literal["text", "sheet", "arrow"]
Column = list[str] | NDArray[np.float64]
Ragged = Callable[[int, str], None]  # told the line and what is wrong with it


class Row(NamedTuple):
    """A row of the table: the line it starts in, and its cells."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Wide:
    """How a table with several time steps in a row is one with a step a row.

    Attributes:
        layout: the recipe's `data.layout`.
        kept: numbers of the columns that are the same for all steps of a row.
        steps: numbers of the columns that are a step each.
        times: the time of each step as it is written; empty without times. Where the rows are years, of the months.
        year: number of the column with the year of all steps of a row.
        series: numbers among `kept` of those that name the row's series.
    """

    layout: str
    kept: tuple[int, ...]
    steps: tuple[int, ...]
    times: tuple[str, ...] = ()
    year: int | None = None
    series: tuple[int, ...] = ()


@dataclass(frozen=True)
class Table:
    """How a file is a table.

    Attributes:
        path: the file.
        delimiter: what separates the cells; empty where they are apart by themselves.
        width: cells in a row.
        encoding: of texts that are not UTF-8; None if all are.
        kind: a text, a sheet of a workbook, or Arrow's columns.
        member: name within the zip that the file is; empty if it is none.
        sheet: name of the sheet.
        left_out: lines that are no rows.
        end: last line of the rows; 0: the file's.
        wrapped: whether cells stand in marks that are no part of them: ="5", 'x', “x”.
        wide: how several time steps in a row become rows; None where a row is one.
    """

    path: Path
    delimiter: str
    width: int
    encoding: str | None = None
    kind: Kind = "text"
    member: str = ""
    sheet: str = ""
    left_out: frozenset[int] = frozenset()
    end: int = 0
    wrapped: bool = False
    wide: Wide | None = None

    @property
    def name(self) -> str:
        """What the rows' place is called in findings: the file, with the zip's member or the sheet."""
        parts = [self.path.name, *(part for part in (self.member, self.sheet) if part)]
        return "/".join(parts)


class Cells(NamedTuple):
    """Some columns of some rows.

    Attributes:
        lines: int64 [n] the line of each row.
        columns: by their numbers; float64 [n] where all cells are plain numbers or empty and were wanted as numbers,
            else texts.
    """

    lines: NDArray[np.int64]
    columns: dict[int, Column]

    def texts(self, column: int) -> list[str]:
        """Return the cells of a column that was wanted as texts."""
        cells = self.columns[column]
        assert isinstance(cells, list)
        return cells

    def chosen(self, rows: NDArray[np.bool_]) -> Cells:
        """Return some of the rows."""
        places = np.flatnonzero(rows).tolist()
        columns = {
            number: column[rows] if isinstance(column, np.ndarray) else [column[place] for place in places]
            for number, column in self.columns.items()
        }
        return Cells(self.lines[rows], columns)


class Sample(NamedTuple):
    """The start of a table.

    Attributes:
        table: how the file is one.
        rows: its first rows as they stand, blank ones left out.
        names: of the columns, where the file says them apart from the rows.
    """

    table: Table
    rows: list[Row]
    names: list[str] | None = None
