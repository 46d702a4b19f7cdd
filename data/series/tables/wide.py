"""Tables with several time steps in a row, read as if each step had a row of its own.

    country,2019,2020,2021        a row a series, a column a time: `data.layout=wide_times`
    year,Jan,Feb, ... ,Dec        a row a year, a column a month: `data.layout=wide_months`
    id,V2,V3,V4                   a row a series, a column a step without time: `data.layout=wide_steps`

The columns are then those that were the same for all steps of a row, `time`, and `value`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from data.series.tables.cells import Cells, Column, Wide
from data.series.tables.sheets import spell_number

TIME, VALUE = "time", "value"
Read = Callable[[Sequence[int], Sequence[int]], Iterator[Cells]]  # reads columns as texts, and as numbers


def long_names(wide: Wide, names: Sequence[str]) -> list[str]:
    """Return the names of the columns that come out."""
    made = [TIME, VALUE] if wide.times else [VALUE]
    kept = [names[column] for column in wide.kept]
    return [*(f"{name}_of_row" if name in made else name for name in kept), *made]


def long_rows(wide: Wide, columns: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the columns that come out for some rows of texts."""
    rows, steps = len(columns[0]) if columns else 0, len(wide.steps)
    found = [[cell for cell in columns[column] for _ in range(steps)] for column in wide.kept]
    if wide.times:
        found.append(write_times(wide, rows, columns[wide.year] if wide.year is not None else ()))
    return [*found, [columns[column][row] for row in range(rows) for column in wide.steps]]


def read_long(wide: Wide, read: Read, texts: Sequence[int], numbers: Sequence[int]) -> Iterator[Cells]:
    """Yield the wanted columns, block by block, a row a step; see `data.series.tables.formats.read_cells`."""
    value = len(wide.kept) + bool(wide.times)
    kept = [wide.kept[column] for column in texts if column < len(wide.kept)]
    timed = len(wide.kept) in texts and bool(wide.times)
    years = [wide.year] if timed and wide.year is not None else []
    as_texts, as_numbers = (wide.steps if value in texts else ()), (wide.steps if value in numbers else ())
    if not (as_texts or as_numbers or kept or years):
        as_numbers = wide.steps[:1]
    for cells in read(list(dict.fromkeys([*kept, *years, *as_texts])), as_numbers):
        rows, steps = len(cells.lines), len(wide.steps)
        found: dict[int, Column] = {}
        for column in texts:
            if column < len(wide.kept):
                found[column] = [cell for cell in cells.texts(wide.kept[column]) for _ in range(steps)]
        if timed:
            found[len(wide.kept)] = write_times(wide, rows, cells.texts(wide.year) if wide.year is not None else ())
        if value in texts or value in numbers:
            found[value] = interleave([cells.columns[column] for column in wide.steps])
        yield Cells(np.repeat(cells.lines, steps), found)


def write_times(wide: Wide, rows: int, years: Sequence[str]) -> list[str]:
    """Return the time of each step of each row."""
    if wide.year is None:
        return list(wide.times) * rows
    return [f"{year}-{month}" for year in years for month in wide.times]


def interleave(columns: Sequence[Column]) -> Column:
    """Return the cells of columns row by row: numbers where all are, else texts."""
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.stack([np.asarray(column, np.float64) for column in columns], axis=1).ravel()
    written = [
        ["" if cell != cell else spell_number(cell) for cell in column.tolist()]
        if isinstance(column, np.ndarray)
        else column
        for column in columns
    ]
    return [cell for row in zip(*written, strict=True) for cell in row]
